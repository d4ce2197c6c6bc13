/* Draws a pose with its floor and shadow into a picture: the same as render/raster.py and render/paint.py, compiled.
   View space: x to the right, y up, z towards the viewer; metres around the camera's target. */

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { SPHERE, CONE, ELLIPSOID };

typedef struct {
    float kind, part;
    float centre[3]; /* sphere, ellipsoid: middle; cone: start */
    float low[2], high[2]; /* what it covers in the view */
    float radius; /* sphere */
    float axis[3], length, sine, cos2, radius_a, radius_b; /* cone */
    float unit[9]; /* ellipsoid: takes its surface to the unit sphere */
} Solid;

typedef struct {
    float spot[2], along[2], inverse; /* on the floor: start, to the end, 1 / its squared length */
    float radius_a, radius_b, height_a, height_b;
    float window[4]; /* rows from, to; columns from, to */
} Shadow;

typedef struct {
    float centre[2], pixels_per_metre;
    float x[3], z[3]; /* world x and z of the floor: at pixel (0, 0), a column, a row */
    float target[2], reach, width_x, width_z; /* of the grid */
    float shade, ambient, light[3], grid[3];
    float colours[6][3];
    float visor; /* its part, which is glossy */
} Scene;

static inline float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

static inline float larger(float a, float b) { return a > b ? a : b; }

/* Depth of a solid in the ray at (x, y); not a number where it misses, so that it is never nearer than anything. */
static inline __attribute__((always_inline)) float hit(const Solid *s, float x, float y) {
    float dx = x - s->centre[0], dy = y - s->centre[1];
    if (s->kind == SPHERE) return s->centre[2] + sqrtf(s->radius * s->radius - dx * dx - dy * dy);
    if (s->kind == CONE) {
        float square = 1 - s->axis[2] * s->axis[2] / s->cos2;
        float t0 = dx * s->axis[0] + dy * s->axis[1], taper = s->radius_a - s->sine * t0;
        float half = s->axis[2] * (s->sine * taper / s->cos2 - t0);
        float root = half * half - square * (dx * dx + dy * dy - t0 * t0 - taper * taper / s->cos2);
        float z = (sqrtf(root) - half) / square, t = t0 + z * s->axis[2];
        int on = (t >= s->radius_a * s->sine) & (t <= s->length + s->radius_b * s->sine);
        return on ? s->centre[2] + z : -INFINITY;
    }
    const float *u = s->unit;
    float f0 = u[0] * dx + u[1] * dy, f1 = u[3] * dx + u[4] * dy, f2 = u[6] * dx + u[7] * dy;
    float square = u[2] * u[2] + u[5] * u[5] + u[8] * u[8];
    float half = f0 * u[2] + f1 * u[5] + f2 * u[8];
    float root = half * half - square * (f0 * f0 + f1 * f1 + f2 * f2 - 1);
    return s->centre[2] + (sqrtf(root) - half) / square;
}

/* One row of a solid: `i` becomes the owner of the pixels where it is nearer. Written so that it becomes vectors. */
#define ROW(KIND)                                                                       \
    case KIND:                                                                          \
        for (int column = from; column < to; column++) {                               \
            Solid k = *s;                                                               \
            k.kind = KIND;                                                              \
            float z = hit(&k, (column + 0.5f - cx) / scale, y), before = depth[column]; \
            int nearer = z > before;                                                    \
            depth[column] = nearer ? z : before;                                        \
            owner[column] = nearer ? i : owner[column];                                 \
        }                                                                               \
        break;

static inline __attribute__((always_inline)) void draw_row(
    const Solid *s, int i, float *restrict depth, int32_t *restrict owner, float y, float cx, float scale, int from, int to) {
    switch ((int)s->kind) {
        ROW(SPHERE)
        ROW(CONE)
        ROW(ELLIPSOID)
    }
}

static void normal_at(const Solid *s, float x, float y, float depth, float *n) {
    float d[3] = {x - s->centre[0], y - s->centre[1], depth - s->centre[2]};
    if (s->kind == SPHERE) {
        for (int k = 0; k < 3; k++) n[k] = d[k] / s->radius;
    } else if (s->kind == CONE) {
        float t = d[0] * s->axis[0] + d[1] * s->axis[1] + d[2] * s->axis[2], cosine = sqrtf(s->cos2);
        float scale = cosine / larger((s->radius_a - t * s->sine) / cosine, 1e-6f);
        for (int k = 0; k < 3; k++) n[k] = (d[k] - t * s->axis[k]) * scale + s->axis[k] * s->sine;
    } else {
        const float *u = s->unit;
        float on[3], norm = 0;
        for (int r = 0; r < 3; r++) on[r] = u[3 * r] * d[0] + u[3 * r + 1] * d[1] + u[3 * r + 2] * d[2];
        for (int k = 0; k < 3; k++) {
            n[k] = on[0] * u[k] + on[1] * u[3 + k] + on[2] * u[6 + k];
            norm += n[k] * n[k];
        }
        norm = 1 / sqrtf(norm);
        for (int k = 0; k < 3; k++) n[k] *= norm;
    }
}

static void shade(const Scene *c, const Solid *s, float x, float y, float depth, float *colour) {
    float n[3];
    normal_at(s, x, y, depth, n);
    float key = larger(n[0] * c->light[0] + n[1] * c->light[1] + n[2] * c->light[2], 0);
    float sky = 0.5f + 0.5f * n[1], rim = 1 - clamp(n[2], 0, 1);
    float light = c->ambient * (0.72f + 0.4f * sky) + 0.5f * key - 0.15f * rim * rim;
    light += clamp(depth, -0.5f, 0.5f) * 0.13f;
    float k2 = key * key, k4 = k2 * k2, k8 = k4 * k4;
    float gloss = (s->part == c->visor ? 70.0f : 16.0f) * k8 * k8 * k8;
    for (int k = 0; k < 3; k++) colour[k] += clamp(c->colours[(int)s->part][k] * light + gloss, 0, 255);
}

static inline __attribute__((always_inline)) void cast(float *dark, const Scene *c, const Shadow *shadow, int width) {
    const Shadow s = *shadow; /* copies: nothing that is written can change them */
    const float cx = c->x[1], cz = c->z[1];
    const int from = (int)s.window[2], to = (int)s.window[3];
    for (int row = (int)s.window[0]; row < (int)s.window[1]; row++) {
        const float x0 = c->x[0] + row * c->x[2] - s.spot[0], z0 = c->z[0] + row * c->z[2] - s.spot[1];
        float *restrict at = dark + (size_t)row * width;
        for (int column = from; column < to; column++) {
            float dx = x0 + column * cx, dz = z0 + column * cz;
            float t = clamp((dx * s.along[0] + dz * s.along[1]) * s.inverse, 0, 1);
            float ax = dx - t * s.along[0], az = dz - t * s.along[1];
            float height = larger(s.height_a + t * (s.height_b - s.height_a), 0);
            float soft = 0.02f + 0.12f * height, radius = s.radius_a + t * (s.radius_b - s.radius_a);
            float edge = clamp((radius + soft - sqrtf(ax * ax + az * az)) / (2 * soft), 0, 1);
            at[column] = larger(at[column], edge * edge * (3 - 2 * edge) / (1 + 0.9f * height));
        }
    }
}

static inline float line(float at, float width) {
    float off = at * 2 + 0.5f;
    off = fabsf(off - floorf(off) - 0.5f) * 0.5f;
    return clamp(1.1f - off / width, 0, 1);
}

/* `cast_on`: rows and columns between which shadows may lie. */
static void paint_floor(uint8_t *out, const Scene *c, const float *dark, int width, int height, const int *cast_on) {
    float far = 0.92f * c->reach * 0.92f * c->reach; /* where the grid has faded out */
    float step = c->x[1] * c->x[1] + c->z[1] * c->z[1];
    for (int row = 0; row < height; row++) {
        float x0 = c->x[0] + row * c->x[2], z0 = c->z[0] + row * c->z[2];
        float ax = x0 - c->target[0], az = z0 - c->target[1];
        float middle = -(ax * c->x[1] + az * c->z[1]) / step;
        float room = far - (ax * ax + az * az - middle * middle * step);
        float half = room > 0 ? sqrtf(room / step) : -1;
        int from = (int)clamp(ceilf(middle - half), 0, width), to = (int)clamp(floorf(middle + half) + 1, 0, width);
        int shadows = row >= cast_on[0] && row < cast_on[1];
        if (half < 0) from = to = 0;
        if (shadows && from >= to) from = cast_on[2], to = cast_on[3];
        else if (shadows) from = from < cast_on[2] ? from : cast_on[2], to = to > cast_on[3] ? to : cast_on[3];
        for (int column = from; column < to; column++) {
            float x = x0 + column * c->x[1], z = z0 + column * c->z[1];
            float bx = x - c->target[0], bz = z - c->target[1];
            float fade = clamp(1.15f - 1.25f * sqrtf(bx * bx + bz * bz) / c->reach, 0, 1);
            float ink = 0.42f * fade * larger(line(x, c->width_x), line(z, c->width_z));
            float lit = shadows ? 1 - c->shade * dark[(size_t)row * width + column] : 1;
            uint8_t *p = out + 3 * ((size_t)row * width + column);
            for (int k = 0; k < 3; k++) p[k] = (uint8_t)((p[k] + ink * (c->grid[k] - p[k])) * lit + 0.5f);
        }
    }
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FAST __attribute__((target_clones("avx2", "default"))) /* chosen when the library is loaded */
#else
#define FAST
#endif

/* `out` (height, width, 3) is painted on; `depth`, `owner` (fine pixels) and `dark` (pixels) are work space. */
FAST __attribute__((visibility("default"))) void bimotion_draw(
    uint8_t *out, float *depth, int32_t *owner, float *dark, const Scene *c, const Solid *solids, int num_solids,
    const Shadow *shadows, int num_shadows, int width, int height, int fine) {
    int cast_on[4] = {height, 0, width, 0};
    for (int i = 0; i < num_shadows; i++) {
        const float *w = shadows[i].window;
        if (w[0] >= w[1] || w[2] >= w[3]) continue;
        for (int k = 0; k < 4; k += 2) {
            if (w[k] < cast_on[k]) cast_on[k] = (int)w[k];
            if (w[k + 1] > cast_on[k + 1]) cast_on[k + 1] = (int)w[k + 1];
        }
    }
    if (cast_on[0] < cast_on[1]) memset(dark + (size_t)cast_on[0] * width, 0, sizeof(float) * width * (cast_on[1] - cast_on[0]));
    for (int i = 0; i < num_shadows; i++) cast(dark, c, shadows + i, width);
    paint_floor(out, c, dark, width, height, cast_on);
    int full = width * fine, tall = height * fine;
    float scale = c->pixels_per_metre * fine, cx = c->centre[0] * fine, cy = c->centre[1] * fine;
    int box[4] = {tall, 0, full, 0};
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            for (int k = 0; k < 4; k += 2) box[k] = box[k] / fine * fine, box[k + 1] = (box[k + 1] + fine - 1) / fine * fine;
            for (int row = box[0]; row < box[1]; row++)
                for (int column = box[2]; column < box[3]; column++) {
                    depth[(size_t)row * full + column] = -INFINITY;
                    owner[(size_t)row * full + column] = -1;
                }
        }
        for (int i = 0; i < num_solids; i++) {
            const Solid solid = solids[i], *s = &solid; /* a copy: nothing that is written can change it */
            int c0 = (int)clamp(ceilf(s->low[0] * scale + cx - 0.5f), 0, full);
            int c1 = (int)clamp(ceilf(s->high[0] * scale + cx - 0.5f), 0, full);
            int r0 = (int)clamp(ceilf(cy - s->high[1] * scale - 0.5f), 0, tall);
            int r1 = (int)clamp(ceilf(cy - s->low[1] * scale - 0.5f), 0, tall);
            if (pass == 0) {
                if (r0 < r1 && c0 < c1) {
                    box[0] = r0 < box[0] ? r0 : box[0], box[1] = r1 > box[1] ? r1 : box[1];
                    box[2] = c0 < box[2] ? c0 : box[2], box[3] = c1 > box[3] ? c1 : box[3];
                }
                continue;
            }
            for (int row = r0; row < r1; row++) {
                float y = (cy - row - 0.5f) / scale;
                draw_row(s, i, depth + (size_t)row * full, owner + (size_t)row * full, y, cx, scale, c0, c1);
            }
        }
    }
    for (int row = box[0] / fine; row < box[1] / fine; row++)
        for (int column = box[2] / fine; column < box[3] / fine; column++) {
            float colour[3] = {0, 0, 0}, mean = 0;
            int count = 0, first = owner[(size_t)row * fine * full + column * fine], same = first >= 0;
            for (int r = row * fine; r < (row + 1) * fine; r++)
                for (int k = column * fine; k < (column + 1) * fine; k++) {
                    same &= owner[(size_t)r * full + k] == first;
                    mean += depth[(size_t)r * full + k];
                }
            if (same) { /* inside one solid: one colour does */
                shade(c, solids + first, ((column + 0.5f) * fine - cx) / scale, (cy - (row + 0.5f) * fine) / scale,
                      mean / (fine * fine), colour);
                uint8_t *p = out + 3 * ((size_t)row * width + column);
                for (int k = 0; k < 3; k++) p[k] = (uint8_t)(colour[k] + 0.5f);
                continue;
            }
            for (int r = row * fine; r < (row + 1) * fine; r++)
                for (int k = column * fine; k < (column + 1) * fine; k++) {
                    int i = owner[(size_t)r * full + k];
                    if (i < 0) continue;
                    count++;
                    shade(c, solids + i, (k + 0.5f - cx) / scale, (cy - r - 0.5f) / scale,
                          depth[(size_t)r * full + k], colour);
                }
            if (!count) continue;
            float part = 1.0f / (fine * fine), cover = count * part;
            uint8_t *p = out + 3 * ((size_t)row * width + column);
            for (int k = 0; k < 3; k++) p[k] = (uint8_t)(p[k] * (1 - cover) + colour[k] * part + 0.5f);
        }
}
