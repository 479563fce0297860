/* Whole vectors to Arrow's C data interface, as DuckDB's own Arrow export with its default settings has them.

   Source: https://arrow.apache.org/docs/format/CDataInterface.html */

#ifndef SPACE_ARROW_H
#define SPACE_ARROW_H

#include "duckdb_api.h"

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

/* A chunk as one struct array of its columns. NULL, or why not in one line; then nothing is to be released. */
const char *arrow_from_chunk(duckdb_handle chunk, struct ArrowSchema *schema, struct ArrowArray *array);

#endif
