/* util/qmp_client.c: answers and events as they come, together or in pieces. */
#include "xenner/util/qmp_client.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct qmp_client *client;
    int server;
    GString *events; /* "NAME;" each */
};

static void on_event(void *opaque, const char *event, JsonObject *data)
{
    g_string_append_printf(((struct fixture *)opaque)->events, "%s;", event);
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->server = pair[0];
    f->events = g_string_new(NULL);
    f->client = qmp_client_new(pair[1], "the server");
    qmp_client_set_events(f->client, on_event, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    qmp_client_free(f->client);
    if (f->server >= 0)
        close(f->server);
    g_string_free(f->events, TRUE);
    g_free(f);
    return 0;
}

/* What the server says; the answers' ids are known beforehand: commands are counted. */
static void say(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->server, text, strlen(text)), strlen(text));
}

#define GREETING "{\"QMP\": {}}\n{\"return\": {}, \"id\": 1}\n"

/* It came in one piece with the answer, and nothing follows: who waits for it is not to wait for more. */
static void event_behind_an_answer(void **state)
{
    struct fixture *f = *state;

    say(f, GREETING "{\"return\": {}, \"id\": 2}\n{\"event\": \"STOP\"}\n");
    assert_true(qmp_client_do(f->client, "stop", NULL, -1, NULL, NULL));
    assert_string_equal(f->events->str, "");
    alarm(20); /* the end, if it waits for more */
    assert_true(qmp_client_poll(f->client, -1));
    alarm(0);
    assert_string_equal(f->events->str, "STOP;");
}

static void event_before_an_answer(void **state)
{
    struct fixture *f = *state;
    g_autoptr(JsonNode) ret = NULL;

    say(f, GREETING "{\"event\": \"RESUME\"}\n{\"return\": 7, \"id\": 2}\n");
    assert_true(qmp_client_do(f->client, "cont", NULL, -1, &ret, NULL));
    assert_int_equal(json_node_get_int(ret), 7);
    assert_string_equal(f->events->str, "RESUME;");
}

static void half_an_event(void **state)
{
    struct fixture *f = *state;

    say(f, "{\"event\": \"ST");
    assert_true(qmp_client_poll(f->client, -1));
    assert_true(qmp_client_poll(f->client, 0));
    assert_string_equal(f->events->str, "");
    say(f, "OP\"}\n{\"event\": \"RE");
    assert_true(qmp_client_poll(f->client, -1));
    assert_string_equal(f->events->str, "STOP;");
}

static void refused(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GError) error = NULL;

    say(f, GREETING "nonsense\n[]\n{\"return\": {}, \"id\": 99}\n"
                    "{\"error\": {\"desc\": \"not today\"}, \"id\": 2}\n");
    assert_false(qmp_client_do(f->client, "quit", NULL, -1, NULL, &error));
    assert_string_equal(error->message, "not today");
}

static void closed(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GError) error = NULL;

    say(f, GREETING);
    shutdown(f->server, SHUT_WR);
    assert_false(qmp_client_do(f->client, "quit", NULL, -1, NULL, &error));
    assert_string_equal(error->message, "the server has closed its monitor");
    assert_false(qmp_client_poll(f->client, -1));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(event_behind_an_answer), TEST(event_before_an_answer), TEST(half_an_event), TEST(refused),
        TEST(closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
