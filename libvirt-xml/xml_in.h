/*
 * Domain XML to a xenner command line. What libvirt would do is not asked for here (see xml_check.h):
 * a domain that libvirt refuses, with disks on a bus "xen" say, makes a good command line.
 */
#pragma once

#include "libvirt-xml/domain_xml.h"

/*
 * *ret_argv: char *, owned by the caller, the emulator first, without a NULL at the end. It was parsed
 * by xenner's own option parser, so xenner takes it. *ret_notes: char *, one line each: what was left
 * out because it means nothing to a PV guest, or has to be done otherwise; owned by the caller.
 * name is for errors: "NAME:LINE: what".
 */
bool domain_to_argv(const domain_xml *doc, const char *name, GPtrArray **ret_argv,
                    GPtrArray **ret_notes, GError **error);
/* <memory unit='MiB'>256</memory> in bytes; libvirt's default unit is KiB. */
bool xml_memory(const xmlNode *element, uint64_t *ret_bytes);
