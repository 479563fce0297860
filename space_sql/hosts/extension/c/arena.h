/* Memory of one conversion to Arrow, and the way out of it when it fails. */

#ifndef SPACE_ARENA_H
#define SPACE_ARENA_H

#include "duckdb_api.h"

#include <setjmp.h>

#define LEVELS 60 /* how deep types may nest, below a row and its column; Arrow stops there, too */

typedef struct piece piece_t;

typedef struct {
    piece_t *pieces;
    jmp_buf failed; /* memory has run out, or a type has no Arrow type: no C++ frame lies between here and there */
    const char *why;
    duckdb_handle open_types[LEVELS + 2]; /* to destroy when that happens */
    int open_count;
} arena_t;

_Noreturn void fail(arena_t *arena, const char *why);

/* Memory that is freed with the arena's pieces, as a whole; readers may look up to 64 bytes past its end. */
void *take(arena_t *arena, size_t size);
void *take_zeroed(arena_t *arena, size_t size);
void free_pieces(piece_t *piece);

/* A text of DuckDB's, which is freed, or one that is written with two numbers. */
const char *owned(arena_t *arena, char *text);
const char *written(arena_t *arena, const char *format, int first, int second);

/* Types of DuckDB's that are in use, to be destroyed. */
duckdb_handle open_type(arena_t *arena, duckdb_handle type);
void close_types(arena_t *arena, int down_to);

#endif
