/* Between the files that each write one part of a domain (xml_out*.c). */
#pragma once

#include "libvirt-xml/xml_out.h"

struct xml_out {
    xmlNode *devices;
    GPtrArray *passed; /* char *: words for <qemu:commandline> */
    GPtrArray *notes;  /* char * */
    GError *error;     /* the first one; NULL while all is well */
};

void xml_out_disk(struct xml_out *out, const struct disk_config *disk);
/* NIC i of the guest, with its network. */
void xml_out_nic(struct xml_out *out, const struct vm_config *cfg, const struct nic_config *nic);
void xml_out_consoles(struct xml_out *out, const struct vm_config *cfg);
void xml_out_screen(struct xml_out *out, const struct vm_config *cfg);

/* A new last child; text may be NULL. */
xmlNode *xml_out_child(struct xml_out *out, xmlNode *parent, const char *name, const char *text);
/* Nothing when value is NULL. */
void xml_out_attr(struct xml_out *out, xmlNode *element, const char *name, const char *value);
void xml_out_attr_number(struct xml_out *out, xmlNode *element, const char *name, uint64_t value);
/* An absolute path as attribute or text (attr NULL). */
void xml_out_path(struct xml_out *out, xmlNode *element, const char *attr, const char *path);
/* An option's origin, "-nic user,...", as the words that it was made of; once, if it comes again. */
void xml_out_pass(struct xml_out *out, const char *origin);
void xml_out_note(struct xml_out *out, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void xml_out_wrong(struct xml_out *out, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
