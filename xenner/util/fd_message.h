/* Bytes over a Unix socket, and open descriptors with them (SCM_RIGHTS). */
#pragma once

#include <sys/types.h>

enum { FD_MESSAGE_MAX = 16 }; /* descriptors at once */

/*
 * What sendmsg() returns, with n descriptors (borrowed; 0: none) that go with the first byte; a signal does not
 * interrupt it, and a peer that is gone is EPIPE and no signal.
 */
ssize_t fd_message_send(int sock, const void *data, size_t len, const int *fds, unsigned n);
/*
 * What recvmsg() returns. At most max descriptors are the caller's then, *ret_n of them, closed in other programs;
 * more than that are closed.
 */
ssize_t fd_message_receive(int sock, void *data, size_t len, int *ret_fds, unsigned max, unsigned *ret_n);
