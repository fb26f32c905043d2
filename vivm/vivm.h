/* The sub-commands: each gets its own arguments, its name first, and returns the exit status. */
#pragma once

#include "vivm/conn.h"

enum { VIVM_OK, VIVM_BAD };

/* uri: --connect, or NULL. */
typedef int vivm_command(const char *uri, int argc, char **argv);

vivm_command cmd_console, cmd_define, cmd_edit, cmd_list, cmd_show, cmd_start, cmd_stop, cmd_vnc;

/* "vivm: MESSAGE" on stderr; always VIVM_BAD. */
int vivm_complain(const GError *error);
/*
 * GOption's parsing for a command that takes min to max words; argv is what is left, argc its length.
 * parameters is for --help.
 */
bool vivm_parse(const GOptionEntry *entries, const char *parameters, int min, int max, int *argc,
                char ***argv, GError **error);
/* Opens both, for the many commands about one domain. *ret_conn and *ret_dom are owned by the caller. */
bool vivm_domain(const char *uri, const char *which, vir_connect **ret_conn, vir_domain **ret_dom,
                 GError **error);
