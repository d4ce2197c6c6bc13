/* What the kernels share: vectors of floats, and the calls that Python makes.
 *
 * C with the vectors of GCC and Clang and with OpenMP; no header of Python or torch. Pointers are to packed rows; null
 * stands for what is not wanted. Functions return 1 where memory ran out, else 0.
 *
 * `product.c` and `attention.c` are compiled once for each instruction set (`variants.h`), with VARIANT as its name.
 */
#ifndef KERNELS_H
#define KERNELS_H
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

#ifdef __AVX512F__
enum { LANES = 16 };
#else
enum { LANES = 8 };
#endif

typedef float floats __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t ints __attribute__((vector_size(4 * LANES), aligned(1)));
typedef float eight_floats __attribute__((vector_size(32), aligned(4)));
typedef int32_t eight_ints __attribute__((vector_size(32), aligned(4)));

/* Eight lanes, the upper ones of a longer vector added to the lower ones. */
#ifdef __AVX512F__
INLINE eight_floats eight_of_floats(floats v) {
    return _mm512_castps512_ps256((__m512)v) + _mm512_extractf32x8_ps((__m512)v, 1);
}

INLINE eight_ints eight_of_ints(ints v) {
    return (eight_ints)_mm512_castsi512_si256((__m512i)v) + (eight_ints)_mm512_extracti32x8_epi32((__m512i)v, 1);
}
#else
INLINE eight_floats eight_of_floats(floats v) { return v; }

INLINE eight_ints eight_of_ints(ints v) { return v; }
#endif

INLINE float total(floats lanes) {
    const eight_floats v = eight_of_floats(lanes);
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

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
typedef int ProductFunction(const Product *p, int threads);

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

typedef int AttentionFunction(const Attention *a, int threads);

typedef enum { PRODUCT, ATTENTION } Which;

typedef struct {
    long which;
    Product product;
    Attention attention;
} Call;

#define PUBLIC __attribute__((visibility("default")))

/* Calls, one after the other. */
PUBLIC int run(const Call *calls, long count, int threads);

/* The name of the variant in use, at first the best one that the processor has. */
PUBLIC const char *variant(void);

/* Puts another variant to use; 1 if it was not compiled or the processor lacks its instructions. */
PUBLIC int use_variant(const char *name);

#define JOINED(name, variant) name##_##variant
#define OF_VARIANT(name, variant) JOINED(name, variant)
#ifdef VARIANT
#define product OF_VARIANT(product, VARIANT)
#define attend_next OF_VARIANT(attend_next, VARIANT)
ProductFunction product;
AttentionFunction attend_next;
#endif
#endif
