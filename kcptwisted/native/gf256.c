/*
 * Multiply-add of whole shards in GF(2^8).
 *
 * A product with a constant is two look-ups in tables of 16, one for each half of the byte: just
 * what the byte shuffles of SSSE3, AVX2 and NEON do for a whole vector at once.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "accelerator.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define HAVE_X86 1
#include <immintrin.h>
#elif defined(__GNUC__) && defined(__aarch64__)
#define HAVE_NEON 1
#include <arm_neon.h>
#endif

/* Bytes of `nibbles` that belong to one factor. */
#define TABLE 32

static void portable_row(const uint8_t *nibbles, const uint8_t *factors, size_t columns,
                         const uint8_t *shards, size_t length, uint8_t *sum)
{
    uint8_t products[256];
    memset(sum, 0, length);
    for (size_t column = 0; column < columns; column++, shards += length) {
        const uint8_t *table = nibbles + TABLE * (size_t)factors[column];
        for (int value = 0; value < 256; value++)
            products[value] = table[value & 15] ^ table[16 + (value >> 4)];
        for (size_t i = 0; i < length; i++)
            sum[i] ^= products[shards[i]];
    }
}

static void portable_combine(const uint8_t *nibbles, const uint8_t *factors, size_t rows,
                             size_t columns, const uint8_t *shards, size_t length, uint8_t *sums)
{
    for (size_t row = 0; row < rows; row++)
        portable_row(nibbles, factors + row * columns, columns, shards, length,
                     sums + row * length);
}

#ifdef HAVE_X86
#define TARGET __attribute__((target("ssse3")))
#define NAME(x) ssse3_##x
#define VECTOR __m128i
#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define LOAD_TABLE(p) LOAD(p)
#define ZERO _mm_setzero_si128()
#define XOR(a, b) _mm_xor_si128(a, b)
#define LOW(v) _mm_and_si128(v, _mm_set1_epi8(15))
#define HIGH(v) _mm_and_si128(_mm_srli_epi64(v, 4), _mm_set1_epi8(15))
#define LOOKUP(table, v) _mm_shuffle_epi8(table, v)
#include "gf256_kernel.h"

#define TARGET __attribute__((target("avx2")))
#define NAME(x) avx2_##x
#define VECTOR __m256i
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define LOAD_TABLE(p) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p)))
#define ZERO _mm256_setzero_si256()
#define XOR(a, b) _mm256_xor_si256(a, b)
#define LOW(v) _mm256_and_si256(v, _mm256_set1_epi8(15))
#define HIGH(v) _mm256_and_si256(_mm256_srli_epi64(v, 4), _mm256_set1_epi8(15))
#define LOOKUP(table, v) _mm256_shuffle_epi8(table, v)
#include "gf256_kernel.h"
#endif

#ifdef HAVE_NEON
#define TARGET
#define NAME(x) neon_##x
#define VECTOR uint8x16_t
#define LOAD(p) vld1q_u8(p)
#define STORE(p, v) vst1q_u8(p, v)
#define LOAD_TABLE(p) LOAD(p)
#define ZERO vdupq_n_u8(0)
#define XOR(a, b) veorq_u8(a, b)
#define LOW(v) vandq_u8(v, vdupq_n_u8(15))
#define HIGH(v) vshrq_n_u8(v, 4)
#define LOOKUP(table, v) vqtbl1q_u8(table, v)
#include "gf256_kernel.h"
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
#ifdef HAVE_NEON
    case KCP_NEON:
        return 1;
#endif
    default:
        return 0;
    }
}

void kcp_gf_combine(int kernel, const uint8_t *nibbles, const uint8_t *factors, size_t rows,
                    size_t columns, const uint8_t *shards, size_t length, uint8_t *sums)
{
    switch (kernel) {
#ifdef HAVE_X86
    case KCP_SSSE3:
        ssse3_combine(nibbles, factors, rows, columns, shards, length, sums);
        return;
    case KCP_AVX2:
        avx2_combine(nibbles, factors, rows, columns, shards, length, sums);
        return;
#endif
#ifdef HAVE_NEON
    case KCP_NEON:
        neon_combine(nibbles, factors, rows, columns, shards, length, sums);
        return;
#endif
    default:
        portable_combine(nibbles, factors, rows, columns, shards, length, sums);
    }
}
