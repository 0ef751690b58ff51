/*
 * Multiply-add of whole shards in GF(2^8).
 *
 * A product with a constant is two look-ups in tables of 16, one for each half of the byte: just
 * what the byte shuffles of SSSE3, AVX2 and NEON do for a whole vector at once. It is also a
 * multiplication of the byte's bits by a matrix, which GFNI has an instruction for.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "accelerator.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define HAVE_X86 1
#include <immintrin.h>
#if __GNUC__ >= 11 || (defined(__clang_major__) && __clang_major__ >= 12)
#define HAVE_GFNI 1
#endif
#elif defined(__GNUC__) && defined(__aarch64__)
#define HAVE_NEON 1
#include <arm_neon.h>
#endif

/* Bytes of `tables` that belong to one factor. */
#define TABLE 40

/* More shards than the largest group has. */
#define MOST_COLUMNS 256

static void portable_row(const uint8_t *tables, const uint8_t *factors, size_t columns,
                         const uint8_t *shards, size_t length, uint8_t *sum)
{
    uint8_t products[256];
    memset(sum, 0, length);
    for (size_t column = 0; column < columns; column++, shards += length) {
        const uint8_t *table = tables + TABLE * (size_t)factors[column];
        for (int value = 0; value < 256; value++)
            products[value] = table[value & 15] ^ table[16 + (value >> 4)];
        for (size_t i = 0; i < length; i++)
            sum[i] ^= products[shards[i]];
    }
}

static void portable_combine(const uint8_t *tables, const uint8_t *factors, size_t rows,
                             size_t columns, const uint8_t *shards, size_t length, uint8_t *sums)
{
    for (size_t row = 0; row < rows; row++)
        portable_row(tables, factors + row * columns, columns, shards, length,
                     sums + row * length);
}

/* Where vectors are shuffled, a factor is its two tables. */
#define SHUFFLE_FACTOR(name, vector)                                                               \
    typedef struct {                                                                               \
        vector low, high;                                                                          \
    } name

#ifdef HAVE_X86
SHUFFLE_FACTOR(ssse3_factor, __m128i);
#define TARGET __attribute__((target("ssse3")))
#define NAME(x) ssse3_##x
#define VECTOR __m128i
#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define ZERO _mm_setzero_si128()
#define XOR(a, b) _mm_xor_si128(a, b)
#define SOURCE const uint8_t *
#define PREPARE(table) (table)
#define FACTOR ssse3_factor
#define LOAD_FACTOR(table) {LOAD(table), LOAD((table) + 16)}
#define LOW(v) _mm_and_si128(v, _mm_set1_epi8(15))
#define HIGH(v) LOW(_mm_srli_epi64(v, 4))
#define PRODUCT(f, v) XOR(_mm_shuffle_epi8(f.low, LOW(v)), _mm_shuffle_epi8(f.high, HIGH(v)))
#include "gf256_kernel.h"
#undef LOW
#undef HIGH

SHUFFLE_FACTOR(avx2_factor, __m256i);
#define TARGET __attribute__((target("avx2")))
#define NAME(x) avx2_##x
#define VECTOR __m256i
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define ZERO _mm256_setzero_si256()
#define XOR(a, b) _mm256_xor_si256(a, b)
#define SOURCE const uint8_t *
#define PREPARE(table) (table)
#define FACTOR avx2_factor
#define BOTH_LANES(p) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p)))
#define LOAD_FACTOR(table) {BOTH_LANES(table), BOTH_LANES((table) + 16)}
#define LOW(v) _mm256_and_si256(v, _mm256_set1_epi8(15))
#define HIGH(v) LOW(_mm256_srli_epi64(v, 4))
#define PRODUCT(f, v) XOR(_mm256_shuffle_epi8(f.low, LOW(v)), _mm256_shuffle_epi8(f.high, HIGH(v)))
#include "gf256_kernel.h"
#undef BOTH_LANES
#undef LOW
#undef HIGH
#endif

#ifdef HAVE_GFNI
/* The matrix of a factor is behind its tables. */
static inline uint64_t matrix(const uint8_t *table)
{
    uint64_t rows;
    memcpy(&rows, table + 32, sizeof rows);
    return rows;
}

#define TARGET __attribute__((target("gfni,avx2")))
#define NAME(x) gfni_##x
#define VECTOR __m256i
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define ZERO _mm256_setzero_si256()
#define XOR(a, b) _mm256_xor_si256(a, b)
#define SOURCE uint64_t
#define PREPARE(table) matrix(table)
#define FACTOR __m256i
#define LOAD_FACTOR(source) _mm256_set1_epi64x((long long)(source))
#define PRODUCT(f, v) _mm256_gf2p8affine_epi64_epi8(v, f, 0)
#include "gf256_kernel.h"
#endif

#ifdef HAVE_NEON
SHUFFLE_FACTOR(neon_factor, uint8x16_t);
#define TARGET
#define NAME(x) neon_##x
#define VECTOR uint8x16_t
#define LOAD(p) vld1q_u8(p)
#define STORE(p, v) vst1q_u8(p, v)
#define ZERO vdupq_n_u8(0)
#define XOR(a, b) veorq_u8(a, b)
#define SOURCE const uint8_t *
#define PREPARE(table) (table)
#define FACTOR neon_factor
#define LOAD_FACTOR(table) {LOAD(table), LOAD((table) + 16)}
#define LOW(v) vandq_u8(v, vdupq_n_u8(15))
#define HIGH(v) vshrq_n_u8(v, 4)
#define PRODUCT(f, v) XOR(vqtbl1q_u8(f.low, LOW(v)), vqtbl1q_u8(f.high, HIGH(v)))
#include "gf256_kernel.h"
#undef LOW
#undef HIGH
#endif

int kcp_gf_available(int kernel)
{
    switch (kernel) {
    case KCP_PORTABLE:
        return 1;
#ifdef HAVE_X86
    case KCP_SSSE3:
        return __builtin_cpu_supports("ssse3") != 0;
    case KCP_AVX2:
        return __builtin_cpu_supports("avx2") != 0;
#endif
#ifdef HAVE_GFNI
    case KCP_GFNI:
        return __builtin_cpu_supports("gfni") && __builtin_cpu_supports("avx2");
#endif
#ifdef HAVE_NEON
    case KCP_NEON:
        return 1;
#endif
    default:
        return 0;
    }
}

/* What the kernels take at once, bytes; a shorter shard is left to portable code. */
#define WIDEST 32

void kcp_gf_combine(int kernel, const uint8_t *tables, const uint8_t *factors, size_t rows,
                    size_t columns, const uint8_t *shards, size_t length, uint8_t *sums)
{
    if (length < WIDEST || columns > MOST_COLUMNS)
        kernel = KCP_PORTABLE;
    switch (kernel) {
#ifdef HAVE_X86
    case KCP_SSSE3:
        ssse3_combine(tables, factors, rows, columns, shards, length, sums);
        return;
    case KCP_AVX2:
        avx2_combine(tables, factors, rows, columns, shards, length, sums);
        return;
#endif
#ifdef HAVE_GFNI
    case KCP_GFNI:
        gfni_combine(tables, factors, rows, columns, shards, length, sums);
        return;
#endif
#ifdef HAVE_NEON
    case KCP_NEON:
        neon_combine(tables, factors, rows, columns, shards, length, sums);
        return;
#endif
    default:
        portable_combine(tables, factors, rows, columns, shards, length, sums);
    }
}
