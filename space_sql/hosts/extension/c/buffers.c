#include "buffers.h"

#include <string.h>

/* DuckDB's masks are Arrow's bitmaps: 1 is valid, lowest bit first. */
const void *bitmap(arena_t *arena, const uint64_t *validity, selection_t at) {
    size_t words = (at.count + 63) / 64;
    if (!at.rows) {
        return validity ? memcpy(take(arena, words * 8), validity, words * 8) : NULL;
    }
    uint64_t *bits = take_zeroed(arena, words * 8);
    bool all = true;
    for (uint64_t i = 0; i < at.count; i++) {
        bool valid = is_valid(validity, at.rows[i]);
        bits[i >> 6] |= (uint64_t)valid << (i & 63);
        all &= valid;
    }
    return all ? NULL : bits;
}

void *fixed(arena_t *arena, const void *data, selection_t at, size_t width) {
    if (!at.rows) {
        return memcpy(take(arena, at.count * width), data, at.count * width);
    }
    char *out = take(arena, at.count * width);
    for (uint64_t i = 0; i < at.count; i++) {
        if (at.rows[i] == NO_ROW) {
            memset(out + i * width, 0, width);
        } else {
            memcpy(out + i * width, (const char *)data + at.rows[i] * width, width);
        }
    }
    return out;
}

void *booleans(arena_t *arena, const uint8_t *data, selection_t at) {
    uint64_t *bits = take_zeroed(arena, (at.count + 63) / 64 * 8);
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        bits[i >> 6] |= (uint64_t)(row != NO_ROW && data[row]) << (i & 63);
    }
    return bits;
}

const char TOO_LARGE[] = "invalid-input: more than 2 GB of text in 2,048 rows cannot be staged: "
                                "put fewer such rows into one source";

void strings(arena_t *arena, struct ArrowArray *array, const duckdb_string_t *data, const uint64_t *validity,
             selection_t at) {
    int32_t *offsets = take(arena, (at.count + 1) * 4);
    uint64_t total = 0;
    offsets[0] = 0;
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        if (is_valid(validity, row)) {
            total += data[row].inlined.length;
        }
        if (total > INT32_MAX) {
            fail(arena, TOO_LARGE);
        }
        offsets[i + 1] = (int32_t)total;
    }
    char *bytes = take(arena, total);
    for (uint64_t i = 0; i < at.count; i++) {
        size_t length = (size_t)(offsets[i + 1] - offsets[i]);
        if (length) {
            memcpy(bytes + offsets[i], string_bytes(&data[row_at(at, i)]), length);
        }
    }
    array->buffers[1] = offsets;
    array->buffers[2] = bytes;
}

void *decimals(arena_t *arena, const void *data, selection_t at, int internal) {
    if (internal == T_HUGEINT) {
        return fixed(arena, data, at, 16);
    }
    int64_t *out = take(arena, at.count * 16);
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        int64_t value = 0;
        if (row != NO_ROW) {
            value = internal == T_SMALLINT  ? ((const int16_t *)data)[row]
                    : internal == T_INTEGER ? ((const int32_t *)data)[row]
                                            : ((const int64_t *)data)[row];
        }
        out[2 * i] = value;
        out[2 * i + 1] = value >> 63;
    }
    return out;
}

/* DuckDB flips the highest bit of a UUID so that it sorts as a number. */
void uuids(arena_t *arena, struct ArrowArray *array, const uint64_t *data, const uint64_t *validity, selection_t at) {
    static const char digits[] = "0123456789abcdef";
    int32_t *offsets = take(arena, (at.count + 1) * 4);
    char *bytes = take(arena, at.count * 36), *next = bytes;
    if (at.count * 36 > INT32_MAX) {
        fail(arena, TOO_LARGE);
    }
    offsets[0] = 0;
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        if (is_valid(validity, row)) {
            uint64_t halves[2] = {data[2 * row + 1] ^ (1ull << 63), data[2 * row]};
            for (int nibble = 0; nibble < 32; nibble++) {
                if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) {
                    *next++ = '-';
                }
                *next++ = digits[halves[nibble / 16] >> (60 - 4 * (nibble % 16)) & 15];
            }
        }
        offsets[i + 1] = (int32_t)(next - bytes);
    }
    array->buffers[1] = offsets;
    array->buffers[2] = bytes;
}

void *intervals(arena_t *arena, const duckdb_interval *data, const uint64_t *validity, selection_t at) {
    duckdb_interval *out = take(arena, at.count * sizeof *out);
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        out[i] = is_valid(validity, row) ? data[row] : (duckdb_interval){0, 0, 0};
        out[i].micros = (int64_t)((uint64_t)out[i].micros * 1000u); /* Arrow counts nanoseconds */
    }
    return out;
}

/* The time is in the upper bits, above the offset, which Arrow has no place for. */
void *times_with_offset(arena_t *arena, const uint64_t *data, selection_t at) {
    int64_t *out = take(arena, at.count * 8);
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        out[i] = row == NO_ROW ? 0 : (int64_t)(data[row] >> 24);
    }
    return out;
}
