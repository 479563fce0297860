/* The extension: what DuckDB calls. It declares to DuckDB what `host.py` lists and hands calls on to it.

   The interpreter's lock is held around Python alone: a DuckDB function that fails throws a C++ exception through
   these frames, and one that waits may wait for a thread that wants the lock. */

#define _GNU_SOURCE
#include "arrow.h"
#include "duckdb_api.h"
#include "python.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WHY 8192
#define PARAMETERS 8
#define HIDDEN "_space_instance"

void *duckdb_slots[DUCKDB_SLOTS];

typedef struct { /* what a function knows of itself; freed by DuckDB with the database */
    PyObject *call;              /* lives as long as the process, so it is never given back */
    char parameters[PARAMETERS + 1]; /* a letter each: T VARCHAR, I BIGINT; `*` any number of anything, as Arrow */
    char returns;                /* T, I or B BOOLEAN */
    int64_t instance;            /* the database's number in this process */
} function_t;

typedef struct { /* one result, away from Python */
    bool null;
    int64_t number;
    char *text;
    size_t length;
} result_t;

/* ---- scalar functions ---- */

static PyObject *argument(char kind, duckdb_handle vector, idx_t row) {
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    if (validity && !(validity[row >> 6] >> (row & 63) & 1)) {
        Py_IncRef(python_none);
        return python_none;
    }
    if (kind == 'T') {
        const duckdb_string_t *string = (const duckdb_string_t *)duckdb_vector_get_data(vector) + row;
        return PyUnicode_FromStringAndSize(string_bytes(string), (ptrdiff_t)string->inlined.length);
    }
    return PyLong_FromLongLong(((const int64_t *)duckdb_vector_get_data(vector))[row]);
}

static bool take_result(char kind, PyObject *answer, result_t *result) {
    if (answer == python_none) {
        result->null = true;
        return true;
    }
    if (kind == 'T') {
        ptrdiff_t length;
        const char *text = PyUnicode_AsUTF8AndSize(answer, &length);
        if (!text || !(result->text = malloc((size_t)length + 1))) {
            return false;
        }
        memcpy(result->text, text, (size_t)length);
        result->length = (size_t)length;
        return true;
    }
    result->number = kind == 'B' ? PyObject_IsTrue(answer) : PyLong_AsLongLong(answer);
    return !PyErr_Occurred();
}

/* One call; false: `why` says what was raised. */
static bool call_row(const function_t *function, duckdb_handle chunk, idx_t row, result_t *result, char *why) {
    size_t count = strlen(function->parameters);
    PyObject *arguments = PyTuple_New((ptrdiff_t)count);
    bool fine = arguments != NULL;
    for (size_t i = 0; fine && i < count; i++) {
        PyObject *value = argument(function->parameters[i], duckdb_data_chunk_get_vector(chunk, i), row);
        fine = value && PyTuple_SetItem(arguments, (ptrdiff_t)i, value) == 0;
    }
    PyObject *answer = fine ? PyObject_CallObject(function->call, arguments) : NULL;
    fine = answer && take_result(function->returns, answer, result);
    if (!fine) {
        if (PyErr_Occurred()) {
            python_error(why, WHY);
        } else {
            snprintf(why, WHY, "out of memory");
        }
    }
    if (answer) {
        Py_DecRef(answer);
    }
    if (arguments) {
        Py_DecRef(arguments);
    }
    return fine;
}

static void write_result(char kind, duckdb_handle output, idx_t row, const result_t *result) {
    if (result->null) {
        duckdb_vector_ensure_validity_writable(output);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
    } else if (kind == 'T') {
        duckdb_vector_assign_string_element_len(output, row, result->text, result->length);
    } else if (kind == 'B') {
        ((bool *)duckdb_vector_get_data(output))[row] = result->number != 0;
    } else {
        ((int64_t *)duckdb_vector_get_data(output))[row] = result->number;
    }
}

static void call_rows(duckdb_handle info, duckdb_handle chunk, duckdb_handle output) {
    const function_t *function = duckdb_scalar_function_get_extra_info(info);
    char why[WHY] = "";
    idx_t size = duckdb_data_chunk_get_size(chunk);
    result_t *results = calloc(size ? size : 1, sizeof *results);
    bool fine = results != NULL;
    if (!fine) {
        snprintf(why, sizeof why, "out of memory");
    } else if (python_is_ending()) {
        fine = false;
        snprintf(why, sizeof why, "this process is ending");
    } else {
        int lock = PyGILState_Ensure();
        for (idx_t row = 0; fine && row < size; row++) {
            fine = call_row(function, chunk, row, &results[row], why);
        }
        PyGILState_Release(lock);
    }
    for (idx_t row = 0; fine && row < size; row++) {
        write_result(function->returns, output, row, &results[row]);
    }
    if (!fine) {
        duckdb_scalar_function_set_error(info, why);
    }
    for (idx_t row = 0; results && row < size; row++) {
        free(results[row].text);
    }
    free(results);
}

/* Python takes the arrays over, or gives them up when it fails: they are released then either way. */
static bool call_arrow(const function_t *function, struct ArrowArray *array, struct ArrowSchema *schema,
                       int64_t *numbers, idx_t size, char *why) {
    struct ArrowArray answer_array = {0};
    struct ArrowSchema answer_schema = {0};
    void *pointers[] = {array, schema, &answer_array, &answer_schema};
    PyObject *arguments = PyTuple_New(4);
    bool fine = arguments != NULL;
    for (int i = 0; fine && i < 4; i++) {
        PyObject *pointer = PyLong_FromVoidPtr(pointers[i]);
        fine = pointer && PyTuple_SetItem(arguments, i, pointer) == 0;
    }
    PyObject *answer = fine ? PyObject_CallObject(function->call, arguments) : NULL;
    fine = answer != NULL;
    if (!fine) {
        python_error(why, WHY);
    } else if (answer_array.length != (int64_t)size || strcmp(answer_schema.format, "l")) {
        fine = false;
        snprintf(why, WHY, "internal: %lld numbers for %llu rows; please report this", (long long)answer_array.length,
                 (unsigned long long)size);
    } else {
        memcpy(numbers, (const int64_t *)answer_array.buffers[1] + answer_array.offset, size * sizeof *numbers);
    }
    if (answer) {
        Py_DecRef(answer);
    }
    if (arguments) {
        Py_DecRef(arguments);
    }
    if (answer_array.release) {
        answer_array.release(&answer_array);
    }
    if (answer_schema.release) {
        answer_schema.release(&answer_schema);
    }
    return fine;
}

static void call_chunk(duckdb_handle info, duckdb_handle chunk, duckdb_handle output) {
    const function_t *function = duckdb_scalar_function_get_extra_info(info);
    char why[WHY] = "";
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    const char *problem = arrow_from_chunk(chunk, &schema, &array);
    if (!problem && python_is_ending()) {
        problem = "this process is ending";
    }
    if (!problem) {
        int lock = PyGILState_Ensure();
        if (!call_arrow(function, &array, &schema, duckdb_vector_get_data(output), duckdb_data_chunk_get_size(chunk),
                        why)) {
            problem = why;
        }
        PyGILState_Release(lock);
    }
    if (array.release) {
        array.release(&array);
    }
    if (schema.release) {
        schema.release(&schema);
    }
    if (problem) {
        duckdb_scalar_function_set_error(info, problem);
    }
}

/* Which database of this process it is: part of what tells one connection from another. */
static void give_instance(duckdb_handle info, duckdb_handle chunk, duckdb_handle output) {
    const function_t *function = duckdb_scalar_function_get_extra_info(info);
    int64_t *numbers = duckdb_vector_get_data(output);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
        numbers[row] = function->instance;
    }
}

static PyObject *call_host(const char *name, PyObject *arguments);

/* The database is closed: what Python keeps of its connections goes, too. */
static void forget_instance(void *data) {
    function_t *function = data;
    if (!python_is_ending()) {
        int lock = PyGILState_Ensure();
        PyObject *arguments = PyTuple_New(1);
        if (arguments && PyTuple_SetItem(arguments, 0, PyLong_FromLongLong(function->instance)) == 0) {
            PyObject *answer = call_host("forget", arguments);
            if (answer) {
                Py_DecRef(answer);
            }
        }
        if (arguments) {
            Py_DecRef(arguments);
        }
        PyErr_Clear();
        PyGILState_Release(lock);
    }
    free(function);
}

static duckdb_state add_scalar(duckdb_handle connection, const char *name, bool is_volatile,
                               duckdb_scalar_callback callback, const function_t *function) {
    function_t *own = malloc(sizeof *own);
    if (!own) {
        return 1;
    }
    *own = *function;
    duckdb_handle scalar = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(scalar, name);
    for (const char *kind = own->parameters; *kind; kind++) {
        duckdb_handle type = duckdb_create_logical_type(*kind == '*' ? T_ANY : *kind == 'T' ? T_VARCHAR : T_BIGINT);
        if (*kind == '*') {
            duckdb_scalar_function_set_varargs(scalar, type);
        } else {
            duckdb_scalar_function_add_parameter(scalar, type);
        }
        duckdb_destroy_logical_type(&type);
    }
    duckdb_handle returns = duckdb_create_logical_type(own->returns == 'T' ? T_VARCHAR
                                                       : own->returns == 'B' ? T_BOOLEAN : T_BIGINT);
    duckdb_scalar_function_set_return_type(scalar, returns);
    duckdb_destroy_logical_type(&returns);
    duckdb_scalar_function_set_special_handling(scalar); /* NULLs arrive; one that is not volatile folds while binding */
    if (is_volatile) {
        duckdb_scalar_function_set_volatile(scalar);
    }
    duckdb_scalar_function_set_extra_info(scalar, own, callback == give_instance ? forget_instance : free);
    duckdb_scalar_function_set_function(scalar, callback);
    duckdb_state state = duckdb_register_scalar_function(connection, scalar);
    duckdb_destroy_scalar_function(&scalar);
    return state;
}

/* ---- table functions that say where the macros are ---- */

static void say_where(duckdb_handle info) {
    duckdb_bind_set_error(info, duckdb_bind_get_extra_info(info));
}

static void no_init(duckdb_handle info) {
    (void)info;
}

static void no_rows(duckdb_handle info, duckdb_handle output) {
    (void)info;
    (void)output;
}

static duckdb_state add_signpost(duckdb_handle connection, const char *name, const char *parameters,
                                 const char *message) {
    duckdb_handle any = duckdb_create_logical_type(T_ANY);
    duckdb_handle table = duckdb_create_table_function();
    duckdb_table_function_set_name(table, name);
    char *own = strdup(parameters), *state = NULL;
    for (char *p = own ? strtok_r(own, ",", &state) : NULL; p; p = strtok_r(NULL, ",", &state)) {
        if (*p == '=') {
            duckdb_table_function_add_named_parameter(table, p + 1, any);
        } else {
            duckdb_table_function_add_parameter(table, any);
        }
    }
    free(own);
    duckdb_table_function_set_extra_info(table, strdup(message), free);
    duckdb_table_function_set_bind(table, say_where);
    duckdb_table_function_set_init(table, no_init);
    duckdb_table_function_set_function(table, no_rows);
    duckdb_state result = duckdb_register_table_function(connection, table);
    duckdb_destroy_table_function(&table);
    duckdb_destroy_logical_type(&any);
    return result;
}

/* ---- path literals ---- */

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

static void replace_path(duckdb_handle info, const char *name, void *database) {
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

/* ---- loading ---- */

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

static PyObject *call_host(const char *name, PyObject *arguments) {
    PyObject *module = PyImport_ImportModule("space_sql.hosts.extension.host");
    PyObject *function = module ? PyObject_GetAttrString(module, name) : NULL;
    PyObject *answer = function ? PyObject_CallObject(function, arguments) : NULL;
    if (module) {
        Py_DecRef(module);
    }
    if (function) {
        Py_DecRef(function);
    }
    return answer;
}

static PyObject *item(PyObject *sequence, ptrdiff_t i) {
    return sequence ? PySequence_GetItem(sequence, i) : NULL;
}

static bool item_text(PyObject *sequence, ptrdiff_t i, char *out, size_t size) {
    PyObject *value = item(sequence, i);
    const char *text = value ? PyUnicode_AsUTF8AndSize(value, NULL) : NULL;
    bool fine = text && (size_t)snprintf(out, size, "%s", text) < size;
    if (value) {
        Py_DecRef(value);
    }
    return fine;
}

typedef struct {
    char name[64], returns[2], is_volatile[2];
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
                    item_text(one, 3, declared->is_volatile, sizeof declared->is_volatile) &&
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
    function_t own = {.parameters = "", .returns = 'I', .instance = instance};
    bool fine = add_scalar(loading->connection, HIDDEN, false, give_instance, &own) == 0;
    char *ready = ask(loading, "SELECT _space_ready()"); /* the Python host may have put them there: same functions */
    for (ptrdiff_t i = 0; fine && !ready && i < count; i++) {
        declared_t *one = &declared[i];
        one->function.returns = one->returns[0];
        duckdb_scalar_callback callback = one->function.parameters[0] == '*' ? call_chunk : call_rows;
        fine = add_scalar(loading->connection, one->name, one->is_volatile[0] == 'V', callback, &one->function) == 0;
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
