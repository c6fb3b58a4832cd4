/* Arrow arrays to DuckDB vectors. A vector is written once, from its first row on. */
#include "arrow.h"

#include <stdlib.h>
#include <string.h>

static const char *NO_MEMORY = "out of memory while a result was taken from Python";
static const char *OTHER_TYPE = "the kernel's Arrow type is not that of its declared DuckDB type";

/* Rows of an array on their way into a vector. */
struct target {
    duckdb_vector vector;
    duckdb_type type;
    int id;
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    uint64_t start, count; /* of the array's buffers: its own offset is counted in */
    const uint8_t *above;  /* a byte a row: whether the value around it is there; NULL: all are */
    const char **problem;
};

static bool fail(struct target *target, const char *why) {
    *target->problem = why;
    return false;
}

static bool is_format(const struct target *target, const char *format) {
    return strcmp(target->schema->format, format) == 0;
}

static bool bit(const uint8_t *bits, uint64_t at) { return bits[at / 8] >> (at % 8) & 1; }

/* Tells DuckDB which rows are NULL, and gives a byte a row for that; NULL when all are there. To be freed. */
static bool write_validity(struct target *target, uint8_t **there) {
    const uint8_t *bits = target->array->n_buffers ? target->array->buffers[0] : NULL;
    bool nothing = is_format(target, "n");
    *there = NULL;
    if (!bits && !nothing && !target->above) return true;
    if (!(*there = malloc(target->count + 1))) return fail(target, NO_MEMORY);
    duckdb.vector_ensure_validity_writable(target->vector);
    uint64_t *mask = duckdb.vector_get_validity(target->vector);
    for (uint64_t row = 0; row < target->count; row++) {
        bool here = !nothing && (!bits || bit(bits, target->start + row)) && (!target->above || target->above[row]);
        (*there)[row] = here;
        if (!here) mask[row / 64] &= ~(UINT64_C(1) << (row % 64));
    }
    return true;
}

static bool write_fixed(struct target *target, const struct fixed_type *fixed) {
    if (!is_format(target, fixed->format)) return fail(target, OTHER_TYPE);
    const char *from = target->array->buffers[1];
    if (target->count)
        memcpy(duckdb.vector_get_data(target->vector), from + target->start * fixed->width,
               target->count * fixed->width);
    return true;
}

static bool write_boolean(struct target *target) {
    if (!is_format(target, "b")) return fail(target, OTHER_TYPE);
    bool *to = duckdb.vector_get_data(target->vector);
    for (uint64_t row = 0; row < target->count; row++) to[row] = bit(target->array->buffers[1], target->start + row);
    return true;
}

static bool write_strings(struct target *target, const uint8_t *there) {
    bool is_text = is_format(target, "u") || is_format(target, "U"), is_large = is_format(target, "U");
    if (!is_text && !(is_large = is_format(target, "Z")) && !is_format(target, "z")) return fail(target, OTHER_TYPE);
    if (is_text != (target->id == T_VARCHAR)) return fail(target, OTHER_TYPE);
    const int32_t *ends = target->array->buffers[1];
    const int64_t *large_ends = target->array->buffers[1];
    const char *from = target->array->buffers[2];
    for (uint64_t row = 0; row < target->count; row++) {
        if (there && !there[row]) continue;
        uint64_t at = target->start + row;
        int64_t begin = is_large ? large_ends[at] : ends[at], end = is_large ? large_ends[at + 1] : ends[at + 1];
        duckdb.vector_assign_string_element_len(target->vector, row, end > begin ? from + begin : "",
                                                (uint64_t)(end - begin));
    }
    return true;
}

static bool write_vector(struct target *target);

static bool write_child(struct target *parent, int64_t number, duckdb_vector vector, uint64_t start, uint64_t count,
                        const uint8_t *above) {
    const struct ArrowArray *array = parent->array->children[number];
    struct target child = {.vector = vector, .schema = parent->schema->children[number], .array = array,
                           .start = start + (uint64_t)array->offset, .count = count, .above = above,
                           .problem = parent->problem};
    return write_vector(&child);
}

static bool write_struct(struct target *target, const uint8_t *there) {
    uint64_t n = duckdb.struct_type_child_count(target->type);
    if (!is_format(target, "+s") || (uint64_t)target->array->n_children != n) return fail(target, OTHER_TYPE);
    for (uint64_t i = 0; i < n; i++)
        if (!write_child(target, (int64_t)i, duckdb.struct_vector_get_child(target->vector, i), target->start,
                         target->count, there))
            return false;
    return true;
}

static bool write_list(struct target *target, const uint8_t *there) {
    bool is_large = is_format(target, "+L");
    if (!is_large && !is_format(target, target->id == T_MAP ? "+m" : "+l")) return fail(target, OTHER_TYPE);
    const int32_t *ends = target->array->buffers[1];
    const int64_t *large_ends = target->array->buffers[1];
    duckdb_list_entry *entries = duckdb.vector_get_data(target->vector);
    uint64_t first = 0, last = 0;
    for (uint64_t row = 0; row < target->count; row++) {
        uint64_t at = target->start + row;
        uint64_t begin = is_large ? (uint64_t)large_ends[at] : (uint64_t)ends[at];
        last = is_large ? (uint64_t)large_ends[at + 1] : (uint64_t)ends[at + 1];
        if (row == 0) first = begin;
        entries[row].offset = begin - first;
        entries[row].length = there && !there[row] ? 0 : last - begin;
    }
    if (duckdb.list_vector_reserve(target->vector, last - first) ||
        duckdb.list_vector_set_size(target->vector, last - first))
        return fail(target, NO_MEMORY);
    return write_child(target, 0, duckdb.list_vector_get_child(target->vector), first, last - first, NULL);
}

static bool write_array(struct target *target, const uint8_t *there) {
    uint64_t size = duckdb.array_type_array_size(target->type), total = size * target->count;
    if (strncmp(target->schema->format, "+w:", 3) || strtoull(target->schema->format + 3, NULL, 10) != size)
        return fail(target, OTHER_TYPE);
    uint8_t *below = there ? malloc(total + 1) : NULL;
    if (there && !below) return fail(target, NO_MEMORY);
    for (uint64_t i = 0; below && i < total; i++) below[i] = there[i / size];
    bool done = write_child(target, 0, duckdb.array_vector_get_child(target->vector), target->start * size, total,
                            below);
    free(below);
    return done;
}

static bool write_typed(struct target *target, const uint8_t *there) {
    const struct fixed_type *fixed = fixed_type_of(target->id);
    if (is_format(target, "n")) return true;
    if (fixed) return write_fixed(target, fixed);
    switch (target->id) {
    case T_BOOLEAN: return write_boolean(target);
    case T_VARCHAR:
    case T_BLOB: return write_strings(target, there);
    case T_STRUCT: return write_struct(target, there);
    case T_LIST:
    case T_MAP: return write_list(target, there);
    case T_ARRAY: return write_array(target, there);
    }
    return fail(target, OTHER_TYPE);
}

static bool write_vector(struct target *target) {
    uint8_t *there;
    target->type = duckdb.vector_get_column_type(target->vector);
    target->id = duckdb.get_type_id(target->type);
    bool done = write_validity(target, &there) && write_typed(target, there);
    free(there);
    duckdb.destroy_logical_type(&target->type);
    return done;
}

bool vector_from_arrow(duckdb_vector vector, const struct ArrowSchema *schema, const struct ArrowArray *array,
                       const char **problem) {
    struct target target = {.vector = vector, .schema = schema, .array = array, .start = (uint64_t)array->offset,
                            .count = (uint64_t)array->length, .problem = problem};
    return write_vector(&target);
}
