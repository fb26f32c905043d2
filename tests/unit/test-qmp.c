/* QMP: the table against the schema, argument checks, and sessions over a socket pair. */
#include "fake_vm.h"
#include "qemu-compat/qmp_server.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void tables(void **state)
{
    assert_int_equal(qmp_n_commands, qmp_schema_n_commands);
    for (size_t i = 0; i < qmp_n_commands; i++) {
        const struct qmp_command *c = &qmp_commands[i];
        if (i)
            assert_true(strcmp(qmp_commands[i - 1].name, c->name) < 0);
        assert_string_equal(c->name, qmp_schema_commands[i].name);
        assert_ptr_equal(qmp_find_command(c->name), c);
        assert_ptr_equal(qmp_schema_command(c->name), &qmp_schema_commands[i]);
        assert_int_equal(!!(c->flags & QMP_OOB_OK), qmp_schema_commands[i].oob);
    }
    assert_null(qmp_find_command("zzz"));
}

static void arguments(void **state)
{
    static const struct {
        const char *command, *args, *error; /* NULL: good */
    } cases[] = {
        {"query-status", "{}", NULL},
        {"query-status", "{\"a\":1}", "Parameter 'a' is unexpected"},
        {"getfd", "{}", "Parameter 'fdname' is missing"},
        {"getfd", "{\"fdname\":1}", "Invalid parameter type for 'fdname', expected: string"},
        {"getfd", "{\"fdname\":null}", "Invalid parameter type for 'fdname', expected: string"},
        {"balloon", "{\"value\":1.5}", "Invalid parameter type for 'value', expected: integer"},
        {"migrate", "{\"uri\":\"x\",\"blk\":1}", "Invalid parameter type for 'blk', expected: boolean"},
        {"qmp_capabilities", "{\"enable\":[\"oob\"]}", NULL},
        {"qmp_capabilities", "{\"enable\":\"oob\"}", "Invalid parameter type for 'enable', expected: array"},
        {"qmp_capabilities", "{\"enable\":[\"x\"]}", "Parameter 'enable[0]' does not accept value 'x'"},
        {"device_add", "{\"driver\":\"d\",\"anything\":[]}", NULL},
        {"qom-set", "{\"path\":\"/\",\"property\":\"p\",\"value\":{\"a\":[]}}", NULL},
        {"object-add", "{\"qom-type\":\"secret\",\"id\":\"i\",\"data\":\"d\"}", NULL},
        {"object-add", "{\"qom-type\":\"iothread\",\"id\":\"i\",\"data\":\"d\"}",
         "Parameter 'data' is unexpected"},
        {"object-add", "{\"qom-type\":\"memory-backend-ram\",\"id\":\"i\"}", "Parameter 'size' is missing"},
        {"object-add", "{\"qom-type\":\"memory-backend-ram\",\"id\":\"i\",\"size\":-1}",
         "Parameter 'size' expects a size"},
        {"blockdev-add", "{\"driver\":\"raw\",\"file\":\"node\"}", NULL},
        {"blockdev-add", "{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"f\"}}", NULL},
        {"blockdev-add", "{\"driver\":\"raw\",\"file\":{\"driver\":\"file\"}}",
         "Parameter 'file.filename' is missing"},
        {"blockdev-add", "{\"driver\":\"raw\",\"file\":5}", "Invalid parameter type for 'file'"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) args = json_from_string(cases[i].args, NULL);
        bool ok = qmp_schema_check(qmp_schema_command(cases[i].command), json_node_get_object(args),
                                   &error);
        assert_int_equal(ok, cases[i].error == NULL);
        if (!ok)
            assert_string_equal(error->message, cases[i].error);
    }
}

struct session {
    struct vm_config *cfg;
    struct chardev *chr;
    struct vm *vm;
    struct qmp_server *server;
    int fd;
};

static void open_session(struct session *s, bool control)
{
    int fds[2];
    struct chardev_config chr = {.id = "m", .kind = CHARDEV_SOCKET};
    struct monitor_config *m = g_new0(struct monitor_config, 1);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    chr.fd = fds[0];
    s->fd = fds[1];
    s->cfg = vm_config_new();
    s->cfg->vcpus.count = s->cfg->vcpus.max = 2;
    s->cfg->name = g_strdup("me");
    m->chardev = g_strdup("m");
    m->control = control;
    g_ptr_array_add(s->cfg->monitors, m);
    s->chr = chardev_new(&chr, NULL);
    assert_non_null(s->chr);
    s->vm = fake_vm_new(s->cfg, s->chr);
    s->server = qmp_server_new(s->vm);
}

static void close_session(struct session *s)
{
    qmp_server_free(s->server);
    chardev_free(s->chr);
    fake_vm_free(s->vm);
    vm_config_free(s->cfg);
    close(s->fd);
}

/* Sends, and returns all that comes back at once. */
static char *talk(struct session *s, const char *text)
{
    char buf[65536];

    if (*text)
        assert_int_equal(write(s->fd, text, strlen(text)), strlen(text));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    ssize_t n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);
    return g_strndup(buf, n > 0 ? (gsize)n : 0);
}

static void expect(struct session *s, const char *text, const char *want)
{
    g_autofree char *heard = talk(s, text);

    if (!strstr(heard, want))
        fail_msg("'%s': '%s' is not in '%s'", text, want, heard);
}

static void qmp(void **state)
{
    struct session s;

    open_session(&s, true);
    expect(&s, "", "\"capabilities\":[\"oob\"]");
    expect(&s, "{\"execute\":\"cont\"}", "Expecting capabilities negotiation");
    fake_vm_tell(s.vm, (struct vm_event){VM_EVENT_STOP});
    expect(&s, "{\"execute\":\"qmp_capabilities\",\"id\":\"a\"}", "{\"return\":{},\"id\":\"a\"}\r\n");
    expect(&s, "{\"exec-oob\":\"migrate_cancel\"}", "'exec-oob' is unexpected"); /* not enabled */
    expect(&s, "{\"execute\":\"cont\"}", "\"event\":\"RESUME\"");
    expect(&s, "{\"execute\":\"query-cpus-fast\"}", "\"thread-id\":4711");
    expect(&s, "{\"execute\":\"query-name\"}", "{\"name\":\"me\"}");
    expect(&s, "{\"execute\":\"balloon\",\"arguments\":{\"value\":0}}", "GenericError");
    expect(&s, "{\"execute\":\"balloon\",\"arguments\":{\"value\":4096}}", "return");
    expect(&s, "{\"execute\":\"system_powerdown\"}{\"execute\":\"system_reset\"}", "return");
    expect(&s, "{\"execute\":\"stop\"}{\"execute\":\"inject-nmi\"}", "return");
    expect(&s, "{\"execute\":\"cont\"}", "{\"error\":{\"class\":\"GenericError\",\"desc\":\"it has ended\"}}");
    fake_vm_tell(s.vm, (struct vm_event){VM_EVENT_SHUTDOWN, .by_guest = true, .reason = "guest-reset"});
    expect(&s, "", "\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,\"reason\":\"guest-reset\"}");
    fake_vm_tell(s.vm, (struct vm_event){VM_EVENT_PANICKED});
    expect(&s, "", "{\"action\":\"poweroff\"}");
    expect(&s, "{\"execute\":\"quit\"}", "host-qmp-quit");
    assert_string_equal(fake_vm_calls(s.vm), "start memory(4096) powerdown reset stop nmi quit");
    close_session(&s);
}

/* What comes, with time allowed for it. */
static char *wait_for_more(struct session *s)
{
    g_autofree char *heard = NULL;

    do {
        g_free(heard);
        g_main_context_iteration(NULL, TRUE);
        heard = talk(s, "");
    } while (!*heard);
    return g_steal_pointer(&heard);
}

static void port_changes(struct session *s, const char *id)
{
    JsonObject *data = json_object_new();

    json_object_set_string_member(data, "id", id);
    json_object_set_boolean_member(data, "open", TRUE);
    qmp_server_event(s->server, "VSERPORT_CHANGE", data);
}

/* A balloon that moves all the time: the first and the last position within a second. */
static void event_rate(void **state)
{
    struct session s;

    open_session(&s, true);
    expect(&s, "{\"execute\":\"qmp_capabilities\"}", "return");
    gint64 start = g_get_monotonic_time();
    for (unsigned mib = 1; mib <= 50; mib++) {
        s.cfg->memory.bytes = mib << 20;
        fake_vm_tell(s.vm, (struct vm_event){VM_EVENT_BALLOON});
    }
    g_autofree char *first = talk(&s, ""), *last = wait_for_more(&s);
    gint64 took = g_get_monotonic_time() - start;
    assert_non_null(strstr(first, "{\"actual\":1048576}"));
    assert_null(strstr(strstr(first, "BALLOON_CHANGE") + 1, "BALLOON_CHANGE"));
    assert_non_null(strstr(last, "{\"actual\":52428800}"));
    assert_in_range(took, 900000, 60000000);
    /* others are told every time, and each port has a period of its own */
    fake_vm_tell(s.vm, (struct vm_event){VM_EVENT_STOP});
    fake_vm_tell(s.vm, (struct vm_event){VM_EVENT_STOP});
    port_changes(&s, "a");
    port_changes(&s, "b");
    port_changes(&s, "b");
    g_autofree char *rest = talk(&s, "");
    g_auto(GStrv) stops = g_strsplit(rest, "\"STOP\"", -1), ports = g_strsplit(rest, "VSERPORT", -1);
    assert_int_equal(g_strv_length(stops), 3);
    assert_int_equal(g_strv_length(ports), 3);
    close_session(&s); /* with what waits */
}

#define CMD(name, args) "{\"execute\":\"" name "\",\"arguments\":" args "}"

static void objects(void **state)
{
    struct session s;

    open_session(&s, true);
    expect(&s, "{\"execute\":\"qmp_capabilities\"}", "return");
    expect(&s, "{\"execute\":\"query-iothreads\"}", "\"return\":[]");
    expect(&s, CMD("object-add", "{\"qom-type\":\"iothread\",\"id\":\"io1\"}"), "return");
    expect(&s, CMD("object-add", "{\"qom-type\":\"iothread\",\"id\":\"io1\"}"), "duplicate property 'io1'");
    expect(&s, CMD("object-add", "{\"qom-type\":\"memory-backend-ram\",\"id\":\"r\",\"size\":1}"), "return");
    expect(&s, "{\"execute\":\"query-iothreads\"}", "{\"id\":\"io1\",\"thread-id\":4712,");
    expect(&s, CMD("object-del", "{\"id\":\"r\"}"), "is in use");
    expect(&s, CMD("object-del", "{\"id\":\"io1\"}"), "return");
    expect(&s, CMD("object-del", "{\"id\":\"io1\"}"), "object 'io1' not found");
    close_session(&s);
}

static void add_vnc(struct session *s)
{
    struct vnc_config *c = g_new0(struct vnc_config, 1);

    c->id = g_strdup("default");
    c->password = true;
    g_ptr_array_add(s->cfg->vncs, c);
    s->cfg->screen.id = g_strdup("video0");
    s->cfg->screen.driver = g_strdup("VGA");
    s->cfg->screen.keyboard = true;
}

#define KEY(type, data) "{\"type\":\"" type "\",\"data\":" data "}"
#define MOVE(type, axis, v) "{\"type\":\"" type "\",\"data\":{\"axis\":\"" axis "\",\"value\":" v "}}"
#define BTN(button, down) "{\"type\":\"btn\",\"data\":{\"button\":\"" button "\",\"down\":" down "}}"

static void input(void **state)
{
    struct session s;

    open_session(&s, true);
    add_vnc(&s);
    expect(&s, "{\"execute\":\"qmp_capabilities\"}", "return");
    expect(&s, CMD("screendump", "{\"filename\":\"f\"}"), "return");
    expect(&s, CMD("screendump", "{\"filename\":\"f\",\"device\":\"video0\",\"head\":0,\"format\":\"png\"}"),
           "return");
    expect(&s, CMD("screendump", "{\"filename\":\"f\",\"device\":\"x\"}"), "DeviceNotFound");
    expect(&s, CMD("screendump", "{\"filename\":\"f\",\"head\":1}"), "specified together");
    expect(&s, CMD("qom-list", "{\"path\":\"/machine/peripheral\"}"),
           "{\"name\":\"video0\",\"type\":\"child<VGA>\"}");
    expect(&s, CMD("qom-get", "{\"path\":\"/machine/peripheral/video0\",\"property\":\"vgamem_mb\"}"),
           "\"return\":16");
    expect(&s, CMD("qom-get", "{\"path\":\"/machine/peripheral/video1\",\"property\":\"vgamem_mb\"}"),
           "DeviceNotFound");
    expect(&s, CMD("send-key", "{\"keys\":[" KEY("qcode", "\"a\"") "," KEY("number", "7") "]}"), "return");
    expect(&s, CMD("send-key", "{\"keys\":[" KEY("number", "999") "]}"), "no key with the number 999");
    expect(&s, CMD("send-key", "{\"keys\":[" KEY("qcode", "\"nokey\"") "]}"), "does not accept value");
    expect(&s, CMD("send-key", "{\"keys\":[],\"hold-time\":-1}"), "hold-time");
    expect(&s, CMD("input-send-event", "{\"events\":[" MOVE("abs", "x", "10") "," MOVE("abs", "y", "99999")
           "," BTN("left", "true") "," MOVE("rel", "x", "-3") "," BTN("wheel-up", "true") ","
           BTN("wheel-up", "false") ",{\"type\":\"key\",\"data\":{\"down\":false,\"key\":"
           KEY("number", "5") "}}]}"), "return");
    expect(&s, CMD("input-send-event", "{\"events\":[" BTN("left", "true")
           ",{\"type\":\"key\",\"data\":{\"down\":false,\"key\":" KEY("number", "0") "}}]}"), "error");
    assert_string_equal(fake_vm_calls(s.vm), "shot(f ppm) shot(f png) keys(97 2 100) at(10 32767) "
                        "key(272 1) move(-3 0) wheel(-1) key(5 0)");
    close_session(&s);
}

static void vnc(void **state)
{
    static const struct vnc_address peer = {"ipv4", (char *)"127.0.0.1", (char *)"4711"};
    struct session s;

    open_session(&s, true);
    expect(&s, "", "QMP");
    expect(&s, "{\"execute\":\"qmp_capabilities\"}", "return");
    expect(&s, "{\"execute\":\"query-vnc\"}", "{\"enabled\":false}");
    add_vnc(&s);
    expect(&s, "{\"execute\":\"query-vnc\"}", "\"auth\":\"vnc\"");
    expect(&s, "{\"execute\":\"query-vnc-servers\"}", "\"service\":\"4711\"");
    expect(&s, CMD("set_password", "{\"protocol\":\"vnc\",\"password\":\"x\"}"), "return");
    expect(&s, CMD("set_password", "{\"protocol\":\"vnc\",\"password\":\"x\",\"connected\":\"fail\"}"),
           "must be 'keep'");
    expect(&s, CMD("set_password", "{\"protocol\":\"spice\",\"password\":\"x\"}"), "spice is not");
    expect(&s, CMD("change-vnc-password", "{\"password\":\"\"}"), "return");
    expect(&s, CMD("expire_password", "{\"protocol\":\"vnc\",\"time\":\"never\",\"display\":\"d\"}"),
           "return");
    expect(&s, CMD("expire_password", "{\"protocol\":\"vnc\",\"time\":\"now\"}"), "return");
    expect(&s, CMD("expire_password", "{\"protocol\":\"vnc\",\"time\":\"12345\"}"), "return");
    expect(&s, CMD("expire_password", "{\"protocol\":\"vnc\",\"time\":\"5x\"}"), "'time' expects");
    expect(&s, CMD("add_client", "{\"protocol\":\"vnc\",\"fdname\":\"x\"}"), "has not been found");
    assert_string_equal(fake_vm_calls(s.vm), "password(- x) password(- -) expire(d -1) expire(- 0) "
                        "expire(- 12345)");
    fake_vm_tell(s.vm, (struct vm_event){VM_EVENT_VNC, .vnc = {0, VNC_EVENT_INITIALIZED, &peer}});
    expect(&s, "", "\"VNC_INITIALIZED\",\"data\":{\"server\":{\"host\":\"127.0.0.1\",\"service\":\"5900\"");
    close_session(&s);
}

/* Every answer that needs no arguments is of the type that the schema promises. */
static void answers(void **state)
{
    struct session s;

    open_session(&s, true);
    for (size_t i = 0; i < qmp_n_commands; i++) {
        struct qmp_call call = {s.vm, s.server, NULL};
        g_autoptr(GError) error = NULL;
        JsonObject *args = json_object_new();
        if (g_str_has_prefix(qmp_commands[i].name, "query-") &&
            qmp_schema_check(&qmp_schema_commands[i], args, NULL)) {
            g_autoptr(JsonNode) answer = qmp_commands[i].run(&call, args, &error);
            bool ok = answer ? strcmp(qmp_commands[i].name, "query-qmp-schema") == 0 ||
                                   qmp_schema_check_value(qmp_schema_commands[i].returns, answer, &error)
                             : strstr(qmp_commands[i].name, "-capabilities") != NULL;
            if (!ok)
                fail_msg("%s: %s", qmp_commands[i].name, error->message);
        }
        json_object_unref(args);
    }
    close_session(&s);
}

static void people(void **state)
{
    struct session s;

    open_session(&s, false);
    expect(&s, "", "(qemu) ");
    expect(&s, "info status\n", "VM status: paused (prelaunch)\r\n(qemu) ");
    expect(&s, "conf\bt\n", "(qemu) ");
    expect(&s, "info status\r", "VM status: running\r\n");
    expect(&s, "info nothing\n", "unknown command: 'info nothing'");
    expect(&s, "\xff\xfe\n", "unknown command");
    expect(&s, "balloon x\n", "a number of MiB is missing");
    expect(&s, "balloon 2\n", "(qemu) ");
    expect(&s, "help\n", "system_reset -- ");
    g_ptr_array_add(s.cfg->consoles, g_new0(struct console_config, 1));
    ((struct console_config *)g_ptr_array_index(s.cfg->consoles, 0))->chardev = g_strdup("m");
    expect(&s, "info qtree\n", "  dev: xen-console, id \"\"\r\n    chardev = \"m\"\r\n");
    expect(&s, "info memory_size_summary\n", "plugged memory: 0");
    expect(&s, "info hotpluggable-cpus\n", "socket-id: \"0\"\r\n(qemu) ");
    expect(&s, "info iothreads\n", "info iothreads\r\n(qemu) ");
    expect(&s, "info registers -a\n", "CPU#1\r\nRAX=1\r\n");
    assert_string_equal(fake_vm_calls(s.vm), "start memory(2097152)");
    close_session(&s);
}

static void people_display(void **state)
{
    struct session s;

    open_session(&s, false);
    expect(&s, "info vnc\n", "No VNC servers");
    add_vnc(&s);
    expect(&s, "info vnc\n", "Client: 127.0.0.1:4711 (ipv4)");
    expect(&s, "info mice\n", "* Mouse #0: vkbd (absolute)");
    expect(&s, "screendump f\n", "(qemu) ");
    expect(&s, "screendump a\\ b -f png video0\n", "(qemu) ");
    expect(&s, "screendump f -f gif\n", "does not accept value 'gif'");
    expect(&s, "screendump f x\n", "Device 'x' not found");
    expect(&s, "screendump\n", "'filename' is missing");
    expect(&s, "screendump \"f\n", "screendump: ");
    expect(&s, "sendkey ctrl-alt-f1\n", "(qemu) ");
    expect(&s, "sendkey 0x1e 5\n", "(qemu) ");
    expect(&s, "sendkey ctrl-nokey\n", "unknown key: 'nokey'");
    expect(&s, "sendkey a x\n", "not a number");
    expect(&s, "mouse_move 5 -7 1\n", "(qemu) ");
    expect(&s, "mouse_move 5\n", "mouse_move: ");
    expect(&s, "mouse_button 5\n", "(qemu) ");
    expect(&s, "mouse_button 0\n", "(qemu) ");
    expect(&s, "change vnc password s3\n", "(qemu) ");
    expect(&s, "change vnc\n", "change: ");
    expect(&s, "set_password vnc x -d d keep\n", "(qemu) ");
    expect(&s, "expire_password vnc never\n", "(qemu) ");
    assert_string_equal(fake_vm_calls(s.vm), "shot(f ppm) shot(a b png) keys(99 3 100) keys(30 1 5) "
                        "move(5 -7) wheel(1) key(272 1) key(274 0) key(273 1) key(272 0) key(274 0) "
                        "key(273 0) password(- s3) password(d x) expire(- -1)");
    close_session(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables), cmocka_unit_test(arguments), cmocka_unit_test(qmp),
        cmocka_unit_test(event_rate), cmocka_unit_test(objects),
        cmocka_unit_test(answers), cmocka_unit_test(input), cmocka_unit_test(vnc),
        cmocka_unit_test(people), cmocka_unit_test(people_display),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
