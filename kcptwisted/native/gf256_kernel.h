/*
 * One vector kernel of gf256.c, which includes this once for each instruction set, with the
 * macros undefined at the end set to it.
 */

/* `rows` rows at once, at most 3 so that their sums stay in registers; `wide` vectors, 1 or 2. */
TARGET static inline __attribute__((always_inline)) void
NAME(columns)(int rows, int wide, SOURCE const *sources, size_t columns, const uint8_t *shards,
              size_t length, size_t at, uint8_t *sums)
{
    VECTOR total[3][2];
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < wide; i++)
            total[row][i] = ZERO;
    for (size_t column = 0; column < columns; column++) {
        VECTOR value[2];
        for (int i = 0; i < wide; i++)
            value[i] = LOAD(shards + column * length + at + i * sizeof(VECTOR));
        for (int row = 0; row < rows; row++) {
            FACTOR factor = LOAD_FACTOR(sources[row * columns + column]);
            for (int i = 0; i < wide; i++)
                total[row][i] = XOR(total[row][i], PRODUCT(factor, value[i]));
        }
    }
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < wide; i++)
            STORE(sums + row * length + at + i * sizeof(VECTOR), total[row][i]);
}

TARGET static inline __attribute__((always_inline)) void
NAME(rows)(int rows, SOURCE const *sources, size_t columns, const uint8_t *shards, size_t length,
           uint8_t *sums)
{
    size_t at = 0;
    for (; at + 2 * sizeof(VECTOR) <= length; at += 2 * sizeof(VECTOR))
        NAME(columns)(rows, 2, sources, columns, shards, length, at, sums);
    if (at + sizeof(VECTOR) <= length) {
        NAME(columns)(rows, 1, sources, columns, shards, length, at, sums);
        at += sizeof(VECTOR);
    }
    /* The rest once more together with what is before it: the sums only come out again. */
    if (at < length)
        NAME(columns)(rows, 1, sources, columns, shards, length, length - sizeof(VECTOR), sums);
}

TARGET static void NAME(combine)(const uint8_t *tables, const uint8_t *factors, size_t rows,
                                 size_t columns, const uint8_t *shards, size_t length,
                                 uint8_t *sums)
{
    SOURCE sources[3 * MOST_COLUMNS];
    while (rows) {
        size_t some = rows < 3 ? rows : 3;
        for (size_t i = 0; i < some * columns; i++)
            sources[i] = PREPARE(tables + TABLE * (size_t)factors[i]);
        switch (some) {
        case 1:
            NAME(rows)(1, sources, columns, shards, length, sums);
            break;
        case 2:
            NAME(rows)(2, sources, columns, shards, length, sums);
            break;
        default:
            NAME(rows)(3, sources, columns, shards, length, sums);
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
#undef ZERO
#undef XOR
#undef SOURCE
#undef PREPARE
#undef FACTOR
#undef LOAD_FACTOR
#undef PRODUCT
