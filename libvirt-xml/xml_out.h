/*
 * A guest's configuration as domain XML for libvirt's QEMU driver. What the XML has no words for is
 * passed on as it was given, in <qemu:commandline>; what libvirt does by itself (monitors, pidfile)
 * is left out, with a note.
 */
#pragma once

#include "libvirt-xml/domain_xml.h"
#include "xenner/config/vm_config.h"

/*
 * cfg is validated. emulator: absolute path for <emulator>. Relative paths become absolute, as
 * libvirt starts its guests elsewhere. *ret_notes: char *, owned by the caller. NULL and an error when
 * a text is nothing that XML can hold.
 */
domain_xml *domain_from_config(const struct vm_config *cfg, const char *emulator,
                               GPtrArray **ret_notes, GError **error);
/* Indented text; caller frees. */
char *domain_xml_text(domain_xml *doc);
