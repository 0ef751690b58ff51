/*
 * The functions of the accelerator for Python. cffi reads this file too, so it holds only plain
 * declarations.
 */

/* Increased with every change below, so that an older library is not used. */
enum { KCP_INTERFACE = 3 };

/* GF(2^8): the kernels, and whether this processor can run one. */
enum { KCP_PORTABLE, KCP_SSSE3, KCP_AVX2, KCP_GFNI, KCP_NEON, KCP_KERNELS };
int kcp_gf_available(int kernel);

/*
 * sums[r] = factors[r][0] * shards[0] + factors[r][1] * shards[1] + ... for each row r.
 *
 * tables: for each factor the products with 0..15, then those with 0x00, 0x10, .. 0xf0, then 8
 * bytes, of which byte 7 - i holds, for each bit j, bit i of the product with 2^j.
 * shards: `columns` shards, joined, `length` bytes each; sums: `rows` sums, likewise.
 */
void kcp_gf_combine(int kernel, const uint8_t *tables, const uint8_t *factors, size_t rows,
                    size_t columns, const uint8_t *shards, size_t length, uint8_t *sums);

/*
 * CFB over `length` bytes, a whole number of blocks. schedule: the key schedule that the cipher's
 * module in Python computes. iv: the block before the first block of ciphertext.
 */
enum { KCP_TEA, KCP_XTEA, KCP_TWOFISH };
void kcp_cfb_encrypt(int cipher, const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,
                     size_t length, uint8_t *out);
void kcp_cfb_decrypt(int cipher, const uint32_t *schedule, const uint8_t *iv, const uint8_t *in,
                     size_t length, uint8_t *out);

/*
 * Salsa20/20 over `count` packets, joined: the first 8 bytes of each are its nonce and are not
 * changed, the rest is XORed with the key stream from block 0 on.
 */
void kcp_salsa20(const uint32_t *key, const uint8_t *in, const uint32_t *lengths, size_t count,
                 uint8_t *out);

/* XOR of each of `count` packets, joined, with the beginning of the mask. */
void kcp_xor(const uint8_t *mask, const uint8_t *in, const uint32_t *lengths, size_t count,
             uint8_t *out);

/*
 * Nonce and CRC-32 of kcp-go's ciphers that do not authenticate. Call kcp_checked_prepare once,
 * before the first use.
 *
 * There are `count` packets, joined, each padded with zeros to whole blocks; `lengths` are the
 * lengths of the packets without padding.
 *
 * frame: makes packets of their payloads, joined, and of nonces, joined. Each length is at least
 * that of the header.
 * verify: sets for each packet whether it has a header with the right checksum.
 */
void kcp_checked_prepare(void);
void kcp_checked_frame(const uint8_t *nonces, const uint8_t *in, const uint32_t *lengths,
                       size_t count, size_t block, uint8_t *out);
void kcp_checked_verify(const uint8_t *in, const uint32_t *lengths, size_t count, size_t block,
                        uint8_t *valid);
