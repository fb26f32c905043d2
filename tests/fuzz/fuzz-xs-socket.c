/*
 * Any bytes as what a client of xenstore's socket sends, in pieces of many sizes. What it is answered and
 * what a second client hears by its watch must be whole messages of the protocol, and nothing of the first
 * client must outlive its connection.
 */
#include "fuzz.h"

#include "xenner/host/store/priv.h"
#include "xenner/host/store/socket.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static int open_client(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
    settle();
    return fd;
}

static void append(GByteArray *a, uint32_t type, uint32_t tx, const char *payload)
{
    struct xsd_sockmsg h = {.type = type, .tx_id = tx, .len = (uint32_t)strlen(payload)};

    g_byte_array_append(a, (const guint8 *)&h, sizeof(h));
    g_byte_array_append(a, (const guint8 *)payload, h.len);
    for (guint i = 0; i < h.len; i++) {
        guint8 *c = &a->data[a->len - 1 - i];
        *c = *c == '|' ? '\0' : *c;
    }
}

static void hear(int fd, GByteArray *to)
{
    guint8 buf[4096];

    for (ssize_t n; (n = recv(fd, buf, sizeof(buf), 0)) > 0;) {
        g_byte_array_append(to, buf, (guint)n);
        settle();
    }
}

static void check_whole(const GByteArray *a)
{
    struct xsd_sockmsg h;

    for (size_t at = 0; at < a->len; at += sizeof(h) + h.len) {
        if (a->len - at < sizeof(h))
            abort();
        memcpy(&h, a->data + at, sizeof(h));
        if (h.len > XENSTORE_PAYLOAD_MAX || h.len > a->len - at - sizeof(h))
            abort();
    }
}

/* Pieces of 1 to 4096 bytes; how long they are follows from what is in them. */
static void talk(int fd, const uint8_t *data, size_t size, GByteArray *answers)
{
    for (size_t at = 0; at < size;) {
        size_t n = MIN(size - at, data[at] & 1 ? 4096u : 1u + data[at]);
        ssize_t sent = send(fd, data + at, n, MSG_NOSIGNAL);
        if (sent < 0) /* it was disconnected */
            break;
        at += (size_t)sent;
        settle();
        hear(fd, answers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *dir = g_dir_make_tmp("fuzz-xs-XXXXXX", NULL);
    g_autoptr(GByteArray) answers = g_byte_array_new(), news = g_byte_array_new();
    g_autoptr(GByteArray) watch = g_byte_array_new();
    struct store *s = store_new();

    g_autofree char *path = g_build_filename(dir, "s", NULL);
    struct store_socket *server = store_socket_new(path, NULL);
    if (!server)
        abort();
    store_socket_serve(server, s);
    store_introduce(s, 1);
    int other = open_client(path), fd = open_client(path);
    append(watch, XS_WATCH, 0, "/|all|");
    if (send(other, watch->data, watch->len, 0) != watch->len)
        abort();
    settle();
    talk(fd, data, size, answers);
    close(fd);
    settle();
    hear(other, news);
    check_whole(answers);
    check_whole(news);
    if (s->conns->len != 1)
        abort();
    close(other);
    settle();
    store_socket_free(server);
    store_free(s);
    if (g_rmdir(dir) < 0)
        abort();
    return 0;
}

/* Conversations; '|' is NUL. The first transaction has the number 1. */
void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const struct {
        uint32_t type, tx;
        const char *payload;
    } messages[] = {
        {XS_WRITE, 0, "/a/b|1"},          {XS_READ, 0, "/a/b|"},
        {XS_DIRECTORY, 0, "/|"},          {XS_DIRECTORY_PART, 0, "/|0|"},
        {XS_WATCH, 0, "/a|token|"},       {XS_WATCH, 0, "/a|deep|1|"},
        {XS_SET_PERMS, 0, "/a|n0|r1|"},   {XS_GET_PERMS, 0, "/a|"},
        {XS_TRANSACTION_START, 0, "|"},   {XS_WRITE, 1, "/x|value"},
        {XS_RM, 1, "/a|"},                {XS_TRANSACTION_END, 1, "T|"},
        {XS_UNWATCH, 0, "/a|token|"},     {XS_WATCH, 0, "@releaseDomain|r|"},
        {XS_INTRODUCE, 0, "1|5|7|"},      {XS_IS_DOMAIN_INTRODUCED, 0, "1|"},
        {XS_GET_DOMAIN_PATH, 0, "1|"},    {XS_RELEASE, 0, "1|"},
        {XS_MKDIR, 0, "/m|"},             {XS_RESET_WATCHES, 0, "|"},
        {XS_CONTROL, 0, "print|x|"},      {XS_RESUME, 0, "1|"},
    };
    g_autoptr(GByteArray) all = g_byte_array_new();

    for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
        append(all, messages[i].type, messages[i].tx, messages[i].payload);
        if (i % 6 == 5 || i + 1 == G_N_ELEMENTS(messages)) {
            g_autofree char *name = g_strdup_printf("talk%zu", i / 6);
            add(opaque, name, all->data, all->len);
        }
    }
}
