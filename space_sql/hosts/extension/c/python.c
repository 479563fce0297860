#define _GNU_SOURCE
#include "python.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define DEFINE(name, result, arguments) result(*name) arguments;
PYTHON_FUNCTIONS(DEFINE)
#undef DEFINE

PyObject *python_none;
static PyObject **interrupted; /* PyExc_KeyboardInterrupt */
static bool is_ours;           /* started here, so nobody finalizes it */
static volatile bool is_held;  /* for the rest of the process */

#define RECORD "space.python"
#define PATHS 256

typedef struct { /* what `space-sql extension install` wrote beside the extension */
    char text[64 << 10];
    const char *libpython, *executable, *version;
    const char *paths[PATHS];
    int path_count;
} record_t;

static const char *record_name(char *name, size_t size) {
    const char *given = getenv("SPACE_SQL_PYTHON");
    if (given && *given) {
        return given;
    }
    Dl_info self;
    if (!dladdr((void *)&python_start, &self) || !self.dli_fname) {
        return NULL;
    }
    char whole[PATH_MAX];
    if (!realpath(self.dli_fname, whole)) {
        return NULL;
    }
    *strrchr(whole, '/') = 0;
    if ((size_t)snprintf(name, size, "%s/" RECORD, whole) >= size) {
        return NULL;
    }
    return name;
}

/* Lines of `key=value`; a missing file is an empty record. */
static void read_record(record_t *record, const char *name) {
    memset(record, 0, sizeof *record);
    FILE *file = name ? fopen(name, "r") : NULL;
    if (!file) {
        return;
    }
    record->text[fread(record->text, 1, sizeof record->text - 1, file)] = 0;
    fclose(file);
    char *state = NULL;
    for (char *line = strtok_r(record->text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        char *value = strchr(line, '=');
        if (!value) {
            continue;
        }
        *value++ = 0;
        if (!strcmp(line, "libpython")) {
            record->libpython = value;
        } else if (!strcmp(line, "executable")) {
            record->executable = value;
        } else if (!strcmp(line, "version")) {
            record->version = value;
        } else if (!strcmp(line, "path") && record->path_count < PATHS) {
            record->paths[record->path_count++] = value;
        }
    }
}

static const char *find_functions(void *library) {
#define FIND(name, result, arguments)                                                                                  \
    if (!(*(void **)&name = dlsym(library, #name))) {                                                                  \
        return #name;                                                                                                  \
    }
    PYTHON_FUNCTIONS(FIND)
#undef FIND
    python_none = dlsym(library, "_Py_NoneStruct");
    interrupted = dlsym(library, "PyExc_KeyboardInterrupt");
    return python_none && interrupted ? NULL : "_Py_NoneStruct";
}

typedef struct { /* PyPreConfig, as it is since Python 3.8 outside of Windows */
    int init, parse_argv, isolated, use_environment, configure_locale, coerce_c_locale, coerce_c_locale_warn, utf8_mode,
        dev_mode, allocator, later[6];
} preconfig_t;

typedef struct { /* PyStatus, as it is since Python 3.8 */
    int type;
    const char *function, *message;
    int exit_code;
} status_t;

/* Start the interpreter isolated: no signal handlers, no environment variables, so that the host stays as it was and
   nobody's PYTHONHOME breaks it. What can go wrong comes back as a status: Py_Initialize would end the process. */
static bool initialize(void *library, const record_t *record, char *why, size_t size) {
    void (*preconfig_init)(preconfig_t *) = dlsym(library, "PyPreConfig_InitIsolatedConfig");
    status_t (*preinitialize)(preconfig_t *) = dlsym(library, "Py_PreInitialize");
    void (*config_init)(void *) = dlsym(library, "PyConfig_InitIsolatedConfig");
    status_t (*start)(void *) = dlsym(library, "Py_InitializeFromConfig");
    void (*config_clear)(void *) = dlsym(library, "PyConfig_Clear");
    wchar_t *(*decode)(const char *, size_t *) = dlsym(library, "Py_DecodeLocale");
    void (*set_program_name)(const wchar_t *) = dlsym(library, "Py_SetProgramName");
    if (!preconfig_init || !preinitialize || !config_init || !start || !config_clear || !decode || !set_program_name) {
        snprintf(why, size, "Python %s cannot be started from here: install Space SQL in Python 3.11 to 3.14",
                 record->version ? record->version : "of this version");
        return false;
    }
    preconfig_t preconfig;
    preconfig_init(&preconfig);
    preconfig.utf8_mode = 1; /* paths are UTF-8 whatever the locale, which a shell may never have set */
    status_t status = preinitialize(&preconfig);
    if (status.type == 0) {
        /* The name leads to pyvenv.cfg, and so to the environment's packages. It must live on. */
        set_program_name(decode(record->executable, NULL));
        long config[2048]; /* several times the size of any version's PyConfig, which its own functions fill */
        config_init(config);
        status = start(config);
        config_clear(config);
    }
    if (status.type != 0) {
        snprintf(why, size, "Python does not start (%s): run `space-sql extension install` again",
                 status.message ? status.message : "no reason given");
        return false;
    }
    return true;
}

/* Packages as at install: an editable install or PYTHONPATH is not in the interpreter's own path. */
static void extend_path(const record_t *record) {
    PyObject *path = PySys_GetObject("path"); /* borrowed */
    for (int i = 0; path && i < record->path_count; i++) {
        PyObject *entry = PyUnicode_DecodeFSDefault(record->paths[i]);
        if (entry && PySequence_Contains(path, entry) == 0) {
            PyList_Append(path, entry);
        }
        if (entry) {
            Py_DecRef(entry);
        }
    }
    PyErr_Clear();
}

static bool same_version(const char *running, const char *recorded) {
    size_t length = recorded ? strlen(recorded) : 0;
    return length && !strncmp(running, recorded, length) && running[length] == '.';
}

/* Find the functions, and start Python where none runs. Nothing waits for the interpreter's lock in here: a thread
   that holds it may be waiting for this function's. */
static bool find_python(record_t *record, bool *started, char *why, size_t size) {
    static bool found;
    static char failed[512]; /* what could not be started once is not tried again in this process */
    if (found) {
        return true;
    }
    if (failed[0]) {
        snprintf(why, size, "%s", failed);
        return false;
    }
    char buffer[PATH_MAX];
    const char *name = record_name(buffer, sizeof buffer);
    read_record(record, name);
    void *library = RTLD_DEFAULT;
    if (!dlsym(RTLD_DEFAULT, "Py_IsInitialized")) {
        if (!record->libpython || !record->executable) {
            snprintf(why, size, "it is not recorded which Python to use (%s is missing): run `space-sql extension install`",
                     name ? name : RECORD);
            return false;
        }
        /* Global: Python's own extension modules look for its functions there. */
        library = dlopen(record->libpython, RTLD_NOW | RTLD_GLOBAL);
        if (!library) {
            snprintf(why, size, "the Python that Space SQL was installed with is gone (%s): "
                     "run `space-sql extension install` again", record->libpython);
            return false;
        }
    }
    const char *missing = find_functions(library);
    if (missing) {
        snprintf(why, size, "this Python has no function %s: Space SQL needs Python 3.11 or later", missing);
        return false;
    }
    if (!Py_IsInitialized()) {
        if (!record->executable) {
            snprintf(why, size, "the Python in this process is not started yet, and none is recorded: "
                     "run `space-sql extension install`");
            return false;
        }
        if (!initialize(library, record, failed, sizeof failed)) {
            snprintf(why, size, "%s", failed);
            return false;
        }
        PyEval_SaveThread();
        *started = is_ours = true;
    }
    return found = true;
}

int python_start(char *why, size_t size) {
    static record_t record;
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    bool started = false;
    pthread_mutex_lock(&one_at_a_time);
    bool found = find_python(&record, &started, why, size);
    pthread_mutex_unlock(&one_at_a_time);
    if (found && (started || same_version(Py_GetVersion(), record.version))) {
        int lock = PyGILState_Ensure();
        extend_path(&record);
        PyGILState_Release(lock);
    }
    return found;
}

/* From here to the end of the process this thread holds the interpreter's lock: destructors of Python's extension
   modules, DuckDB's own among them, give it up while they work, which ends a process that does not hold it. */
static void hold_lock(void) {
    is_held = true;
    PyGILState_Ensure();
}

void python_hold_at_exit(void) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    static bool done;
    pthread_mutex_lock(&one_at_a_time);
    if (is_ours && !done) {
        done = atexit(hold_lock) == 0;
    }
    pthread_mutex_unlock(&one_at_a_time);
}

bool python_is_ending(void) {
    static int (*ending)(void);
    if (!ending && !(ending = (int (*)(void))dlsym(RTLD_DEFAULT, "Py_IsFinalizing"))) {
        ending = (int (*)(void))dlsym(RTLD_DEFAULT, "_Py_IsFinalizing"); /* its name before Python 3.13 */
    }
    return is_held || (ending && ending());
}

/* Errors of ours have a kind, which their text may begin with; others go by their class. */
static PyObject *kind_of(PyObject *type, PyObject *value) {
    PyObject *kind = value ? PyObject_GetAttrString(value, "kind") : NULL;
    if (!kind) {
        PyErr_Clear();
        kind = PyObject_GetAttrString(type, "__name__");
    }
    return kind;
}

void python_error(char *why, size_t size) {
    PyObject *type = NULL, *value = NULL, *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    snprintf(why, size, "Python failed without saying why");
    if (type && PyErr_GivenExceptionMatches(type, *interrupted)) {
        snprintf(why, size, "interrupted");
        PyErr_SetInterrupt(); /* it was meant for the caller's Python, which sees it when the statement has ended */
    } else if (type) {
        PyObject *name = kind_of(type, value);
        PyObject *text = value ? PyObject_Str(value) : NULL;
        const char *kind = name ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
        const char *message = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
        size_t length = kind ? strlen(kind) : 0;
        bool is_said = length && message && !strncmp(message, kind, length) && message[length] == ':';
        snprintf(why, size, "%s%s%s", is_said ? "" : kind ? kind : "error", is_said ? "" : ": ",
                 message ? message : "(no message)");
        for (char *c = why; *c; c++) {
            if (*c == '\n' || *c == '\r') {
                *c = ' ';
            }
        }
        if (name) {
            Py_DecRef(name);
        }
        if (text) {
            Py_DecRef(text);
        }
    }
    if (type) {
        Py_DecRef(type);
    }
    if (value) {
        Py_DecRef(value);
    }
    if (traceback) {
        Py_DecRef(traceback);
    }
    PyErr_Clear();
}
