/* Between the files that each translate one part of a domain (xml_in*.c). */
#pragma once

#include "libvirt-xml/domain_xml.h"

struct xml_in {
    const char *name;   /* of the XML, for errors */
    GPtrArray *argv;    /* char *, owned */
    GPtrArray *notes;   /* char *, owned */
    unsigned disks, chardevs; /* so far, for ids */
    unsigned plain_disks;     /* of the disks, those that take the next free name */
    unsigned next_disk;       /* no name before this one is free */
    GHashTable *disk_names;   /* char *, owned: names that disks further down ask for, or got */
};

/* Before the first disk: which names are asked for. */
void xml_in_disk_names(struct xml_in *in, const xmlNode *devices);
/* These return false with an error when there is no way to say it to xenner. */
bool xml_in_disk(struct xml_in *in, const xmlNode *disk, GError **error);
bool xml_in_interface(struct xml_in *in, const xmlNode *interface, GError **error);
/* All <serial> and <console>. */
bool xml_in_consoles(struct xml_in *in, const xmlNode *devices, GError **error);
/* <graphics>, <video>, <input>. */
bool xml_in_screen(struct xml_in *in, const xmlNode *devices, GError **error);

/* value NULL: an option without one. */
void xml_in_option(struct xml_in *in, const char *option, const char *value);
/* Adds "key=value" to a list, its commas doubled, a comma in between; nothing when value is NULL. */
void xml_in_key(GString *list, const char *key, const char *value);
/* The same from an attribute of element; returns whether there was one. */
bool xml_in_attr_key(GString *list, const char *key, const xmlNode *element, const char *attr);
/* Always false: "NAME:LINE: what". */
bool xml_in_wrong(const struct xml_in *in, const xmlNode *element, GError **error, const char *fmt,
                  ...) G_GNUC_PRINTF(4, 5);
void xml_in_note(struct xml_in *in, const xmlNode *element, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
