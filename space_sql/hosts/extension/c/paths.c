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

/* The text of the query; where DuckDB binds one that does not run yet, asking for it would be its internal error. */
#define QUERY "CASE WHEN current_query_id() < 9223372036854775807 THEN current_query() END"

/* The scan of a dataset, as SQL. */
static char *scan(char *out, const char *database, const char *name, size_t length) {
    out += sprintf(out, "FROM \"%s\".main.space_scan(", database);
    out = quoted(out, name, length);
    if (name[length] == '@') {
        out += sprintf(out, ", version => ");
        out = quoted(out, name + length + 1, strlen(name + length + 1));
    }
    *out++ = ')';
    *out = 0;
    return out;
}

void replace_path(duckdb_handle info, const char *name, void *database) {
    size_t length = dataset_part(name);
    if (!length) {
        return;
    }
    size_t size = strlen(database) + 2 * strlen(name) + 64;
    char *sql = malloc(size), *asking = malloc(2 * size + 2 * strlen(name) + 256), *end = asking;
    if (sql && asking) {
        char *end_of_sql = scan(sql, database, name, length);
        if (strchr(name, '/')) {
            end = stpcpy(asking, sql);
        } else { /* it may be the last part of a qualified name, which only the query's text tells */
            end += sprintf(end, "FROM query(_space_path(" QUERY ", ");
            end = quoted(end, name, strlen(name));
            end += sprintf(end, ", ");
            end = quoted(end, sql, (size_t)(end_of_sql - sql));
            end += sprintf(end, "))");
        }
        duckdb_handle value = duckdb_create_varchar_length(asking, (idx_t)(end - asking));
        duckdb_replacement_scan_set_function_name(info, "query");
        duckdb_replacement_scan_add_parameter(info, value);
        duckdb_destroy_value(&value);
    } else {
        duckdb_replacement_scan_set_error(info, "out of memory");
    }
    free(sql);
    free(asking);
}
