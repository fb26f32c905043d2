#include "qemu-compat/keyval.h"
#include "qemu-compat/json_stream.h"
#include "xenner/config/size.h"

#include <gio/gio.h>
#include <string.h>

/* Up to the next single comma; doubled ones become one. *at moves behind it. */
static char *next_item(const char **at)
{
    GString *item = g_string_new(NULL);
    const char *p = *at;

    for (; *p; p++) {
        if (*p == ',' && p[1] != ',')
            break;
        if (*p == ',')
            p++;
        g_string_append_c(item, *p);
    }
    *at = *p ? p + 1 : p;
    return g_string_free(item, FALSE);
}

static void add(struct keyval *kv, const char *key, const char *value)
{
    g_ptr_array_add(kv->keys, g_strdup(key));
    g_ptr_array_add(kv->values, g_strdup(value));
}

/* Nested objects and lists become dotted keys, as QEMU writes them: "backing.file.filename". */
static bool flatten(struct keyval *kv, const char *key, JsonNode *node, GError **error)
{
    g_autofree char *text = NULL;

    if (JSON_NODE_HOLDS_OBJECT(node)) {
        g_autoptr(GList) names = json_object_get_members(json_node_get_object(node));
        for (GList *l = names; l; l = l->next) {
            g_autofree char *sub = *key ? g_strconcat(key, ".", l->data, NULL) : g_strdup(l->data);
            if (!flatten(kv, sub, json_object_get_member(json_node_get_object(node), l->data), error))
                return false;
        }
        return true;
    }
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *list = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(list); i++) {
            g_autofree char *sub = g_strdup_printf("%s.%u", key, i);
            if (!flatten(kv, sub, json_array_get_element(list, i), error))
                return false;
        }
        return true;
    }
    if (JSON_NODE_HOLDS_NULL(node)) { /* "backing=" is how one writes it */
        add(kv, key, "");
        return true;
    }
    switch (json_node_get_value_type(node)) {
    case G_TYPE_BOOLEAN:
        text = g_strdup(json_node_get_boolean(node) ? "on" : "off");
        break;
    case G_TYPE_STRING:
        text = json_node_dup_string(node);
        break;
    default:
        text = json_to_string(node, FALSE);
        break;
    }
    add(kv, key, text);
    return true;
}

static bool parse_json(const char *text, struct keyval *ret, GError **error)
{
    g_autoptr(JsonNode) root = json_text_parse(text, strlen(text), error);

    if (!root)
        return false;
    if (!JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "not a JSON object");
        return false;
    }
    return flatten(ret, "", root, error);
}

static void init(struct keyval *kv)
{
    kv->keys = g_ptr_array_new_with_free_func(g_free);
    kv->values = g_ptr_array_new_with_free_func(g_free);
    kv->used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

bool keyval_from_object(JsonObject *object, struct keyval *ret, GError **error)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

    init(ret);
    json_node_set_object(node, object);
    return flatten(ret, "", node, error);
}

bool keyval_parse(const char *text, const char *implied, struct keyval *ret, GError **error)
{
    const char *at = text;

    init(ret);
    if (text[0] == '{')
        return parse_json(text, ret, error);
    for (bool first = true; *at; first = false) {
        g_autofree char *item = next_item(&at);
        char *eq = strchr(item, '=');
        if (eq == item) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' has no key", item);
            return false;
        }
        if (eq) {
            *eq = '\0';
            add(ret, item, eq + 1);
        } else if (first && implied) {
            add(ret, implied, item);
        } else if (g_str_has_prefix(item, "no") && item[2]) {
            add(ret, item, NULL);
        } else {
            add(ret, item, "on");
        }
    }
    return true;
}

void keyval_clear(struct keyval *kv)
{
    g_clear_pointer(&kv->keys, g_ptr_array_unref);
    g_clear_pointer(&kv->values, g_ptr_array_unref);
    g_clear_pointer(&kv->used, g_hash_table_unref);
}

const char *keyval_get(struct keyval *kv, const char *key)
{
    const char *found = NULL;

    g_hash_table_add(kv->used, g_strdup(key));
    for (guint i = 0; i < kv->keys->len; i++) {
        const char *k = g_ptr_array_index(kv->keys, i), *v = g_ptr_array_index(kv->values, i);
        if (strcmp(k, key) == 0)
            found = v ? v : "on";
    }
    return found;
}

bool keyval_get_switch(struct keyval *kv, const char *key, bool *ret, GError **error)
{
    g_autofree char *negative = g_strconcat("no", key, NULL);
    const char *text = NULL;

    g_hash_table_add(kv->used, g_strdup(key));
    for (guint i = 0; i < kv->keys->len; i++) {
        const char *k = g_ptr_array_index(kv->keys, i), *v = g_ptr_array_index(kv->values, i);
        if (strcmp(k, key) == 0) {
            text = v ? v : "on";
        } else if (strcmp(k, negative) == 0 && !v) { /* nokey=... is no form of it */
            text = "off";
            g_hash_table_add(kv->used, g_strdup(negative));
        }
    }
    if (!text || switch_parse(text, ret, error))
        return true;
    g_prefix_error(error, "%s=", key);
    return false;
}

bool keyval_check_unused(const struct keyval *kv, GError **error)
{
    for (guint i = 0; i < kv->keys->len; i++) {
        const char *k = g_ptr_array_index(kv->keys, i);
        if (!g_hash_table_contains(kv->used, k)) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "unknown parameter '%s'", k);
            return false;
        }
    }
    return true;
}
