// Sorting of differences by the exponent of the base. Included by delta.c once for each format of floats, which has
// a NAME, BITS, MANTISSA_WIDTH and EXPONENT_WIDTH; defines functions that end in its name.
//
// A block from each quarter of the chunk is moved to or from its classes, written by hand four at a time: each move
// needs the position that the one before it left, but only in its own quarter.

#define U MR_JOIN3(uint, BITS, _t)
#define OF_WIDTH(function) MR_JOIN(function, BITS)
#define OF_FORMAT(function) MR_JOIN3(function, _, NAME)

INLINE size_t OF_FORMAT(exponent)(U u) {
    return (size_t)(u >> MANTISSA_WIDTH) & (((size_t)1 << EXPONENT_WIDTH) - 1);
}

INLINE size_t OF_FORMAT(exponent_at)(const uint8_t *base, size_t i) {
    return OF_FORMAT(exponent)(OF_WIDTH(load)(base + i * (BITS / 8)));
}

static void OF_FORMAT(classify)(const uint8_t *base, size_t count, mr_delta_classes *classes) {
    exponent_counts counts;
    for (int quarter = 0; quarter < 4; quarter++)
        memset(counts[quarter], 0, sizeof(uint32_t) << EXPONENT_WIDTH);
    size_t quarter = count / 4;
    for (size_t i = 0; i < quarter; i++) {
        counts[0][OF_FORMAT(exponent_at)(base, i)]++;
        counts[1][OF_FORMAT(exponent_at)(base, quarter + i)]++;
        counts[2][OF_FORMAT(exponent_at)(base, 2 * quarter + i)]++;
        counts[3][OF_FORMAT(exponent_at)(base, 3 * quarter + i)]++;
    }
    for (size_t i = 4 * quarter; i < count; i++) counts[3][OF_FORMAT(exponent_at)(base, i)]++;
    make_classes(counts, (size_t)1 << EXPONENT_WIDTH, count, classes);
}

INLINE U *OF_FORMAT(place)(
    U *sorted, uint32_t *positions, const uint8_t *class_of, const uint8_t *base, size_t i) {
    return sorted + positions[class_of[OF_FORMAT(exponent_at)(base, i)]]++;
}

INLINE void OF_FORMAT(float_delta)(
    const uint8_t *chunk, const uint8_t *base, size_t count, const mr_delta_classes *classes,
    void *differences) {
    U *sorted = differences;
    const uint8_t *class_of = classes->class_of_exponent;
    uint32_t next[4][MR_DELTA_CLASS_LIMIT];
    memcpy(next, classes->positions, sizeof next);
    U block[4][BLOCK];
    size_t quarter = count / 4;
    for (size_t start = 0; start < quarter; start += BLOCK) {
        size_t n = quarter - start < BLOCK ? quarter - start : BLOCK;
        const uint8_t *b[4];
        for (size_t q = 0; q < 4; q++) {
            size_t offset = (q * quarter + start) * (BITS / 8);
            b[q] = base + offset;
            OF_WIDTH(float_delta)(chunk + offset, b[q], n, block[q]);
        }
        for (size_t i = 0; i < n; i++) {
            *OF_FORMAT(place)(sorted, next[0], class_of, b[0], i) = block[0][i];
            *OF_FORMAT(place)(sorted, next[1], class_of, b[1], i) = block[1][i];
            *OF_FORMAT(place)(sorted, next[2], class_of, b[2], i) = block[2][i];
            *OF_FORMAT(place)(sorted, next[3], class_of, b[3], i) = block[3][i];
        }
    }
    for (size_t i = 4 * quarter; i < count; i++) {
        OF_WIDTH(float_delta)(chunk + i * (BITS / 8), base + i * (BITS / 8), 1, block[0]);
        *OF_FORMAT(place)(sorted, next[3], class_of, base, i) = block[0][0];
    }
}

INLINE void OF_FORMAT(float_undelta)(
    const void *differences, const uint8_t *base, size_t count, const mr_delta_classes *classes,
    uint8_t *chunk) {
    U *sorted = (U *)differences;
    const uint8_t *class_of = classes->class_of_exponent;
    uint32_t next[4][MR_DELTA_CLASS_LIMIT];
    memcpy(next, classes->positions, sizeof next);
    U block[4][BLOCK];
    size_t quarter = count / 4;
    for (size_t start = 0; start < quarter; start += BLOCK) {
        size_t n = quarter - start < BLOCK ? quarter - start : BLOCK;
        const uint8_t *b[4];
        for (size_t q = 0; q < 4; q++) b[q] = base + (q * quarter + start) * (BITS / 8);
        for (size_t i = 0; i < n; i++) {
            block[0][i] = *OF_FORMAT(place)(sorted, next[0], class_of, b[0], i);
            block[1][i] = *OF_FORMAT(place)(sorted, next[1], class_of, b[1], i);
            block[2][i] = *OF_FORMAT(place)(sorted, next[2], class_of, b[2], i);
            block[3][i] = *OF_FORMAT(place)(sorted, next[3], class_of, b[3], i);
        }
        for (size_t q = 0; q < 4; q++)
            OF_WIDTH(float_undelta)(block[q], b[q], n, chunk + (q * quarter + start) * (BITS / 8));
    }
    for (size_t i = 4 * quarter; i < count; i++) {
        block[0][0] = *OF_FORMAT(place)(sorted, next[3], class_of, base, i);
        OF_WIDTH(float_undelta)(block[0], base + i * (BITS / 8), 1, chunk + i * (BITS / 8));
    }
}

#undef U
#undef OF_WIDTH
#undef OF_FORMAT
#undef NAME
#undef BITS
#undef MANTISSA_WIDTH
#undef EXPONENT_WIDTH
