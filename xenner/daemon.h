/* -daemonize and -pidfile. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* In the child: returns the descriptor for daemon_ready(). The parent waits, and exits as it says. */
int daemon_fork(void);
/* Lets the parent exit with status 0, and closes stdin, stdout and stderr. */
void daemon_ready(int fd);
/* Writes and locks it. The file is removed by pidfile_remove(). */
bool pidfile_write(const char *path, GError **error);
void pidfile_remove(const char *path); /* accepts NULL */
