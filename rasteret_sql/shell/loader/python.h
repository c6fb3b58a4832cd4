/* The one Python interpreter of the process: found, started if there is none, and called. */
#pragma once

#include "arrow.h"

/* Makes sure that there is an interpreter and that it has rasteret_sql; false with the reason in `problem`, which
 * stays valid until the next call. `interrupts` counts Ctrl-C; Python watches it while a kernel runs. */
bool python_start(const volatile int *interrupts, const char **problem);

/* Whether this library started the interpreter: it is the DuckDB shell's process, not Python's. */
bool python_is_ours(void);

/* What the package declares, as records of fields (ASCII 30 and 31); to be freed. NULL with the reason in `problem`. */
char *python_declarations(const char **problem);

/* Runs one kernel on `count` columns, which are taken over; NULL, or what went wrong, to be freed. `hardening` says
 * what DuckDB's settings allow to be opened. */
char *python_call(const char *kernel, const char *hardening, struct ArrowSchema *schemas, struct ArrowArray *arrays,
                  uint64_t count, struct ArrowSchema *schema, struct ArrowArray *array);

/* Every query of the process that has called a kernel has ended. */
void python_ended(void);

/* Hands a setting to the package, NULL for its default; NULL, or what is wrong with it, to be freed. */
char *python_set(const char *name, const char *value);
