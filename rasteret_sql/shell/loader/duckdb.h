/* What this library uses of DuckDB's stable C extension API (ABI C_STRUCT).
 *
 * DuckDB hands an extension one table of function pointers. Slots are only ever appended to it, so the number of
 * a slot is the contract; the table itself is gone once the extension is loaded, so what is used is copied out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void *duckdb_database, *duckdb_connection, *duckdb_type, *duckdb_chunk, *duckdb_vector, *duckdb_value;
typedef void *duckdb_function, *duckdb_info, *duckdb_context, *duckdb_option, *duckdb_files;
typedef void (*duckdb_delete)(void *);
typedef void *(*duckdb_copy)(void *);
typedef void (*duckdb_scalar)(duckdb_info, duckdb_chunk, duckdb_vector);
typedef void (*duckdb_on_bind)(duckdb_info);
typedef void (*duckdb_replacement)(duckdb_info, const char *, void *);

/* An answer to a query; its fields are read through functions only. */
typedef struct {
    uint64_t reserved[6];
} duckdb_result;

/* A VARCHAR or BLOB: up to 12 bytes lie in the value, more behind the pointer. */
typedef union {
    struct {
        uint32_t length;
        char data[12];
    } inlined;
    struct {
        uint32_t length;
        char prefix[4];
        const char *data;
    } pointer;
} duckdb_string;

_Static_assert(sizeof(duckdb_string) == 16, "DuckDB's strings have 16 bytes");

/* Where a list lies in the child vector. */
typedef struct {
    uint64_t offset, length;
} duckdb_list_entry;

typedef struct {
    int32_t months, days;
    int64_t micros;
} duckdb_interval;

enum duckdb_type_id {
    T_BOOLEAN = 1, T_TINYINT, T_SMALLINT, T_INTEGER, T_BIGINT, T_UTINYINT, T_USMALLINT, T_UINTEGER, T_UBIGINT,
    T_FLOAT, T_DOUBLE, T_TIMESTAMP, T_DATE, T_TIME, T_INTERVAL, T_HUGEINT, T_VARCHAR, T_BLOB, T_DECIMAL,
    T_TIMESTAMP_S, T_TIMESTAMP_MS, T_TIMESTAMP_NS, T_ENUM, T_LIST, T_STRUCT, T_MAP, T_UUID, T_UNION, T_BIT,
    T_TIME_TZ, T_TIMESTAMP_TZ, T_UHUGEINT, T_ARRAY, T_ANY, T_BIGNUM, T_SQLNULL, T_STRING_LITERAL,
    T_INTEGER_LITERAL, T_TIME_NS, T_GEOMETRY, T_VARIANT
};

/* slot, result, name, arguments: as of API v1.2.0, which DuckDB 1.2 brought */
#define DUCKDB_FUNCTIONS(X)                                                                                          \
    X(3, int, connect, (duckdb_database, duckdb_connection *))                                                       \
    X(6, void, disconnect, (duckdb_connection *))                                                                    \
    X(7, const char *, library_version, (void))                                                                      \
    X(13, int, query, (duckdb_connection, const char *, duckdb_result *))                                            \
    X(14, void, destroy_result, (duckdb_result *))                                                                   \
    X(18, duckdb_type, column_logical_type, (duckdb_result *, uint64_t))                                             \
    X(21, const char *, result_error, (duckdb_result *))                                                             \
    X(25, void, free, (void *))                                                                                      \
    X(92, void, destroy_value, (duckdb_value *))                                                                     \
    X(93, duckdb_value, create_varchar, (const char *))                                                              \
    X(142, char *, get_varchar, (duckdb_value))                                                                      \
    X(149, bool, is_null_value, (duckdb_value))                                                                      \
    X(150, duckdb_value, create_null_value, (void))                                                                  \
    X(151, uint64_t, get_list_size, (duckdb_value))                                                                  \
    X(152, duckdb_value, get_list_child, (duckdb_value, uint64_t))                                                   \
    X(156, duckdb_type, create_logical_type, (int))                                                                  \
    X(166, int, get_type_id, (duckdb_type))                                                                          \
    X(167, uint8_t, decimal_width, (duckdb_type))                                                                    \
    X(168, uint8_t, decimal_scale, (duckdb_type))                                                                    \
    X(169, int, decimal_internal_type, (duckdb_type))                                                                \
    X(170, int, enum_internal_type, (duckdb_type))                                                                   \
    X(172, char *, enum_dictionary_value, (duckdb_type, uint64_t))                                                   \
    X(175, uint64_t, array_type_array_size, (duckdb_type))                                                           \
    X(178, uint64_t, struct_type_child_count, (duckdb_type))                                                         \
    X(179, char *, struct_type_child_name, (duckdb_type, uint64_t))                                                  \
    X(184, void, destroy_logical_type, (duckdb_type *))                                                              \
    X(189, uint64_t, data_chunk_get_column_count, (duckdb_chunk))                                                    \
    X(190, duckdb_vector, data_chunk_get_vector, (duckdb_chunk, uint64_t))                                           \
    X(191, uint64_t, data_chunk_get_size, (duckdb_chunk))                                                            \
    X(193, duckdb_type, vector_get_column_type, (duckdb_vector))                                                     \
    X(194, void *, vector_get_data, (duckdb_vector))                                                                 \
    X(195, uint64_t *, vector_get_validity, (duckdb_vector))                                                         \
    X(196, void, vector_ensure_validity_writable, (duckdb_vector))                                                   \
    X(198, void, vector_assign_string_element_len, (duckdb_vector, uint64_t, const char *, uint64_t))                \
    X(199, duckdb_vector, list_vector_get_child, (duckdb_vector))                                                    \
    X(200, uint64_t, list_vector_get_size, (duckdb_vector))                                                          \
    X(201, int, list_vector_set_size, (duckdb_vector, uint64_t))                                                     \
    X(202, int, list_vector_reserve, (duckdb_vector, uint64_t))                                                      \
    X(203, duckdb_vector, struct_vector_get_child, (duckdb_vector, uint64_t))                                        \
    X(204, duckdb_vector, array_vector_get_child, (duckdb_vector))                                                   \
    X(209, duckdb_function, create_scalar_function, (void))                                                          \
    X(210, void, destroy_scalar_function, (duckdb_function *))                                                       \
    X(211, void, scalar_function_set_name, (duckdb_function, const char *))                                          \
    X(212, void, scalar_function_set_varargs, (duckdb_function, duckdb_type))                                        \
    X(213, void, scalar_function_set_special_handling, (duckdb_function))                                            \
    X(214, void, scalar_function_set_volatile, (duckdb_function))                                                    \
    X(216, void, scalar_function_set_return_type, (duckdb_function, duckdb_type))                                    \
    X(217, void, scalar_function_set_extra_info, (duckdb_function, void *, duckdb_delete))                           \
    X(218, void, scalar_function_set_function, (duckdb_function, duckdb_scalar))                                     \
    X(219, int, register_scalar_function, (duckdb_connection, duckdb_function))                                      \
    X(220, void *, scalar_function_get_extra_info, (duckdb_info))                                                    \
    X(221, void, scalar_function_set_error, (duckdb_info, const char *))                                             \
    X(274, void, add_replacement_scan, (duckdb_database, duckdb_replacement, void *, duckdb_delete))                 \
    X(275, void, replacement_scan_set_function_name, (duckdb_info, const char *))                                    \
    X(276, void, replacement_scan_add_parameter, (duckdb_info, duckdb_value))

/* the same, as of API v1.5.6; NULL with an older DuckDB */
#define DUCKDB_FUNCTIONS_1_5_6(X)                                                                                    \
    X(423, duckdb_option, create_config_option, (void))                                                              \
    X(424, void, destroy_config_option, (duckdb_option *))                                                           \
    X(425, void, config_option_set_name, (duckdb_option, const char *))                                              \
    X(426, void, config_option_set_type, (duckdb_option, duckdb_type))                                               \
    X(427, void, config_option_set_default_value, (duckdb_option, duckdb_value))                                     \
    X(428, void, config_option_set_default_scope, (duckdb_option, int))                                              \
    X(429, void, config_option_set_description, (duckdb_option, const char *))                                       \
    X(430, int, register_config_option, (duckdb_connection, duckdb_option))                                          \
    X(431, duckdb_value, client_context_get_config_option, (duckdb_context, const char *, int *))                    \
    X(469, void, destroy_error_data, (duckdb_value *))                                                               \
    X(471, const char *, error_data_message, (duckdb_value))                                                         \
    X(477, duckdb_files, client_context_get_file_system, (duckdb_context))                                           \
    X(478, void, destroy_file_system, (duckdb_files *))                                                              \
    X(479, int, file_system_open, (duckdb_files, const char *, duckdb_option, duckdb_value *))                       \
    X(480, duckdb_value, file_system_error_data, (duckdb_files))                                                     \
    X(481, duckdb_option, create_file_open_options, (void))                                                          \
    X(482, int, file_open_options_set_flag, (duckdb_option, int, bool))                                              \
    X(483, void, destroy_file_open_options, (duckdb_option *))                                                       \
    X(484, void, destroy_file_handle, (duckdb_value *))                                                              \
    X(501, void, destroy_client_context, (duckdb_context *))                                                         \
    X(511, void, scalar_function_set_bind, (duckdb_function, duckdb_on_bind))                                        \
    X(514, void, scalar_function_set_bind_data, (duckdb_info, void *, duckdb_delete))                                \
    X(519, void, scalar_function_set_bind_data_copy, (duckdb_info, duckdb_copy))                                     \
    X(520, void *, scalar_function_get_state, (duckdb_info))                                                         \
    X(521, void, scalar_function_set_init, (duckdb_function, duckdb_on_bind))                                        \
    X(522, void, scalar_function_init_set_error, (duckdb_info, const char *))                                        \
    X(523, void, scalar_function_init_set_state, (duckdb_info, void *, duckdb_delete))                               \
    X(524, void, scalar_function_init_get_client_context, (duckdb_info, duckdb_context *))

enum { DUCKDB_SCOPE_GLOBAL = 3, DUCKDB_FILE_FLAG_READ = 1 };

#define DUCKDB_FIELD(slot, result, name, arguments) result(*name) arguments;
struct duckdb_functions {
    DUCKDB_FUNCTIONS(DUCKDB_FIELD)
    DUCKDB_FUNCTIONS_1_5_6(DUCKDB_FIELD)
};

/* What the entry point is given. */
struct duckdb_access {
    void (*set_error)(duckdb_info, const char *);
    duckdb_database *(*get_database)(duckdb_info);
    const void *(*get_api)(duckdb_info, const char *version);
};

extern struct duckdb_functions duckdb;
