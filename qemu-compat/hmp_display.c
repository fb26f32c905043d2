/* The screen, keys, the pointer and VNC, for people. */
#include "qemu-compat/hmp.h"
#include "xenner/vm/vm_display.h"

#include <linux/input-event-codes.h>
#include <string.h>

/* What a command was given: words, with a shell's quotes; options with a value may stand anywhere. */
struct words {
    char **argv;
    int argc;
};

static bool split(const char *command, const char *args, struct words *w, GString *out)
{
    g_autoptr(GError) error = NULL;

    *w = (struct words){0};
    if (!*args || g_shell_parse_argv(args, &w->argc, &w->argv, &error))
        return true;
    g_string_append_printf(out, "%s: %s\n", command, error->message);
    return false;
}

/* Takes "-f VALUE" out, to the member of that name. */
static void take_option(struct words *w, const char *flag, const char *name, JsonObject *to)
{
    for (int i = 0; i + 1 < w->argc; i++) {
        if (strcmp(w->argv[i], flag) != 0)
            continue;
        json_object_set_string_member(to, name, w->argv[i + 1]);
        g_free(w->argv[i]);
        g_free(w->argv[i + 1]);
        memmove(&w->argv[i], &w->argv[i + 2], sizeof(char *) * (size_t)(w->argc - i - 1));
        w->argc -= 2;
        return;
    }
}

/* The words that are left, in order, to members of these names. False: too many. */
static bool take_rest(const struct words *w, const char *const *names, JsonObject *to)
{
    int i = 0;

    for (; names[i] && i < w->argc; i++)
        json_object_set_string_member(to, names[i], w->argv[i]);
    return i == w->argc;
}

static bool number(const char *text, int *ret)
{
    gint64 n;

    if (!g_ascii_string_to_signed(text, 10, -32768, 32767, &n, NULL))
        return false;
    *ret = (int)n;
    return true;
}

/* Words and one option with a value, to the QMP command of the same name. */
static void pass_on(struct qmp_call *call, const char *command, const char *args, const char *flag,
                    const char *flag_name, const char *const *names, GString *out)
{
    JsonObject *o = json_object_new();
    struct words w;

    if (!split(command, args, &w, out)) {
        json_object_unref(o);
        return;
    }
    take_option(&w, flag, flag_name, o);
    if (take_rest(&w, names, o)) {
        hmp_simple(call, command, json_object_ref(o), out);
    } else {
        g_string_append_printf(out, "%s: extraneous characters at the end of line\n", command);
    }
    json_object_unref(o);
    g_strfreev(w.argv);
}

void hmp_screendump(struct qmp_call *call, const char *args, GString *out)
{
    static const char *const names[] = {"filename", "device", NULL};

    pass_on(call, "screendump", args, "-f", "format", names, out);
}

void hmp_set_password(struct qmp_call *call, const char *args, GString *out)
{
    static const char *const names[] = {"protocol", "password", "connected", NULL};

    pass_on(call, "set_password", args, "-d", "display", names, out);
}

void hmp_expire_password(struct qmp_call *call, const char *args, GString *out)
{
    static const char *const names[] = {"protocol", "time", NULL};

    pass_on(call, "expire_password", args, "-d", "display", names, out);
}

void hmp_change(struct qmp_call *call, const char *args, GString *out)
{
    struct words w;

    if (!split("change", args, &w, out))
        return;
    if (w.argc == 3 && strcmp(w.argv[0], "vnc") == 0 && strncmp(w.argv[1], "passw", 5) == 0) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "password", w.argv[2]);
        hmp_simple(call, "change-vnc-password", o, out);
    } else {
        hmp_change_medium(call, args, out);
    }
    g_strfreev(w.argv);
}

/* "ctrl-alt-delete", "0x1e" */
static bool parse_keys(const char *text, unsigned codes[16], unsigned *n, GString *out)
{
    g_auto(GStrv) names = g_strsplit(text, "-", -1);

    for (*n = 0; names[*n]; (*n)++) {
        const char *name = strcmp(names[*n], "<") == 0 ? "less" : names[*n];
        guint64 value;
        if (*n == 16) {
            g_string_append(out, "too many keys\n");
            return false;
        }
        if (g_str_has_prefix(name, "0x") &&
            g_ascii_string_to_unsigned(name + 2, 16, 1, 0xffff, &value, NULL))
            codes[*n] = vm_key_by_number((uint32_t)value);
        else
            codes[*n] = vm_key_by_name(name);
        if (!codes[*n]) {
            g_string_append_printf(out, "unknown key: '%.100s'\n", name);
            return false;
        }
    }
    return *n > 0;
}

void hmp_sendkey(struct qmp_call *call, const char *args, GString *out)
{
    g_autoptr(GError) error = NULL;
    unsigned codes[16], n;
    int hold = 100;
    struct words w;

    if (!split("sendkey", args, &w, out))
        return;
    if (w.argc < 1 || w.argc > 2)
        g_string_append(out, "sendkey: KEY[-KEY...] [HOLD_MS]\n");
    else if (w.argc == 2 && (!number(w.argv[1], &hold) || hold < 0))
        g_string_append(out, "sendkey: the time to hold is not a number of milliseconds\n");
    else if (parse_keys(w.argv[0], codes, &n, out) &&
             !vm_send_keys(call->vm, codes, n, (unsigned)hold, &error))
        g_string_append_printf(out, "Error: %s\n", error->message);
    g_strfreev(w.argv);
}

/* Says why not. */
static bool has_screen(struct qmp_call *call, GString *out)
{
    g_autoptr(GError) error = NULL;

    if (vm_has_screen(call->vm, &error))
        return true;
    g_string_append_printf(out, "Error: %s\n", error->message);
    return false;
}

void hmp_mouse_move(struct qmp_call *call, const char *args, GString *out)
{
    int dx = 0, dy = 0, dz = 0;
    struct words w;

    if (!split("mouse_move", args, &w, out))
        return;
    if (w.argc < 2 || w.argc > 3 || !number(w.argv[0], &dx) || !number(w.argv[1], &dy) ||
        (w.argc == 3 && !number(w.argv[2], &dz))) {
        g_string_append(out, "mouse_move: DX DY [DZ]\n");
    } else if (has_screen(call, out)) {
        if (dx || dy)
            vm_pointer_move(call->vm, dx, dy);
        if (dz)
            vm_wheel(call->vm, dz);
    }
    g_strfreev(w.argv);
}

/* QEMU's bits, which are not X's order. */
void hmp_mouse_button(struct qmp_call *call, const char *args, GString *out)
{
    static const unsigned codes[] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT};
    int state;

    if (!number(args, &state) || state < 0 || state > 7) {
        g_string_append(out, "mouse_button: the sum of 1 (left), 2 (middle), 4 (right)\n");
        return;
    }
    for (unsigned i = 0; has_screen(call, out) && i < G_N_ELEMENTS(codes); i++)
        vm_key(call->vm, codes[i], state >> i & 1);
}

void hmp_mouse_set(struct qmp_call *call, const char *args, GString *out)
{
    int index;

    if (!number(args, &index) || index != 0)
        g_string_append(out, "mouse_set: there is only mouse 0\n");
}

void hmp_info_mice(struct qmp_call *call, const char *args, GString *out)
{
    if (vm_configuration(call->vm)->screen.keyboard)
        g_string_append_printf(out, "* Mouse #0: vkbd%s\n",
                               vm_pointer_is_absolute(call->vm) ? " (absolute)" : "");
    else
        g_string_append(out, "No mouse devices connected\n");
}

void hmp_info_vnc(struct qmp_call *call, const char *args, GString *out)
{
    const struct vnc_config *c;
    struct vnc_address a;

    for (unsigned i = 0; (c = vm_vnc_config(call->vm, i)); i++) {
        g_string_append_printf(out, "%s:\n", c->id);
        if (vm_vnc_address(call->vm, i, &a)) {
            g_string_append_printf(out, "  Server: %s%s%s (%s)\n", a.host, *a.host ? ":" : "", a.service,
                                   a.family);
            vnc_address_clear(&a);
        }
        g_string_append_printf(out, "    Auth: %s\n", c->password ? "vnc" : "none");
        for (unsigned n = 0; n < vm_vnc_clients(call->vm, i); n++) {
            const struct vnc_address *p = vm_vnc_client(call->vm, i, n);
            g_string_append_printf(out, "  Client: %s:%s (%s)\n", p->host, p->service, p->family);
        }
    }
    if (!vm_vnc_config(call->vm, 0))
        g_string_append(out, "No VNC servers\n");
}
