/* The passes of encode.py and clip_encoding.py over all joints of a clip, compiled: the same operations in double
   precision in the same order, so that the results are the same to the last bit (compile with -ffp-contract=off).
   What is one number a frame, such as smoothing and angles, stays in numpy. T frames, 22 joints, 21 bones. */

#include <math.h>
#include <stdint.h>

enum { JOINTS = 22, BONES = 21, FEATURES = 263, RIC = 4, ROT6D = 67, VELOCITY = 193, CONTACTS = 259 };

typedef struct {
    double rest[BONES][3];       /* directions of the bones at rest */
    double length[JOINTS];       /* lengths of the bones that end in the joints */
    double contact_threshold;    /* metres squared */
    int32_t parent[JOINTS];
    int32_t turned_with[BONES];  /* joint whose rotation each bone's is relative to */
    int32_t leg[2];              /* joints whose bones measure the body */
    int32_t facing[4], ik_facing[4]; /* right hip, left hip, right shoulder, left shoulder */
    int32_t contact[4];
    int32_t at_root[5];          /* bones that `bimotion_turn` turns as the root's */
} Body;

typedef double Point[3];

#define PUBLIC __attribute__((visibility("default")))

static inline double dot(const double *a, const double *b) { return (a[0] * b[0] + a[1] * b[1]) + a[2] * b[2]; }

static inline void turn_about_y(double *out, const double *v, double cos, double sin) {
    double x = v[0], z = v[2];
    out[0] = x * cos + z * sin;
    out[1] = v[1];
    out[2] = z * cos - x * sin;
}

/* Unit vector (x, z) square to the line of hips and shoulders. */
static void face(double *out, const Point *p, const int32_t *joints) {
    Point across;
    for (int k = 0; k < 3; k++)
        across[k] = (p[joints[0]][k] - p[joints[1]][k]) + (p[joints[2]][k] - p[joints[3]][k]);
    double squared = dot(across, across), norm = sqrt(squared > 1e-20 ? squared : 1e-20);
    out[0] = across[2] / norm;
    out[1] = -across[0] / norm;
}

/* Positions with the body's bone lengths, on the floor, the first frame's root over the origin and facing +Z;
   the bones' directions; and the facing direction of inverse kinematics, x and z. */
PUBLIC void bimotion_place(const Point *joints, int64_t frames, const Body *body, Point *p, Point *u, double *facing) {
    double leg = 0, lowest = INFINITY;
    for (int64_t t = 0; t < frames; t++) {
        const Point *in = joints + t * JOINTS;
        Point *out = p + t * JOINTS, *direction = u + t * BONES, chain[JOINTS] = {0};
        double length[JOINTS] = {0};
        for (int j = 1; j < JOINTS; j++) {
            Point bone;
            for (int k = 0; k < 3; k++) bone[k] = in[j][k] - in[body->parent[j]][k];
            double squared = dot(bone, bone);
            length[j] = sqrt(squared);
            for (int k = 0; k < 3; k++) {
                direction[j - 1][k] = squared > 0 ? bone[k] / length[j] : body->rest[j - 1][k];
                chain[j][k] = chain[body->parent[j]][k] + direction[j - 1][k] * body->length[j];
            }
        }
        if (t == 0)
            leg = (body->length[body->leg[0]] + body->length[body->leg[1]]) /
                  (length[body->leg[0]] + length[body->leg[1]]);
        for (int j = 0; j < JOINTS; j++) {
            for (int k = 0; k < 3; k++) out[j][k] = chain[j][k] + in[0][k] * leg;
            if (out[j][1] < lowest) lowest = out[j][1];
        }
    }
    Point origin = {p[0][0], lowest, p[0][2]};
    double ahead[2], cos = 1, sin = 0;
    Point first[JOINTS];
    for (int j = 0; j < JOINTS; j++)
        for (int k = 0; k < 3; k++) first[j][k] = p[j][k] - origin[k];
    face(ahead, first, body->facing);
    double squared = ahead[0] * ahead[0] + ahead[1] * ahead[1];
    if (!(squared < 1e-20)) {
        double norm = sqrt(squared);
        cos = ahead[1] / norm;
        sin = -ahead[0] / norm;
    }
    for (int64_t t = 0; t < frames; t++) {
        Point *out = p + t * JOINTS, *direction = u + t * BONES, moved;
        for (int j = 0; j < JOINTS; j++) {
            for (int k = 0; k < 3; k++) moved[k] = out[j][k] - origin[k];
            turn_about_y(out[j], moved, cos, sin);
        }
        for (int b = 0; b < BONES; b++) turn_about_y(direction[b], direction[b], cos, sin);
        face(facing + 2 * t, out, body->ik_facing);
    }
}

/* Columns of the shortest rotation from a bone's direction at rest to `u`. */
static void rotation(Point *columns, const double *rest, const double *u) {
    Point m;
    for (int k = 0; k < 3; k++) m[k] = rest[k] + u[k];
    double mm = dot(m, m);
    if (mm < 1e-13) { /* half a turn */
        for (int k = 0; k < 3; k++) m[k] = fabs(rest[(k + 2) % 3]);
        mm = 1;
    }
    double factor = 2 / mm;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            columns[i][k] = ((i == k) - (m[i] * factor) * m[k]) + (2 * rest[i]) * u[k];
}

/* Features but for the root's turn, of all frames but the last; `cos` and `sin` of the world-to-root rotations. */
PUBLIC void bimotion_features(const Point *p, const Point *u, const double *cos, const double *sin, int64_t frames,
                       const Body *body, double *features) {
    for (int64_t t = 0; t + 1 < frames; t++, p += JOINTS, u += BONES, features += FEATURES) {
        double c = cos[t], s = sin[t];
        Point step, turned, columns[JOINTS][3] = {{{c, 0, -s}, {0, 1, 0}, {s, 0, c}}};
        for (int j = 0; j < JOINTS; j++) {
            for (int k = 0; k < 3; k++) step[k] = p[JOINTS + j][k] - p[j][k];
            turn_about_y(features + VELOCITY + 3 * j, step, c, s);
            for (int i = 0; i < 4; i++)
                if (body->contact[i] == j) features[CONTACTS + i] = dot(step, step) < body->contact_threshold;
            if (j == 0) {
                turn_about_y(turned, step, cos[t + 1], sin[t + 1]);
                features[1] = turned[0];
                features[2] = turned[2];
                features[3] = p[0][1];
                continue;
            }
            Point relative = {p[j][0] - p[0][0], p[j][1], p[j][2] - p[0][2]};
            turn_about_y(features + RIC + 3 * (j - 1), relative, c, s);
            rotation(columns[j], body->rest[j - 1], u[j - 1]);
        }
        for (int b = 0; b < BONES; b++)
            for (int i = 0; i < 2; i++)
                for (int row = 0; row < 3; row++)
                    features[ROT6D + 6 * b + 3 * i + row] =
                        dot(columns[body->turned_with[b]][row], columns[b + 1][i]);
    }
}

/* Joints as seen from a root that is turned, in single precision; cosines and sines, T each, of the turn and of the
   turn of the rotations that hang on the root. The root's turn and step are left out. */
PUBLIC void bimotion_turn(const double *features, const double *cos, const double *sin, const double *root_cos,
                   const double *root_sin, int64_t frames, const Body *body, float *turned) {
    for (int64_t t = 0; t < frames; t++, features += FEATURES, turned += FEATURES) {
        Point v;
        for (int i = 3; i < FEATURES; i++) turned[i] = features[i];
        for (int j = 0; j < BONES; j++) {
            turn_about_y(v, features + RIC + 3 * j, cos[t], sin[t]);
            for (int k = 0; k < 3; k++) turned[RIC + 3 * j + k] = v[k];
        }
        for (int j = 0; j < JOINTS; j++) {
            turn_about_y(v, features + VELOCITY + 3 * j, cos[t], sin[t]);
            for (int k = 0; k < 3; k++) turned[VELOCITY + 3 * j + k] = v[k];
        }
        for (int i = 0; i < 10; i++) {
            int at = ROT6D + 6 * body->at_root[i / 2] + 3 * (i % 2);
            turn_about_y(v, features + at, root_cos[t], root_sin[t]);
            for (int k = 0; k < 3; k++) turned[at + k] = v[k];
        }
    }
}
