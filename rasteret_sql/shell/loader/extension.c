/* rasteret in DuckDB: the functions of the Python package rasteret_sql, in any process that can LOAD an extension. */
#include "python.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BASE_API "v1.2.0"
#define NEWER_API "v1.5.6"
#define OLDEST_DUCKDB 10502 /* 1.5.2: before, this API does not tell what a GEOMETRY is */
#define NEWER_DUCKDB 10506
#define PREFIX "rasteret_"

struct duckdb_functions duckdb;

/* --- Ctrl-C: counted for Python, then handed on to the shell's own handler --- */

static volatile int interrupts;
static struct sigaction shells_own;

static void on_interrupt(int number, siginfo_t *info, void *context) {
    interrupts++;
    if (shells_own.sa_flags & SA_SIGINFO) shells_own.sa_sigaction(number, info, context);
    else shells_own.sa_handler(number);
}

static void watch_interrupts(void) {
    struct sigaction now;
    if (!python_is_ours() || sigaction(SIGINT, NULL, &now)) return;
    if (now.sa_sigaction == on_interrupt || now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) return;
    shells_own = now;
    now.sa_sigaction = on_interrupt;
    now.sa_flags |= SA_SIGINFO;
    sigaction(SIGINT, &now, NULL);
}

/* --- the end of a query: DuckDB lets go of the calls that it has bound --- */

static atomic_int bound_calls;
static atomic_bool called; /* since all were let go of: EXPLAIN binds, but does not call */

static void unbind(void *call) {
    free(call);
    if (atomic_fetch_sub(&bound_calls, 1) == 1 && atomic_exchange(&called, false) && python_is_ours()) python_ended();
}

static void *bind_again(void *call) {
    (void)call;
    atomic_fetch_add(&bound_calls, 1);
    return malloc(1);
}

static void on_bind(duckdb_info info) {
    duckdb.scalar_function_set_bind_data(info, bind_again(NULL), unbind);
    duckdb.scalar_function_set_bind_data_copy(info, bind_again);
}

/* --- kernels --- */

static void release_columns(struct ArrowSchema *schemas, struct ArrowArray *arrays, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        if (schemas[i].release) schemas[i].release(&schemas[i]);
        if (arrays[i].release) arrays[i].release(&arrays[i]);
    }
}

/* Everything between a chunk and its result; NULL, or what went wrong, to be freed. */
static char *answer(const char *kernel, const char *hardening, duckdb_chunk chunk, duckdb_vector result,
                    struct ArrowSchema *schemas, struct ArrowArray *arrays, uint64_t count) {
    uint64_t rows = duckdb.data_chunk_get_size(chunk);
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    const char *problem = NULL;
    for (uint64_t i = 0; i < count; i++)
        if (!arrow_from_vector(duckdb.data_chunk_get_vector(chunk, i), "", rows, &schemas[i], &arrays[i], &problem))
            return strdup(problem);
    char *said = python_call(kernel, hardening, schemas, arrays, count, &schema, &array);
    if (!said && array.length != (int64_t)rows) said = strdup("the kernel gave another number of rows than it got");
    if (!said && !vector_from_arrow(result, &schema, &array, &problem)) said = strdup(problem);
    if (schema.release) schema.release(&schema);
    if (array.release) array.release(&array);
    return said;
}

static void run_kernel(duckdb_info info, duckdb_chunk chunk, duckdb_vector result) {
    const char *kernel = duckdb.scalar_function_get_extra_info(info);
    uint64_t count = duckdb.data_chunk_get_column_count(chunk);
    if (duckdb.data_chunk_get_size(chunk) == 0) return;
    watch_interrupts();
    atomic_store(&called, true);
    struct ArrowSchema *schemas = calloc(count + 1, sizeof *schemas);
    struct ArrowArray *arrays = calloc(count + 1, sizeof *arrays);
    const char *hardening = duckdb.scalar_function_get_state ? duckdb.scalar_function_get_state(info) : "true\x1e\x1e\x1e";
    char *said = !schemas || !arrays ? strdup("out of memory")
                 : !hardening        ? strdup("DuckDB does not say what may be opened")
                                     : answer(kernel, hardening, chunk, result, schemas, arrays, count);
    if (said) duckdb.scalar_function_set_error(info, said);
    if (schemas && arrays) release_columns(schemas, arrays, count);
    free(said);
    free(schemas);
    free(arrays);
}

/* --- settings: SET rasteret_max_concurrency = 128, read where a query begins to use a kernel --- */

static char *settings[256];
static size_t settings_count;

/* Whether disabled_filesystems names the one of local files, which DuckDB says only where a file is opened. */
static bool no_local_files(duckdb_context context, const char *path) {
    duckdb_files files = duckdb.client_context_get_file_system(context);
    duckdb_option how = duckdb.create_file_open_options();
    duckdb_value file = NULL;
    bool disabled = false;
    duckdb.file_open_options_set_flag(how, DUCKDB_FILE_FLAG_READ, true);
    if (duckdb.file_system_open(files, path, how, &file)) {
        duckdb_value error = duckdb.file_system_error_data(files);
        const char *message = duckdb.error_data_message(error);
        disabled = !message || strstr(message, "LocalFileSystem has been disabled");
        duckdb.destroy_error_data(&error);
    }
    if (file) duckdb.destroy_file_handle(&file);
    duckdb.destroy_file_open_options(&how);
    duckdb.destroy_file_system(&files);
    return disabled;
}

/* Writes a setting: a list with a field (ASCII 31) before each of its values. The first local path of a list, to be
 * freed, goes to found. */
static void write_setting(FILE *out, duckdb_value value, bool is_list, char **found) {
    uint64_t count = is_list ? duckdb.get_list_size(value) : 1;
    for (uint64_t at = 0; at < count; at++) {
        duckdb_value each = is_list ? duckdb.get_list_child(value, at) : value;
        char *text = each ? duckdb.get_varchar(each) : NULL;
        if (text) fprintf(out, "%s%s", is_list ? "\x1f" : "", text);
        if (text && is_list && !*found && *text == '/') *found = strdup(text);
        if (text) duckdb.free(text);
        if (is_list && each) duckdb.destroy_value(&each);
    }
}

/* What DuckDB's own settings allow to be opened: enable_external_access, allowed_directories, allowed_paths, and the
 * file system of local files where that is disabled, a record each (ASCII 30). To be freed; NULL: not known. */
static char *hardening_of(duckdb_context context) {
    static const char *names[] = {"enable_external_access", "allowed_directories", "allowed_paths"};
    char *told = NULL, *allowed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&told, &size);
    if (!out) return NULL;
    bool known = true, open = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int scope;
        duckdb_value value = duckdb.client_context_get_config_option(context, names[i], &scope);
        known = known && value;
        if (i) fputc('\x1e', out);
        if (value) write_setting(out, value, i > 0, &allowed);
        if (value) duckdb.destroy_value(&value);
        if (i == 0) open = fflush(out) == 0 && !strcmp(told, "true");
    }
    const char *path = open ? "/dev/null" : allowed;
    fprintf(out, "\x1e%s", path && no_local_files(context, path) ? "LocalFileSystem" : "");
    free(allowed);
    if (fclose(out) == 0 && known) return told;
    free(told);
    return NULL;
}

static void take_settings(duckdb_info info) {
    duckdb_context context = NULL;
    duckdb.scalar_function_init_get_client_context(info, &context);
    duckdb.scalar_function_init_set_state(info, hardening_of(context), free);
    for (size_t i = 0; i < settings_count; i++) {
        char name[128];
        int scope;
        snprintf(name, sizeof name, PREFIX "%s", settings[i]);
        duckdb_value value = duckdb.client_context_get_config_option(context, name, &scope);
        char *text = value && !duckdb.is_null_value(value) ? duckdb.get_varchar(value) : NULL;
        char *said = python_set(settings[i], text);
        if (said) duckdb.scalar_function_init_set_error(info, said);
        free(said);
        if (text) duckdb.free(text);
        if (value) duckdb.destroy_value(&value);
    }
    duckdb.destroy_client_context(&context);
}

static bool declare_setting(duckdb_connection connection, const char *name, const char *description) {
    if (!duckdb.create_config_option) return true; /* DuckDB before 1.5.6: environment variables only */
    char full[128];
    snprintf(full, sizeof full, PREFIX "%s", name);
    duckdb_option option = duckdb.create_config_option();
    duckdb_type text = duckdb.create_logical_type(T_VARCHAR);
    duckdb_value nothing = duckdb.create_null_value();
    duckdb.config_option_set_name(option, full);
    duckdb.config_option_set_type(option, text);
    duckdb.config_option_set_default_value(option, nothing);
    duckdb.config_option_set_default_scope(option, DUCKDB_SCOPE_GLOBAL);
    duckdb.config_option_set_description(option, description);
    bool done = duckdb.register_config_option(connection, option) == 0;
    duckdb.destroy_value(&nothing);
    duckdb.destroy_logical_type(&text);
    duckdb.destroy_config_option(&option);
    for (size_t i = 0; i < settings_count; i++)
        if (!strcmp(settings[i], name)) return done;
    if (settings_count == sizeof settings / sizeof *settings) return false;
    settings[settings_count++] = strdup(name);
    return done;
}

/* --- FROM 'scene.tif' --- */

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcasecmp(text + length - tail, end) == 0;
}

static void replace(duckdb_info info, const char *table, void *unused) {
    (void)unused;
    if (!ends_with(table, ".tif") && !ends_with(table, ".tiff")) return;
    duckdb_value href = duckdb.create_varchar(table);
    duckdb.replacement_scan_set_function_name(info, "read_cog_tiles");
    duckdb.replacement_scan_add_parameter(info, href);
    duckdb.destroy_value(&href);
}

/* --- loading --- */

/* DuckDB's own words for a type give the type. */
static duckdb_type type_of(duckdb_connection connection, const char *text) {
    size_t size = strlen(text) + 32;
    char *sql = malloc(size);
    duckdb_result result;
    if (!sql) return NULL;
    snprintf(sql, size, "SELECT NULL::%s", text);
    duckdb_type type = duckdb.query(connection, sql, &result) ? NULL : duckdb.column_logical_type(&result, 0);
    duckdb.destroy_result(&result);
    free(sql);
    return type;
}

static bool declare_kernel(duckdb_connection connection, const char *name, const char *returns, bool is_pure) {
    char full[128];
    snprintf(full, sizeof full, "_" PREFIX "%s", name);
    duckdb_type result = type_of(connection, returns), any = duckdb.create_logical_type(T_ANY);
    duckdb_function function = duckdb.create_scalar_function();
    duckdb.scalar_function_set_name(function, full);
    duckdb.scalar_function_set_varargs(function, any);
    duckdb.scalar_function_set_special_handling(function); /* NULLs are handed over */
    if (!is_pure) duckdb.scalar_function_set_volatile(function); /* EXPLAIN and PREPARE do not call it */
    if (result) duckdb.scalar_function_set_return_type(function, result);
    duckdb.scalar_function_set_extra_info(function, strdup(name), free);
    duckdb.scalar_function_set_function(function, run_kernel);
    if (duckdb.scalar_function_set_init) duckdb.scalar_function_set_init(function, take_settings);
    if (duckdb.scalar_function_set_bind) duckdb.scalar_function_set_bind(function, on_bind);
    bool done = result && duckdb.register_scalar_function(connection, function) == 0;
    duckdb.destroy_scalar_function(&function);
    duckdb.destroy_logical_type(&any);
    if (result) duckdb.destroy_logical_type(&result);
    return done;
}

/* The macros, as database rasteret. Without them, where DuckDB may open no file or has a database of this name, the
 * init file makes TEMP ones. */
static void attach(duckdb_connection connection, const char *statement) {
    duckdb_result result;
    duckdb.query(connection, statement, &result);
    duckdb.destroy_result(&result);
}

static bool declare(duckdb_connection connection, const char *kind, const char *name, const char *rest) {
    if (!strcmp(kind, "setting")) return declare_setting(connection, name, rest);
    if (!strcmp(kind, "macros")) return attach(connection, rest), true;
    return declare_kernel(connection, name, rest, !strcmp(kind, "pure kernel"));
}

/* Records of three fields: kernel or pure kernel, name, type; setting, name, description; macros, database, ATTACH. */
static bool declare_all(duckdb_connection connection, char *records, const char **problem) {
    static char told[256];
    for (char *next, *record = records; record && *record; record = next) {
        if ((next = strchr(record, '\x1e'))) *next++ = '\0';
        char *name = strchr(record, '\x1f'), *rest = name ? strchr(name + 1, '\x1f') : NULL;
        if (!rest) continue;
        *name++ = *rest++ = '\0';
        if (declare(connection, record, name, rest)) continue;
        snprintf(told, sizeof told, "rasteret: DuckDB does not take the %s %s", record, name);
        *problem = told;
        return false;
    }
    return true;
}

static bool copy_functions(duckdb_info info, struct duckdb_access *access) {
    void *const *table = access->get_api(info, BASE_API);
    if (!table) return false;
#define COPY(slot, result, name, arguments) duckdb.name = (result(*) arguments)table[slot];
    DUCKDB_FUNCTIONS(COPY)
    int major = 0, minor = 0, patch = 0;
    sscanf(duckdb.library_version(), "v%d.%d.%d", &major, &minor, &patch);
    int version = major * 10000 + minor * 100 + patch;
    if (version < OLDEST_DUCKDB) {
        access->set_error(info, "rasteret: DuckDB 1.5.2 or later is needed; pip install duckdb-cli has a newer one");
        return false;
    }
    if (version < NEWER_DUCKDB) return true;
    if (!(table = access->get_api(info, NEWER_API))) return false;
    DUCKDB_FUNCTIONS_1_5_6(COPY)
    return true;
}

static bool load(duckdb_info info, struct duckdb_access *access) {
    duckdb_connection connection;
    const char *problem = NULL;
    char *records;
    if (!copy_functions(info, access)) return false; /* DuckDB says why */
    if (!python_start(&interrupts, &problem) || !(records = python_declarations(&problem))) {
        access->set_error(info, problem);
        return false;
    }
    duckdb_database database = *access->get_database(info);
    bool done = duckdb.connect(database, &connection) == 0;
    if (done) {
        done = declare_all(connection, records, &problem);
        duckdb.disconnect(&connection);
    }
    free(records);
    if (!done) {
        access->set_error(info, problem ? problem : "rasteret: DuckDB gives no connection");
        return false;
    }
    duckdb.add_replacement_scan(database, replace, NULL, NULL);
    watch_interrupts();
    return true;
}

/* The entry point that DuckDB looks for, named after the file. One at a time: there is one interpreter, and one buffer
 * for what went wrong. */
__attribute__((visibility("default"))) bool rasteret_init_c_api(duckdb_info info, struct duckdb_access *access) {
    static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&loading);
    bool done = load(info, access);
    pthread_mutex_unlock(&loading);
    return done;
}
