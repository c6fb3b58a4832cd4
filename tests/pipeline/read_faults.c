/* Reads of the files below one folder, of which the n-th fails: preloaded, and told through ctypes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int calls, failing;
static char folder[PATH_MAX];

void fail_below(const char *path) { snprintf(folder, sizeof folder, "%s/", path); }

void fail_at(int number) {
    calls = 0;
    failing = number;
}

int reads_so_far(void) { return calls; }

static int fails(int file) {
    char link[64], path[PATH_MAX];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder))) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 != failing) return 0;
    errno = EIO;
    return 1;
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

ssize_t read(int file, void *into, size_t count) { return fails(file) ? -1 : REAL(read)(file, into, count); }

ssize_t pread(int file, void *into, size_t count, off_t at) { return fails(file) ? -1 : REAL(pread)(file, into, count, at); }

ssize_t pread64(int file, void *into, size_t count, off64_t at) {
    return fails(file) ? -1 : REAL(pread64)(file, into, count, at);
}
