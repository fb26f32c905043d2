/* What may not be in a domain, as data. See check_rules.c. */
#pragma once

#include "libvirt-xml/xml_check.h"

/* One place in the XML, and what of it is reported. */
struct check_rule {
    const char *path; /* of the element, below <domain> */
    const char *attr; /* NULL: the element itself; "#text": what is in it */
    /* "a|b": one of these; "!a|b": there, and none of these; NULL: there at all; "": missing */
    const char *values;
    enum xml_issue_level level;
    const char *text; /* "$" stands for the value */
};

extern const struct check_rule check_rules[];
extern const unsigned check_rules_count;
