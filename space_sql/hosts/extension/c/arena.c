#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    struct piece *next;
    long double bytes[]; /* aligned for everything */
};

_Noreturn void fail(arena_t *arena, const char *why) {
    arena->why = why;
    longjmp(arena->failed, 1);
}

void *take(arena_t *arena, size_t size) {
    piece_t *piece = malloc(sizeof *piece + size + 64); /* never NULL for nothing */
    if (!piece) {
        fail(arena, "out of memory while rows are handed over");
    }
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

void *take_zeroed(arena_t *arena, size_t size) {
    return memset(take(arena, size), 0, size);
}

void free_pieces(piece_t *piece) {
    while (piece) {
        piece_t *next = piece->next;
        free(piece);
        piece = next;
    }
}

duckdb_handle open_type(arena_t *arena, duckdb_handle type) {
    if (arena->open_count == LEVELS + 2) {
        duckdb_destroy_logical_type(&type);
        fail(arena, "invalid-input: a type of the source nests too deep: 60 levels can be staged");
    }
    return arena->open_types[arena->open_count++] = type;
}

void close_types(arena_t *arena, int down_to) {
    while (arena->open_count > down_to) {
        duckdb_destroy_logical_type(&arena->open_types[--arena->open_count]);
    }
}

const char *owned(arena_t *arena, char *text) {
    if (!text) {
        fail(arena, "out of memory while rows are handed over");
    }
    size_t size = strlen(text) + 1;
    piece_t *piece = malloc(sizeof *piece + size);
    if (!piece) {
        duckdb_free(text);
        fail(arena, "out of memory while rows are handed over");
    }
    piece->next = arena->pieces;
    arena->pieces = piece;
    memcpy(piece->bytes, text, size);
    duckdb_free(text);
    return (const char *)piece->bytes;
}

const char *written(arena_t *arena, const char *format, int first, int second) {
    char *text = take(arena, 32);
    snprintf(text, 32, format, first, second);
    return text;
}
