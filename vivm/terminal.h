/* The user: an editor, questions, differences. Texts go to stderr, answers come from stdin. */
#pragma once

#include <glib.h>
#include <stdbool.h>

void terminal_say(const char *text);
/* One of the letters of keys, or 0 at the end of input. */
char terminal_ask(const char *question, const char *keys);
/* On stdout, as diff -u has it. */
void terminal_diff(const char *before, const char *after);
/* $VISUAL, $EDITOR, or the system's; with arguments, if it has any. Waits for its end. */
bool terminal_edit(const char *path, GError **error);
/*
 * From now on a signal that ends the program says where the text is first. path NULL: no more.
 * SIGINT, SIGTERM, SIGHUP, SIGQUIT; while the editor runs SIGINT and SIGQUIT are the editor's.
 */
void terminal_guard(const char *path);
