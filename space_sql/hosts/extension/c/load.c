#include "space.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *duckdb_slots[DUCKDB_SLOTS];

typedef struct {
    duckdb_handle connection;
    char database[64]; /* the one that keeps the macros */
    char why[WHY];
} loading_t;

/* First column of the first row, to be freed by duckdb_free; NULL when there is none. */
static char *ask(loading_t *loading, const char *sql) {
    duckdb_result result;
    char *value = NULL;
    if (duckdb_query(loading->connection, sql, &result) == 0) {
        value = duckdb_row_count(&result) ? duckdb_value_varchar(&result, 0, 0) : NULL;
    }
    duckdb_destroy_result(&result);
    return value;
}

static bool run(loading_t *loading, const char *sql) {
    duckdb_result result;
    bool fine = duckdb_query(loading->connection, sql, &result) == 0;
    if (!fine) {
        const char *error = duckdb_result_error(&result);
        snprintf(loading->why, WHY, "%s", error ? error : "DuckDB gave no reason");
        loading->why[strcspn(loading->why, "\n")] = 0;
    }
    duckdb_destroy_result(&result);
    return fine;
}

typedef struct {
    char name[64], returns[2], kind[2];
    function_t function;
} declared_t;

/* What `host.functions()` lists; the count, or -1. The interpreter's lock is held. */
static ptrdiff_t read_functions(declared_t *out, ptrdiff_t most) {
    PyObject *list = call_host("functions", NULL);
    ptrdiff_t count = list ? PySequence_Size(list) : -1;
    for (ptrdiff_t i = 0; i < count && count <= most; i++) {
        PyObject *one = item(list, i);
        declared_t *declared = &out[i];
        bool fine = one && item_text(one, 0, declared->name, sizeof declared->name) &&
                    item_text(one, 1, declared->function.parameters, sizeof declared->function.parameters) &&
                    item_text(one, 2, declared->returns, sizeof declared->returns) &&
                    item_text(one, 3, declared->kind, sizeof declared->kind) &&
                    (declared->function.call = item(one, 4));
        if (one) {
            Py_DecRef(one);
        }
        if (!fine) {
            count = -1;
        }
    }
    if (list) {
        Py_DecRef(list);
    }
    return count > most ? -1 : count;
}

static bool add_functions(loading_t *loading) {
    static int64_t instances;
    declared_t declared[32];
    memset(declared, 0, sizeof declared);
    int lock = PyGILState_Ensure();
    ptrdiff_t count = read_functions(declared, 32);
    int64_t instance = ++instances; /* under the interpreter's lock */
    if (count < 0) {
        if (PyErr_Occurred()) {
            python_error(loading->why, WHY);
        } else {
            snprintf(loading->why, WHY, "its Python package is of another version: install it again");
        }
    }
    PyGILState_Release(lock);
    if (count < 0) {
        return false;
    }
    function_t own = {.returns = 'I', .instance = instance};
    bool fine = add_function(loading->connection, "_space_instance", false, &own) == 0;
    char *ready = ask(loading, "SELECT _space_ready()"); /* the Python host may have put them there: same functions */
    for (ptrdiff_t i = 0; fine && i < count; i++) {
        declared_t *one = &declared[i];
        if (ready && one->kind[0] != 'E') {
            continue;
        }
        one->function.returns = one->returns[0];
        fine = add_function(loading->connection, one->name, one->kind[0] == 'V', &one->function) == 0;
    }
    duckdb_free(ready);
    if (!fine) {
        snprintf(loading->why, WHY, "DuckDB does not take its functions");
    }
    return fine;
}

/* The Python side writes the SQL that puts the macros in place. */
static char *script(loading_t *loading, const char *databases, const char *kept) {
    int lock = PyGILState_Ensure();
    PyObject *arguments = PyTuple_New(2);
    const char *texts[] = {databases, kept};
    for (int i = 0; arguments && i < 2; i++) {
        PyTuple_SetItem(arguments, i, PyUnicode_FromStringAndSize(texts[i], (ptrdiff_t)strlen(texts[i])));
    }
    PyObject *answer = arguments ? call_host("script", arguments) : NULL;
    PyObject *sql = item(answer, 1);
    const char *text = sql ? PyUnicode_AsUTF8AndSize(sql, NULL) : NULL;
    char *copy = text && item_text(answer, 0, loading->database, sizeof loading->database) ? strdup(text) : NULL;
    if (!copy) {
        if (PyErr_Occurred()) {
            python_error(loading->why, WHY);
        } else {
            snprintf(loading->why, WHY, "out of memory");
        }
    }
    if (sql) {
        Py_DecRef(sql);
    }
    if (answer) {
        Py_DecRef(answer);
    }
    if (arguments) {
        Py_DecRef(arguments);
    }
    PyGILState_Release(lock);
    return copy;
}

static bool add_macros(loading_t *loading) {
    char *databases = ask(loading, "SELECT string_agg(CASE WHEN database_name = current_database() THEN "
                                   "CASE WHEN readonly THEN 'r' ELSE 'w' END ELSE '-' END || database_name, chr(10)) "
                                   "FROM duckdb_databases()");
    char *kept = ask(loading, "SELECT _space_macros()");
    char *sql = databases ? script(loading, databases, kept ? kept : "") : NULL;
    bool fine = sql && run(loading, sql);
    if (!databases) {
        snprintf(loading->why, WHY, "DuckDB does not list its databases");
    }
    duckdb_free(databases);
    duckdb_free(kept);
    free(sql);
    return fine;
}

static bool add_signposts(loading_t *loading) {
    int lock = PyGILState_Ensure();
    PyObject *database = PyTuple_New(1);
    if (database) {
        PyTuple_SetItem(database, 0,
                        PyUnicode_FromStringAndSize(loading->database, (ptrdiff_t)strlen(loading->database)));
    }
    PyObject *list = database ? call_host("signposts", database) : NULL;
    ptrdiff_t count = list ? PySequence_Size(list) : -1;
    char (*texts)[3][1024] = count > 0 ? calloc((size_t)count, sizeof *texts) : NULL;
    bool fine = texts != NULL;
    for (ptrdiff_t i = 0; fine && i < count; i++) {
        PyObject *one = item(list, i);
        for (int k = 0; fine && k < 3; k++) {
            fine = one && item_text(one, k, texts[i][k], sizeof texts[i][k]);
        }
        if (one) {
            Py_DecRef(one);
        }
    }
    if (!fine) {
        if (PyErr_Occurred()) {
            python_error(loading->why, WHY);
        } else {
            snprintf(loading->why, WHY, "its Python package is of another version: install it again");
        }
    }
    if (list) {
        Py_DecRef(list);
    }
    if (database) {
        Py_DecRef(database);
    }
    PyGILState_Release(lock);
    for (ptrdiff_t i = 0; fine && i < count; i++) {
        add_signpost(loading->connection, texts[i][0], texts[i][1], texts[i][2]); /* one that is there already stays */
    }
    free(texts);
    return fine;
}

static bool is_supported(const char *version) {
    int major = 0, minor = 0;
    if (sscanf(version, "v%d.%d", &major, &minor) != 2) {
        return true; /* a build of one's own has no number */
    }
    return major > 1 || (major == 1 && minor >= 5);
}

/* The functions of DuckDB. A process may hold two DuckDBs, and this file is loaded once: it can serve one of them. */
static bool take_api(const void *const *api, char *why) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    const char *version = ((const char *(*)(void))api[7])();
    if (!is_supported(version)) {
        snprintf(why, WHY, "DuckDB %s is too old: Space SQL needs DuckDB 1.5 or later", version + (*version == 'v'));
        return false;
    }
    pthread_mutex_lock(&one_at_a_time);
    bool fine = !duckdb_slots[7] || duckdb_slots[7] == api[7];
    if (fine) {
        memcpy(duckdb_slots, api, sizeof duckdb_slots);
    }
    pthread_mutex_unlock(&one_at_a_time);
    if (!fine) {
        snprintf(why, WHY, "another DuckDB in this process has loaded it; only one of them can");
    }
    return fine;
}

static bool load(loading_t *loading, duckdb_handle info, const duckdb_extension_access *access) {
    const void *const *api = access->get_api(info, DUCKDB_API_VERSION);
    if (!api || !take_api(api, loading->why) || !python_start(loading->why, WHY)) {
        return false;
    }
    duckdb_handle *database = access->get_database(info);
    if (!database || duckdb_connect(*database, &loading->connection) != 0) {
        snprintf(loading->why, WHY, "DuckDB gives no connection");
        return false;
    }
    bool fine = add_functions(loading) && add_macros(loading) && add_signposts(loading);
    python_hold_at_exit();
    duckdb_disconnect(&loading->connection); /* one that stays would lock the database's file */
    if (fine) {
        char *name = strdup(loading->database);
        if (name) {
            duckdb_add_replacement_scan(*database, replace_path, name, free);
        }
    }
    return fine;
}

/* DuckDB declares the database invalid when this returns false without an error that says why. */
__attribute__((visibility("default"))) bool space_init_c_api(duckdb_handle info, duckdb_extension_access *access) {
    loading_t loading = {0};
    if (load(&loading, info, access)) {
        return true;
    }
    char line[WHY + 64];
    snprintf(line, sizeof line, "Space SQL cannot be loaded: %s", loading.why[0] ? loading.why : "no reason given");
    access->set_error(info, line);
    return false;
}
