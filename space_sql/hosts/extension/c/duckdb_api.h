/* The part of DuckDB's stable C extension API that is used, and nothing of it else.

   DuckDB hands out one struct of function pointers, whose order API v1.2.0 fixes for ever: a function is its slot
   number in that struct. A wrong number calls another function, so numbers are only ever added together with a test. */

#ifndef SPACE_DUCKDB_API_H
#define SPACE_DUCKDB_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUCKDB_API_VERSION "v1.2.0"
#define DUCKDB_SLOTS 404 /* what v1.2.0 promises; later DuckDBs have more, which they may still reorder */

typedef uint64_t idx_t;
typedef void *duckdb_handle; /* every opaque handle of the API is one pointer */
typedef int duckdb_state;    /* 0 is success */

typedef union { /* a text or blob in a vector: up to 12 bytes are inside, longer ones elsewhere */
    struct {
        uint32_t length;
        char bytes[12];
    } inlined;
    struct {
        uint32_t length;
        char prefix[4];
        const char *bytes;
    } elsewhere;
} duckdb_string_t;

static inline const char *string_bytes(const duckdb_string_t *string) {
    return string->inlined.length <= sizeof string->inlined.bytes ? string->inlined.bytes : string->elsewhere.bytes;
}

typedef struct {
    uint64_t offset, length;
} duckdb_list_entry;

typedef struct {
    int32_t months, days;
    int64_t micros;
} duckdb_interval;

typedef struct { /* fixed by the API; only ever passed by address */
    idx_t deprecated[3];
    void *deprecated_columns, *deprecated_error, *internal_data;
} duckdb_result;

typedef struct {
    void (*set_error)(duckdb_handle info, const char *error); /* without it, a failed entry invalidates the database */
    duckdb_handle *(*get_database)(duckdb_handle info);       /* freed after loading: never to be kept */
    const void *(*get_api)(duckdb_handle info, const char *version); /* freed after loading: copied by value */
} duckdb_extension_access;

enum duckdb_type {
    T_BOOLEAN = 1, T_TINYINT, T_SMALLINT, T_INTEGER, T_BIGINT, T_UTINYINT, T_USMALLINT, T_UINTEGER, T_UBIGINT,
    T_FLOAT, T_DOUBLE, T_TIMESTAMP, T_DATE, T_TIME, T_INTERVAL, T_HUGEINT, T_VARCHAR, T_BLOB, T_DECIMAL,
    T_TIMESTAMP_S, T_TIMESTAMP_MS, T_TIMESTAMP_NS, T_ENUM, T_LIST, T_STRUCT, T_MAP, T_UUID, T_UNION, T_BIT,
    T_TIME_TZ, T_TIMESTAMP_TZ, T_UHUGEINT, T_ARRAY, T_ANY, T_BIGNUM, T_SQLNULL,
    T_TIME_NS = 39, T_GEOMETRY = 40, T_VARIANT = 41, T_TIMESTAMP_TZ_NS = 42
};

typedef void (*duckdb_scalar_callback)(duckdb_handle info, duckdb_handle chunk, duckdb_handle output);
typedef void (*duckdb_table_callback)(duckdb_handle info);
typedef void (*duckdb_table_main_callback)(duckdb_handle info, duckdb_handle output);
typedef void (*duckdb_replacement_callback)(duckdb_handle info, const char *name, void *data);
typedef void (*duckdb_delete_callback)(void *data);

extern void *duckdb_slots[DUCKDB_SLOTS]; /* a copy: the struct that get_api returns is freed after loading */

#define SLOT(number, result, ...) ((result(*)(__VA_ARGS__))duckdb_slots[number])

/* databases: a connection kept open would lock a file database until the process ends, and is never given back */
#define duckdb_connect SLOT(3, duckdb_state, duckdb_handle, duckdb_handle *)
#define duckdb_disconnect SLOT(6, void, duckdb_handle *)
#define duckdb_library_version SLOT(7, const char *, void)
/* queries */
#define duckdb_query SLOT(13, duckdb_state, duckdb_handle, const char *, duckdb_result *)
#define duckdb_destroy_result SLOT(14, void, duckdb_result *)
#define duckdb_result_error SLOT(21, const char *, duckdb_result *)
#define duckdb_free SLOT(25, void, void *)
#define duckdb_value_varchar SLOT(381, char *, duckdb_result *, idx_t, idx_t) /* free it with duckdb_free */
#define duckdb_row_count SLOT(357, idx_t, duckdb_result *)
#define duckdb_destroy_value SLOT(92, void, duckdb_handle *)
#define duckdb_create_varchar_length SLOT(94, duckdb_handle, const char *, idx_t)
/* types: each one that is asked for must be destroyed */
#define duckdb_create_logical_type SLOT(156, duckdb_handle, int)
#define duckdb_create_struct_type SLOT(163, duckdb_handle, duckdb_handle *, const char **, idx_t)
#define duckdb_get_type_id SLOT(166, int, duckdb_handle)
#define duckdb_decimal_width SLOT(167, uint8_t, duckdb_handle)
#define duckdb_decimal_scale SLOT(168, uint8_t, duckdb_handle)
#define duckdb_decimal_internal_type SLOT(169, int, duckdb_handle)
#define duckdb_enum_internal_type SLOT(170, int, duckdb_handle)
#define duckdb_enum_dictionary_size SLOT(171, uint32_t, duckdb_handle)
#define duckdb_enum_dictionary_value SLOT(172, char *, duckdb_handle, idx_t)
#define duckdb_list_type_child_type SLOT(173, duckdb_handle, duckdb_handle)
#define duckdb_array_type_child_type SLOT(174, duckdb_handle, duckdb_handle)
#define duckdb_array_type_array_size SLOT(175, idx_t, duckdb_handle)
#define duckdb_map_type_key_type SLOT(176, duckdb_handle, duckdb_handle)
#define duckdb_map_type_value_type SLOT(177, duckdb_handle, duckdb_handle)
#define duckdb_struct_type_child_count SLOT(178, idx_t, duckdb_handle)
#define duckdb_struct_type_child_name SLOT(179, char *, duckdb_handle, idx_t)
#define duckdb_struct_type_child_type SLOT(180, duckdb_handle, duckdb_handle, idx_t)
#define duckdb_union_type_member_count SLOT(181, idx_t, duckdb_handle)
#define duckdb_union_type_member_name SLOT(182, char *, duckdb_handle, idx_t)
#define duckdb_union_type_member_type SLOT(183, duckdb_handle, duckdb_handle, idx_t)
#define duckdb_destroy_logical_type SLOT(184, void, duckdb_handle *)
/* vectors: those of a scalar function arrive flattened, at every depth */
#define duckdb_data_chunk_get_column_count SLOT(189, idx_t, duckdb_handle)
#define duckdb_data_chunk_get_vector SLOT(190, duckdb_handle, duckdb_handle, idx_t)
#define duckdb_data_chunk_get_size SLOT(191, idx_t, duckdb_handle)
#define duckdb_vector_get_column_type SLOT(193, duckdb_handle, duckdb_handle)
#define duckdb_vector_get_data SLOT(194, void *, duckdb_handle)
#define duckdb_vector_get_validity SLOT(195, uint64_t *, duckdb_handle) /* NULL: all are valid */
#define duckdb_vector_ensure_validity_writable SLOT(196, void, duckdb_handle)
#define duckdb_vector_assign_string_element_len SLOT(198, void, duckdb_handle, idx_t, const char *, idx_t)
#define duckdb_list_vector_get_child SLOT(199, duckdb_handle, duckdb_handle)
#define duckdb_list_vector_get_size SLOT(200, idx_t, duckdb_handle)
#define duckdb_struct_vector_get_child SLOT(203, duckdb_handle, duckdb_handle, idx_t)
#define duckdb_array_vector_get_child SLOT(204, duckdb_handle, duckdb_handle)
#define duckdb_validity_set_row_invalid SLOT(207, void, uint64_t *, idx_t)
/* scalar functions: special handling means that NULL arguments arrive, too */
#define duckdb_create_scalar_function SLOT(209, duckdb_handle, void)
#define duckdb_destroy_scalar_function SLOT(210, void, duckdb_handle *)
#define duckdb_scalar_function_set_name SLOT(211, void, duckdb_handle, const char *)
#define duckdb_scalar_function_set_varargs SLOT(212, void, duckdb_handle, duckdb_handle)
#define duckdb_scalar_function_set_special_handling SLOT(213, void, duckdb_handle)
#define duckdb_scalar_function_set_volatile SLOT(214, void, duckdb_handle)
#define duckdb_scalar_function_add_parameter SLOT(215, void, duckdb_handle, duckdb_handle)
#define duckdb_scalar_function_set_return_type SLOT(216, void, duckdb_handle, duckdb_handle)
#define duckdb_scalar_function_set_extra_info SLOT(217, void, duckdb_handle, void *, duckdb_delete_callback)
#define duckdb_scalar_function_set_function SLOT(218, void, duckdb_handle, duckdb_scalar_callback)
#define duckdb_register_scalar_function SLOT(219, duckdb_state, duckdb_handle, duckdb_handle)
#define duckdb_scalar_function_get_extra_info SLOT(220, void *, duckdb_handle)
/* an error must be UTF-8, and set away from Python's lock: the caller may throw a C++ exception through our frames */
#define duckdb_scalar_function_set_error SLOT(221, void, duckdb_handle, const char *)
/* table functions */
#define duckdb_create_table_function SLOT(242, duckdb_handle, void)
#define duckdb_destroy_table_function SLOT(243, void, duckdb_handle *)
#define duckdb_table_function_set_name SLOT(244, void, duckdb_handle, const char *)
#define duckdb_table_function_add_parameter SLOT(245, void, duckdb_handle, duckdb_handle)
#define duckdb_table_function_add_named_parameter SLOT(246, void, duckdb_handle, const char *, duckdb_handle)
#define duckdb_table_function_set_extra_info SLOT(247, void, duckdb_handle, void *, duckdb_delete_callback)
#define duckdb_table_function_set_bind SLOT(248, void, duckdb_handle, duckdb_table_callback)
#define duckdb_table_function_set_init SLOT(249, void, duckdb_handle, duckdb_table_callback)
#define duckdb_table_function_set_function SLOT(251, void, duckdb_handle, duckdb_table_main_callback)
#define duckdb_register_table_function SLOT(253, duckdb_state, duckdb_handle, duckdb_handle)
#define duckdb_bind_get_extra_info SLOT(254, void *, duckdb_handle)
#define duckdb_bind_set_error SLOT(261, void, duckdb_handle, const char *)
/* replacement scans: may name any table function, `query` too; the name is the last part of a qualified one */
#define duckdb_add_replacement_scan                                                                                    \
    SLOT(274, void, duckdb_handle, duckdb_replacement_callback, void *, duckdb_delete_callback)
#define duckdb_replacement_scan_set_function_name SLOT(275, void, duckdb_handle, const char *)
#define duckdb_replacement_scan_add_parameter SLOT(276, void, duckdb_handle, duckdb_handle)
#define duckdb_replacement_scan_set_error SLOT(277, void, duckdb_handle, const char *)

#endif
