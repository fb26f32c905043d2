#include "xenner/bootdisk/boot_direct.h"
#include "xenner/bootdisk/boot_direct_process.h"
#include "xenner/util/fd_message.h"
#include "xenner/util/printable.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WAIT_MS (2 * BOOT_DIRECT_SECONDS * 1000) /* more than the process gives itself */

struct boot_direct {
    struct boot_source source;
    pid_t pid;
    int sock; /* -1: the process is not there */
    uint8_t request; /* the last one's number */
};

static void end(struct boot_direct *d)
{
    if (d->sock < 0)
        return;
    close(d->sock);
    d->sock = -1;
    kill(d->pid, SIGKILL);
    waitpid(d->pid, NULL, 0);
}

static bool fail(GError **error, const char *why)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, why);
    return false;
}

/* title: one that fits, or NULL. */
static bool ask(struct boot_direct *d, const char *title, const int fds[BOOT_DIRECT_FILES])
{
    struct boot_direct_request r = {.number = ++d->request, .titled = title != NULL};

    g_strlcpy(r.title, title ? title : "", sizeof(r.title));
    return fd_message_send(d->sock, &r, sizeof(r), fds, BOOT_DIRECT_FILES) == sizeof(r);
}

/* The texts' length; negative: there is no answer. */
static ssize_t wait_for(struct boot_direct *d, struct boot_direct_answer *ret)
{
    struct pollfd p = {.fd = d->sock, .events = POLLIN};
    ssize_t n;
    int rc;

    do {
        do
            rc = poll(&p, 1, MAX_WAIT_MS);
        while (rc < 0 && errno == EINTR);
        n = rc == 1 ? recv(d->sock, ret, sizeof(*ret), 0) : -1;
        n -= (ssize_t)offsetof(struct boot_direct_answer, text);
    } while (n > 0 && ret->request != d->request);
    return n;
}

static bool take_answer(const struct boot_direct_answer *a, size_t len, struct boot_images *ret,
                        GError **error)
{
    size_t first = strnlen(a->text, len) + 1;
    bool loaded = a->outcome == BOOT_DIRECT_LOADED || a->outcome == BOOT_DIRECT_LOADED_INITRD;

    if (first > len)
        return fail(error, "the disks' reader makes no sense");
    if (!loaded) {
        g_autofree char *why = g_strdup(a->text);
        text_make_printable(&why);
        return fail(error, why);
    }
    ret->kernel = g_strdup(a->text);
    text_make_printable(&ret->kernel);
    ret->cmdline = g_strndup(a->text + first, len - first);
    return true;
}

/* 0, which is stdin, stands for: there is none. */
static int new_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    return MAX(fd, 0);
}

static bool get(void *opaque, const char *title, struct boot_images *ret, GError **error)
{
    if (title && strlen(title) > BOOT_DIRECT_MAX_TITLE)
        return fail(error, "the entry's title is too long");
    g_autofree struct boot_direct_answer *a = g_new0(struct boot_direct_answer, 1);
    struct boot_images images = {.kernel_fd = new_file("kernel"), .initrd_fd = new_file("initrd")};
    const int fds[BOOT_DIRECT_FILES] = {images.kernel_fd, images.initrd_fd};
    struct boot_direct *d = opaque;
    ssize_t len;
    bool ok;

    if (d->sock < 0 || !fds[0] || !fds[1] || !ask(d, title, fds) || (len = wait_for(d, a)) <= 0) {
        end(d);
        ok = fail(error, "the disks can't be read");
    } else {
        ok = take_answer(a, (size_t)len, &images, error);
    }
    if (!ok) {
        boot_images_clear(&images);
        return false;
    }
    if (a->outcome == BOOT_DIRECT_LOADED) {
        close(images.initrd_fd);
        images.initrd_fd = 0;
    }
    *ret = images;
    return true;
}

static void forget(void *opaque)
{
    end(opaque);
}

static void start(struct boot_direct *d, struct disk_reader *disks, unsigned n,
                  const struct privileges *user)
{
    pid_t own = getpid();
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    d->pid = fork();
    if (d->pid == 0)
        boot_direct_serve(pair[1], disks, n, user, own);
    close(pair[1]);
    if (d->pid > 0)
        d->sock = pair[0];
    else
        close(pair[0]);
}

struct boot_direct *boot_direct_new(const GPtrArray *configs, const struct privileges *user)
{
    struct boot_direct *d = g_new0(struct boot_direct, 1);
    struct disk_reader disks[BOOT_MAX_DISKS];
    unsigned n = boot_disks_open(configs, true, disks);

    d->source = (struct boot_source){get, d, forget};
    d->sock = -1;
    start(d, disks, n, user);
    boot_disks_close(disks, n);
    return d;
}

const struct boot_source *boot_direct_source(const struct boot_direct *d)
{
    return &d->source;
}

void boot_direct_free(struct boot_direct *d)
{
    if (!d)
        return;
    end(d);
    g_free(d);
}
