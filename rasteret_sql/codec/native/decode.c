/* From stored blocks to pixels where they are wanted, without Python's lock.

   One call takes one block: it inflates as many rows as are wanted, undoes the predictor in the rows that some
   place wants, and copies those. Anything that is not as it should be (a broken stream, a wrong checksum, a
   length that does not fit) is answered by 0, "not done": the same block then goes through Python, which alone
   decides what is wrong with it. Nothing here allocates memory, and nothing is written outside of `scratch` and
   the places; what the stored bytes say is checked before it is believed. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define PUBLIC __attribute__((visibility("default")))
#else
#define PUBLIC
#endif

/* ------------------------------------------------------------------ libraries of other packages */

/* The fields of ISA-L's `struct inflate_state` (igzip_lib.h) up to the last that is used here; the library
   reads and writes more behind them, for which ISAL_STATE bytes are enough. */
struct isal_state {
    uint8_t *next_out;
    uint32_t avail_out;
    uint32_t total_out;
    uint8_t *next_in;
    uint64_t read_in;
    uint32_t avail_in;
    int32_t read_in_length;
};
enum { ISAL_STATE = 256 << 10, ALIGNED = 64 };

typedef void isal_init_function(struct isal_state *);
typedef int isal_inflate_function(struct isal_state *);
typedef int libdeflate_inflate_function(void *, const void *, size_t, void *, size_t, size_t *);
typedef uint32_t libdeflate_adler32_function(uint32_t, const void *, size_t);

struct libraries {
    isal_init_function *isal_init; /* and isal_inflate: NULL where there is no ISA-L */
    isal_inflate_function *isal_inflate;
    libdeflate_inflate_function *zlib_inflate;
    libdeflate_inflate_function *deflate_inflate;
    libdeflate_adler32_function *adler32;
};

/* ------------------------------------------------------------------ what Python hands over */

enum { STORED = 0, DEFLATE = 1 };
enum { NO_PREDICTOR = 1, HORIZONTAL = 2, FLOATING_POINT = 3 };

struct block {
    const uint8_t *stored;
    int64_t stored_bytes;
    uint8_t *scratch;
    int64_t scratch_bytes;
    void *decompressor;    /* libdeflate's, of this thread alone */
    int32_t compression;
    int32_t width, samples, sample_bytes;
    int32_t predictor;
    int32_t unit_bytes;    /* what the predictor adds: a sample, of complex64 one integer of 64 bits */
    int32_t swapped;       /* units are stored in the other byte order */
    int32_t rows;          /* are wanted, from the first on */
    int32_t most_rows;     /* the block may hold as many */
    int32_t whole;         /* all of it is wanted, so its checksum is compared */
};

/* A rectangle of the block, one sample of its pixels or (sample < 0) all of them, and where it goes. */
struct place {
    uint8_t *to;
    int64_t row_stride;
    int32_t top, bottom, left, right;
    int32_t sample;
    int32_t unused;
};

/* ------------------------------------------------------------------ inflating */

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The header of RFC 1950 2.2, without a preset dictionary, which TIFF does not have. */
static int is_zlib(const uint8_t *p, int64_t n) {
    return n >= 6 && (p[0] & 15) == 8 && (p[0] >> 4) <= 7 && ((p[0] << 8) | p[1]) % 31 == 0 && !(p[1] & 32);
}

/* ISA-L stops exactly where it is to stop, and is the faster one where there is much to decode; what repeats
   itself is libdeflate's. */
static int isal_is_faster(const struct block *b, int64_t size) { return b->stored_bytes * 5 > size; }

static int inflate_isal(const struct libraries *with, const struct block *b, uint8_t *out, int64_t least,
                        int64_t most, struct isal_state *state) {
    int64_t room = b->whole ? most + 1 : least;
    if (b->stored_bytes > INT32_MAX || room > INT32_MAX) return 0;
    with->isal_init(state);
    state->next_in = (uint8_t *)b->stored + 2;
    state->avail_in = (uint32_t)(b->stored_bytes - 2);
    state->next_out = out;
    state->avail_out = (uint32_t)room;
    int failed = with->isal_inflate(state);
    int64_t found = state->total_out;
    if (!b->whole) return found == least && failed >= 0;
    if (failed || found < least || found > most) return 0;
    /* where the stream has ended, its checksum comes next */
    const uint8_t *end = state->next_in, *last = b->stored + b->stored_bytes;
    if (end < b->stored + 2 || end > last || last - end < 4) return 0;
    return big_endian(end) == with->adler32(1, out, (size_t)found);
}

static int inflate_libdeflate(const struct libraries *with, const struct block *b, uint8_t *out, int64_t least,
                              int64_t most, int64_t room) {
    size_t found = 0;
    int failed;
    if (b->whole) {
        failed = with->zlib_inflate(b->decompressor, b->stored, (size_t)b->stored_bytes, out, (size_t)most, &found);
        return !failed && (int64_t)found >= least;
    }
    /* It gives up before a stored block or a match that does not fit: with room for the longest one behind the
       front, the front is there. Without a checksum of its own it must not be taken for whole. */
    failed = with->deflate_inflate(b->decompressor, b->stored + 2, (size_t)b->stored_bytes - 2, out, (size_t)room, &found);
    enum { SHORT_OUTPUT = 2, INSUFFICIENT_SPACE = 3 };
    return failed == INSUFFICIENT_SPACE || (!failed && (int64_t)found >= least);
}

/* ------------------------------------------------------------------ predictors, a row at a time */

typedef uint8_t bytes16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t words8 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint32_t words4 __attribute__((vector_size(16), aligned(1), may_alias));

static void sum_bytes(uint8_t *p, int64_t n) {
    bytes16 carry = {0}, zero = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        bytes16 x = *(bytes16 *)(p + i);
        x += __builtin_shufflevector(x, zero, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
        x += __builtin_shufflevector(x, zero, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
        x += __builtin_shufflevector(x, zero, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        x += __builtin_shufflevector(x, zero, 16, 16, 16, 16, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7);
        x += carry;
        *(bytes16 *)(p + i) = x;
        carry = __builtin_shufflevector(x, x, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15);
    }
    uint8_t last = carry[0];
    for (; i < n; i++) p[i] = last = (uint8_t)(last + p[i]);
}

static void sum_words2(uint8_t *p, int64_t n) {
    words8 carry = {0}, zero = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        words8 x = *(words8 *)(p + 2 * i);
        x += __builtin_shufflevector(x, zero, 8, 0, 1, 2, 3, 4, 5, 6);
        x += __builtin_shufflevector(x, zero, 8, 8, 0, 1, 2, 3, 4, 5);
        x += __builtin_shufflevector(x, zero, 8, 8, 8, 8, 0, 1, 2, 3);
        x += carry;
        *(words8 *)(p + 2 * i) = x;
        carry = __builtin_shufflevector(x, x, 7, 7, 7, 7, 7, 7, 7, 7);
    }
    uint16_t last = carry[0], next;
    for (; i < n; i++) {
        memcpy(&next, p + 2 * i, 2);
        last = (uint16_t)(last + next);
        memcpy(p + 2 * i, &last, 2);
    }
}

static void sum_words4(uint8_t *p, int64_t n) {
    words4 carry = {0}, zero = {0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        words4 x = *(words4 *)(p + 4 * i);
        x += __builtin_shufflevector(x, zero, 4, 0, 1, 2);
        x += __builtin_shufflevector(x, zero, 4, 4, 0, 1);
        x += carry;
        *(words4 *)(p + 4 * i) = x;
        carry = __builtin_shufflevector(x, x, 3, 3, 3, 3);
    }
    uint32_t last = carry[0], next;
    for (; i < n; i++) {
        memcpy(&next, p + 4 * i, 4);
        last += next;
        memcpy(p + 4 * i, &last, 4);
    }
}

/* Adds to each unit the one `step` units before it. */
#define SUM_APART(NAME, TYPE)                                                                                   \
    static void NAME(uint8_t *p, int64_t n, int64_t step) {                                                     \
        TYPE before, here;                                                                                      \
        for (int64_t i = step; i < n; i++) {                                                                    \
            memcpy(&before, p + (i - step) * (int64_t)sizeof(TYPE), sizeof(TYPE));                              \
            memcpy(&here, p + i * (int64_t)sizeof(TYPE), sizeof(TYPE));                                         \
            here = (TYPE)(here + before);                                                                       \
            memcpy(p + i * (int64_t)sizeof(TYPE), &here, sizeof(TYPE));                                         \
        }                                                                                                       \
    }
SUM_APART(sum_bytes_apart, uint8_t)
SUM_APART(sum_words2_apart, uint16_t)
SUM_APART(sum_words4_apart, uint32_t)
SUM_APART(sum_words8_apart, uint64_t)

static void sum_units(uint8_t *p, int64_t n, int64_t step, int32_t unit_bytes) {
    switch (unit_bytes) {
        case 1: step == 1 ? sum_bytes(p, n) : sum_bytes_apart(p, n, step); break;
        case 2: step == 1 ? sum_words2(p, n) : sum_words2_apart(p, n, step); break;
        case 4: step == 1 ? sum_words4(p, n) : sum_words4_apart(p, n, step); break;
        default: sum_words8_apart(p, n, step);
    }
}

static void swap_units(uint8_t *p, int64_t n, int32_t unit_bytes) {
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    for (int64_t i = 0; i < n; i++, p += unit_bytes) {
        switch (unit_bytes) {
            case 2: memcpy(&two, p, 2), two = __builtin_bswap16(two), memcpy(p, &two, 2); break;
            case 4: memcpy(&four, p, 4), four = __builtin_bswap32(four), memcpy(p, &four, 4); break;
            default: memcpy(&eight, p, 8), eight = __builtin_bswap64(eight), memcpy(p, &eight, 8);
        }
    }
}

/* A row of planes, the most significant bytes first, to samples in the byte order of this machine. */
#define GATHER_PLANES(NAME, TYPE)                                                                               \
    static void NAME(const uint8_t *planes, uint8_t *row, int64_t n) {                                          \
        for (int64_t i = 0; i < n; i++) {                                                                       \
            TYPE value = 0;                                                                                     \
            for (size_t k = 0; k < sizeof(TYPE); k++) value = (TYPE)(value << 8 | planes[(int64_t)k * n + i]);  \
            memcpy(row + i * (int64_t)sizeof(TYPE), &value, sizeof(TYPE));                                      \
        }                                                                                                       \
    }
GATHER_PLANES(gather_planes2, uint16_t)
GATHER_PLANES(gather_planes4, uint32_t)
GATHER_PLANES(gather_planes8, uint64_t)

/* ------------------------------------------------------------------ rows to places */

static void copy_sample(const uint8_t *from, uint8_t *to, int64_t n, int64_t step, int32_t sample_bytes) {
    switch (sample_bytes) {
        case 1: for (int64_t i = 0; i < n; i++) to[i] = from[i * step]; break;
        case 2: for (int64_t i = 0; i < n; i++) memcpy(to + 2 * i, from + 2 * i * step, 2); break;
        case 4: for (int64_t i = 0; i < n; i++) memcpy(to + 4 * i, from + 4 * i * step, 4); break;
        default: for (int64_t i = 0; i < n; i++) memcpy(to + 8 * i, from + 8 * i * step, 8);
    }
}

static void copy_row(const struct block *b, const struct place *at, const uint8_t *row, int32_t y) {
    int64_t size = b->sample_bytes, pixel = size * b->samples, columns = at->right - at->left;
    uint8_t *to = at->to + (int64_t)(y - at->top) * at->row_stride;
    const uint8_t *from = row + at->left * pixel;
    if (at->sample < 0 || b->samples == 1) memcpy(to, from, (size_t)(columns * pixel));
    else copy_sample(from + at->sample * size, to, columns, b->samples, b->sample_bytes);
}

static int are_inside(const struct block *b, const struct place *places, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        const struct place *at = places + i;
        if (at->top < 0 || at->top >= at->bottom || at->bottom > b->rows) return 0;
        if (at->left < 0 || at->left >= at->right || at->right > b->width) return 0;
        if (at->sample >= b->samples) return 0;
    }
    return count > 0;
}

static int is_known(const struct block *b) {
    int64_t size = b->sample_bytes, unit = b->unit_bytes;
    if (size != 1 && size != 2 && size != 4 && size != 8) return 0;
    if (unit != 1 && unit != 2 && unit != 4 && unit != 8) return 0;
    if (b->width <= 0 || b->samples <= 0 || b->rows <= 0 || b->rows > b->most_rows || b->stored_bytes < 0) return 0;
    if ((int64_t)b->width * b->samples > INT32_MAX / 8) return 0;
    return b->predictor != FLOATING_POINT || (size > 1 && unit == size);
}

/* 1: all places have their pixels. 0: not done, and what is in the places means nothing. */
PUBLIC int rasteret_decode(const struct libraries *with, const struct block *b, const struct place *places,
                           int32_t count) {
    if (!is_known(b) || !are_inside(b, places, count)) return 0;
    int64_t units = (int64_t)b->width * b->samples * b->sample_bytes / b->unit_bytes;
    int64_t row_bytes = (int64_t)b->width * b->samples * b->sample_bytes;
    int64_t least = b->rows * row_bytes, most = b->most_rows * row_bytes;
    int changes = b->predictor != NO_PREDICTOR || b->swapped;
    const uint8_t *rows = b->stored;
    /* two rows to work in, and what is inflated behind them */
    uint8_t *gathered = b->scratch, *copied = gathered + row_bytes;
    uint8_t *scratch = (uint8_t *)(((uintptr_t)(copied + row_bytes) + ALIGNED - 1) & ~(uintptr_t)(ALIGNED - 1));
    int64_t room = b->scratch_bytes - (scratch - b->scratch);
    if (room < 0) return 0;
    if (b->compression == STORED) {
        if (b->stored_bytes < least || b->stored_bytes > most) return 0;
    } else {
        if (!is_zlib(b->stored, b->stored_bytes)) return 0;
        if (with->isal_inflate && isal_is_faster(b, least)) {
            if (room < ISAL_STATE + (b->whole ? most + 1 : least)) return 0;
            if (!inflate_isal(with, b, scratch + ISAL_STATE, least, most, (struct isal_state *)scratch)) return 0;
            rows = scratch + ISAL_STATE;
        } else {
            if (!b->decompressor || room < (b->whole ? most : least + (64 << 10))) return 0;
            if (!inflate_libdeflate(with, b, scratch, least, most, room)) return 0;
            rows = scratch;
        }
    }
    int32_t top = b->rows, bottom = 0, right = 0;
    for (int32_t i = 0; i < count; i++) {
        if (places[i].top < top) top = places[i].top;
        if (places[i].bottom > bottom) bottom = places[i].bottom;
        if (places[i].right > right) right = places[i].right;
    }
    int64_t wanted_units = (int64_t)right * b->samples * b->sample_bytes / b->unit_bytes;
    for (int32_t y = top; y < bottom; y++) {
        const uint8_t *row = rows + y * row_bytes;
        if (changes) {
            uint8_t *own = b->compression == STORED ? memcpy(copied, row, (size_t)row_bytes) : (uint8_t *)row;
            if (b->predictor == FLOATING_POINT) {
                sum_units(own, row_bytes, b->samples, 1);
                switch (b->sample_bytes) {
                    case 2: gather_planes2(own, gathered, units); break;
                    case 4: gather_planes4(own, gathered, units); break;
                    default: gather_planes8(own, gathered, units);
                }
                own = gathered;
            } else {
                if (b->swapped) swap_units(own, wanted_units, b->unit_bytes);
                if (b->predictor == HORIZONTAL)
                    sum_units(own, wanted_units, (int64_t)b->samples * b->sample_bytes / b->unit_bytes, b->unit_bytes);
            }
            row = own;
        }
        for (int32_t i = 0; i < count; i++)
            if (places[i].top <= y && y < places[i].bottom) copy_row(b, places + i, row, y);
    }
    return 1;
}

/* ------------------------------------------------------------------ nodata */

enum { EQUAL_BITS = 0, NEAR_FLOAT = 1, NOT_A_NUMBER = 2 };

/* chips of several types lie end to end, so that samples may lie at any address */
typedef uint16_t any_word2 __attribute__((aligned(1), may_alias));
typedef uint32_t any_word4 __attribute__((aligned(1), may_alias));
typedef uint64_t any_word8 __attribute__((aligned(1), may_alias));
typedef float any_float4 __attribute__((aligned(1), may_alias));
typedef double any_float8 __attribute__((aligned(1), may_alias));

#define HAS_BITS(NAME, TYPE)                                                                                    \
    static int NAME(const TYPE *p, int64_t n, TYPE value) {                                                     \
        for (int64_t i = 0; i < n; i += 4096) {                                                                 \
            int64_t end = i + 4096 < n ? i + 4096 : n;                                                          \
            TYPE found = 0;                                                                                     \
            for (int64_t k = i; k < end; k++) found |= (TYPE)(p[k] == value);                                   \
            if (found) return 1;                                                                                \
        }                                                                                                       \
        return 0;                                                                                               \
    }
HAS_BITS(has_bits1, uint8_t)
HAS_BITS(has_bits2, any_word2)
HAS_BITS(has_bits4, any_word4)
HAS_BITS(has_bits8, any_word8)

/* GDAL's ARE_REAL_EQUAL with the epsilon of float32, computed in the type of the pixels. */
#define HAS_FLOAT(NAME, TYPE, ABSOLUTE)                                                                         \
    static int NAME(const TYPE *p, int64_t n, TYPE value, int nan) {                                            \
        const TYPE epsilon = (TYPE)1.1920929e-07f;                                                              \
        for (int64_t i = 0; i < n; i += 1024) {                                                                 \
            int64_t end = i + 1024 < n ? i + 1024 : n;                                                          \
            int found = 0;                                                                                      \
            if (nan) {                                                                                          \
                for (int64_t k = i; k < end; k++) found |= p[k] != p[k];                                        \
            } else {                                                                                            \
                for (int64_t k = i; k < end; k++)                                                               \
                    found |= (p[k] == value) | (ABSOLUTE(p[k] - value) < epsilon * ABSOLUTE(p[k] + value) * 2); \
            }                                                                                                   \
            if (found) return 1;                                                                                \
        }                                                                                                       \
        return 0;                                                                                               \
    }
HAS_FLOAT(has_float4, any_float4, fabsf)
HAS_FLOAT(has_float8, any_float8, fabs)

/* Whether one of n samples is nodata: of integers `bits` says it, of floats `value`. -1: not a type of here. */
PUBLIC int rasteret_has(const void *samples, int64_t n, int32_t sample_bytes, int32_t how, uint64_t bits,
                        double value) {
    if (how == EQUAL_BITS) {
        switch (sample_bytes) {
            case 1: return has_bits1(samples, n, (uint8_t)bits);
            case 2: return has_bits2(samples, n, (uint16_t)bits);
            case 4: return has_bits4(samples, n, (uint32_t)bits);
            case 8: return has_bits8(samples, n, bits);
        }
    } else {
        int nan = how == NOT_A_NUMBER;
        switch (sample_bytes) {
            case 4: return has_float4(samples, n, (float)value, nan);
            case 8: return has_float8(samples, n, value, nan);
        }
    }
    return -1;
}
