/* Any bytes as a monitor's input: values and errors only, arguments checked, nothing left over. */
#include "fuzz.h"

#include "qemu-compat/json_stream.h"
#include "qemu-compat/qmp_schema.h"

#include <stdlib.h>
#include <string.h>

static void check_arguments(JsonObject *msg)
{
    JsonNode *name = json_object_get_member(msg, "execute");
    JsonNode *args = json_object_get_member(msg, "arguments");
    g_autoptr(GError) error = NULL;

    if (!name || !args || !JSON_NODE_HOLDS_OBJECT(args) || !JSON_NODE_HOLDS_VALUE(name) ||
        json_node_get_value_type(name) != G_TYPE_STRING)
        return;
    const struct qmp_schema_entry *entry = qmp_schema_command(json_node_get_string(name));
    if (entry && qmp_schema_check(entry, json_node_get_object(args), &error) != (error == NULL))
        abort();
}

static void on_value(void *opaque, JsonNode *value, const GError *error)
{
    g_autoptr(JsonNode) node = value;

    if ((node == NULL) == (error == NULL))
        abort();
    if (!node)
        return;
    /* what we make of it, we take again */
    g_autofree char *text = json_to_string(node, FALSE);
    g_autoptr(JsonNode) again = json_text_parse(text, strlen(text), NULL);
    g_autofree char *second = again ? json_to_string(again, FALSE) : NULL;
    if (!second || strcmp(text, second) != 0)
        abort();
    if (JSON_NODE_HOLDS_OBJECT(node))
        check_arguments(json_node_get_object(node));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_stream s;
    size_t piece = size ? data[0] % 16 + 1 : 1;

    json_stream_init(&s, on_value, NULL);
    for (size_t i = 0; i < size; i += piece)
        json_stream_feed(&s, data + i, MIN(piece, size - i));
    json_stream_clear(&s);
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char *const texts[] = {
        "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]},\"id\":1}\n",
        "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"secret\",\"id\":\"i\",\"data\":\"\"}}",
        "{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"raw\",\"file\":{\"driver\":\"file\","
        "\"filename\":\"f\",\"locking\":\"off\"},\"read-only\":true}}",
        "[1,-2.5e3,true,null,\"\\u00e9\\n\\\"\",{}]\n", "foo 12 \"s\" {]}\n{}", "{\"a\":\xff{}",
        "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"/\",\"property\":\"p\",\"value\":[[[{}]]]}}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *name = g_strdup_printf("text%zu", i);
        add(opaque, name, texts[i], strlen(texts[i]));
    }
}
