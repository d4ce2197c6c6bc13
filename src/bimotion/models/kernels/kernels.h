/* What the kernels share: vectors of eight floats, and the calls that Python makes.
 *
 * C with the vectors of GCC and Clang and with OpenMP; no header of Python or torch. Pointers are to packed rows; null
 * stands for what is not wanted. Functions return 1 where memory ran out, else 0.
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

enum { LANES = 8 };

typedef float floats __attribute__((vector_size(32), aligned(4)));
typedef int32_t ints __attribute__((vector_size(32), aligned(1)));

INLINE float total(floats v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

typedef enum { FLOAT32, BFLOAT16, INT8 } Kind;
typedef enum { NO_NORM, LAYER_NORM, RMS_NORM } Norm;
typedef enum { NO_ACTIVATION, GELU, SILU } Activation; /* GELU in its tanh form */

/* Rows of which there are fewer than of x: from there on the last one holds. */
typedef struct {
    const float *data;
    long rows;
} Rows;

typedef struct {
    long kind, norm, activation;
    long rows, count, width;
    const float *x;
    const char *w;
    const float *scale, *bias;
    Rows gain, shift, gate;
    const float *add;
    float *y;
    double eps;
} Product;

/* n = x, or its rows normalised, times gain, plus shift
 * y[m, n] = activation(scale[n] * sum over k of n[m, k] w[n, k] + bias[n]) * gate[m, n] + add[m, n] */
int product(const Product *p, int threads);

/* One more token of each of `size` sequences attends to all before it and to itself; its keys and values are kept.
 * qkv: (size, (heads + 2 groups) width). keys, values: (size, groups, room, width). filled: (size), places that are
 * kept already. cosine, sine: (positions, width), or null. y: (size, heads width). */
typedef struct {
    long size, heads, groups, room, width;
    const float *qkv;
    float *keys, *values;
    const int64_t *filled;
    const float *cosine, *sine;
    float *y;
} Attention;

int attend_next(const Attention *a, int threads);

typedef enum { PRODUCT, ATTENTION } Which;

typedef struct {
    long which;
    Product product;
    Attention attention;
} Call;

/* Calls, one after the other. */
__attribute__((visibility("default"))) int run(const Call *calls, long count, int threads);
