#include "arrow.h"
#include "arena.h"
#include "buffers.h"

#include <stdio.h>
#include <string.h>

static void release_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    array->release = NULL;
}

static void release_root_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release) {
            schema->children[i]->release(schema->children[i]);
        }
    }
    schema->release = NULL;
    free_pieces(schema->private_data);
}

static void release_root_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release) {
            array->children[i]->release(array->children[i]);
        }
    }
    array->release = NULL;
    free_pieces(array->private_data);
}

/* ---- schema and array of one column, side by side ---- */

typedef struct {
    arena_t *schemas, *arrays;
} to_t;

static void begin(to_t to, struct ArrowSchema *schema, struct ArrowArray *array, const char *format, uint64_t length,
                  int buffers, int children) {
    schema->format = format;
    schema->name = schema->name ? schema->name : "";
    schema->flags = 2; /* nullable */
    schema->release = release_schema;
    schema->n_children = array->n_children = children;
    array->length = (int64_t)length;
    array->null_count = -1; /* whoever needs it counts */
    array->n_buffers = buffers;
    array->buffers = take_zeroed(to.arrays, sizeof(void *) * (size_t)(buffers ? buffers : 1));
    array->release = release_array;
    schema->children = take_zeroed(to.schemas, sizeof(void *) * (size_t)(children ? children : 1));
    array->children = take_zeroed(to.arrays, sizeof(void *) * (size_t)(children ? children : 1));
    for (int i = 0; i < children; i++) {
        schema->children[i] = take_zeroed(to.schemas, sizeof(struct ArrowSchema));
        array->children[i] = take_zeroed(to.arrays, sizeof(struct ArrowArray));
    }
}

/* ---- nested types ---- */

static void column(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at, struct ArrowSchema *schema,
                   struct ArrowArray *array);

/* Lists may lie in any order, overlap, and have anything where they are NULL; Arrow's follow each other. */
static selection_t elements(arena_t *arena, struct ArrowArray *array, duckdb_handle vector, selection_t at) {
    const duckdb_list_entry *entries = duckdb_vector_get_data(vector);
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    int32_t *offsets = take(arena, (at.count + 1) * 4);
    uint64_t total = 0;
    bool in_order = true;
    offsets[0] = 0;
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        if (is_valid(validity, row) && entries[row].length) {
            in_order &= entries[row].offset == total;
            total += entries[row].length;
        }
        if (total > INT32_MAX) {
            fail(arena, TOO_LARGE);
        }
        offsets[i + 1] = (int32_t)total;
    }
    array->buffers[1] = offsets;
    if (in_order) {
        return (selection_t){NULL, total};
    }
    uint64_t *rows = take(arena, total * 8), n = 0;
    for (uint64_t i = 0; i < at.count; i++) {
        uint64_t row = row_at(at, i);
        if (is_valid(validity, row)) {
            for (uint64_t k = 0; k < entries[row].length; k++) {
                rows[n++] = entries[row].offset + k;
            }
        }
    }
    return (selection_t){rows, total};
}

static void list(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at, struct ArrowSchema *schema,
                 struct ArrowArray *array) {
    begin(to, schema, array, "+l", at.count, 2, 1);
    schema->children[0]->name = "l";
    selection_t children = elements(to.arrays, array, vector, at);
    duckdb_handle child = open_type(to.arrays, duckdb_list_type_child_type(type));
    column(to, duckdb_list_vector_get_child(vector), child, children, schema->children[0], array->children[0]);
}

static void map(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at, struct ArrowSchema *schema,
                struct ArrowArray *array) {
    begin(to, schema, array, "+m", at.count, 2, 1);
    selection_t children = elements(to.arrays, array, vector, at);
    struct ArrowSchema *entries_schema = schema->children[0];
    struct ArrowArray *entries = array->children[0];
    entries_schema->name = "entries";
    begin(to, entries_schema, entries, "+s", children.count, 1, 2);
    entries_schema->flags = 0;
    duckdb_handle pairs = duckdb_list_vector_get_child(vector);
    duckdb_handle key = open_type(to.arrays, duckdb_map_type_key_type(type));
    entries_schema->children[0]->name = "key";
    column(to, duckdb_struct_vector_get_child(pairs, 0), key, children, entries_schema->children[0],
           entries->children[0]);
    entries_schema->children[0]->flags = 0;
    duckdb_handle value = open_type(to.arrays, duckdb_map_type_value_type(type));
    entries_schema->children[1]->name = "value";
    column(to, duckdb_struct_vector_get_child(pairs, 1), value, children, entries_schema->children[1],
           entries->children[1]);
}

static void array_of(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at, struct ArrowSchema *schema,
                     struct ArrowArray *array) {
    uint64_t size = duckdb_array_type_array_size(type);
    begin(to, schema, array, written(to.schemas, "+w:%d", (int)size, 0), at.count, 1, 1);
    selection_t children = {NULL, at.count * size};
    if (at.rows) {
        uint64_t *rows = take(to.arrays, children.count * 8);
        for (uint64_t i = 0; i < children.count; i++) {
            uint64_t row = at.rows[i / size];
            rows[i] = row == NO_ROW ? NO_ROW : row * size + i % size;
        }
        children.rows = rows;
    }
    duckdb_handle child = open_type(to.arrays, duckdb_array_type_child_type(type));
    column(to, duckdb_array_vector_get_child(vector), child, children, schema->children[0], array->children[0]);
}

static void structure(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at, struct ArrowSchema *schema,
                      struct ArrowArray *array) {
    uint64_t count = duckdb_struct_type_child_count(type);
    begin(to, schema, array, "+s", at.count, 1, (int)count);
    for (uint64_t i = 0; i < count; i++) {
        int open = to.arrays->open_count;
        duckdb_handle child = open_type(to.arrays, duckdb_struct_type_child_type(type, i));
        schema->children[i]->name = owned(to.schemas, duckdb_struct_type_child_name(type, i));
        column(to, duckdb_struct_vector_get_child(vector, i), child, at, schema->children[i], array->children[i]);
        close_types(to.arrays, open);
    }
}

/* A union is a struct of a tag and its members; Arrow's has no validity of its own, so a NULL is one in a member. */
static void tagged_union(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at,
                         struct ArrowSchema *schema, struct ArrowArray *array) {
    uint64_t count = duckdb_union_type_member_count(type);
    char *format = take(to.schemas, 8 + 4 * count), *end = format + sprintf(format, "+us:");
    for (uint64_t i = 0; i < count; i++) {
        end += sprintf(end, i ? ",%d" : "%d", (int)i);
    }
    begin(to, schema, array, format, at.count, 1, (int)count);
    duckdb_handle tags = duckdb_struct_vector_get_child(vector, 0);
    const uint8_t *tag = duckdb_vector_get_data(tags);
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    int8_t *ids = take(to.arrays, at.count);
    for (uint64_t i = 0; i < at.count; i++) {
        ids[i] = (int8_t)(is_valid(validity, row_at(at, i)) ? tag[row_at(at, i)] : 0);
    }
    array->buffers[0] = ids;
    array->null_count = 0;
    for (uint64_t m = 0; m < count; m++) {
        int open = to.arrays->open_count;
        uint64_t *rows = take(to.arrays, at.count * 8);
        for (uint64_t i = 0; i < at.count; i++) {
            uint64_t row = row_at(at, i);
            rows[i] = is_valid(validity, row) && tag[row] == m ? row : NO_ROW;
        }
        duckdb_handle member = open_type(to.arrays, duckdb_union_type_member_type(type, m));
        schema->children[m]->name = owned(to.schemas, duckdb_union_type_member_name(type, m));
        column(to, duckdb_struct_vector_get_child(vector, m + 1), member, (selection_t){rows, at.count},
               schema->children[m], array->children[m]);
        close_types(to.arrays, open);
    }
}

static void enumeration(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at, struct ArrowSchema *schema,
                        struct ArrowArray *array) {
    int internal = duckdb_enum_internal_type(type);
    size_t width = internal == T_UTINYINT ? 1 : internal == T_USMALLINT ? 2 : 4;
    begin(to, schema, array, width == 1 ? "C" : width == 2 ? "S" : "I", at.count, 2, 0);
    char *codes = fixed(to.arrays, duckdb_vector_get_data(vector), at, width);
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    for (uint64_t i = 0; validity && i < at.count; i++) {
        if (!is_valid(validity, row_at(at, i))) {
            memset(codes + i * width, 0, width); /* whatever is in a NULL is no index */
        }
    }
    array->buffers[1] = codes;
    uint64_t count = duckdb_enum_dictionary_size(type);
    struct ArrowSchema *names = schema->dictionary = take_zeroed(to.schemas, sizeof *names);
    struct ArrowArray *values = array->dictionary = take_zeroed(to.arrays, sizeof *values);
    begin(to, names, values, "u", count, 3, 0);
    int32_t *offsets = take(to.arrays, (count + 1) * 4);
    const char **texts = take(to.arrays, (count ? count : 1) * sizeof *texts);
    offsets[0] = 0;
    for (uint64_t i = 0; i < count; i++) {
        texts[i] = owned(to.arrays, duckdb_enum_dictionary_value(type, i));
        offsets[i + 1] = offsets[i] + (int32_t)strlen(texts[i]);
    }
    char *bytes = take(to.arrays, (size_t)offsets[count]);
    for (uint64_t i = 0; i < count; i++) {
        memcpy(bytes + offsets[i], texts[i], (size_t)(offsets[i + 1] - offsets[i]));
    }
    values->buffers[1] = offsets;
    values->buffers[2] = bytes;
}

/* ---- metadata of extension types: a count, then length and bytes of each key and value ---- */

static const char *metadata(arena_t *arena, const char *name, const char *details) {
    const char *texts[] = {"ARROW:extension:name", name, "ARROW:extension:metadata", details};
    char *out = take(arena, 4 + 16 + 48 + strlen(name) + strlen(details)), *next = out + 4;
    memcpy(out, &(int32_t){2}, 4);
    for (int i = 0; i < 4; i++) {
        int32_t length = (int32_t)strlen(texts[i]);
        memcpy(next, &length, 4);
        memcpy(next + 4, texts[i], (size_t)length);
        next += 4 + length;
    }
    return out;
}

typedef struct {
    int type;
    const char *format;
    size_t width;
} plain_t;

static const plain_t PLAIN[] = {
    {T_TINYINT, "c", 1},       {T_SMALLINT, "s", 2},         {T_INTEGER, "i", 4},
    {T_BIGINT, "l", 8},        {T_UTINYINT, "C", 1},         {T_USMALLINT, "S", 2},
    {T_UINTEGER, "I", 4},      {T_UBIGINT, "L", 8},          {T_FLOAT, "f", 4},
    {T_DOUBLE, "g", 8},        {T_DATE, "tdD", 4},           {T_TIME, "ttu", 8},
    {T_TIME_NS, "ttn", 8},     {T_TIMESTAMP, "tsu:", 8},     {T_TIMESTAMP_S, "tss:", 8},
    {T_TIMESTAMP_MS, "tsm:", 8}, {T_TIMESTAMP_NS, "tsn:", 8}, {T_TIMESTAMP_TZ, "tsu:UTC", 8},
    {T_TIMESTAMP_TZ_NS, "tsn:UTC", 8}, {T_HUGEINT, "d:38,0", 16}, {T_UHUGEINT, "d:38,0", 16},
};

static void column(to_t to, duckdb_handle vector, duckdb_handle type, selection_t at, struct ArrowSchema *schema,
                   struct ArrowArray *array) {
    int id = duckdb_get_type_id(type);
    const void *data = duckdb_vector_get_data(vector);
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    arena_t *arena = to.arrays;
    switch (id) {
    case T_LIST:
        list(to, vector, type, at, schema, array);
        break;
    case T_MAP:
        map(to, vector, type, at, schema, array);
        break;
    case T_ARRAY:
        array_of(to, vector, type, at, schema, array);
        break;
    case T_STRUCT:
        structure(to, vector, type, at, schema, array);
        break;
    case T_ENUM:
        enumeration(to, vector, type, at, schema, array);
        break;
    case T_UNION:
        tagged_union(to, vector, type, at, schema, array);
        return; /* without validity */
    case T_SQLNULL:
        begin(to, schema, array, "n", at.count, 0, 0);
        array->null_count = (int64_t)at.count;
        return;
    case T_BOOLEAN:
        begin(to, schema, array, "b", at.count, 2, 0);
        array->buffers[1] = booleans(arena, data, at);
        break;
    case T_VARCHAR:
        begin(to, schema, array, "u", at.count, 3, 0);
        strings(arena, array, data, validity, at);
        break;
    case T_BLOB:
    case T_BIT:
    case T_BIGNUM:
    case T_GEOMETRY:
        begin(to, schema, array, "z", at.count, 3, 0);
        strings(arena, array, data, validity, at);
        if (id == T_BIGNUM) {
            schema->metadata = metadata(to.schemas, "arrow.opaque",
                                        "{\"type_name\":\"bignum\",\"vendor_name\":\"DuckDB\"}");
        } else if (id == T_GEOMETRY) {
            schema->metadata = metadata(to.schemas, "geoarrow.wkb", "{}");
        }
        break;
    case T_UUID:
        begin(to, schema, array, "u", at.count, 3, 0);
        uuids(arena, array, data, validity, at);
        break;
    case T_DECIMAL: {
        const char *format = written(to.schemas, "d:%d,%d", duckdb_decimal_width(type), duckdb_decimal_scale(type));
        begin(to, schema, array, format, at.count, 2, 0);
        array->buffers[1] = decimals(arena, data, at, duckdb_decimal_internal_type(type));
        break;
    }
    case T_INTERVAL:
        begin(to, schema, array, "tin", at.count, 2, 0);
        array->buffers[1] = intervals(arena, data, validity, at);
        break;
    case T_TIME_TZ:
        begin(to, schema, array, "ttu", at.count, 2, 0);
        array->buffers[1] = times_with_offset(arena, data, at);
        break;
    default:
        for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++) {
            if (PLAIN[i].type == id) {
                begin(to, schema, array, PLAIN[i].format, at.count, 2, 0);
                array->buffers[1] = fixed(arena, data, at, PLAIN[i].width);
                array->buffers[0] = bitmap(arena, validity, at);
                return;
            }
        }
        fail(arena, id == T_VARIANT ? "invalid-input: VARIANT cannot be staged: CAST it to JSON in the source"
                                    : "invalid-input: the source has a type that cannot be staged: CAST it to VARCHAR");
    }
    array->buffers[0] = bitmap(arena, validity, at);
}

const char *arrow_from_chunk(duckdb_handle chunk, struct ArrowSchema *schema, struct ArrowArray *array) {
    arena_t both[2]; /* a schema and an array are released apart */
    memset(both, 0, sizeof both);
    to_t to = {&both[0], &both[1]};
    memset(schema, 0, sizeof *schema);
    memset(array, 0, sizeof *array);
    if (setjmp(both[0].failed) || setjmp(both[1].failed)) {
        close_types(&both[1], 0);
        free_pieces(both[0].pieces);
        free_pieces(both[1].pieces);
        return both[0].why ? both[0].why : both[1].why;
    }
    uint64_t count = duckdb_data_chunk_get_column_count(chunk);
    begin(to, schema, array, "+s", duckdb_data_chunk_get_size(chunk), 1, (int)count);
    for (uint64_t i = 0; i < count; i++) {
        duckdb_handle vector = duckdb_data_chunk_get_vector(chunk, i);
        duckdb_handle type = open_type(to.arrays, duckdb_vector_get_column_type(vector));
        schema->children[i]->name = written(to.schemas, "c%d", (int)i, 0);
        column(to, vector, type, (selection_t){NULL, (uint64_t)array->length}, schema->children[i],
               array->children[i]);
        close_types(to.arrays, 0);
    }
    array->null_count = 0;
    schema->release = release_root_schema;
    schema->private_data = both[0].pieces;
    array->release = release_root_array;
    array->private_data = both[1].pieces;
    return NULL;
}