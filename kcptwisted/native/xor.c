/*
 * A mask over whole packets.
 */
#include <stddef.h>
#include <stdint.h>

#include "accelerator.h"

/* Apart, with what does not overlap marked as such, so that it becomes vector instructions. */
static void mask_packet(const uint8_t *__restrict mask, const uint8_t *__restrict in, size_t length,
                        uint8_t *__restrict out)
{
    for (size_t i = 0; i < length; i++)
        out[i] = in[i] ^ mask[i];
}

void kcp_xor(const uint8_t *mask, const uint8_t *in, const uint32_t *lengths, size_t count,
             uint8_t *out)
{
    for (size_t packet = 0; packet < count; packet++) {
        mask_packet(mask, in, lengths[packet], out);
        in += lengths[packet];
        out += lengths[packet];
    }
}
