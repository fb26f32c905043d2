/* From a xenner command line to a domain of libvirt's: what define and import share. */
#pragma once

#include "libvirt-xml/domain_xml.h"
#include "vivm/conn.h"

/* Of vivm's options, what each domain needs and no command line has. */
struct defining {
    char *emulator; /* NULL: xenner of $PATH */
    char *type;     /* "kvm", or NULL or another: TCG */
};

/* The value that -accel has for d. */
const char *defining_accel(const struct defining *d);
/*
 * argv: char *, the program's name first. Notes of what XML has no form for go to stderr. NULL with
 * error set.
 */
domain_xml *defining_from_argv(const struct defining *d, const GPtrArray *argv, GError **error);
/* A card on a network of libvirt's in place of what interface says; its address stays. */
void defining_set_network(xmlNode *interface, const char *network);
/* Behind the other devices. */
void defining_add_network(domain_xml *doc, const char *network);
/*
 * Says on stderr what libvirt or xenner will refuse; false with error set when there is such a
 * thing, unless force. name: of the text, for messages.
 */
bool defining_check(const char *text, const char *name, bool force, GError **error);
/* The definition that text would replace, if it has the UUID of one: NULL, or a domain. */
vir_domain *defining_replaced(vir_connect *conn, const char *text);
/* Defines it, and says so on stderr; what it replaces becomes a backup. force: without the schema. */
bool defining_commit(vir_connect *conn, const char *text, bool force, GError **error);
