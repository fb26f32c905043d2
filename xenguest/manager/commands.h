/* The commands of xenguest-manager: a table, from which help comes too. */
#pragma once

#include "xenguest/manager/settings.h"

struct request {
    const char *command;
    bool nowait, kill;
    char **args; /* borrowed, NULL-terminated: without options */
    unsigned nr_args;
};

enum { EXIT_USAGE = 2 };

/* NULL: there is no such command. */
const struct command *command_find(const char *name);
/* Exit status; what went wrong was said. EXIT_USAGE: wrong number of arguments, or options that it
 * lacks. */
int command_run(const struct command *c, const struct settings *s, const struct request *req);
void commands_help(void);
