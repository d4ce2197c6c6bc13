/* Rows times weights on a CPU: y[m, n] = scale[n] * (sum over k of x[m, k] w[n, k]) + bias[n].
 *
 * Weights are read as they lie, once for each ROW_BLOCK rows of x: a few rows of them stay in the first cache while all
 * rows of x meet them. What is summed for an output, and in which order, depends neither on the other rows nor on the
 * number of threads, so a row's result is the same to the bit whatever it is computed with.
 *
 * C with the vectors of GCC and Clang and with OpenMP; no header of Python or torch. Pointers are to packed rows.
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

typedef float floats __attribute__((vector_size(32), aligned(4)));
typedef int32_t ints __attribute__((vector_size(32), aligned(1)));
typedef int16_t shorts __attribute__((vector_size(32), aligned(2)));
typedef int8_t chars __attribute__((vector_size(16), aligned(1)));

enum {
    LANES = 8,       /* floats of a vector */
    ROWS = 3,        /* most rows of a tile; with four outputs its sums fill the registers */
    COLUMNS = 8,     /* most outputs of a tile, with one row */
    ROW_BLOCK = 128, /* rows of x that meet the weights once read: they fit the second cache */
};

typedef enum { FLOAT32, BFLOAT16, INT8 } Kind;

/* What is multiplied; with INT8 weights, x is 16-bit integers to be multiplied by their row's `x_scale`. */
typedef struct {
    const char *x, *w;
    const float *x_scale, *scale, *bias;
    float *y;
    long rows, count, width;
} Product;

INLINE long x_bytes(Kind kind) { return kind == INT8 ? 2 : 4; }
INLINE long w_bytes(Kind kind) { return kind == FLOAT32 ? 4 : kind == BFLOAT16 ? 2 : 1; }
INLINE long step(Kind kind) { return kind == FLOAT32 ? LANES : 2 * LANES; }

INLINE float from_bfloat16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float out;
    memcpy(&out, &wide, sizeof out);
    return out;
}

/* A lane holds two bfloat16 numbers, each of them the upper half of a float. */
INLINE floats half_of(ints lanes, int half) {
    ints bits = half ? lanes & (int32_t)0xffff0000 : lanes << 16;
    floats out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

INLINE float total(floats v) { return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])); }

INLINE int32_t total_ints(ints v) { return v[0] + v[1] + v[2] + v[3] + v[4] + v[5] + v[6] + v[7]; }

/* Products of 16 integers, added two by two. */
INLINE ints pairs(shorts a, shorts b) {
#ifdef __AVX2__
    return (ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
    ints out;
    for (int i = 0; i < LANES; i++) out[i] = (int32_t)a[2 * i] * b[2 * i] + (int32_t)a[2 * i + 1] * b[2 * i + 1];
    return out;
#endif
}

INLINE void put(const Product *p, long m, long n, float sum) {
    if (p->x_scale) sum *= p->x_scale[m] * p->scale[n];
    p->y[m * p->count + n] = p->bias ? sum + p->bias[n] : sum;
}

/* The sums of `rows` rows from `m` on and `columns` outputs from `n` on; `ahead`: the weights after them are fetched. */
INLINE void float_tile(Kind kind, const Product *p, long m, int rows, long n, int columns, int ahead) {
    const long width = p->width, row = width * w_bytes(kind), whole = width - width % step(kind);
    const float *x = (const float *)p->x + m * width;
    const char *w = p->w + n * row;
    floats sums[ROWS][COLUMNS] = {0};
    for (long k = 0; k < whole; k += step(kind)) {
        ints lanes[COLUMNS];
        UNROLL for (int half = 0; half < step(kind) / LANES; half++) {
            floats given[ROWS];
            UNROLL for (int i = 0; i < rows; i++) given[i] = *(const floats *)(x + i * width + k + half * LANES);
            UNROLL for (int j = 0; j < columns; j++) {
                const char *at = w + j * row + k * w_bytes(kind);
                if (half == 0) {
                    lanes[j] = *(const ints *)at;
                    if (ahead) __builtin_prefetch(at + columns * row);
                }
                floats weights = kind == FLOAT32 ? (floats)lanes[j] : half_of(lanes[j], half);
                UNROLL for (int i = 0; i < rows; i++) sums[i][j] += given[i] * weights;
            }
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < columns; j++) {
            float sum = total(sums[i][j]);
            for (long k = whole; k < width; k++) {
                const char *at = w + j * row + k * w_bytes(kind);
                float weight = kind == FLOAT32 ? *(const float *)at : from_bfloat16(*(const uint16_t *)at);
                sum += x[i * width + k] * weight;
            }
            put(p, m + i, n + j, sum);
        }
    }
}

INLINE void int_tile(const Product *p, long m, int rows, long n, int columns, int ahead) {
    const long width = p->width, whole = width - width % step(INT8);
    const int16_t *x = (const int16_t *)p->x + m * width;
    const int8_t *w = (const int8_t *)p->w + n * width;
    ints sums[ROWS][COLUMNS] = {0};
    for (long k = 0; k < whole; k += step(INT8)) {
        shorts given[ROWS];
        UNROLL for (int i = 0; i < rows; i++) given[i] = *(const shorts *)(x + i * width + k);
        UNROLL for (int j = 0; j < columns; j++) {
            const int8_t *at = w + j * width + k;
            if (ahead) __builtin_prefetch(at + columns * width);
            shorts weights = __builtin_convertvector(*(const chars *)at, shorts);
            UNROLL for (int i = 0; i < rows; i++) sums[i][j] += pairs(given[i], weights);
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < columns; j++) {
            int32_t sum = total_ints(sums[i][j]);
            for (long k = whole; k < width; k++) sum += (int32_t)x[i * width + k] * w[j * width + k];
            put(p, m + i, n + j, (float)sum);
        }
    }
}

INLINE void tile(Kind kind, const Product *p, long m, int rows, long n, int columns, int ahead) {
    if (kind == INT8)
        int_tile(p, m, rows, n, columns, ahead);
    else
        float_tile(kind, p, m, rows, n, columns, ahead);
}

/* Some rows and outputs, tile by tile. */
INLINE void block(Kind kind, const Product *p, long first_row, long last_row, long n, long last) {
    const long rows = last_row - first_row;
    if (rows == 1)
        for (; n + 8 <= last; n += 8) tile(kind, p, first_row, 1, n, 8, 1);
    for (; n + 4 <= last; n += 4) {
        long m = first_row;
        if (rows == 3 || rows > 4)
            tile(kind, p, m, 3, n, 4, 1), m += 3;
        else if (rows > 1)
            tile(kind, p, m, 2, n, 4, 1), m += 2;
        for (; m + 3 <= last_row && m + 4 != last_row; m += 3) tile(kind, p, m, 3, n, 4, 0);
        for (; m + 2 <= last_row; m += 2) tile(kind, p, m, 2, n, 4, 0);
        for (; m < last_row; m++) tile(kind, p, m, 1, n, 4, 0);
    }
    for (; n < last; n++)
        for (long m = first_row; m < last_row; m++) tile(kind, p, m, 1, n, 1, 0);
}

typedef void Block(const Product *p, long first_row, long last_row, long n, long last);

/* One function each, in which the kind is a constant. */
static void float32_block(const Product *p, long first_row, long last_row, long n, long last) {
    block(FLOAT32, p, first_row, last_row, n, last);
}

static void bfloat16_block(const Product *p, long first_row, long last_row, long n, long last) {
    block(BFLOAT16, p, first_row, last_row, n, last);
}

static void int8_block(const Product *p, long first_row, long last_row, long n, long last) {
    block(INT8, p, first_row, last_row, n, last);
}

/* All of it, the outputs shared out among the threads. */
static void product(const Product *p, Block *compute, long threads) {
#pragma omp parallel num_threads(threads)
    {
        const long team = omp_get_num_threads(), own = omp_get_thread_num();
        const long blocks = (p->count + COLUMNS - 1) / COLUMNS;
        const long first = blocks * own / team * COLUMNS, end = blocks * (own + 1) / team * COLUMNS;
        const long last = end < p->count ? end : p->count;
        for (long m = 0; m < p->rows; m += ROW_BLOCK)
            compute(p, m, m + ROW_BLOCK < p->rows ? m + ROW_BLOCK : p->rows, first, last);
    }
}

void product_float32(const float *x, const float *w, const float *bias, float *y, long rows, long count, long width,
                     long threads) {
    Product p = {(const char *)x, (const char *)w, 0, 0, bias, y, rows, count, width};
    product(&p, float32_block, threads);
}

/* Returns 1 where memory ran out, else 0. */
int product_bfloat16(const float *x, const uint16_t *w, const float *bias, float *y, long rows, long count, long width,
                     long threads) {
    const long whole = width - width % step(BFLOAT16);
    float *turned = malloc(rows * width * sizeof *turned); /* as the halves of the weights' lanes come out */
    if (!turned) return 1;
    for (long m = 0; m < rows; m++) {
        const float *from = x + m * width;
        float *to = turned + m * width;
        for (long k = 0; k < whole; k += 2 * LANES)
            for (int i = 0; i < LANES; i++) to[k + i] = from[k + 2 * i], to[k + LANES + i] = from[k + 2 * i + 1];
        memcpy(to + whole, from + whole, (width - whole) * sizeof *to);
    }
    Product p = {(const char *)turned, (const char *)w, 0, 0, bias, y, rows, count, width};
    product(&p, bfloat16_block, threads);
    free(turned);
    return 0;
}

/* Rows of x are rounded to as many levels as no sum of the products can overflow, on each side of zero; a row with
 * numbers that are not finite gives NaN. Returns 1 where memory ran out. */
int product_int8(const float *x, const int8_t *w, const float *scale, const float *bias, float *y, long rows,
                 long count, long width, long threads) {
    const long room = INT32_MAX / 127 / width, levels = room < INT16_MAX ? room : INT16_MAX;
    float *x_scale = malloc(rows * (sizeof *x_scale + width * sizeof(int16_t)));
    if (!x_scale) return 1;
    int16_t *rounded = (int16_t *)(x_scale + rows);
    for (long m = 0; m < rows; m++) {
        const float *from = x + m * width;
        int32_t most_bits = 0; /* of magnitudes: floats without their sign are ordered as integers */
        for (long k = 0; k < width; k++) {
            int32_t bits;
            memcpy(&bits, from + k, sizeof bits);
            bits &= INT32_MAX;
            most_bits = bits > most_bits ? bits : most_bits;
        }
        float most;
        memcpy(&most, &most_bits, sizeof most);
        const int finite = isfinite(most);
        const float up = finite && most > 0 ? levels / most : 0;
        for (long k = 0; k < width; k++) rounded[m * width + k] = finite ? (int16_t)rintf(from[k] * up) : 0;
        x_scale[m] = finite ? most / levels : NAN;
    }
    Product p = {(const char *)rounded, (const char *)w, x_scale, scale, bias, y, rows, count, width};
    product(&p, int8_block, threads);
    free(x_scale);
    return 0;
}
