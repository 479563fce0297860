/* Python as the extension uses it: found when it is first needed, and called over its stable ABI.

   Nothing is linked with a libpython: in a Python process its own interpreter is used, whatever version it has and
   however it was built; elsewhere the one that was recorded at install. So one file serves them all, and a Python
   that is missing is an error of one line and not one of the dynamic linker. */

#ifndef SPACE_PYTHON_H
#define SPACE_PYTHON_H

#include <stdbool.h>
#include <stddef.h>

typedef void PyObject;

/* name, result, arguments: all are part of the stable ABI of Python 3.11 */
#define PYTHON_FUNCTIONS(F)                                                                                            \
    F(Py_IsInitialized, int, (void))                                                                                   \
    F(Py_GetVersion, const char *, (void))                                                                             \
    F(Py_IncRef, void, (PyObject *))                                                                                   \
    F(Py_DecRef, void, (PyObject *))                                                                                   \
    F(PyGILState_Ensure, int, (void))                                                                                  \
    F(PyGILState_Release, void, (int))                                                                                 \
    F(PyEval_SaveThread, void *, (void))                                                                               \
    F(PyImport_ImportModule, PyObject *, (const char *))                                                               \
    F(PySys_GetObject, PyObject *, (const char *))                                                                     \
    F(PyObject_GetAttrString, PyObject *, (PyObject *, const char *))                                                  \
    F(PyObject_CallObject, PyObject *, (PyObject *, PyObject *))                                                       \
    F(PyObject_Str, PyObject *, (PyObject *))                                                                          \
    F(PyObject_IsTrue, int, (PyObject *))                                                                              \
    F(PyTuple_New, PyObject *, (ptrdiff_t))                                                                            \
    F(PyTuple_SetItem, int, (PyObject *, ptrdiff_t, PyObject *))                                                       \
    F(PyList_Append, int, (PyObject *, PyObject *))                                                                    \
    F(PySequence_Size, ptrdiff_t, (PyObject *))                                                                        \
    F(PySequence_GetItem, PyObject *, (PyObject *, ptrdiff_t))                                                         \
    F(PySequence_Contains, int, (PyObject *, PyObject *))                                                              \
    F(PyLong_FromLongLong, PyObject *, (long long))                                                                    \
    F(PyLong_AsLongLong, long long, (PyObject *))                                                                      \
    F(PyLong_FromVoidPtr, PyObject *, (void *))                                                                        \
    F(PyBytes_AsStringAndSize, int, (PyObject *, char **, ptrdiff_t *))                                                \
    F(PyUnicode_FromStringAndSize, PyObject *, (const char *, ptrdiff_t))                                              \
    F(PyUnicode_DecodeFSDefault, PyObject *, (const char *))                                                           \
    F(PyUnicode_AsUTF8AndSize, const char *, (PyObject *, ptrdiff_t *))                                                \
    F(PyErr_Fetch, void, (PyObject **, PyObject **, PyObject **))                                                      \
    F(PyErr_NormalizeException, void, (PyObject **, PyObject **, PyObject **))                                         \
    F(PyErr_GivenExceptionMatches, int, (PyObject *, PyObject *))                                                      \
    F(PyErr_Clear, void, (void))                                                                                       \
    F(PyErr_Occurred, PyObject *, (void))                                                                              \
    F(PyErr_SetInterrupt, void, (void))

#define DECLARE(name, result, arguments) extern result(*name) arguments;
PYTHON_FUNCTIONS(DECLARE)
#undef DECLARE

extern PyObject *python_none;

/* Find Python and start it where that is needed; any thread may, whether it holds the interpreter's lock or not.
   0: `why` says what is wrong, in one line. */
int python_start(char *why, size_t size);

/* Make the end of the process safe, where Python was started here. To be called once its packages are imported: what
   is registered last comes first at exit. */
void python_hold_at_exit(void);

/* Whether the process is about to end, and Python with it: who asks for its lock then waits for ever. */
bool python_is_ending(void);

/* What Python raised, as one line; nothing is raised afterwards. The interpreter's lock is held. */
void python_error(char *why, size_t size);

#endif
