/* The Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html), and both directions of it. */
#pragma once

#include "duckdb.h"

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

enum { ARROW_NULLABLE = 2 };

/* A type whose values have one width and the same bytes on both sides. */
struct fixed_type {
    int id;
    const char *format;
    size_t width;
};

/* NULL when there is none for a type. */
const struct fixed_type *fixed_type_of(int type_id);

/* A vector of `count` rows as an Arrow array of its own memory; false when memory ends or a limit of Arrow is passed,
 * with the reason in `problem`. What was begun is released. */
bool arrow_from_vector(duckdb_vector vector, const char *name, uint64_t count, struct ArrowSchema *schema,
                       struct ArrowArray *array, const char **problem);

/* The rows of an Arrow array into an empty vector; false when they are not of the vector's type. */
bool vector_from_arrow(duckdb_vector vector, const struct ArrowSchema *schema, const struct ArrowArray *array,
                       const char **problem);
