/*
 * The header of kcp-go's ciphers that do not authenticate: nonce and CRC-32.
 *
 * The checksum is the remainder of the packet as a polynomial. Where the processor multiplies
 * polynomials, four vectors at a time are folded onto those 64 bytes further on; a table takes the
 * last 16 bytes, short packets, and everything on other processors.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "accelerator.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define HAVE_X86 1
#include <immintrin.h>
#endif

#define NONCE 16
#define HEADER 20

/* Bytes that one step of the table takes. */
#define SLICES 8

static uint32_t tables[SLICES][256];

void kcp_checked_prepare(void)
{
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        tables[0][value] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++)
        for (int value = 0; value < 256; value++) {
            uint32_t before = tables[slice - 1][value];
            tables[slice][value] = before >> 8 ^ tables[0][before & 255];
        }
}

static uint32_t table_crc(uint32_t crc, const uint8_t *in, size_t length)
{
    for (; length >= SLICES; in += SLICES, length -= SLICES) {
        uint32_t next = 0;
        for (int i = 0; i < 4; i++)
            next ^= tables[7 - i][in[i] ^ (crc >> 8 * i & 255)] ^ tables[3 - i][in[4 + i]];
        crc = next;
    }
    for (; length; in++, length--)
        crc = crc >> 8 ^ tables[0][(crc ^ *in) & 255];
    return crc;
}

#ifdef HAVE_X86
#define TARGET __attribute__((target("pclmul,sse4.1")))
#define VECTOR 16

TARGET static inline __m128i load(const uint8_t *in)
{
    return _mm_loadu_si128((const __m128i *)in);
}

TARGET static inline __m128i fold(__m128i sum, __m128i distance, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(sum, distance, 0x00);
    __m128i high = _mm_clmulepi64_si128(sum, distance, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* length: at least four vectors. */
TARGET static uint32_t folded_crc(uint32_t crc, const uint8_t *in, size_t length)
{
    /* Powers of x modulo the polynomial, for 64 and for 16 bytes, bits reversed. */
    const __m128i far = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i near = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    uint8_t rest[VECTOR];
    __m128i sums[4];
    for (int i = 0; i < 4; i++)
        sums[i] = load(in + VECTOR * i);
    sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)crc));
    for (in += 64, length -= 64; length >= 64; in += 64, length -= 64)
        for (int i = 0; i < 4; i++)
            sums[i] = fold(sums[i], far, load(in + VECTOR * i));
    __m128i sum = sums[0];
    for (int i = 1; i < 4; i++)
        sum = fold(sum, near, sums[i]);
    for (; length >= VECTOR; in += VECTOR, length -= VECTOR)
        sum = fold(sum, near, load(in));
    _mm_storeu_si128((__m128i *)rest, sum);
    return table_crc(table_crc(0, rest, VECTOR), in, length);
}
#endif

static uint32_t crc32(const uint8_t *in, size_t length)
{
#ifdef HAVE_X86
    if (length >= 64 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
        return ~folded_crc(~0u, in, length);
#endif
    return ~table_crc(~0u, in, length);
}

static void little_store(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static size_t padded(size_t length, size_t block)
{
    return (length + block - 1) / block * block;
}

void kcp_checked_frame(const uint8_t *nonces, const uint8_t *in, const uint32_t *lengths,
                       size_t count, size_t block, uint8_t *out)
{
    for (size_t packet = 0; packet < count; packet++) {
        size_t length = lengths[packet] - HEADER, whole = padded(lengths[packet], block);
        memcpy(out, nonces + NONCE * packet, NONCE);
        little_store(out + NONCE, crc32(in, length));
        memcpy(out + HEADER, in, length);
        memset(out + HEADER + length, 0, whole - HEADER - length);
        in += length;
        out += whole;
    }
}

void kcp_checked_verify(const uint8_t *in, const uint32_t *lengths, size_t count, size_t block,
                        uint8_t *valid)
{
    for (size_t packet = 0; packet < count; packet++) {
        size_t length = lengths[packet];
        valid[packet] = 0;
        if (length >= HEADER) {
            uint8_t crc[4];
            little_store(crc, crc32(in + HEADER, length - HEADER));
            valid[packet] = !memcmp(crc, in + NONCE, sizeof crc);
        }
        in += padded(length, block);
    }
}
