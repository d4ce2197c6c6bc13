/* Rows times weights, with what stands around the product in a transformer.
 *
 * Weights are read as they lie, once for each ROW_BLOCK rows of x: a few rows of them stay in the first cache while all
 * rows of x meet them. What is summed for an output, and in which order, depends neither on the other rows nor on the
 * number of threads, so a row's result is the same to the bit whatever it is computed with.
 */
#include "kernels.h"
typedef int16_t shorts __attribute__((vector_size(4 * LANES), aligned(2)));
typedef int8_t chars __attribute__((vector_size(2 * LANES), aligned(1)));
typedef float four_floats __attribute__((vector_size(16), aligned(4)));
typedef int32_t four_ints __attribute__((vector_size(16), aligned(4)));

enum {
    STEP = 2 * LANES, /* weights of one step of a sum */
#ifdef __AVX512F__
    ROWS = 5, /* most rows of a tile; with four outputs its sums fill the registers */
#else
    ROWS = 3,
#endif
    COLUMNS = 8,      /* most outputs of a tile, with one row */
    ROW_BLOCK = 128,  /* rows of x that meet the weights once read: they fit the second cache */
};

/* A product and how its rows stand ready for the tiles. */
typedef struct {
    Product of;
    char *ready;    /* floats, or 16-bit integers for INT8 weights */
    float *x_scale; /* what those integers are to be multiplied by, for each row */
} Task;

INLINE long w_bytes(Kind kind) { return kind == FLOAT32 ? 4 : kind == BFLOAT16 ? 2 : 1; }

INLINE float from_bfloat16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float out;
    memcpy(&out, &wide, sizeof out);
    return out;
}

INLINE floats as_floats(ints bits) {
    floats out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

INLINE ints as_ints(floats values) {
    ints out;
    memcpy(&out, &values, sizeof out);
    return out;
}

/* `a` where `which` has all bits set, `b` where it has none. */
INLINE floats chosen(ints which, floats a, floats b) {
    return as_floats((as_ints(a) & which) | (as_ints(b) & ~which));
}

/* A lane holds two bfloat16 numbers, each of them the upper half of a float. */
INLINE floats half_of(ints lanes, int half) {
    return as_floats(half ? lanes & (int32_t)0xffff0000 : lanes << 16);
}

INLINE int32_t total_ints(ints lanes) {
    const eight_ints v = eight_of_ints(lanes);
    return v[0] + v[1] + v[2] + v[3] + v[4] + v[5] + v[6] + v[7];
}

/* The sums, plus products of integers of 16 bits, added two by two. */
INLINE ints plus_pairs(ints sums, shorts a, shorts b) {
#if defined(__AVX512VNNI__)
    return (ints)_mm512_dpwssd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
#elif defined(__AVX512BW__)
    return sums + (ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVXVNNI__)
    return (ints)_mm256_dpwssd_avx_epi32((__m256i)sums, (__m256i)a, (__m256i)b);
#elif defined(__AVX2__)
    return sums + (ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    typedef union {
        shorts all;
        ints sums;
        __m128i part[2];
    } Halves;
    Halves x = {a}, y = {b}, z;
    z.part[0] = _mm_madd_epi16(x.part[0], y.part[0]);
    z.part[1] = _mm_madd_epi16(x.part[1], y.part[1]);
    return sums + z.sums;
#else
    const ints x = (ints)a, y = (ints)b;
    return sums + (x << 16 >> 16) * (y << 16 >> 16) + (x >> 16) * (y >> 16);
#endif
}

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (four_ints){__VA_ARGS__})
#endif

/* The sum of each of four vectors' lanes, in the order of `total`. */
#define FOUR_TOTALS(name, many, eight, eight_of, four)                                            \
    INLINE four name(const many *v) {                                                             \
        four low[4], high[4];                                                                     \
        UNROLL for (int i = 0; i < 4; i++) {                                                      \
            const eight lanes = eight_of(v[i]);                                                   \
            memcpy(&low[i], &lanes, sizeof low[i]);                                               \
            memcpy(&high[i], (const char *)&lanes + sizeof low[i], sizeof high[i]);               \
            low[i] += high[i];                                                                    \
        }                                                                                         \
        const four a = SHUFFLE(low[0], low[1], 0, 4, 1, 5) + SHUFFLE(low[0], low[1], 2, 6, 3, 7); \
        const four b = SHUFFLE(low[2], low[3], 0, 4, 1, 5) + SHUFFLE(low[2], low[3], 2, 6, 3, 7); \
        return SHUFFLE(a, b, 0, 1, 4, 5) + SHUFFLE(a, b, 2, 3, 6, 7);                             \
    }

FOUR_TOTALS(four_totals, floats, eight_floats, eight_of_floats, four_floats)
FOUR_TOTALS(four_int_totals, ints, eight_ints, eight_of_ints, four_ints)

/* Outputs `n` to `n + 3` of row `m`. */
INLINE void put(const Task *t, long m, long n, four_floats sums) {
    const Product *p = &t->of;
    if (t->x_scale) sums *= *(const four_floats *)(p->scale + n) * t->x_scale[m];
    if (p->bias) sums += *(const four_floats *)(p->bias + n);
    *(four_floats *)(p->y + m * p->count + n) = sums;
}

INLINE void put_one(const Task *t, long m, long n, float sum) {
    const Product *p = &t->of;
    if (t->x_scale) sum *= p->scale[n] * t->x_scale[m];
    p->y[m * p->count + n] = p->bias ? sum + p->bias[n] : sum;
}

INLINE float weight_at(Kind kind, const char *row, long k) {
    return kind == FLOAT32 ? ((const float *)row)[k] : from_bfloat16(((const uint16_t *)row)[k]);
}

/* Fetches the same place of some rows of weights, `row` bytes each. */
INLINE void fetch(const char *at, long row, int rows) {
    if (rows == 0) return;
    __builtin_prefetch(at);
    if (rows == 1) return;
    __builtin_prefetch(at + row);
    for (int j = 2; j < rows; j++) __builtin_prefetch(at + j * row);
}

/* The sums of `rows` rows from `m` on and `columns` outputs from `n` on; of the weights from `next` on, `ahead` rows are
 * fetched meanwhile. */
INLINE void float_tile(Kind kind, const Task *t, long m, int rows, long n, int columns, const char *next, int ahead) {
    const long width = t->of.width, row = width * w_bytes(kind), whole = width - width % STEP;
    const float *x = (const float *)t->ready + m * width;
    const char *w = t->of.w + n * row;
    floats sums[ROWS][COLUMNS] = {0};
    for (long k = 0; k < whole; k += STEP) {
        ints lanes[COLUMNS]; /* of two bfloat16 each */
        fetch(next + k * w_bytes(kind), row, ahead);
        UNROLL for (int half = 0; half < 2; half++) {
            floats given[ROWS];
            UNROLL for (int i = 0; i < rows; i++) given[i] = *(const floats *)(x + i * width + k + half * LANES);
            UNROLL for (int j = 0; j < columns; j++) {
                const char *at = w + j * row + k * w_bytes(kind);
                if (kind == BFLOAT16 && half == 0) lanes[j] = *(const ints *)at;
                floats weights = kind == BFLOAT16 ? half_of(lanes[j], half) : *((const floats *)at + half);
                UNROLL for (int i = 0; i < rows; i++) sums[i][j] += given[i] * weights;
            }
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        if (columns == 1) {
            float sum = total(sums[i][0]);
            for (long k = whole; k < width; k++) sum += x[i * width + k] * weight_at(kind, w, k);
            put_one(t, m + i, n, sum);
        }
        UNROLL for (int j = 0; j + 4 <= columns; j += 4) {
            four_floats four = four_totals(sums[i] + j);
            for (long k = whole; k < width; k++)
                UNROLL for (int l = 0; l < 4; l++) four[l] += x[i * width + k] * weight_at(kind, w + (j + l) * row, k);
            put(t, m + i, n + j, four);
        }
    }
}

INLINE void int_tile(const Task *t, long m, int rows, long n, int columns, const char *next, int ahead) {
    const long width = t->of.width, whole = width - width % STEP;
    const int16_t *x = (const int16_t *)t->ready + m * width;
    const int8_t *w = (const int8_t *)t->of.w + n * width;
    ints sums[ROWS][COLUMNS] = {0};
    for (long k = 0; k < whole; k += STEP) {
        shorts given[ROWS];
        fetch(next + k, width, ahead);
        UNROLL for (int i = 0; i < rows; i++) given[i] = *(const shorts *)(x + i * width + k);
        UNROLL for (int j = 0; j < columns; j++) {
            const int8_t *at = w + j * width + k;
            shorts weights = __builtin_convertvector(*(const chars *)at, shorts);
            UNROLL for (int i = 0; i < rows; i++) sums[i][j] = plus_pairs(sums[i][j], given[i], weights);
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        if (columns == 1) {
            int32_t sum = total_ints(sums[i][0]);
            for (long k = whole; k < width; k++) sum += (int32_t)x[i * width + k] * w[k];
            put_one(t, m + i, n, (float)sum);
        }
        UNROLL for (int j = 0; j + 4 <= columns; j += 4) {
            four_ints four = four_int_totals(sums[i] + j);
            for (long k = whole; k < width; k++)
                UNROLL for (int l = 0; l < 4; l++) four[l] += (int32_t)x[i * width + k] * w[(j + l) * width + k];
            put(t, m + i, n + j, __builtin_convertvector(four, four_floats));
        }
    }
}

INLINE void tile(Kind kind, const Task *t, long m, int rows, long n, int columns, const char *next, int ahead) {
    if (kind == INT8)
        int_tile(t, m, rows, n, columns, next, ahead);
    else
        float_tile(kind, t, m, rows, n, columns, next, ahead);
}

/* A tile of four outputs, `rows` a constant in each. */
INLINE void tile_of_rows(Kind kind, const Task *t, long m, long rows, long n, const char *next, int ahead) {
    if (rows == ROWS && !ahead) /* most of the time with many rows: 4 % less of it without asking at each step */
        tile(kind, t, m, ROWS, n, 4, 0, 0);
    else if (rows == 5)
        tile(kind, t, m, ROWS >= 5 ? 5 : 1, n, 4, next, ahead);
    else if (rows == 4)
        tile(kind, t, m, ROWS >= 4 ? 4 : 1, n, 4, next, ahead);
    else if (rows == 3)
        tile(kind, t, m, 3, n, 4, next, ahead);
    else if (rows == 2)
        tile(kind, t, m, 2, n, 4, next, ahead);
    else
        tile(kind, t, m, 1, n, 4, next, ahead);
}

/* Some rows and outputs, tile by tile, as equal as can be. Tiles of the same outputs share out the fetching of the next
 * ones' weights. */
INLINE void block(Kind kind, const Task *t, long first_row, long last_row, long n, long last) {
    const long rows = last_row - first_row, row = t->of.width * w_bytes(kind), tiles = (rows + ROWS - 1) / ROWS;
    const int share = tiles > 3 ? 1 : tiles > 1 ? 2 : 4;
    if (rows == 1)
        for (; n + 8 <= last; n += 8) tile(kind, t, first_row, 1, n, 8, t->of.w + (n + 8) * row, 8);
    for (; n + 4 <= last; n += 4) {
        long fetched = 4;
        for (long m = first_row, left = tiles; left; left--) {
            const long own = (last_row - m + left - 1) / left;
            const int ahead = fetched < 8 ? share : 0;
            const char *next = t->of.w + (n + fetched) * row;
            fetched += ahead;
            tile_of_rows(kind, t, m, own, n, next, ahead);
            m += own;
        }
    }
    for (; n < last; n++)
        for (long m = first_row; m < last_row; m++) tile(kind, t, m, 1, n, 1, 0, 0);
}

/* exp. Source: Cody and Waite's reduction, Taylor's series of what is left. */
INLINE floats exponential(floats x) {
    x = chosen(x < -87.0f, (floats){0} - 87.0f, x);
    x = chosen(x > 88.0f, (floats){0} + 88.0f, x);
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
    return as_floats(power) * series;
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
    float mean = 0;
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
    float squares = total(sums);
    for (long k = whole; k < p->width; k++) squares += (x[k] - mean) * (x[k] - mean);
    const float rate = 1 / sqrtf(squares / p->width + (float)p->eps);
    if (shift)
        for (long k = 0; k < p->width; k++) to[k] = (x[k] - mean) * rate * gain[k] + shift[k];
    else
        for (long k = 0; k < p->width; k++) to[k] = (x[k] - mean) * rate * gain[k];
}

/* The numbers in the order in which the halves of the weights' lanes come out. */
static void turn(const float *from, float *to, long width) {
    const long whole = width - width % STEP;
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
static void prepare(const Task *t, long m, float *spare) {
    const Product *p = &t->of;
    const float *x = p->x + m * p->width;
    float *own = (float *)t->ready + m * p->width;
    if (p->norm) {
        float *to = p->kind == FLOAT32 ? own : spare;
        normalise(p, m, to);
        x = to;
    }
    if (p->kind == BFLOAT16) turn(x, own, p->width);
    if (p->kind == INT8) t->x_scale[m] = round_off(x, (int16_t *)t->ready + m * p->width, p->width);
}

typedef void Block(const Task *t, long first_row, long last_row, long n, long last);

/* One function each, in which the kind is a constant. */
static void float32_block(const Task *t, long first_row, long last_row, long n, long last) {
    block(FLOAT32, t, first_row, last_row, n, last);
}

static void bfloat16_block(const Task *t, long first_row, long last_row, long n, long last) {
    block(BFLOAT16, t, first_row, last_row, n, last);
}

static void int8_block(const Task *t, long first_row, long last_row, long n, long last) {
    block(INT8, t, first_row, last_row, n, last);
}

int product(const Product *p, int threads) {
    const long rows = p->rows, width = p->width;
    const int prepared = p->norm || p->kind != FLOAT32;
    Block *compute = p->kind == FLOAT32 ? float32_block : p->kind == BFLOAT16 ? bfloat16_block : int8_block;
    Task task = {*p, (char *)p->x, 0};
    float *memory = 0;
    if (prepared) {
        memory = malloc((rows * (width + 1) + threads * width) * sizeof *memory);
        if (!memory) return 1;
        task.ready = (char *)memory;
        if (p->kind == INT8) task.x_scale = memory + rows * width;
    }
#pragma omp parallel num_threads(threads)
    {
        const long team = omp_get_num_threads(), own = omp_get_thread_num();
        if (prepared) {
            float *spare = memory + rows * (width + 1) + own * width;
#pragma omp for schedule(static)
            for (long m = 0; m < rows; m++) prepare(&task, m, spare);
        }
        const long blocks = (p->count + COLUMNS - 1) / COLUMNS;
        const long first = blocks * own / team * COLUMNS, end = blocks * (own + 1) / team * COLUMNS;
        const long last = end < p->count ? end : p->count;
        for (long m = 0; m < rows; m += ROW_BLOCK) {
            const long last_row = m + ROW_BLOCK < rows ? m + ROW_BLOCK : rows;
            compute(&task, m, last_row, first, last);
            finish(p, m, last_row, first, last);
        }
    }
    free(memory);
    return 0;
}
