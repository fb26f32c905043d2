/*
 * What is wrong with a domain XML for libvirt's QEMU driver with xenner as the emulator: what libvirt
 * itself refuses (as of 9.0), what xenner refuses when libvirt starts it, and what is merely pointless.
 * Nothing is asked of a libvirtd.
 */
#pragma once

#include "libvirt-xml/domain_xml.h"

enum xml_issue_level {
    XML_ISSUE_NOTE,  /* has no effect, or not the one that one may think */
    XML_ISSUE_ERROR, /* can't be defined or started */
};

struct xml_issue {
    enum xml_issue_level level;
    long line;
    char *text; /* one line, printable */
};

/*
 * struct xml_issue *, by line; owned by the caller. local: files that the XML names are looked for on
 * this machine.
 */
GPtrArray *domain_check(const domain_xml *doc, bool local);
unsigned domain_check_errors(const GPtrArray *issues);
/* "NAME:LINE: error: TEXT"; caller frees. */
char *xml_issue_text(const struct xml_issue *issue, const char *name);
