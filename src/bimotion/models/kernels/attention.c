/* Attention of single tokens to those before them. */
#include "kernels.h"

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

/* What query `q` attends to among the first `places` keys; `scores` has room for as many numbers. */
static void attend(const float *q, const float *keys, const float *values, long places, long width, float *scores,
                   float *y) {
    const float down = 1 / sqrtf(width);
    float most = -INFINITY, sum = 0;
    for (long s = 0; s < places; s++) {
        scores[s] = dot(q, keys + s * width, width) * down;
        most = scores[s] > most ? scores[s] : most;
    }
    for (long s = 0; s < places; s++) sum += scores[s] = expf(scores[s] - most);
    memset(y, 0, width * sizeof *y);
    for (long s = 0; s < places; s++) {
        const float share = scores[s] / sum;
        for (long k = 0; k < width; k++) y[k] += share * values[s * width + k];
    }
}

int attend_next(const Attention *a, int threads) {
    const long width = a->width, each = a->heads / a->groups, spare = a->room + width;
    float *memory = malloc(threads * spare * sizeof *memory);
    if (!memory) return 1;
#pragma omp parallel for collapse(2) num_threads(threads)
    for (long b = 0; b < a->size; b++) {
        for (long g = 0; g < a->groups; g++) {
            const long place = a->filled[b];
            const float *own = a->qkv + b * (a->heads + 2 * a->groups) * width, *key = own + (a->heads + g) * width;
            float *keys = a->keys + (b * a->groups + g) * a->room * width;
            float *values = a->values + (b * a->groups + g) * a->room * width;
            float *scores = memory + omp_get_thread_num() * spare, *turned = scores + a->room;
            if (a->cosine)
                rotate(key, keys + place * width, a->cosine + place * width, a->sine + place * width, width);
            else
                memcpy(keys + place * width, key, width * sizeof *keys);
            memcpy(values + place * width, key + a->groups * width, width * sizeof *values);
            for (long h = g * each; h < (g + 1) * each; h++) {
                const float *q = own + h * width;
                if (a->cosine) {
                    rotate(q, turned, a->cosine + place * width, a->sine + place * width, width);
                    q = turned;
                }
                attend(q, keys, values, place + 1, width, scores, a->y + (b * a->heads + h) * width);
            }
        }
    }
    free(memory);
    return 0;
}
