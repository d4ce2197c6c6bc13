/* Rows times weights on a CPU, with what stands around the product in a transformer, and attention of single tokens.
 *
 *     n = x, or its rows normalised, times gain, plus shift
 *     y[m, n] = activation(scale[n] * sum over k of n[m, k] w[n, k] + bias[n]) * gate[m, n] + add[m, n]
 *
 * Weights are read as they lie, once for each ROW_BLOCK rows of x: a few rows of them stay in the first cache while all
 * rows of x meet them. What is summed for an output, and in which order, depends neither on the other rows nor on the
 * number of threads, so a row's result is the same to the bit whatever it is computed with.
 *
 * C with the vectors of GCC and Clang and with OpenMP; no header of Python or torch. Pointers are to packed rows; null
 * stands for what is not wanted.
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

typedef enum { NO_NORM, LAYER_NORM, RMS_NORM } Norm;
typedef enum { NO_ACTIVATION, GELU, SILU } Activation; /* GELU in its tanh form */

/* Rows of which there are fewer than of x: from there on the last one holds. */
typedef struct {
    const float *data;
    long rows;
} Rows;

typedef struct {
    const float *x;
    const char *w;
    const float *scale, *bias, *add;
    float *y;
    long rows, count, width;
    Rows gain, shift, gate;
    float eps;
    Norm norm;
    Activation activation;
    char *ready;    /* rows of x as the tiles take them: floats, or 16-bit integers for INT8 weights */
    float *x_scale; /* what those integers are to be multiplied by, for each row */
} Product;

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
    const float *x = (const float *)p->ready + m * width;
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
    const int16_t *x = (const int16_t *)p->ready + m * width;
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

/* exp, within 2e-7 of itself. Source: Cody and Waite's reduction, Taylor's series of what is left. */
INLINE floats exponential(floats x) {
    for (int i = 0; i < LANES; i++) x[i] = x[i] < -87.0f ? -87.0f : x[i] > 88.0f ? 88.0f : x[i];
    const floats shifted = x * 1.44269504f + 12582912.0f; /* rounds to an integer */
    const floats whole = shifted - 12582912.0f;
    const floats r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    floats series = (floats){0} + 1.0f / 5040;
    series = series * r + 1.0f / 720;
    series = series * r + 1.0f / 120;
    series = series * r + 1.0f / 24;
    series = series * r + 1.0f / 6;
    series = series * r + 0.5f;
    series = series * r + 1.0f;
    series = series * r + 1.0f;
    const ints power = (__builtin_convertvector(whole, ints) + 127) << 23;
    floats out;
    memcpy(&out, &power, sizeof out);
    return out * series;
}

INLINE floats activated(Activation activation, floats x) {
    /* tanh-GELU is x sigmoid(2 u) */
    const floats z = activation == GELU ? x * (x * x * 0.0713548162726f + 1.59576912161f) : x;
    return x / (exponential(-z) + 1.0f);
}

INLINE floats load(const float *from, long count) {
    floats out = {0};
    memcpy(&out, from, (count < LANES ? count : LANES) * sizeof *from);
    return out;
}

INLINE const float *row_of(Rows rows, long m, long width) {
    return rows.data + (m < rows.rows ? m : rows.rows - 1) * width;
}

/* What comes after the sums, for some rows and outputs. */
static void finish(const Product *p, long first_row, long last_row, long first, long last) {
    if (!p->activation && !p->gate.data && !p->add) return;
    for (long m = first_row; m < last_row; m++) {
        float *y = p->y + m * p->count;
        const float *gate = p->gate.data ? row_of(p->gate, m, p->count) : 0;
        const float *add = p->add ? p->add + m * p->count : 0;
        for (long n = first; n < last; n += LANES) {
            const long left = last - n;
            floats v = load(y + n, left);
            if (p->activation) v = activated(p->activation, v);
            if (gate) v *= load(gate + n, left);
            if (add) v += load(add + n, left);
            memcpy(y + n, &v, (left < LANES ? left : LANES) * sizeof *y);
        }
    }
}

static void normalise(const Product *p, long m, float *to) {
    const float *x = p->x + m * p->width, *gain = row_of(p->gain, m, p->width);
    const float *shift = p->shift.data ? row_of(p->shift, m, p->width) : 0;
    const long whole = p->width - p->width % LANES;
    float mean = 0, squares = 0;
    floats sums = {0};
    if (p->norm == LAYER_NORM) {
        for (long k = 0; k < whole; k += LANES) sums += *(const floats *)(x + k);
        mean = total(sums);
        for (long k = whole; k < p->width; k++) mean += x[k];
        mean /= p->width;
    }
    sums = (floats){0};
    for (long k = 0; k < whole; k += LANES) {
        const floats off = *(const floats *)(x + k) - mean;
        sums += off * off;
    }
    squares = total(sums);
    for (long k = whole; k < p->width; k++) squares += (x[k] - mean) * (x[k] - mean);
    const float rate = 1 / sqrtf(squares / p->width + p->eps);
    if (shift)
        for (long k = 0; k < p->width; k++) to[k] = (x[k] - mean) * rate * gain[k] + shift[k];
    else
        for (long k = 0; k < p->width; k++) to[k] = (x[k] - mean) * rate * gain[k];
}

/* The numbers in the order in which the halves of the weights' lanes come out. */
static void turn(const float *from, float *to, long width) {
    const long whole = width - width % step(BFLOAT16);
    for (long k = 0; k < whole; k += 2 * LANES)
        for (int i = 0; i < LANES; i++) to[k + i] = from[k + 2 * i], to[k + LANES + i] = from[k + 2 * i + 1];
    memcpy(to + whole, from + whole, (width - whole) * sizeof *to);
}

/* Rounds to as many levels, on each side of zero, as no sum of the products can overflow; gives what a level is worth,
 * NaN if not all numbers are finite. */
static float round_off(const float *from, int16_t *to, long width) {
    const long room = INT32_MAX / 127 / width, levels = room < INT16_MAX ? room : INT16_MAX;
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
    for (long k = 0; k < width; k++) to[k] = finite ? (int16_t)rintf(from[k] * up) : 0;
    return finite ? most / levels : NAN;
}

/* Row `m` of x as the tiles take it; `spare` has room for one row. */
static void prepare(Kind kind, const Product *p, long m, float *spare) {
    const float *x = p->x + m * p->width;
    float *own = (float *)p->ready + m * p->width;
    if (p->norm) {
        float *to = kind == FLOAT32 ? own : spare;
        normalise(p, m, to);
        x = to;
    }
    if (kind == BFLOAT16) turn(x, own, p->width);
    if (kind == INT8) p->x_scale[m] = round_off(x, (int16_t *)p->ready + m * p->width, p->width);
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

/* The product, its outputs shared out among the threads. Returns 1 where memory ran out, else 0. */
int product(int kind, const float *x, const void *w, const float *scale, const float *bias, int norm, float eps,
            const float *gain, long gain_rows, const float *shift, long shift_rows, int activation, const float *gate,
            long gate_rows, const float *add, float *y, long rows, long count, long width, int threads) {
    Product p = {x, w, scale, bias, add, y, rows, count, width, {gain, gain_rows}, {shift, shift_rows},
                 {gate, gate_rows}, eps, norm, activation, (char *)x, 0};
    Block *compute = kind == FLOAT32 ? float32_block : kind == BFLOAT16 ? bfloat16_block : int8_block;
    const int prepared = norm || kind != FLOAT32;
    float *memory = 0;
    if (prepared) {
        memory = malloc((rows * (width + 1) + threads * width) * sizeof *memory);
        if (!memory) return 1;
        p.ready = (char *)memory;
        if (kind == INT8) p.x_scale = memory + rows * width;
    }
#pragma omp parallel num_threads(threads)
    {
        const long team = omp_get_num_threads(), own = omp_get_thread_num();
        if (prepared) {
            float *spare = memory + rows * (width + 1) + own * width;
#pragma omp for schedule(static)
            for (long m = 0; m < rows; m++) prepare(kind, &p, m, spare);
        }
        const long blocks = (count + COLUMNS - 1) / COLUMNS;
        const long first = blocks * own / team * COLUMNS, end = blocks * (own + 1) / team * COLUMNS;
        const long last = end < count ? end : count;
        for (long m = 0; m < rows; m += ROW_BLOCK) {
            const long last_row = m + ROW_BLOCK < rows ? m + ROW_BLOCK : rows;
            compute(&p, m, last_row, first, last);
            finish(&p, m, last_row, first, last);
        }
    }
    free(memory);
    return 0;
}

INLINE float dot(const float *a, const float *b, long width) {
    const long whole = width - width % LANES;
    floats sums = {0};
    for (long k = 0; k < whole; k += LANES) sums += *(const floats *)(a + k) * *(const floats *)(b + k);
    float sum = total(sums);
    for (long k = whole; k < width; k++) sum += a[k] * b[k];
    return sum;
}

/* Rotary positions: pairs are the two halves of a head. */
static void rotate(const float *from, float *to, const float *cosine, const float *sine, long width) {
    const long half = width / 2;
    for (long k = 0; k < half; k++) {
        to[k] = from[k] * cosine[k] - from[k + half] * sine[k];
        to[k + half] = from[k + half] * cosine[k + half] + from[k] * sine[k + half];
    }
}

/* One more token of each of `size` sequences attends to all before it and to itself; its keys and values are kept.
 * qkv: (size, (heads + 2 groups) width). keys, values: (size, groups, room, width). filled: (size), places that are
 * kept already. cosine, sine: (positions, width), or null. y: (size, heads width). Returns 1 where memory ran out. */
int attend_next(const float *qkv, float *keys, float *values, const int64_t *filled, const float *cosine,
                const float *sine, float *y, long size, long heads, long groups, long width, long room, int threads) {
    const long each = heads / groups, spare = room + width;
    float *memory = malloc(threads * spare * sizeof *memory);
    if (!memory) return 1;
#pragma omp parallel for collapse(2) num_threads(threads)
    for (long b = 0; b < size; b++) {
        for (long g = 0; g < groups; g++) {
            const long place = filled[b];
            const float *own = qkv + b * (heads + 2 * groups) * width;
            float *k = keys + (b * groups + g) * room * width, *v = values + (b * groups + g) * room * width;
            float *scores = memory + omp_get_thread_num() * spare, *query = scores + room;
            if (cosine)
                rotate(own + (heads + g) * width, k + place * width, cosine + place * width, sine + place * width, width);
            else
                memcpy(k + place * width, own + (heads + g) * width, width * sizeof *k);
            memcpy(v + place * width, own + (heads + groups + g) * width, width * sizeof *v);
            for (long h = g * each; h < (g + 1) * each; h++) {
                const float *q = own + h * width, down = 1 / sqrtf(width);
                if (cosine) rotate(q, query, cosine + place * width, sine + place * width, width), q = query;
                float most = -INFINITY, sum = 0, *out = y + (b * heads + h) * width;
                for (long s = 0; s <= place; s++) {
                    scores[s] = dot(q, k + s * width, width) * down;
                    most = scores[s] > most ? scores[s] : most;
                }
                for (long s = 0; s <= place; s++) sum += scores[s] = expf(scores[s] - most);
                memset(out, 0, width * sizeof *out);
                for (long s = 0; s <= place; s++) {
                    const float share = scores[s] / sum;
                    for (long i = 0; i < width; i++) out[i] += share * v[s * width + i];
                }
            }
        }
    }
    free(memory);
    return 0;
}
