/* What fills the buffers of an Arrow array: values that are not nested, and which of them are NULL. */

#ifndef SPACE_BUFFERS_H
#define SPACE_BUFFERS_H

#include "arena.h"
#include "arrow.h"

/* Rows of a vector: the first `count`, or those that `rows` lists, where UINT64_MAX is a row that is not there. */
typedef struct {
    const uint64_t *rows;
    uint64_t count;
} selection_t;

#define NO_ROW UINT64_MAX

static inline uint64_t row_at(selection_t at, uint64_t i) {
    return at.rows ? at.rows[i] : i;
}

static inline bool is_valid(const uint64_t *validity, uint64_t row) {
    return row != NO_ROW && (!validity || (validity[row >> 6] >> (row & 63) & 1));
}

/* The bitmap of what is valid, NULL when all is, and what is in arrays of several buffers. */
extern const char TOO_LARGE[];
const void *bitmap(arena_t *arena, const uint64_t *validity, selection_t at);
void strings(arena_t *arena, struct ArrowArray *array, const duckdb_string_t *data, const uint64_t *validity,
             selection_t at);
void uuids(arena_t *arena, struct ArrowArray *array, const uint64_t *data, const uint64_t *validity, selection_t at);

/* A buffer of values. */
void *fixed(arena_t *arena, const void *data, selection_t at, size_t width);
void *booleans(arena_t *arena, const uint8_t *data, selection_t at);
void *decimals(arena_t *arena, const void *data, selection_t at, int internal);
void *intervals(arena_t *arena, const duckdb_interval *data, const uint64_t *validity, selection_t at);
void *times_with_offset(arena_t *arena, const uint64_t *data, selection_t at);

#endif
