#include "space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_dataset(const char *path, size_t length) {
    char name[4096];
    struct stat found;
    const char *home = length > 1 && path[0] == '~' && path[1] == '/' ? getenv("HOME") : NULL;
    size_t skip = home ? 1 : 0;
    int size = snprintf(name, sizeof name, "%s%.*s/space.json", home ? home : "", (int)(length - skip), path + skip);
    return size > 0 && (size_t)size < sizeof name && stat(name, &found) == 0;
}

/* The length of the part of a name that is a dataset's folder, and 0 when there is none: the whole name, else up to
   the last `@` before which there is one. It costs a name that is none of ours one look at the disk for each part. */
static size_t dataset_part(const char *name) {
    size_t length = strlen(name);
    if (!length || length >= 4000) {
        return 0;
    }
    if (is_dataset(name, length)) {
        return length;
    }
    for (size_t at = length; at-- > 1;) {
        if (name[at] == '@' && is_dataset(name, at)) {
            return at;
        }
    }
    return 0;
}

/* Where a literal stands between quotes: each quote twice. */
static char *quoted(char *out, const char *text, size_t length) {
    *out++ = '\'';
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'') {
            *out++ = '\'';
        }
        *out++ = text[i];
    }
    *out++ = '\'';
    return out;
}

void replace_path(duckdb_handle info, const char *name, void *database) {
    size_t length = dataset_part(name);
    if (!length) {
        return;
    }
    char *sql = malloc(strlen(database) + 2 * strlen(name) + 64);
    if (!sql) {
        duckdb_replacement_scan_set_error(info, "out of memory");
        return;
    }
    char *end = sql + sprintf(sql, "FROM \"%s\".main.space_scan(", (const char *)database);
    end = quoted(end, name, length);
    if (name[length] == '@') {
        end += sprintf(end, ", version => ");
        end = quoted(end, name + length + 1, strlen(name + length + 1));
    }
    *end++ = ')';
    duckdb_handle value = duckdb_create_varchar_length(sql, (idx_t)(end - sql));
    duckdb_replacement_scan_set_function_name(info, "query");
    duckdb_replacement_scan_add_parameter(info, value);
    duckdb_destroy_value(&value);
    free(sql);
}
