#include "space.h"

#include <stdio.h>

PyObject *call_host(const char *name, PyObject *arguments) {
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

PyObject *item(PyObject *sequence, ptrdiff_t i) {
    return sequence ? PySequence_GetItem(sequence, i) : NULL;
}

bool item_text(PyObject *sequence, ptrdiff_t i, char *out, size_t size) {
    PyObject *value = item(sequence, i);
    const char *text = value ? PyUnicode_AsUTF8AndSize(value, NULL) : NULL;
    bool fine = text && (size_t)snprintf(out, size, "%s", text) < size;
    if (value) {
        Py_DecRef(value);
    }
    return fine;
}
