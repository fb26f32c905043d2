#include "xenner/util/fd_message.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union room {
    char bytes[CMSG_SPACE(sizeof(int) * FD_MESSAGE_MAX)];
    struct cmsghdr align;
};

ssize_t fd_message_send(int sock, const void *data, size_t len, const int *fds, unsigned n)
{
    struct iovec iov = {(void *)data, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    union room room = {.bytes = {0}};
    ssize_t rc;

    g_assert(n <= FD_MESSAGE_MAX);
    if (n) {
        msg.msg_control = room.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
    }
    do {
        rc = sendmsg(sock, &msg, MSG_NOSIGNAL);
    } while (rc < 0 && errno == EINTR);
    return rc;
}

ssize_t fd_message_receive(int sock, void *data, size_t len, int *ret_fds, unsigned max, unsigned *ret_n)
{
    struct iovec iov = {data, len};
    union room room;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room.bytes,
                         .msg_controllen = sizeof(room.bytes)};
    ssize_t rc;

    *ret_n = 0;
    do {
        rc = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    } while (rc < 0 && errno == EINTR);
    for (struct cmsghdr *c = rc >= 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (*ret_n < max)
                ret_fds[(*ret_n)++] = fd;
            else
                close(fd);
        }
    }
    return rc;
}
