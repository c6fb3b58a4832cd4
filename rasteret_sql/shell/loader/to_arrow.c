/* DuckDB vectors to Arrow arrays.
 *
 * Vectors arrive flat, but the lists of one vector may lie anywhere in its child, and what lies below a NULL is not
 * defined. So every level is read through `rows`: the position of each row in the vector, or ABSENT below a NULL.
 */
#include "arrow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT UINT64_MAX
#define MOST_CHILDREN INT32_MAX

static const char *NO_MEMORY = "out of memory while the arguments were handed to Python";
static const char *LISTS_TOO_LONG = "the lists of one batch hold over 2,147,483,647 values; take fewer rows at once";

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i] && schema->children[i]->release) schema->children[i]->release(schema->children[i]);
        free(schema->children[i]);
    }
    free(schema->children);
    free((void *)schema->format);
    free((void *)schema->name);
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i] && array->children[i]->release) array->children[i]->release(array->children[i]);
        free(array->children[i]);
    }
    free(array->children);
    for (int64_t i = 0; i < array->n_buffers; i++) free((void *)array->buffers[i]);
    free(array->buffers);
    array->release = NULL;
}

/* One vector on its way. */
struct column {
    duckdb_vector vector;
    duckdb_type type;
    int id;
    const uint64_t *rows; /* NULL: row i is at i */
    uint64_t count;
    struct ArrowSchema *schema;
    struct ArrowArray *array;
    const char **problem;
};

static bool fail(struct column *column, const char *why) {
    *column->problem = why;
    return false;
}

static inline uint64_t place(const struct column *column, uint64_t row) {
    return column->rows ? column->rows[row] : row;
}

static bool describe(struct column *column, const char *format, int64_t n_buffers, int64_t n_children) {
    column->schema->format = strdup(format);
    column->array->buffers = calloc((size_t)n_buffers + 1, sizeof(void *));
    column->schema->children = calloc((size_t)n_children + 1, sizeof(void *));
    column->array->children = calloc((size_t)n_children + 1, sizeof(void *));
    if (!column->schema->format || !column->array->buffers || !column->schema->children || !column->array->children)
        return fail(column, NO_MEMORY);
    column->array->n_buffers = n_buffers;
    column->schema->n_children = column->array->n_children = n_children;
    for (int64_t i = 0; i < n_children; i++) {
        column->schema->children[i] = calloc(1, sizeof(struct ArrowSchema));
        column->array->children[i] = calloc(1, sizeof(struct ArrowArray));
        if (!column->schema->children[i] || !column->array->children[i]) return fail(column, NO_MEMORY);
    }
    return true;
}

static void *buffer(struct column *column, int number, size_t size) {
    void *memory = calloc(size ? size : 1, 1);
    if (!memory) *column->problem = NO_MEMORY;
    column->array->buffers[number] = memory;
    return memory;
}

/* Arrow's bitmap of the rows that are there; and, into `there`, where they are: ABSENT for the others. */
static bool validity(struct column *column, uint64_t *there) {
    const uint64_t *mask = duckdb.vector_get_validity(column->vector);
    uint8_t *bits = NULL;
    for (uint64_t row = 0; row < column->count; row++) {
        uint64_t at = place(column, row);
        if (at != ABSENT && mask && !(mask[at / 64] >> (at % 64) & 1)) at = ABSENT;
        there[row] = at;
        if (at != ABSENT) continue;
        if (!bits) {
            if (!(bits = buffer(column, 0, column->count / 8 + 1))) return false;
            memset(bits, 0xff, column->count / 8 + 1);
        }
        bits[row / 8] &= (uint8_t)~(1u << (row % 8));
        column->array->null_count++;
    }
    return true;
}

static bool read_fixed(struct column *column, const uint64_t *there) {
    const struct fixed_type *fixed = fixed_type_of(column->id);
    const char *from = duckdb.vector_get_data(column->vector);
    char *to = buffer(column, 1, column->count * fixed->width);
    if (!to) return false;
    if (!column->rows) {
        memcpy(to, from, column->count * fixed->width);
        return true;
    }
    for (uint64_t row = 0; row < column->count; row++)
        if (there[row] != ABSENT) memcpy(to + row * fixed->width, from + there[row] * fixed->width, fixed->width);
    return true;
}

static bool read_boolean(struct column *column, const uint64_t *there) {
    const bool *from = duckdb.vector_get_data(column->vector);
    uint8_t *to = buffer(column, 1, column->count / 8 + 1);
    if (!to) return false;
    for (uint64_t row = 0; row < column->count; row++)
        if (there[row] != ABSENT && from[there[row]]) to[row / 8] |= (uint8_t)(1u << (row % 8));
    return true;
}

/* DECIMAL of any width, and UHUGEINT, as 128 bits. */
static bool read_decimal(struct column *column, const uint64_t *there) {
    const void *from = duckdb.vector_get_data(column->vector);
    int stored = column->id == T_DECIMAL ? duckdb.decimal_internal_type(column->type) : T_HUGEINT;
    int64_t *to = buffer(column, 1, column->count * 16);
    if (!to) return false;
    for (uint64_t row = 0; row < column->count; row++, to += 2) {
        uint64_t at = there[row];
        if (at == ABSENT) continue;
        if (stored == T_HUGEINT) {
            memcpy(to, (const char *)from + at * 16, 16);
            continue;
        }
        to[0] = stored == T_SMALLINT ? ((const int16_t *)from)[at]
              : stored == T_INTEGER  ? ((const int32_t *)from)[at]
                                     : ((const int64_t *)from)[at];
        to[1] = to[0] < 0 ? -1 : 0;
    }
    return true;
}

static bool read_interval(struct column *column, const uint64_t *there) {
    const duckdb_interval *from = duckdb.vector_get_data(column->vector);
    duckdb_interval *to = buffer(column, 1, column->count * sizeof *to);
    if (!to) return false;
    for (uint64_t row = 0; row < column->count; row++)
        if (there[row] != ABSENT) {
            to[row] = from[there[row]];
            to[row].micros *= 1000; /* Arrow counts nanoseconds */
        }
    return true;
}

static bool read_time_tz(struct column *column, const uint64_t *there) {
    const uint64_t *from = duckdb.vector_get_data(column->vector);
    uint64_t *to = buffer(column, 1, column->count * 8);
    if (!to) return false;
    for (uint64_t row = 0; row < column->count; row++)
        if (there[row] != ABSENT) to[row] = from[there[row]] >> 24;
    return true;
}

static bool read_strings(struct column *column, const uint64_t *there) {
    const duckdb_string *from = duckdb.vector_get_data(column->vector);
    int64_t *ends = buffer(column, 1, (column->count + 1) * 8), end = 0;
    if (!ends) return false;
    for (uint64_t row = 0; row < column->count; row++) {
        if (there[row] != ABSENT) end += from[there[row]].inlined.length;
        ends[row + 1] = end;
    }
    char *to = buffer(column, 2, (size_t)end);
    if (!to) return false;
    for (uint64_t row = 0; row < column->count; row++) {
        if (there[row] == ABSENT) continue;
        const duckdb_string *text = &from[there[row]];
        uint32_t length = text->inlined.length;
        memcpy(to + ends[row], length <= sizeof text->inlined.data ? text->inlined.data : text->pointer.data, length);
    }
    return true;
}

static uint64_t enum_code(const void *codes, int width, uint64_t at) {
    if (width == T_UTINYINT) return ((const uint8_t *)codes)[at];
    if (width == T_USMALLINT) return ((const uint16_t *)codes)[at];
    return ((const uint32_t *)codes)[at];
}

/* An ENUM as its texts. */
static bool read_enum(struct column *column, const uint64_t *there) {
    const void *codes = duckdb.vector_get_data(column->vector);
    int width = duckdb.enum_internal_type(column->type);
    int64_t *ends = buffer(column, 1, (column->count + 1) * 8);
    char *to = NULL;
    if (!ends) return false;
    for (uint64_t row = 0; row < column->count; row++) {
        ends[row + 1] = ends[row];
        if (there[row] == ABSENT) continue;
        char *text = duckdb.enum_dictionary_value(column->type, enum_code(codes, width, there[row]));
        size_t length = strlen(text);
        char *longer = realloc(to, (size_t)ends[row] + length + 1);
        if (longer) memcpy((to = longer) + ends[row], text, length);
        duckdb.free(text);
        column->array->buffers[2] = to;
        if (!longer) return fail(column, NO_MEMORY);
        ends[row + 1] += (int64_t)length;
    }
    return to != NULL || buffer(column, 2, 0) != NULL;
}

/* A UUID as text; it is stored as a HUGEINT whose highest bit is turned, so that it sorts. */
static bool read_uuid(struct column *column, const uint64_t *there) {
    const uint64_t *from = duckdb.vector_get_data(column->vector);
    int64_t *ends = buffer(column, 1, (column->count + 1) * 8);
    char *to = buffer(column, 2, column->count * 36 + 1);
    if (!ends || !to) return false;
    for (uint64_t row = 0; row < column->count; row++) {
        ends[row + 1] = ends[row];
        if (there[row] == ABSENT) continue;
        uint64_t low = from[2 * there[row]], high = from[2 * there[row] + 1] ^ (UINT64_C(1) << 63);
        snprintf(to + ends[row], 37, "%08x-%04x-%04x-%04x-%04x%08x", (unsigned)(high >> 32),
                 (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff), (unsigned)(low >> 48),
                 (unsigned)(low >> 32 & 0xffff), (unsigned)low);
        ends[row + 1] += 36;
    }
    return true;
}

static bool read_vector(struct column *column, const char *name);

static bool read_child(struct column *parent, int64_t number, const char *name, duckdb_vector vector,
                       const uint64_t *rows, uint64_t count) {
    struct column child = {.vector = vector, .rows = rows, .count = count, .problem = parent->problem,
                           .schema = parent->schema->children[number], .array = parent->array->children[number]};
    return read_vector(&child, name);
}

static bool read_struct(struct column *column, const uint64_t *there) {
    const uint64_t *rows = column->rows || column->array->null_count ? there : NULL;
    for (int64_t i = 0; i < column->array->n_children; i++) {
        char *name = duckdb.struct_type_child_name(column->type, (uint64_t)i);
        bool done = read_child(column, i, name, duckdb.struct_vector_get_child(column->vector, (uint64_t)i), rows,
                               column->count);
        duckdb.free(name);
        if (!done) return false;
    }
    return true;
}

/* The places of all values of all lists; NULL when they lie one after another from the start. */
static bool list_places(struct column *column, const uint64_t *there, uint64_t **places, uint64_t *total) {
    const duckdb_list_entry *entries = duckdb.vector_get_data(column->vector);
    int32_t *ends = buffer(column, 1, (column->count + 1) * 4);
    bool in_order = true;
    if (!ends) return false;
    *places = NULL, *total = 0;
    for (uint64_t row = 0; row < column->count; row++) {
        if (there[row] != ABSENT && entries[there[row]].length) {
            in_order = in_order && entries[there[row]].offset == *total;
            *total += entries[there[row]].length;
        }
        if (*total > MOST_CHILDREN) return fail(column, LISTS_TOO_LONG);
        ends[row + 1] = (int32_t)*total;
    }
    if (in_order) return true;
    if (!(*places = malloc(*total * 8))) return fail(column, NO_MEMORY);
    for (uint64_t row = 0, n = 0; row < column->count; row++)
        for (uint64_t i = 0; there[row] != ABSENT && i < entries[there[row]].length; i++)
            (*places)[n++] = entries[there[row]].offset + i;
    return true;
}

static bool read_list(struct column *column, const uint64_t *there) {
    uint64_t *places, total;
    if (!list_places(column, there, &places, &total)) return false;
    const char *name = column->id == T_MAP ? "entries" : "item";
    bool done = read_child(column, 0, name, duckdb.list_vector_get_child(column->vector), places, total);
    free(places);
    return done;
}

static bool read_array(struct column *column, const uint64_t *there) {
    uint64_t size = duckdb.array_type_array_size(column->type), total = size * column->count, *places = NULL;
    if (column->rows || column->array->null_count) {
        if (!(places = malloc(total * 8 + 8))) return fail(column, NO_MEMORY);
        for (uint64_t i = 0; i < total; i++)
            places[i] = there[i / size] == ABSENT ? ABSENT : there[i / size] * size + i % size;
    }
    bool done = read_child(column, 0, "item", duckdb.array_vector_get_child(column->vector), places, total);
    free(places);
    return done;
}

/* UNION, BIT, BIGNUM and VARIANT: values that no kernel takes, in a row whose other columns count. */
static bool read_opaque(struct column *column, const uint64_t *there) {
    (void)there;
    return buffer(column, 1, column->count) != NULL;
}

static bool read_null(struct column *column, const uint64_t *there) {
    (void)there;
    column->array->null_count = (int64_t)column->count;
    return true;
}

/* How the values of a type lie in Arrow, and what reads them. */
struct layout {
    int id;
    const char *format;
    int n_buffers, n_children;
    bool (*read)(struct column *, const uint64_t *there);
};

static const struct layout LAYOUTS[] = {
    {T_BOOLEAN, "b", 2, 0, read_boolean},   {T_VARCHAR, "U", 3, 0, read_strings},
    {T_BLOB, "Z", 3, 0, read_strings},      {T_GEOMETRY, "Z", 3, 0, read_strings},
    {T_ENUM, "U", 3, 0, read_enum},         {T_UUID, "U", 3, 0, read_uuid},
    {T_DECIMAL, NULL, 2, 0, read_decimal},  {T_UHUGEINT, "d:38,0", 2, 0, read_decimal},
    {T_INTERVAL, "tin", 2, 0, read_interval}, {T_TIME_TZ, "ttu", 2, 0, read_time_tz},
    {T_LIST, "+l", 2, 1, read_list},        {T_MAP, "+m", 2, 1, read_list},
    {T_ARRAY, NULL, 1, 1, read_array},      {T_STRUCT, "+s", 1, 0, read_struct},
    {T_SQLNULL, "n", 0, 0, read_null},
};

static struct layout layout_of(int id) {
    const struct fixed_type *fixed = fixed_type_of(id);
    if (fixed) return (struct layout){id, fixed->format, 2, 0, read_fixed};
    for (size_t i = 0; i < sizeof LAYOUTS / sizeof *LAYOUTS; i++)
        if (LAYOUTS[i].id == id) return LAYOUTS[i];
    return (struct layout){id, "w:1", 2, 0, read_opaque};
}

static bool read_typed(struct column *column) {
    struct layout layout = layout_of(column->id);
    int64_t n_children = layout.n_children;
    char format[48];
    if (column->id == T_DECIMAL)
        snprintf(format, sizeof format, "d:%u,%u", duckdb.decimal_width(column->type),
                 duckdb.decimal_scale(column->type));
    else if (column->id == T_ARRAY)
        snprintf(format, sizeof format, "+w:%llu", (unsigned long long)duckdb.array_type_array_size(column->type));
    else
        snprintf(format, sizeof format, "%s", layout.format);
    if (column->id == T_STRUCT) n_children = (int64_t)duckdb.struct_type_child_count(column->type);
    if (!describe(column, format, layout.n_buffers, n_children)) return false;
    uint64_t *there = malloc(column->count * 8 + 8);
    if (!there) return fail(column, NO_MEMORY);
    bool done = (layout.n_buffers == 0 || validity(column, there)) && layout.read(column, there);
    free(there);
    return done;
}

static bool read_vector(struct column *column, const char *name) {
    *column->schema = (struct ArrowSchema){.name = strdup(name), .flags = ARROW_NULLABLE, .release = release_schema};
    *column->array = (struct ArrowArray){.length = (int64_t)column->count, .release = release_array};
    column->type = duckdb.vector_get_column_type(column->vector);
    column->id = duckdb.get_type_id(column->type);
    bool done = column->schema->name ? read_typed(column) : fail(column, NO_MEMORY);
    duckdb.destroy_logical_type(&column->type);
    return done;
}

bool arrow_from_vector(duckdb_vector vector, const char *name, uint64_t count, struct ArrowSchema *schema,
                       struct ArrowArray *array, const char **problem) {
    struct column column = {.vector = vector, .count = count, .schema = schema, .array = array, .problem = problem};
    if (read_vector(&column, name)) return true;
    if (schema->release) schema->release(schema);
    if (array->release) array->release(array);
    return false;
}
