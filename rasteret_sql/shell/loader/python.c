/* The interpreter is used through its stable ABI, by name: this library is linked to no Python, so that it loads in
 * every process, and works with the Python of the environment that it is installed in. */
#include "python.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void *object;

#define PYTHON_FUNCTIONS(X)                                                                                          \
    X(int, Py_IsInitialized, (void))                                                                                 \
    X(void, Py_InitializeEx, (int))                                                                                  \
    X(object, PyEval_SaveThread, (void))                                                                             \
    X(int, PyGILState_Ensure, (void))                                                                                \
    X(void, PyGILState_Release, (int))                                                                               \
    X(object, PyImport_ImportModule, (const char *))                                                                 \
    X(object, PyObject_CallMethod, (object, const char *, const char *, ...))                                        \
    X(object, PyObject_Str, (object))                                                                                \
    X(const char *, PyUnicode_AsUTF8AndSize, (object, ssize_t *))                                                    \
    X(void, PyErr_Fetch, (object *, object *, object *))                                                             \
    X(void, PyErr_Clear, (void))                                                                                     \
    X(void, Py_DecRef, (object))

#define PYTHON_FIELD(result, name, arguments) result(*name) arguments;
static struct {
    PYTHON_FUNCTIONS(PYTHON_FIELD)
} py;

static bool started_here;
static object host; /* the module rasteret_sql.duck.extension */
static char told[8192];

static bool fail(const char **problem, const char *format, const char *what, const char *more) {
    snprintf(told, sizeof told, format, what, more);
    *problem = told;
    return false;
}

bool python_is_ours(void) { return started_here; }

/* The folder of this library, links resolved: the package's `shell/`. */
static bool own_folder(char *folder, char *as_loaded) {
    Dl_info info;
    if (!dladdr((void *)own_folder, &info) || !realpath(info.dli_fname, folder)) return false;
    snprintf(as_loaded, PATH_MAX, "%s", info.dli_fname);
    *strrchr(folder, '/') = '\0';
    return true;
}

/* The first bin/python of the folders above `path`: pythonX.Y where a folder on the way has such a name. */
static bool python_above(const char *path, char *python) {
    char folder[PATH_MAX], name[32] = "python3";
    const char *version = strstr(path, "/python3.");
    if (version) snprintf(name, sizeof name, "%.*s", (int)strcspn(version + 1, "/"), version + 1);
    snprintf(folder, sizeof folder, "%s", path);
    for (char *end; (end = strrchr(folder, '/'));) {
        *end = '\0';
        if (snprintf(python, PATH_MAX, "%s/bin/%s", folder, name) < PATH_MAX && access(python, X_OK) == 0) return true;
        if (snprintf(python, PATH_MAX, "%s/bin/python3", folder) < PATH_MAX && access(python, X_OK) == 0) return true;
    }
    return false;
}

/* A pipe that no other program which this process starts meanwhile inherits. */
static bool private_pipe(int ends[2]) {
#ifdef __linux__
    return pipe2(ends, O_CLOEXEC) == 0;
#else
    return pipe(ends) == 0 && fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
#endif
}

/* What `python libpython.py` prints: the shared library of that Python, or nothing. */
static bool ask_for_libpython(const char *python, const char *folder, char *answer, size_t size) {
    char script[PATH_MAX + 32];
    int ends[2];
    snprintf(script, sizeof script, "%s/libpython.py", folder);
    if (!private_pipe(ends)) return false;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1); /* the copy is inherited */
        execl(python, python, "-I", "-S", script, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n = 1; child > 0 && length + 1 < size && n != 0;) {
        n = read(ends[0], answer + length, size - 1 - length);
        if (n < 0 && errno != EINTR) break;
        if (n > 0) length += (size_t)n;
    }
    close(ends[0]);
    answer[length] = '\0';
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return status == 0;
}

static bool resolve(void *library, const char **problem) {
#define PYTHON_RESOLVE(result, name, arguments)                                                                      \
    *(void **)&py.name = dlsym(library, #name);                                                                      \
    if (!py.name)                                                                                                    \
        return fail(problem, "rasteret: this Python has no function %s%s; CPython 3.11 or later is needed", #name, "");
    PYTHON_FUNCTIONS(PYTHON_RESOLVE)
    return true;
}

/* Python looks for its own `python3` on PATH and learns from that file which environment it is in. (All versions do;
 * the functions that set the name differ between them.) */
static bool initialize(const char *python) {
    const char *before = getenv("PATH");
    char *old = before ? strdup(before) : NULL;
    size_t size = strlen(python) + (old ? strlen(old) : 0) + 2;
    char *path = malloc(size);
    if (!path || (before && !old)) return false;
    snprintf(path, size, "%.*s:%s", (int)(strrchr(python, '/') - python), python, old ? old : "");
    setenv("PATH", path, 1);
    py.Py_InitializeEx(0); /* signals stay DuckDB's */
    if (old) setenv("PATH", old, 1);
    else unsetenv("PATH");
    free(path);
    free(old);
    return true;
}

static bool start_interpreter(const char **problem) {
    char folder[PATH_MAX], as_loaded[PATH_MAX], python[PATH_MAX], library[4096];
    const char *chosen = getenv("RASTERET_PYTHON");
    if (!own_folder(folder, as_loaded)) return fail(problem, "rasteret: the path of this library is unknown%s%s", "", "");
    if (chosen && *chosen == '/') snprintf(python, sizeof python, "%s", chosen);
    else if (chosen && *chosen)
        return fail(problem, "rasteret: RASTERET_PYTHON is %s, where a whole path such as /usr/bin/python3 was "
                    "expected%s", chosen, "");
    else if (!python_above(as_loaded, python))
        return fail(problem, "rasteret: no Python above %s%s. Set RASTERET_PYTHON to the Python that rasteret-sql is "
                    "installed for, or start with: rasteret-sql shell", as_loaded, "");
    if (!ask_for_libpython(python, folder, library, sizeof library))
        return fail(problem, "rasteret: %s could not be run; set RASTERET_PYTHON to the Python that rasteret-sql is "
                    "installed for%s", python, "");
    if (*library != '/') return fail(problem, "rasteret: %s%s", library, "");
    void *opened = dlopen(library, RTLD_NOW | RTLD_GLOBAL); /* global: extension modules look for its symbols */
    if (!opened) return fail(problem, "rasteret: %s cannot be loaded: %s", library, dlerror());
    if (!resolve(opened, problem)) return false;
    if (!initialize(python)) return fail(problem, "rasteret: out of memory while %s was started%s", python, "");
    started_here = true;
    py.PyEval_SaveThread();
    return true;
}

static char *copy(const char *text) { return text ? strdup(text) : NULL; }

/* The text of a Python string, or of the exception that came instead. To be freed. */
static char *text_of(object text) {
    object kind = NULL, value = NULL, trace = NULL;
    char *copied = NULL;
    if (text) {
        copied = copy(py.PyUnicode_AsUTF8AndSize(text, NULL));
        py.Py_DecRef(text);
    } else {
        py.PyErr_Fetch(&kind, &value, &trace);
        object words = value ? py.PyObject_Str(value) : NULL;
        if (words) copied = copy(py.PyUnicode_AsUTF8AndSize(words, NULL));
        if (words) py.Py_DecRef(words);
        if (kind) py.Py_DecRef(kind);
        if (value) py.Py_DecRef(value);
        if (trace) py.Py_DecRef(trace);
    }
    py.PyErr_Clear();
    return copied ? copied : strdup("Python failed without a word");
}

/* NULL for the empty text, which is a kernel's way to say that all went well. */
static char *complaint(char *text) {
    if (text && *text) return text;
    free(text);
    return NULL;
}

bool python_start(const volatile int *interrupts, const char **problem) {
    if (!py.Py_IsInitialized) *(void **)&py.Py_IsInitialized = dlsym(RTLD_DEFAULT, "Py_IsInitialized");
    if (py.Py_IsInitialized && py.Py_IsInitialized()) {
        if (!started_here && !resolve(RTLD_DEFAULT, problem)) return false;
    } else if (!start_interpreter(problem)) {
        return false;
    }
    int state = py.PyGILState_Ensure();
    if (!host) {
        host = py.PyImport_ImportModule("rasteret_sql.duck.extension");
        object done = host ? py.PyObject_CallMethod(host, "begin", "Kis", (unsigned long long)(uintptr_t)interrupts,
                                                    (int)started_here, duckdb.library_version()) : NULL;
        if (!done) {
            char *words = text_of(NULL);
            fail(problem, "rasteret: the Python package does not start: %s%s. Set RASTERET_PYTHON to the Python that "
                 "rasteret-sql is installed for, or install it again", words, "");
            free(words);
            host = NULL;
        } else {
            py.Py_DecRef(done);
        }
    }
    py.PyGILState_Release(state);
    return host != NULL;
}

char *python_declarations(const char **problem) {
    int state = py.PyGILState_Ensure();
    object text = py.PyObject_CallMethod(host, "declarations", NULL);
    bool there = text != NULL;
    char *words = text_of(text);
    py.PyGILState_Release(state);
    if (there) return words;
    fail(problem, "rasteret: the functions cannot be declared: %s%s", words, "");
    free(words);
    return NULL;
}

char *python_call(const char *kernel, const char *hardening, struct ArrowSchema *schemas, struct ArrowArray *arrays,
                  uint64_t count, struct ArrowSchema *schema, struct ArrowArray *array) {
    typedef unsigned long long address;
    int state = py.PyGILState_Ensure();
    char *said = text_of(py.PyObject_CallMethod(
        host, "call", "ssKKKKKKK", kernel, hardening, (address)count, (address)(uintptr_t)schemas, (address)sizeof *schemas,
        (address)(uintptr_t)arrays, (address)sizeof *arrays, (address)(uintptr_t)schema, (address)(uintptr_t)array));
    py.PyGILState_Release(state);
    return complaint(said);
}

char *python_set(const char *name, const char *value) {
    int state = py.PyGILState_Ensure();
    char *said = text_of(py.PyObject_CallMethod(host, "change", "sz", name, value));
    py.PyGILState_Release(state);
    return complaint(said);
}

void python_ended(void) {
    int state = py.PyGILState_Ensure();
    free(text_of(py.PyObject_CallMethod(host, "ended", NULL)));
    py.PyGILState_Release(state);
}
