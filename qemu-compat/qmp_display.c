/* The guest's screen, and what programs type and point at. */
#include "qemu-compat/fdset.h"
#include "qemu-compat/qmp_handlers.h"
#include "xenner/vm/vm_display.h"

#include <linux/input-event-codes.h>
#include <string.h>

#define MAX_KEYS      16 /* of one send-key */
#define DEFAULT_HOLD  100
#define MAX_HOLD      600000

static void *fail(GError **error, const char *text)
{
    g_set_error_literal(error, QMP_ERROR, QMP_GENERIC_ERROR, text);
    return NULL;
}

/* There is one screen, that of the device that brought it. */
static bool check_device(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *device = json_object_get_string_member_with_default(args, "device", NULL);
    const char *own = vm_configuration(call->vm)->screen.id;

    if (device && g_strcmp0(device, own) != 0) {
        g_set_error(error, QMP_ERROR, QMP_DEVICE_NOT_FOUND, "Device '%.100s' not found", device);
        return false;
    }
    if (json_object_get_int_member_with_default(args, "head", 0) == 0)
        return true;
    fail(error, device ? "The device has no such head"
                       : "'head' must be specified together with 'device'");
    return false;
}

JsonNode *qmp_screendump(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *format = json_object_get_string_member_with_default(args, "format", "ppm");

    if (!check_device(call, args, error))
        return NULL;
    return vm_screendump(call->vm, json_object_get_string_member(args, "filename"),
                         strcmp(format, "png") == 0 ? VM_SHOT_PNG : VM_SHOT_PPM, error)
               ? qmp_empty() : NULL;
}

/* Linux's code of a KeyValue; 0, with error: there is no such key. */
static unsigned key_value(JsonObject *key, GError **error)
{
    gint64 number;
    unsigned code;

    if (strcmp(json_object_get_string_member(key, "type"), "qcode") == 0)
        return vm_key_by_name(json_object_get_string_member(key, "data")); /* the schema knows all */
    number = json_object_get_int_member(key, "data");
    code = number > 0 && number <= G_MAXUINT16 ? vm_key_by_number((uint32_t)number) : 0;
    if (!code)
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "There is no key with the number %"
                    G_GINT64_FORMAT, number);
    return code;
}

JsonNode *qmp_send_key(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonArray *keys = json_object_get_array_member(args, "keys");
    gint64 hold = json_object_get_int_member_with_default(args, "hold-time", DEFAULT_HOLD);
    unsigned codes[MAX_KEYS], n = json_array_get_length(keys);

    if (n > MAX_KEYS)
        return fail(error, "Too many keys");
    if (hold < 0 || hold > MAX_HOLD)
        return fail(error, "Parameter 'hold-time' expects 0 to 600000 milliseconds");
    for (unsigned i = 0; i < n; i++) {
        codes[i] = key_value(json_array_get_object_element(keys, i), error);
        if (!codes[i])
            return NULL;
    }
    if (n && !vm_send_keys(call->vm, codes, n, (unsigned)hold, error))
        return NULL;
    return qmp_empty();
}

/* What belongs together: both axes of one move. */
struct moves {
    int x, y;   /* absolute; negative: not said */
    int dx, dy;
};

static void flush_moves(struct vm *vm, struct moves *m)
{
    if (m->x >= 0 || m->y >= 0)
        vm_pointer(vm, m->x, m->y);
    if (m->dx || m->dy)
        vm_pointer_move(vm, m->dx, m->dy);
    *m = (struct moves){.x = -1, .y = -1};
}

static void move(struct moves *m, JsonObject *data, bool absolute)
{
    bool x = strcmp(json_object_get_string_member(data, "axis"), "x") == 0;
    int value = (int)CLAMP(json_object_get_int_member(data, "value"), -VM_POINTER_MAX, VM_POINTER_MAX);

    if (absolute)
        *(x ? &m->x : &m->y) = MAX(value, 0);
    else
        *(x ? &m->dx : &m->dy) += CLAMP(value, -VM_POINTER_MAX, VM_POINTER_MAX);
}

static void button(struct vm *vm, JsonObject *data)
{
    static const struct {
        const char *name;
        unsigned code;
        int steps;
    } buttons[] = {{"left", BTN_LEFT, 0},   {"middle", BTN_MIDDLE, 0}, {"right", BTN_RIGHT, 0},
                   {"side", BTN_SIDE, 0},   {"extra", BTN_EXTRA, 0},   {"wheel-up", 0, -1},
                   {"wheel-down", 0, 1}};
    const char *name = json_object_get_string_member(data, "button");
    bool down = json_object_get_boolean_member(data, "down");

    for (size_t i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (strcmp(buttons[i].name, name) != 0)
            continue;
        if (buttons[i].code)
            vm_key(vm, buttons[i].code, down);
        else if (down)
            vm_wheel(vm, buttons[i].steps);
    }
}

static void send_event(struct vm *vm, JsonObject *event, struct moves *m)
{
    const char *type = json_object_get_string_member(event, "type");
    JsonObject *data = json_object_get_object_member(event, "data");

    if (strcmp(type, "abs") == 0 || strcmp(type, "rel") == 0) {
        move(m, data, type[0] == 'a');
        return;
    }
    flush_moves(vm, m); /* a button is pressed where the pointer is by then */
    if (strcmp(type, "btn") == 0)
        button(vm, data);
    else
        vm_key(vm, key_value(json_object_get_object_member(data, "key"), NULL),
               json_object_get_boolean_member(data, "down"));
}

JsonNode *qmp_input_send_event(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonArray *events = json_object_get_array_member(args, "events");
    struct moves m = {.x = -1, .y = -1};

    if (!check_device(call, args, error) || !vm_has_screen(call->vm, error))
        return NULL;
    for (guint i = 0; i < json_array_get_length(events); i++) { /* all or nothing */
        JsonObject *e = json_array_get_object_element(events, i);
        JsonObject *data = json_object_get_object_member(e, "data");
        if (strcmp(json_object_get_string_member(e, "type"), "key") == 0 &&
            !key_value(json_object_get_object_member(data, "key"), error))
            return NULL;
    }
    for (guint i = 0; i < json_array_get_length(events); i++)
        send_event(call->vm, json_array_get_object_element(events, i), &m);
    flush_moves(call->vm, &m);
    return qmp_empty();
}

JsonNode *qmp_query_mice(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonArray *list = json_array_new();

    if (vm_configuration(call->vm)->screen.keyboard) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", "vkbd");
        json_object_set_int_member(o, "index", 0);
        json_object_set_boolean_member(o, "current", TRUE);
        json_object_set_boolean_member(o, "absolute", vm_pointer_is_absolute(call->vm));
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}
