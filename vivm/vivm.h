/* The sub-commands: each gets its own arguments, its name first, and returns the exit status. */
#pragma once

#include "vivm/conn.h"

enum { VIVM_OK, VIVM_BAD };

/* uri: --connect, or NULL. */
typedef int vivm_command(const char *uri, int argc, char **argv);

vivm_command cmd_console, cmd_define, cmd_edit, cmd_import, cmd_list, cmd_show, cmd_start, cmd_stop,
    cmd_vnc;

/* "vivm: MESSAGE" on stderr; always VIVM_BAD. */
int vivm_complain(const GError *error);
/*
 * GOption's parsing for a command that takes min to max words; argv is what is left, argc its length.
 * parameters is for --help.
 */
bool vivm_parse(const GOptionEntry *entries, const char *parameters, int min, int max, int *argc,
                char ***argv, GError **error);

/* The domain of a command about one, as its only word says. */
struct vivm_target {
    char *name; /* the word */
    vir_connect *conn;
    vir_domain *dom;
};
/* Parses as vivm_parse() does, and opens both. False when that failed, which it has said. */
bool vivm_target(struct vivm_target *ret, const GOptionEntry *entries, const char *uri, int argc,
                 char **argv);
void vivm_target_clear(struct vivm_target *t);
typedef struct vivm_target vivm_target_auto;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vivm_target_auto, vivm_target_clear)
