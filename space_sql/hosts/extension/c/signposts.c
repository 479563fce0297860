#include "space.h"

#include <stdlib.h>
#include <string.h>

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

duckdb_state add_signpost(duckdb_handle connection, const char *name, const char *parameters, const char *message) {
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
