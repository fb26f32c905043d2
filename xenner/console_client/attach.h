/* Between this program's terminal and a console. */
#pragma once

#include <stdbool.h>

#include <glib.h>

enum attach_end {
    ATTACH_LEFT,    /* the user pressed Ctrl-] */
    ATTACH_CLOSED,  /* the other side ended */
    ATTACH_FAILED,
};

/* Opens what a file "console.N" says: "pty:/dev/pts/3", "unix:PATH,server=on". -1 and an error when
 * others can't attach to such a console. */
int attach_open(const char *where, GError **error);
/*
 * Until Ctrl-] or the end. A terminal is raw meanwhile, and as before afterwards. Input that is no
 * terminal may end: the output goes on.
 */
enum attach_end attach_run(int console, GError **error);
