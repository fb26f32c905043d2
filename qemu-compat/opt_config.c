/* -readconfig: sections of options in a file, as QEMU's docs/config has them. */
#include "qemu-compat/optlist.h"

#include <gio/gio.h>
#include <string.h>

#define MAX_FILE (1u << 20)

static const struct {
    const char *section;
    option_fn *set;
} sections[] = {
    {"accel", opt_accel},     {"action", opt_action}, {"audiodev", opt_audiodev}, {"chardev", opt_chardev},
    {"device", opt_device},   {"drive", opt_drive},   {"machine", opt_machine},   {"memory", opt_memory},
    {"mon", opt_mon},         {"name", opt_name},     {"net", opt_net},           {"netdev", opt_netdev},
    {"object", opt_object},   {"overcommit", opt_overcommit}, {"sandbox", opt_sandbox},
    {"smp-opts", opt_smp},    {"vnc", opt_vnc},
};

static option_fn *find_section(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sections); i++) {
        if (strcmp(sections[i].section, name) == 0)
            return sections[i].set;
    }
    return NULL;
}

/* Where we are in the file. */
struct reader {
    struct option_state *state;
    const char *path;
    unsigned line, section_line;
    char *section;  /* NULL: none yet */
    GString *value; /* what the option would have on the command line */
};

static void append_key(struct reader *r, const char *key, const char *value)
{
    g_autoptr(GString) doubled = g_string_new(value);

    g_string_replace(doubled, ",", ",,", 0);
    g_string_append_printf(r->value, "%s%s=%s", r->value->len ? "," : "", key, doubled->str);
}

static bool end_section(struct reader *r, GError **error)
{
    option_fn *set = r->section ? find_section(r->section) : NULL;

    if (r->section && !set)
        return opt_error(error, "%s:%u: there is no group '%s'", r->path, r->section_line, r->section);
    if (set && r->value->len && !set(r->state, r->value->str, error)) {
        g_prefix_error(error, "%s:%u: %s: ", r->path, r->section_line, r->section);
        return false;
    }
    g_clear_pointer(&r->section, g_free);
    g_string_truncate(r->value, 0);
    return true;
}

/* [group], [group "id"] */
static bool begin_section(struct reader *r, const char *text, GError **error)
{
    g_autoptr(GRegex) regex = g_regex_new("^\\[([A-Za-z][\\w-]*)(?:\\s+\"([^\"]*)\")?\\]$", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    if (!end_section(r, error))
        return false;
    if (!g_regex_match(regex, text, 0, &match))
        return opt_error(error, "%s:%u: not a section", r->path, r->line);
    g_autofree char *id = g_match_info_fetch(match, 2);
    r->section = g_match_info_fetch(match, 1);
    r->section_line = r->line;
    if (id && *id)
        append_key(r, "id", id);
    return true;
}

/* key = "value" */
static bool read_key(struct reader *r, const char *text, GError **error)
{
    g_autoptr(GRegex) regex = g_regex_new("^([A-Za-z][\\w.-]*)\\s*=\\s*\"([^\"]*)\"$", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    if (!g_regex_match(regex, text, 0, &match))
        return opt_error(error, "%s:%u: neither a section nor KEY = \"VALUE\"", r->path, r->line);
    if (!r->section)
        return opt_error(error, "%s:%u: not in a section", r->path, r->line);
    g_autofree char *key = g_match_info_fetch(match, 1), *value = g_match_info_fetch(match, 2);
    append_key(r, key, value);
    return true;
}

static bool read_lines(struct reader *r, char *const *lines, GError **error)
{
    for (unsigned i = 0; lines[i]; i++) {
        char *text = g_strstrip(lines[i]);
        bool ok = true;
        r->line = i + 1;
        if (*text == '[')
            ok = begin_section(r, text, error);
        else if (*text && *text != '#')
            ok = read_key(r, text, error);
        if (!ok)
            return false;
    }
    return end_section(r, error);
}

/* Not more than it may have; a device or a FIFO is not waited for. */
static char *read_file(const char *path, GError **error)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_autoptr(GFileInfo) info = g_file_query_info(file, "standard::type,standard::size", 0, NULL, error);
    char *text;

    if (!info)
        return NULL;
    if (g_file_info_get_file_type(info) != G_FILE_TYPE_REGULAR ||
        g_file_info_get_size(info) > MAX_FILE) {
        opt_error(error, "not a regular file of at most 1 MiB");
        return NULL;
    }
    return g_file_get_contents(path, &text, NULL, error) ? text : NULL;
}

bool opt_readconfig(struct option_state *s, const char *value, GError **error)
{
    g_autofree char *text = read_file(value, error), *valid = NULL;
    struct reader r = {.state = s, .path = value, .value = g_string_new(NULL)};
    bool ok = false;

    if (text) {
        valid = g_utf8_make_valid(text, -1);
        g_auto(GStrv) lines = g_strsplit(valid, "\n", -1);
        ok = read_lines(&r, lines, error);
    }
    g_free(r.section);
    g_string_free(r.value, TRUE);
    return ok;
}
