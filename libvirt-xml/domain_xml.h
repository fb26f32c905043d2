/*
 * Reading libvirt's domain XML as what it is: a file that anybody may have written. No network, no
 * DTD (so no entities of the file's own), at most 1 MiB. And the few ways to look into it.
 */
#pragma once

#include <libxml/tree.h>

#include <glib.h>
#include <stdbool.h>

#define DOMAIN_XML_MAX (1u << 20)
#define DOMAIN_XML_QEMU_NS "http://libvirt.org/schemas/domain/qemu/1.0"

typedef xmlDoc domain_xml; /* so that g_autoptr knows how to free it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(domain_xml, xmlFreeDoc)

/*
 * Well-formed, and its root is <domain>; owned by the caller. name is for errors, which are one line:
 * "NAME:LINE: what".
 */
domain_xml *domain_xml_parse(const char *text, size_t len, const char *name, GError **error);
/* path "-": standard input. */
domain_xml *domain_xml_load(const char *path, GError **error);
/* The bytes of such a file, NUL-terminated; NULL and an error when there are too many. */
char *domain_xml_read(const char *path, size_t *ret_len, GError **error);

/* First child element of that name, and the next sibling of the same name; NULL. parent may be NULL. */
xmlNode *xml_child(const xmlNode *parent, const char *name);
xmlNode *xml_next(const xmlNode *element);
/* "devices/emulator" from parent down, by first children. */
xmlNode *xml_find(const xmlNode *parent, const char *path);
bool xml_is(const xmlNode *element, const char *name);
/* Caller frees; NULL when there is no such attribute (or no element). */
char *xml_attr(const xmlNode *element, const char *name);
bool xml_attr_is(const xmlNode *element, const char *name, const char *value);
/* The text inside, without the blanks around it; caller frees; NULL when element is NULL. */
char *xml_text(const xmlNode *element);
