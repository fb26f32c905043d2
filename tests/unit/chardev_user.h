/* A user of a chardev for its tests, and a scratch directory. */
#pragma once

#include "xenner/chardev/chardev.h"

#include <glib.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

struct chardev_test {
    char *dir;               /* removed with what is in it */
    struct chardev_config cfg;
    struct chardev *chr;
    GString *got, *keys;     /* input, escape commands */
    size_t room;             /* that input() takes a time, 0 and up */
    unsigned writable;       /* calls */
};

/* For cmocka; *state is the struct chardev_test. */
int chardev_test_setup(void **state);
int chardev_test_teardown(void **state);
/* dir/name, to be freed by teardown with cfg.path. */
char *chardev_test_path(struct chardev_test *t, const char *name);
/* Opens t->cfg as t->chr and takes its user slot. Fails the test with the error. */
void chardev_test_open(struct chardev_test *t);
/* Opens it and expects that error, %s being cfg.path. */
void chardev_test_refused(struct chardev_test *t, const char *error_fmt) G_GNUC_PRINTF(2, 0);

/* Turns the main loop until the condition holds; main() has an alarm for those that never do. */
#define WAIT_FOR(condition) \
    do { \
        while (!(condition)) \
            g_main_context_iteration(NULL, TRUE); \
    } while (0)
/* What is ready now. */
void chardev_test_turn(void);

/* len bytes of readable noise; freed by the caller. */
char *chardev_test_text(size_t len);
/* Exactly len bytes from fd, blocking, turning the main loop in between. */
char *chardev_test_read(int fd, size_t len);
/* A Unix socket: connected as soon as somebody listens, or listening. */
int chardev_test_connect(const char *path);
int chardev_test_listen(const char *path);
