/*
 * Salsa20/20, several blocks of the key stream side by side.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "accelerator.h"

#define BLOCK 64
#define NONCE 8

/* One word of several blocks. */
#if defined(__GNUC__)
#define SIDE 4
typedef uint32_t words __attribute__((vector_size(4 * SIDE)));
#define WORD(v, block) ((v)[block])
#define ALL(value) ((words){0} + (value))
#define COUNTING ((words){0, 1, 2, 3})
#else
#define SIDE 1
typedef uint32_t words;
#define WORD(v, block) (v)
#define ALL(value) (value)
#define COUNTING 0
#endif

#define ROL(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d)                                                                        \
    b ^= ROL(a + d, 7);                                                                            \
    c ^= ROL(b + a, 9);                                                                            \
    d ^= ROL(c + b, 13);                                                                           \
    a ^= ROL(d + c, 18);

static inline uint32_t load(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline void store(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

/* SIDE blocks of key stream from block `counter` on. */
static void generate(const uint32_t *key, uint32_t nonce0, uint32_t nonce1, uint32_t counter,
                     uint8_t *stream)
{
    words start[16] = {
        ALL(0x61707865), ALL(key[0]), ALL(key[1]), ALL(key[2]),
        ALL(key[3]), ALL(0x3320646e), ALL(nonce0), ALL(nonce1),
        COUNTING + counter, ALL(0), ALL(0x79622d32), ALL(key[4]),
        ALL(key[5]), ALL(key[6]), ALL(key[7]), ALL(0x6b206574),
    };
    words x[16];
    memcpy(x, start, sizeof x);
    for (int round = 0; round < 20; round += 2) {
        QUARTER(x[0], x[4], x[8], x[12])
        QUARTER(x[5], x[9], x[13], x[1])
        QUARTER(x[10], x[14], x[2], x[6])
        QUARTER(x[15], x[3], x[7], x[11])
        QUARTER(x[0], x[1], x[2], x[3])
        QUARTER(x[5], x[6], x[7], x[4])
        QUARTER(x[10], x[11], x[8], x[9])
        QUARTER(x[15], x[12], x[13], x[14])
    }
    for (int word = 0; word < 16; word++) {
        x[word] += start[word];
        for (int block = 0; block < SIDE; block++)
            store(stream + BLOCK * block + 4 * word, WORD(x[word], block));
    }
}

static void packet(const uint32_t *key, const uint8_t *in, size_t length, uint8_t *out)
{
    uint8_t stream[BLOCK * SIDE];
    size_t at = length < NONCE ? length : NONCE;
    memcpy(out, in, at);
    for (uint32_t counter = 0; at < length; counter += SIDE) {
        size_t some = length - at < sizeof stream ? length - at : sizeof stream;
        generate(key, load(in), load(in + 4), counter, stream);
        for (size_t i = 0; i < some; i++)
            out[at + i] = in[at + i] ^ stream[i];
        at += some;
    }
}

void kcp_salsa20(const uint32_t *key, const uint8_t *in, const uint32_t *lengths, size_t count,
                 uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        packet(key, in, lengths[i], out);
        in += lengths[i];
        out += lengths[i];
    }
}
