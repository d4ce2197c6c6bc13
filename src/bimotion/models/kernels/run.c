/* What Python calls, and which variant computes it. */
#include "kernels.h"
#include "variants.h"

typedef struct {
    const char *name;
    ProductFunction *product;
    AttentionFunction *attend_next;
    int (*supported)(void);
} Variant;

/* The functions of one, and whether the processor and the system have all that it needs. */
#define DECLARED(name, needs)                                   \
    extern ProductFunction product_##name;                      \
    extern AttentionFunction attend_next_##name;                \
    static int has_##name(void) { return needs; }
#define LISTED(name, needs) {#name, product_##name, attend_next_##name, has_##name},

VARIANTS(DECLARED)
static const Variant variants[] = {VARIANTS(LISTED)};
enum { COUNT = sizeof variants / sizeof *variants };

static const Variant *current;

__attribute__((constructor)) static void use_best(void) {
    for (current = variants; current < variants + COUNT - 1 && !current->supported();) current++;
}

const char *variant(void) { return current->name; }

int use_variant(const char *name) {
    for (const Variant *one = variants; one < variants + COUNT; one++)
        if (!strcmp(one->name, name) && one->supported()) {
            current = one;
            return 0;
        }
    return 1;
}

int run(const Call *calls, long count, int threads) {
    const Variant *by = current;
    for (const Call *call = calls; call < calls + count; call++)
        if (call->which == PRODUCT ? by->product(&call->product, threads) : by->attend_next(&call->attention, threads))
            return 1;
    return 0;
}
