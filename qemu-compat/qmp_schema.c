#include "qemu-compat/qmp_schema.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

static bool wrong(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static bool wrong(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error)
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, fmt, ap);
    va_end(ap);
    return false;
}

static int compare(const void *key, const void *entry)
{
    return strcmp(key, ((const struct qmp_schema_entry *)entry)->name);
}

const struct qmp_schema_entry *qmp_schema_command(const char *name)
{
    return bsearch(name, qmp_schema_commands, qmp_schema_n_commands, sizeof(*qmp_schema_commands),
                   compare);
}

const struct qmp_schema_entry *qmp_schema_event(const char *name)
{
    return bsearch(name, qmp_schema_events, qmp_schema_n_events, sizeof(*qmp_schema_events), compare);
}

static bool check(const struct qmp_type *t, const char *path, JsonNode *value, bool open,
                  GError **error);

static bool wrong_type(const char *path, const char *expected, GError **error)
{
    return wrong(error, "Invalid parameter type for '%s', expected: %s", path, expected);
}

static bool check_scalar(const struct qmp_type *t, const char *path, JsonNode *value, GError **error)
{
    GType type = JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value) : G_TYPE_NONE;

    switch (t->kind) {
    case QMP_STR:
    case QMP_ENUM:
        return type == G_TYPE_STRING || wrong_type(path, "string", error);
    case QMP_INT:
        return type == G_TYPE_INT64 || wrong_type(path, "integer", error);
    case QMP_SIZE:
        if (type != G_TYPE_INT64)
            return wrong_type(path, "integer", error);
        return json_node_get_int(value) >= 0 ||
               wrong(error, "Parameter '%s' expects a size", path);
    case QMP_NUMBER:
        return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE || wrong_type(path, "number", error);
    case QMP_BOOL:
        return type == G_TYPE_BOOLEAN || wrong_type(path, "boolean", error);
    case QMP_NULL:
        return JSON_NODE_HOLDS_NULL(value) || wrong_type(path, "null", error);
    default:
        return true;
    }
}

static bool check_enum(const struct qmp_type *t, const char *path, JsonNode *value, GError **error)
{
    if (!check_scalar(t, path, value, error))
        return false;
    const char *text = json_node_get_string(value);
    if (g_strv_contains(t->values, text))
        return true;
    return wrong(error, "Parameter '%s' does not accept value '%.100s'", path, text);
}

static bool check_array(const struct qmp_type *t, const char *path, JsonNode *value, GError **error)
{
    if (!JSON_NODE_HOLDS_ARRAY(value))
        return wrong_type(path, "array", error);
    JsonArray *list = json_node_get_array(value);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        g_autofree char *sub = g_strdup_printf("%s[%u]", path, i);
        if (!check(t->element, sub, json_array_get_element(list, i), false, error))
            return false;
    }
    return true;
}

/* The members that an object has for the value that its tag has; NULL when it has no tag. */
static const struct qmp_type *chosen_case(const struct qmp_type *t, JsonObject *object)
{
    const char *tag = t->tag ? json_object_get_string_member_with_default(object, t->tag, "") : NULL;

    for (size_t i = 0; tag && i < t->n_cases; i++) {
        if (strcmp(t->cases[i].name, tag) == 0)
            return t->cases[i].type;
    }
    return NULL;
}

static const struct qmp_member *find_member(const struct qmp_type *t, const char *name)
{
    for (size_t i = 0; t && i < t->n_members; i++) {
        if (strcmp(t->members[i].name, name) == 0)
            return &t->members[i];
    }
    return NULL;
}

static char *sub_path(const char *path, const char *name)
{
    return *path ? g_strconcat(path, ".", name, NULL) : g_strdup(name);
}

static bool check_members(const struct qmp_type *t, const char *path, JsonObject *object,
                          GError **error)
{
    for (size_t i = 0; t && i < t->n_members; i++) {
        const struct qmp_member *m = &t->members[i];
        JsonNode *value = json_object_get_member(object, m->name);
        g_autofree char *sub = sub_path(path, m->name);
        if (!value && !m->optional)
            return wrong(error, "Parameter '%s' is missing", sub);
        if (value && !check(m->type, sub, value, false, error))
            return false;
    }
    return true;
}

static bool check_object(const struct qmp_type *t, const char *path, JsonObject *object, bool open,
                         GError **error)
{
    if (!check_members(t, path, object, error))
        return false;
    const struct qmp_type *more = chosen_case(t, object);
    if (!check_members(more, path, object, error))
        return false;
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *l = names; l && !open; l = l->next) {
        g_autofree char *sub = sub_path(path, l->data);
        if (!find_member(t, l->data) && !find_member(more, l->data))
            return wrong(error, "Parameter '%.100s' is unexpected", sub);
    }
    return true;
}

static bool check_alternate(const struct qmp_type *t, const char *path, JsonNode *value,
                            GError **error)
{
    for (unsigned i = 0; t->choices[i]; i++) {
        bool object = t->choices[i]->kind == QMP_OBJECT;
        if (object == !!JSON_NODE_HOLDS_OBJECT(value) &&
            (object || check_scalar(t->choices[i], path, value, NULL)))
            return check(t->choices[i], path, value, false, error);
    }
    return wrong(error, "Invalid parameter type for '%s'", path);
}

static bool check(const struct qmp_type *t, const char *path, JsonNode *value, bool open,
                  GError **error)
{
    switch (t->kind) {
    case QMP_ENUM:
        return check_enum(t, path, value, error);
    case QMP_ARRAY:
        return check_array(t, path, value, error);
    case QMP_OBJECT:
        return JSON_NODE_HOLDS_OBJECT(value)
                   ? check_object(t, path, json_node_get_object(value), open, error)
                   : wrong_type(path, "object", error);
    case QMP_ALTERNATE:
        return check_alternate(t, path, value, error);
    default:
        return check_scalar(t, path, value, error);
    }
}

bool qmp_schema_check(const struct qmp_schema_entry *entry, JsonObject *args, GError **error)
{
    return check_object(entry->args, "", args, entry->open, error);
}

bool qmp_schema_check_value(const struct qmp_type *type, JsonNode *value, GError **error)
{
    return check(type, "", value, false, error);
}
