#include "arrow.h"
#include "space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { /* one result, away from Python */
    bool null;
    int64_t number;
    char *text;
    size_t length;
} result_t;

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
    } else if (kind == 'T' || kind == 'L') {
        duckdb_vector_assign_string_element_len(output, row, result->text, result->length);
    } else if (kind == 'B') {
        ((bool *)duckdb_vector_get_data(output))[row] = result->number != 0;
    } else {
        ((int64_t *)duckdb_vector_get_data(output))[row] = result->number;
    }
}

typedef struct { /* what a call holds while DuckDB takes its results */
    result_t *results;
    idx_t texts;      /* how many of them have a text of their own */
    PyObject *answer; /* where the others' texts are */
} held_t;

static void let_go(held_t *held) {
    for (idx_t row = 0; held->results && row < held->texts; row++) {
        free(held->results[row].text);
    }
    free(held->results);
    if (held->answer && !python_is_ending()) {
        int lock = PyGILState_Ensure();
        Py_DecRef(held->answer);
        PyGILState_Release(lock);
    }
}

#define HELD __attribute__((cleanup(let_go))) held_t /* also when DuckDB throws, which it does without memory */

static void call_rows(duckdb_handle info, duckdb_handle chunk, duckdb_handle output) {
    const function_t *function = duckdb_scalar_function_get_extra_info(info);
    char why[WHY] = "";
    idx_t size = duckdb_data_chunk_get_size(chunk);
    result_t *results = calloc(size ? size : 1, sizeof *results);
    HELD held = {.results = results, .texts = size};
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
}

static const struct {
    const char *name;
    char kind;
} ADDRESS[] = {{"file", 'T'}, {"row", 'I'}, {"bytes", 'I'}}; /* the fields of a record's address that are needed */

/* Whether a vector is of addresses: a struct that begins with these fields. */
static bool is_address(duckdb_handle vector) {
    duckdb_handle type = duckdb_vector_get_column_type(vector);
    bool fine = duckdb_get_type_id(type) == T_STRUCT && duckdb_struct_type_child_count(type) >= 3;
    for (idx_t i = 0; fine && i < 3; i++) {
        char *name = duckdb_struct_type_child_name(type, i);
        duckdb_handle field = duckdb_struct_type_child_type(type, i);
        fine = !strcmp(name, ADDRESS[i].name) &&
               duckdb_get_type_id(field) == (ADDRESS[i].kind == 'T' ? T_VARCHAR : T_BIGINT);
        duckdb_destroy_logical_type(&field);
        duckdb_free(name);
    }
    duckdb_destroy_logical_type(&type);
    return fine;
}

/* The values of a vector; where `whole` is NULL, so is the value. */
static PyObject *column(char kind, duckdb_handle vector, duckdb_handle whole, idx_t size) {
    const uint64_t *valid = whole ? duckdb_vector_get_validity(whole) : NULL;
    PyObject *out = PyTuple_New((ptrdiff_t)size);
    bool fine = out != NULL;
    for (idx_t row = 0; fine && row < size; row++) {
        PyObject *value = python_none;
        if (valid && !(valid[row >> 6] >> (row & 63) & 1)) {
            Py_IncRef(value);
        } else {
            value = argument(kind, vector, row);
        }
        fine = value && PyTuple_SetItem(out, (ptrdiff_t)row, value) == 0;
    }
    if (!fine && out) {
        Py_DecRef(out);
    }
    return fine ? out : NULL;
}

/* One tuple a parameter, with its value in every row; an address gives one for each of its fields. */
static PyObject *columns(const function_t *function, duckdb_handle chunk, idx_t size) {
    size_t count = strlen(function->parameters), at = 0;
    PyObject *out = PyTuple_New((ptrdiff_t)(count + (strchr(function->parameters, 'A') ? 2 : 0)));
    bool fine = out != NULL;
    for (size_t i = 0; fine && i < count; i++) {
        duckdb_handle vector = duckdb_data_chunk_get_vector(chunk, i);
        bool address = function->parameters[i] == 'A';
        for (idx_t k = 0; fine && k < (address ? 3 : 1); k++) {
            PyObject *values = address ? column(ADDRESS[k].kind, duckdb_struct_vector_get_child(vector, k), vector, size)
                                       : column(function->parameters[i], vector, NULL, size);
            fine = values && PyTuple_SetItem(out, (ptrdiff_t)at++, values) == 0;
        }
    }
    if (!fine && out) {
        Py_DecRef(out);
    }
    return fine ? out : NULL;
}

/* Where the bytes of each row are; they live as long as the answer, which is a list. */
static bool find_bytes(PyObject *answer, result_t *results, idx_t size) {
    if (PySequence_Size(answer) != (ptrdiff_t)size) {
        return false;
    }
    for (idx_t row = 0; row < size; row++) {
        PyObject *value = PySequence_GetItem(answer, (ptrdiff_t)row);
        if (!value) {
            return false;
        }
        Py_DecRef(value); /* the list holds it */
        ptrdiff_t length = 0;
        if (value == python_none) {
            results[row].null = true;
        } else if (PyBytes_AsStringAndSize(value, &results[row].text, &length) != 0) {
            return false;
        }
        results[row].length = (size_t)length;
    }
    return true;
}

/* A function that Python computes for all rows at once: records, which are large and are not copied twice. */
static void call_columns(duckdb_handle info, duckdb_handle chunk, duckdb_handle output) {
    const function_t *function = duckdb_scalar_function_get_extra_info(info);
    char why[WHY] = "out of memory";
    idx_t size = duckdb_data_chunk_get_size(chunk);
    result_t *results = calloc(size ? size : 1, sizeof *results);
    HELD held = {.results = results};
    bool fine = false;
    const char *address = strchr(function->parameters, 'A');
    if (address && !is_address(duckdb_data_chunk_get_vector(chunk, (idx_t)(address - function->parameters)))) {
        snprintf(why, sizeof why,
                 "invalid-input: an address is a STRUCT(file, row, bytes, hash), as space_scan(…, records => 'address') "
                 "shows it");
    } else if (results && python_is_ending()) {
        snprintf(why, sizeof why, "this process is ending");
    } else if (results) {
        int lock = PyGILState_Ensure();
        PyObject *arguments = columns(function, chunk, size);
        held.answer = arguments ? PyObject_CallObject(function->call, arguments) : NULL;
        fine = held.answer && find_bytes(held.answer, results, size);
        if (!fine && PyErr_Occurred()) {
            python_error(why, sizeof why);
        }
        if (arguments) {
            Py_DecRef(arguments);
        }
        PyGILState_Release(lock);
    }
    for (idx_t row = 0; fine && row < size; row++) {
        write_result(function->returns, output, row, &results[row]);
    }
    if (!fine) {
        duckdb_scalar_function_set_error(info, why);
    }
}

/* A file reference for each path: the path, and the token of this process. */
static void refer_to_files(duckdb_handle info, duckdb_handle chunk, duckdb_handle output) {
    const function_t *function = duckdb_scalar_function_get_extra_info(info);
    char why[WHY] = "this process is ending";
    result_t token = {0};
    bool fine = !python_is_ending();
    if (fine) {
        int lock = PyGILState_Ensure();
        PyObject *answer = PyObject_CallObject(function->call, NULL);
        fine = answer && take_result('T', answer, &token);
        if (!fine) {
            python_error(why, sizeof why);
        }
        if (answer) {
            Py_DecRef(answer);
        }
        PyGILState_Release(lock);
    }
    if (!fine) {
        duckdb_scalar_function_set_error(info, why);
        return;
    }
    duckdb_handle paths = duckdb_data_chunk_get_vector(chunk, 0);
    const uint64_t *valid = duckdb_vector_get_validity(paths);
    const duckdb_string_t *texts = duckdb_vector_get_data(paths);
    result_t null = {.null = true};
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
        bool given = !valid || valid[row >> 6] >> (row & 63) & 1;
        result_t path = {.text = given ? (char *)string_bytes(&texts[row]) : NULL,
                         .length = given ? texts[row].inlined.length : 0};
        write_result('T', duckdb_struct_vector_get_child(output, 0), row, given ? &path : &null);
        write_result('T', duckdb_struct_vector_get_child(output, 1), row, given ? &token : &null);
        if (!given) {
            write_result('T', output, row, &null);
        }
    }
    free(token.text);
}

static duckdb_handle result_type(char kind) {
    if (kind != 'F') {
        return duckdb_create_logical_type(kind == 'T' ? T_VARCHAR : kind == 'L' ? T_BLOB : kind == 'B' ? T_BOOLEAN
                                                                                                   : T_BIGINT);
    }
    const char *names[] = {"_space_path", "_space_token"};
    duckdb_handle fields[] = {duckdb_create_logical_type(T_VARCHAR), duckdb_create_logical_type(T_VARCHAR)};
    duckdb_handle type = duckdb_create_struct_type(fields, names, 2);
    duckdb_destroy_logical_type(&fields[0]);
    duckdb_destroy_logical_type(&fields[1]);
    return type;
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

duckdb_state add_function(duckdb_handle connection, const char *name, bool is_volatile, const function_t *function) {
    function_t *own = malloc(sizeof *own);
    if (!own) {
        return 1;
    }
    *own = *function;
    duckdb_handle scalar = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(scalar, name);
    for (const char *kind = own->parameters; *kind; kind++) {
        bool any = *kind == '*' || *kind == 'A';
        duckdb_handle type = duckdb_create_logical_type(any ? T_ANY : *kind == 'T' ? T_VARCHAR : T_BIGINT);
        if (*kind == '*') {
            duckdb_scalar_function_set_varargs(scalar, type);
        } else {
            duckdb_scalar_function_add_parameter(scalar, type);
        }
        duckdb_destroy_logical_type(&type);
    }
    duckdb_handle returns = result_type(own->returns);
    duckdb_scalar_function_set_return_type(scalar, returns);
    duckdb_destroy_logical_type(&returns);
    duckdb_scalar_function_set_special_handling(scalar); /* NULLs arrive; one that is not volatile folds while binding */
    if (is_volatile) {
        duckdb_scalar_function_set_volatile(scalar);
    }
    duckdb_scalar_function_set_extra_info(scalar, own, own->call ? free : forget_instance);
    duckdb_scalar_function_set_function(scalar, !own->call                  ? give_instance
                                                : own->parameters[0] == '*' ? call_chunk
                                                : own->returns == 'L'       ? call_columns
                                                : own->returns == 'F'       ? refer_to_files
                                                                            : call_rows);
    duckdb_state state = duckdb_register_scalar_function(connection, scalar);
    duckdb_destroy_scalar_function(&scalar);
    return state;
}
