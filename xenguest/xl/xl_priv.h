/* What the parts of the translator share. */
#pragma once

#include "xenguest/xl/xl_command.h"

struct xl_out {
    const struct xlcfg *cfg;
    const struct xl_host *host;
    struct xl_command *cmd;
    unsigned nr_disks, nr_vifs;
    bool hvm;
};

/* "SOURCE:LINE: text"; returns false. */
bool xl_fail(const struct xl_out *o, const struct xlcfg_value *v, GError **error,
             const char *format, ...) G_GNUC_PRINTF(4, 5);
void xl_warn(const struct xl_out *o, const struct xlcfg_value *v, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* Option and value, both copied; value may be NULL. */
void xl_add(struct xl_out *o, const char *option, const char *value);
/* Appends ",key=value", with commas in value doubled. */
void xl_key(GString *text, const char *key, const char *value);
/* path, or base/path when it is relative; caller frees. */
char *xl_path(const struct xl_out *o, const char *path);

/* The value when it is a string that is not empty, else NULL. */
const char *xl_text(const struct xl_out *o, const char *name);

/* One parameter; each is looked at once, in the order of this table, which ends with a NULL name. */
struct xl_param {
    const char *name;
    bool (*translate)(struct xl_out *o, const struct xlcfg_value *v, GError **error);
};
extern const struct xl_param xl_params[];
const struct xl_param *xl_find_param(const char *name);

/* All that only HVM guests have; find_param: whether a name is one of those. */
bool xl_hvm(struct xl_out *o, GError **error);
const struct xl_param *xl_hvm_find_param(const char *name);

struct xl_vnc {
    const char *listen, *display, *password, *keymap; /* or NULL */
    bool vnc, unused;
};
/* -vnc and -k. */
void xl_add_vnc(struct xl_out *o, const struct xl_vnc *vnc);

/* One value of the lists disk, vif, vfb. */
bool xl_disk(struct xl_out *o, const struct xlcfg_value *v, GError **error);
bool xl_vif(struct xl_out *o, const struct xlcfg_value *v, GError **error);
bool xl_vfb(struct xl_out *o, const struct xlcfg_value *v, GError **error);
