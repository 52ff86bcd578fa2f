// Differences of unsigned integers of BITS bits. Included by delta.c once for each width; defines functions that
// end in it.

#define U MR_JOIN3(uint, BITS, _t)
#define OF_WIDTH(function) MR_JOIN(function, BITS)

INLINE U OF_WIDTH(load)(const uint8_t *p) {
    U u;
    memcpy(&u, p, sizeof u);
    return u;
}

INLINE U OF_WIDTH(sign_mask)(U u) { return (U)(0 - (u >> (BITS - 1))); }

// Small differences of either sign become small numbers: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
INLINE U OF_WIDTH(zigzag)(U u) { return (U)((U)(u << 1) ^ OF_WIDTH(sign_mask)(u)); }

INLINE U OF_WIDTH(unzigzag)(U u) { return (U)((u >> 1) ^ (U)(0 - (u & 1))); }

INLINE void OF_WIDTH(integer_delta)(const uint8_t *chunk, const uint8_t *base, size_t count, uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        U u = (U)(OF_WIDTH(load)(chunk + i * sizeof u) - OF_WIDTH(load)(base + i * sizeof u));
        u = OF_WIDTH(zigzag)(u);
        memcpy(out + i * sizeof u, &u, sizeof u);
    }
}

INLINE void OF_WIDTH(integer_undelta)(const uint8_t *in, const uint8_t *base, size_t count, uint8_t *chunk) {
    for (size_t i = 0; i < count; i++) {
        U u = OF_WIDTH(unzigzag)(OF_WIDTH(load)(in + i * sizeof u));
        u = (U)(u + OF_WIDTH(load)(base + i * sizeof u));
        memcpy(chunk + i * sizeof u, &u, sizeof u);
    }
}

// From sign and magnitude to two's complement, or back.
INLINE U OF_WIDTH(fold)(U u) { return (U)(u ^ (OF_WIDTH(sign_mask)(u) >> 1)); }

INLINE void OF_WIDTH(float_delta)(const uint8_t *chunk, const uint8_t *base, size_t count, U *out) {
    for (size_t i = 0; i < count; i++) {
        U u = OF_WIDTH(fold)(OF_WIDTH(load)(chunk + i * sizeof u));
        out[i] = OF_WIDTH(zigzag)((U)(u - OF_WIDTH(fold)(OF_WIDTH(load)(base + i * sizeof u))));
    }
}

INLINE void OF_WIDTH(float_undelta)(const U *in, const uint8_t *base, size_t count, uint8_t *chunk) {
    for (size_t i = 0; i < count; i++) {
        U u = OF_WIDTH(fold)(OF_WIDTH(load)(base + i * sizeof u));
        u = OF_WIDTH(fold)((U)(u + OF_WIDTH(unzigzag)(in[i])));
        memcpy(chunk + i * sizeof u, &u, sizeof u);
    }
}

#undef U
#undef OF_WIDTH
