/*
 * CFB with TEA, XTEA and Twofish.
 *
 * Encryption is one chain, each block waiting for the one before it. Decryption is not: the
 * ciphers with 64-bit blocks take several of them side by side, in loops that compilers turn into
 * vector instructions.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "accelerator.h"

#define INLINE static inline
#define ROL(x, n) ((uint32_t)(x) << (n) | (uint32_t)(x) >> (32 - (n)))
#define ROR(x, n) ((uint32_t)(x) >> (n) | (uint32_t)(x) << (32 - (n)))

/* Blocks of 64 bits that are worked on side by side. */
#define SIDE 8

INLINE uint32_t big_load(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

INLINE void big_store(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

INLINE uint32_t little_load(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

INLINE void little_store(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

/* TEA, 8 cycles. schedule: the four words of the key. */
#define TEA_ROUNDS(COUNT)                                                                          \
    uint32_t k0 = schedule[0], k1 = schedule[1], k2 = schedule[2], k3 = schedule[3], sum = 0;      \
    for (int cycle = 0; cycle < 8; cycle++) {                                                      \
        sum += 0x9e3779b9u;                                                                        \
        for (int i = 0; i < COUNT; i++)                                                            \
            v0[i] += ((v1[i] << 4) + k0) ^ (v1[i] + sum) ^ ((v1[i] >> 5) + k1);                    \
        for (int i = 0; i < COUNT; i++)                                                            \
            v1[i] += ((v0[i] << 4) + k2) ^ (v0[i] + sum) ^ ((v0[i] >> 5) + k3);                    \
    }

/* XTEA, 32 cycles. schedule: what each of the 64 half cycles adds. */
#define XTEA_ROUNDS(COUNT)                                                                         \
    for (int cycle = 0; cycle < 32; cycle++) {                                                     \
        for (int i = 0; i < COUNT; i++)                                                            \
            v0[i] += (((v1[i] << 4) ^ (v1[i] >> 5)) + v1[i]) ^ schedule[2 * cycle];                \
        for (int i = 0; i < COUNT; i++)                                                            \
            v1[i] += (((v0[i] << 4) ^ (v0[i] >> 5)) + v0[i]) ^ schedule[2 * cycle + 1];            \
    }

INLINE void tea_one(const uint32_t *schedule, uint32_t *v0, uint32_t *v1)
{
    TEA_ROUNDS(1)
}

INLINE void tea_many(const uint32_t *schedule, uint32_t *v0, uint32_t *v1)
{
    TEA_ROUNDS(SIDE)
}

INLINE void xtea_one(const uint32_t *schedule, uint32_t *v0, uint32_t *v1)
{
    XTEA_ROUNDS(1)
}

INLINE void xtea_many(const uint32_t *schedule, uint32_t *v0, uint32_t *v1)
{
    XTEA_ROUNDS(SIDE)
}

#define CFB_64(NAME)                                                                               \
    static void NAME##_encrypt(const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,        \
                               size_t length, uint8_t *out)                                        \
    {                                                                                              \
        uint32_t v0 = big_load(iv), v1 = big_load(iv + 4);                                   \
        for (size_t at = 0; at < length; at += 8) {                                                \
            NAME##_one(schedule, &v0, &v1);                                                        \
            v0 ^= big_load(in + at);                                                               \
            v1 ^= big_load(in + at + 4);                                                           \
            big_store(out + at, v0);                                                               \
            big_store(out + at + 4, v1);                                                           \
        }                                                                                          \
    }                                                                                              \
    static void NAME##_decrypt(const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,        \
                               size_t length, uint8_t *out)                                        \
    {                                                                                              \
        uint32_t v0[SIDE + 1], v1[SIDE + 1];                                                       \
        uint32_t next0 = big_load(iv), next1 = big_load(iv + 4);                             \
        while (length) {                                                                           \
            size_t blocks = length / 8 < SIDE ? length / 8 : SIDE;                                 \
            v0[0] = next0;                                                                         \
            v1[0] = next1;                                                                         \
            for (size_t i = 1; i <= blocks; i++) {                                                 \
                v0[i] = big_load(in + 8 * i - 8);                                                  \
                v1[i] = big_load(in + 8 * i - 4);                                                  \
            }                                                                                      \
            next0 = v0[blocks];                                                                    \
            next1 = v1[blocks];                                                                    \
            if (blocks == SIDE)                                                                    \
                NAME##_many(schedule, v0, v1);                                                     \
            else                                                                                   \
                for (size_t i = 0; i < blocks; i++)                                                \
                    NAME##_one(schedule, v0 + i, v1 + i);                                          \
            for (size_t i = 0; i < blocks; i++) {                                                  \
                big_store(out + 8 * i, v0[i] ^ big_load(in + 8 * i));                              \
                big_store(out + 8 * i + 4, v1[i] ^ big_load(in + 8 * i + 4));                      \
            }                                                                                      \
            in += 8 * blocks;                                                                      \
            out += 8 * blocks;                                                                     \
            length -= 8 * blocks;                                                                  \
        }                                                                                          \
    }

CFB_64(tea)
CFB_64(xtea)

/* Twofish. schedule: 40 subkeys, then four tables of 256 words: S-box and MDS column together. */
INLINE void twofish_one(const uint32_t *schedule, uint32_t x[4])
{
    const uint32_t *keys = schedule, *t0 = schedule + 40;
    const uint32_t *t1 = t0 + 256, *t2 = t1 + 256, *t3 = t2 + 256;
    uint32_t a = x[0] ^ keys[0], b = x[1] ^ keys[1], c = x[2] ^ keys[2], d = x[3] ^ keys[3];

#define G0(v) (t0[(v) & 255] ^ t1[(v) >> 8 & 255] ^ t2[(v) >> 16 & 255] ^ t3[(v) >> 24])
#define G1(v) (t1[(v) & 255] ^ t2[(v) >> 8 & 255] ^ t3[(v) >> 16 & 255] ^ t0[(v) >> 24])
#define ROUND(a, b, c, d, k)                                                                       \
    {                                                                                              \
        uint32_t first = G0(a), second = G1(b);                                                    \
        c = ROR(c ^ (first + second + (k)[0]), 1);                                                 \
        d = ROL(d, 1) ^ (first + 2 * second + (k)[1]);                                             \
    }
    for (int round = 0; round < 16; round += 2) {
        ROUND(a, b, c, d, keys + 8 + 2 * round)
        ROUND(c, d, a, b, keys + 10 + 2 * round)
    }
    x[0] = c ^ keys[4];
    x[1] = d ^ keys[5];
    x[2] = a ^ keys[6];
    x[3] = b ^ keys[7];
}

static void twofish_encrypt(const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,
                            size_t length, uint8_t *out)
{
    uint32_t x[4];
    for (int i = 0; i < 4; i++)
        x[i] = little_load(iv + 4 * i);
    for (size_t at = 0; at < length; at += 16) {
        twofish_one(schedule, x);
        for (int i = 0; i < 4; i++) {
            x[i] ^= little_load(in + at + 4 * i);
            little_store(out + at + 4 * i, x[i]);
        }
    }
}

static void twofish_decrypt(const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,
                            size_t length, uint8_t *out)
{
    const uint8_t *before = iv;
    for (size_t at = 0; at < length; at += 16) {
        uint32_t x[4];
        for (int i = 0; i < 4; i++)
            x[i] = little_load(before + 4 * i);
        twofish_one(schedule, x);
        for (int i = 0; i < 4; i++)
            little_store(out + at + 4 * i, x[i] ^ little_load(in + at + 4 * i));
        before = in + at;
    }
}

void kcp_cfb_encrypt(int cipher, const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,
                     size_t length, uint8_t *out)
{
    switch (cipher) {
    case KCP_TEA:
        tea_encrypt(schedule, iv, in, length, out);
        break;
    case KCP_XTEA:
        xtea_encrypt(schedule, iv, in, length, out);
        break;
    case KCP_TWOFISH:
        twofish_encrypt(schedule, iv, in, length, out);
        break;
    }
}

void kcp_cfb_decrypt(int cipher, const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,
                     size_t length, uint8_t *out)
{
    switch (cipher) {
    case KCP_TEA:
        tea_decrypt(schedule, iv, in, length, out);
        break;
    case KCP_XTEA:
        xtea_decrypt(schedule, iv, in, length, out);
        break;
    case KCP_TWOFISH:
        twofish_decrypt(schedule, iv, in, length, out);
        break;
    }
}
