/*
 * One vector kernel of gf256.c, which includes this once for each instruction set, with the
 * macros undefined at the end set to it.
 */

/* `rows` rows at once, at most 3 so that their sums stay in registers; `wide` vectors, 1 or 2. */
TARGET static inline __attribute__((always_inline)) void
NAME(columns)(int rows, int wide, const uint8_t *nibbles, const uint8_t *factors, size_t columns,
              const uint8_t *shards, size_t length, size_t at, uint8_t *sums)
{
    VECTOR total[3][2];
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < wide; i++)
            total[row][i] = ZERO;
    for (size_t column = 0; column < columns; column++) {
        VECTOR low[2], high[2];
        for (int i = 0; i < wide; i++) {
            VECTOR value = LOAD(shards + column * length + at + i * sizeof(VECTOR));
            low[i] = LOW(value);
            high[i] = HIGH(value);
        }
        for (int row = 0; row < rows; row++) {
            const uint8_t *table = nibbles + TABLE * (size_t)factors[row * columns + column];
            VECTOR lows = LOAD_TABLE(table), highs = LOAD_TABLE(table + 16);
            for (int i = 0; i < wide; i++)
                total[row][i] =
                    XOR(total[row][i], XOR(LOOKUP(lows, low[i]), LOOKUP(highs, high[i])));
        }
    }
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < wide; i++)
            STORE(sums + row * length + at + i * sizeof(VECTOR), total[row][i]);
}

TARGET static inline __attribute__((always_inline)) void
NAME(rows)(int rows, const uint8_t *nibbles, const uint8_t *factors, size_t columns,
           const uint8_t *shards, size_t length, uint8_t *sums)
{
    size_t at = 0;
    for (; at + 2 * sizeof(VECTOR) <= length; at += 2 * sizeof(VECTOR))
        NAME(columns)(rows, 2, nibbles, factors, columns, shards, length, at, sums);
    if (at + sizeof(VECTOR) <= length) {
        NAME(columns)(rows, 1, nibbles, factors, columns, shards, length, at, sums);
        at += sizeof(VECTOR);
    }
    /* The rest once more together with what is before it: the sums only come out again. */
    if (at < length)
        NAME(columns)(rows, 1, nibbles, factors, columns, shards, length, length - sizeof(VECTOR),
                      sums);
}

TARGET static void NAME(combine)(const uint8_t *nibbles, const uint8_t *factors, size_t rows,
                                 size_t columns, const uint8_t *shards, size_t length,
                                 uint8_t *sums)
{
    if (length < sizeof(VECTOR)) {
        portable_combine(nibbles, factors, rows, columns, shards, length, sums);
        return;
    }
    while (rows) {
        size_t some = rows < 3 ? rows : 3;
        switch (some) {
        case 1:
            NAME(rows)(1, nibbles, factors, columns, shards, length, sums);
            break;
        case 2:
            NAME(rows)(2, nibbles, factors, columns, shards, length, sums);
            break;
        default:
            NAME(rows)(3, nibbles, factors, columns, shards, length, sums);
        }
        rows -= some;
        factors += some * columns;
        sums += some * length;
    }
}

#undef TARGET
#undef NAME
#undef VECTOR
#undef LOAD
#undef STORE
#undef LOAD_TABLE
#undef ZERO
#undef XOR
#undef LOW
#undef HIGH
#undef LOOKUP
