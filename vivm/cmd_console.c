/*
 * vivm console: libvirt's stream on one side, the terminal on the other. The terminal is
 * xenner-console's, which wants a descriptor; two threads carry bytes between that and the stream.
 */
#include "vivm/vivm.h"
#include "xenner/console_client/attach.h"

#include <gio/gio.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct link {
    virStreamPtr stream;
    int fd; /* our end; attach_run() has the other one */
};

static void *to_terminal(void *opaque)
{
    struct link *l = opaque;
    char buf[4096];
    int n;

    while ((n = virStreamRecv(l->stream, buf, sizeof(buf))) > 0) {
        for (int done = 0; done < n;) {
            ssize_t written = send(l->fd, buf + done, (size_t)(n - done), MSG_NOSIGNAL);
            if (written < 0)
                return NULL;
            done += (int)written;
        }
    }
    shutdown(l->fd, SHUT_RDWR); /* the guest has ended */
    return NULL;
}

static void *to_guest(void *opaque)
{
    struct link *l = opaque;
    char buf[4096];
    ssize_t n;

    while ((n = read(l->fd, buf, sizeof(buf))) > 0) {
        for (ssize_t done = 0; done < n;) {
            int sent = virStreamSend(l->stream, buf + done, (size_t)(n - done));
            if (sent < 0)
                return NULL;
            done += sent;
        }
    }
    return NULL;
}

static int talk(virStreamPtr stream, const char *name, GError **error)
{
    struct link l = {.stream = stream};
    pthread_t in, out;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no socket pair");
        return VIVM_BAD;
    }
    l.fd = pair[0];
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
        fprintf(stderr, "Connected to '%s'; Ctrl-] ends.\r\n", name);
    pthread_create(&in, NULL, to_guest, &l);
    pthread_create(&out, NULL, to_terminal, &l);
    enum attach_end end = attach_run(pair[1], error);
    shutdown(l.fd, SHUT_RDWR);
    pthread_join(in, NULL);
    virStreamAbort(stream);
    pthread_join(out, NULL);
    close(pair[0]);
    close(pair[1]);
    return end == ATTACH_FAILED ? VIVM_BAD : VIVM_OK;
}

int cmd_console(const char *uri, int argc, char **argv)
{
    gint number = 0;
    gboolean force = FALSE;
    const GOptionEntry entries[] = {
        {"number", 'n', 0, G_OPTION_ARG_INT, &number, "which console: hvcN (default 0)", "N"},
        {"force", 'f', 0, G_OPTION_ARG_NONE, &force, "take it from whoever has it", NULL},
        {NULL}};
    g_autoptr(GError) error = NULL;
    g_auto(vivm_target_auto) t = {0};

    if (!vivm_target(&t, entries, uri, argc, argv))
        return VIVM_BAD;
    g_autofree char *device = g_strdup_printf("console%d", number); /* libvirt's name for hvcN, N > 0 */
    unsigned flags = force ? VIR_DOMAIN_CONSOLE_FORCE : 0;
    virStreamPtr stream = virStreamNew(t.conn, 0);
    int status = VIVM_BAD;
    if (!stream || virDomainOpenConsole(t.dom, number ? device : NULL, stream, flags) < 0)
        conn_failed(&error, "could not open console %d of '%s'", number, t.name);
    else
        status = talk(stream, t.name, &error);
    if (stream)
        virStreamFree(stream);
    return error ? vivm_complain(error) : status;
}
