/* vhost_user.c: what is said, and a server that answers nonsense. Answers are written before they are asked for. */
#include "xenner/backend/vhost_user.h"
#include "xenner/util/fd_message.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <linux/vhost_types.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WANTED   ((1ull << 32) | (1ull << 9) | (1ull << 2))
#define PROTOCOL (1ull << 30)
#define ACK      ((1ull << 3) | (1ull << 9))

static int client, server; /* the two ends; the client's is taken by who talks to the server */

static void connect_pair(void)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    client = pair[0];
    server = pair[1];
}

static void answer(uint32_t request, uint32_t flags, const void *payload, uint32_t bytes)
{
    const uint32_t header[] = {request, flags, bytes};

    assert_int_equal(write(server, header, sizeof(header)), sizeof(header));
    assert_int_equal(write(server, payload, bytes), bytes);
}

static void answer_u64(uint32_t request, uint64_t value)
{
    answer(request, 5, &value, sizeof(value));
}

/* What was said is that, with so many descriptors, which are closed. */
static void expect(uint32_t request, uint32_t flags, const void *payload, uint32_t bytes, unsigned nr_fds)
{
    char is[512];
    int fds[8];
    unsigned n;
    uint32_t header[3];

    assert_int_equal(fd_message_receive(server, header, sizeof(header), fds, 8, &n), sizeof(header));
    assert_int_equal(n, nr_fds);
    while (n)
        close(fds[--n]);
    assert_int_equal(header[0], request);
    assert_int_equal(header[1], flags);
    assert_int_equal(header[2], bytes);
    if (bytes)
        assert_int_equal(recv(server, is, bytes, 0), bytes);
    if (payload)
        assert_memory_equal(is, payload, bytes);
}

static void expect_u64(uint32_t request, uint32_t flags, uint64_t value, unsigned nr_fds)
{
    expect(request, flags, &value, sizeof(value), nr_fds);
}

static struct vhost_user *new_client(void)
{
    uint64_t features;

    connect_pair();
    answer_u64(1, WANTED | PROTOCOL | 1ull << 40);
    answer_u64(15, ACK | 1);
    answer_u64(3, 0);
    answer_u64(2, 0);
    struct vhost_user *v = vhost_user_new(client, WANTED | 1ull << 50, &features, NULL);
    assert_non_null(v);
    assert_int_equal(features, WANTED);
    expect(1, 1, NULL, 0, 0);
    expect(15, 1, NULL, 0, 0);
    expect_u64(16, 1, ACK, 0);
    expect(3, 9, NULL, 0, 0);
    expect_u64(2, 9, WANTED | PROTOCOL, 0);
    return v;
}

static void agrees(void **state)
{
    vhost_user_free(new_client());
    close(server);
}

static void sets_up(void **state)
{
    struct vhost_user *v = new_client();
    char memory[16];
    const struct vhost_user_region regions[] = {{memory, 4096, 0, 0}, {memory + 8, 8192, 1, 4096}};
    const uint64_t at = (uintptr_t)memory;
    const uint64_t table[] = {2, at, 4096, at, 0, at + 8, 8192, at + 8, 4096};
    const struct vhost_user_queue queue = {128, memory, memory + 1, memory + 2, 0, 1};
    const struct vhost_vring_state num = {0, 128}, base = {0, 0}, enable = {0, 1};
    const struct vhost_vring_addr addr = {.desc_user_addr = at, .avail_user_addr = at + 1, .used_user_addr = at + 2};
    static const uint32_t requests[] = {8, 10, 9, 13, 12, 18};

    answer_u64(5, 0);
    assert_true(vhost_user_set_memory(v, regions, 2, NULL));
    expect(5, 9, table, sizeof(table), 2);
    for (unsigned i = 0; i < 6; i++)
        answer_u64(requests[i], 0);
    assert_true(vhost_user_start_queue(v, &queue, NULL));
    expect(8, 9, &num, sizeof(num), 0);
    expect(10, 9, &base, sizeof(base), 0);
    expect(9, 9, &addr, sizeof(addr), 0);
    expect_u64(13, 9, 0, 1);
    expect_u64(12, 9, 0, 1);
    expect(18, 9, &enable, sizeof(enable), 0);
    vhost_user_free(v);
    close(server);
}

static void reads_config(void **state)
{
    struct vhost_user *v = new_client();
    char payload[12 + 5] = {0}, is[6] = "......";
    static const uint32_t asked[] = {0, 5, 0};

    memcpy(payload + 12, "hello", 5);
    answer(24, 5, payload, sizeof(payload));
    assert_true(vhost_user_get_config(v, is, 5, NULL));
    assert_memory_equal(is, "hello.", 6);
    char want[12 + 5] = {0};
    memcpy(want, asked, sizeof(asked));
    expect(24, 1, want, sizeof(want), 0);
    answer(24, 5, payload, 12); /* it has none */
    assert_false(vhost_user_get_config(v, is, 5, NULL));
    vhost_user_free(v);
    close(server);
}

/* By a server that has said all that it will say. */
static void fails(const char *text)
{
    g_autoptr(GError) error = NULL;
    uint64_t features;

    assert_null(vhost_user_new(client, WANTED, &features, &error));
    assert_non_null(strstr(error->message, text));
    close(server);
}

static void hostile(void **state)
{
    static const uint32_t headers[][3] = {
        {2, 5, 8}, /* an answer to something else */
        {1, 1, 8}, /* no answer */
        {1, 6, 8}, /* of another version */
        {1, 5, 4}, {1, 5, 0}, {1, 5, 0xffffffff},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(headers); i++) {
        connect_pair();
        assert_int_equal(write(server, headers[i], sizeof(headers[i])), sizeof(headers[i]));
        assert_int_equal(write(server, "xxxxxxxx", 8), 8);
        fails("answers nonsense");
    }
}

static void ends(void **state)
{
    static const uint32_t header[] = {1, 5, 8}; /* and then nothing */

    connect_pair();
    close(server);
    server = dup(client);
    fails("does not listen");
    connect_pair();
    assert_int_equal(write(server, header, sizeof(header)), sizeof(header));
    shutdown(server, SHUT_WR);
    fails("does not answer");
}

static void too_old(void **state)
{
    connect_pair();
    answer_u64(1, WANTED);
    fails("too old");
    connect_pair();
    answer_u64(1, WANTED | PROTOCOL);
    answer_u64(15, 1ull << 3);
    fails("too old");
}

static void refuses(void **state)
{
    struct vhost_user *v = new_client();
    g_autoptr(GError) error = NULL;
    char memory[16];
    const struct vhost_user_region region = {memory, 4096, 0, 0};

    answer_u64(5, 1);
    assert_false(vhost_user_set_memory(v, &region, 1, &error));
    assert_non_null(strstr(error->message, "refuses"));
    vhost_user_free(v);
    close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees), cmocka_unit_test(sets_up), cmocka_unit_test(reads_config),
        cmocka_unit_test(hostile), cmocka_unit_test(ends), cmocka_unit_test(too_old), cmocka_unit_test(refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
