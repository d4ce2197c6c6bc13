/* The variants that were compiled, best first, each as `one(name, whether the processor has what it needs)`.
 *
 * `hatch_build.py` compiles them, and says with WITH_NAME which ones the compiler knew. `plain` needs nothing: on x86 it
 * has the instructions of the first 64-bit processors, on ARM those of NEON.
 */
#define HAS(feature) __builtin_cpu_supports(feature)

#define HAS_AVX2 (HAS("avx2") && HAS("fma"))
#define HAS_AVX512 (HAS_AVX2 && HAS("avx512f") && HAS("avx512bw") && HAS("avx512dq") && HAS("avx512vl"))

#ifdef WITH_AVX512_VNNI
#define AVX512_VNNI(one) one(avx512_vnni, HAS_AVX512 && HAS("avx512vnni"))
#else
#define AVX512_VNNI(one)
#endif
#ifdef WITH_AVX512
#define AVX512(one) one(avx512, HAS_AVX512)
#else
#define AVX512(one)
#endif
#ifdef WITH_AVX_VNNI
#define AVX_VNNI(one) one(avx_vnni, HAS_AVX2 && HAS("avxvnni"))
#else
#define AVX_VNNI(one)
#endif
#ifdef WITH_AVX2
#define AVX2(one) one(avx2, HAS_AVX2)
#else
#define AVX2(one)
#endif

#define VARIANTS(one) AVX512_VNNI(one) AVX512(one) AVX_VNNI(one) AVX2(one) one(plain, 1)
