/* The extension: what DuckDB calls. It declares to DuckDB what `host.py` lists and hands calls on to it.

   The interpreter's lock is held around Python alone: a DuckDB function that fails throws a C++ exception through
   these frames, and one that waits may wait for a thread that wants the lock. */

#ifndef SPACE_H
#define SPACE_H

#include "duckdb_api.h"
#include "python.h"

#define WHY 8192 /* room for why something failed, in one line */
#define PARAMETERS 8

typedef struct { /* what a function knows of itself; freed by DuckDB with the database */
    PyObject *call;                  /* lives as long as the process, so it is never given back */
    char parameters[PARAMETERS + 1]; /* a letter each: T VARCHAR, I BIGINT, A an address; `*` anything, as Arrow */
    char returns;                    /* T, I, B BOOLEAN, L BLOB for many rows at once, F a file reference */
    int64_t instance;                /* the database's number in this process */
} function_t;

/* functions.c: a scalar function; one without `call` gives the database's number. */
duckdb_state add_function(duckdb_handle connection, const char *name, bool is_volatile, const function_t *function);

/* signposts.c: a table function that only says where the macro of its name is. */
duckdb_state add_signpost(duckdb_handle connection, const char *name, const char *parameters, const char *message);

/* paths.c: the replacement scan; `database` is the one that keeps the macros. */
void replace_path(duckdb_handle info, const char *name, void *database);

/* host.c, under the interpreter's lock: call a function of `host.py`, and take its answer apart. */
PyObject *call_host(const char *name, PyObject *arguments);
PyObject *item(PyObject *sequence, ptrdiff_t i);
bool item_text(PyObject *sequence, ptrdiff_t i, char *out, size_t size);

#endif
