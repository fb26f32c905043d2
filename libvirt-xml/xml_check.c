#include "libvirt-xml/xml_check.h"
#include "libvirt-xml/check_rules.h"
#include "libvirt-xml/xml_in.h"
#include "xenner/util/printable.h"

#include <string.h>
#include <unistd.h>

struct check {
    GPtrArray *issues;
    const xmlNode *domain;
    bool local;
};

static void issue_free(void *issue)
{
    struct xml_issue *i = issue;

    g_free(i->text);
    g_free(i);
}

static void G_GNUC_PRINTF(4, 5) report(struct check *c, enum xml_issue_level level, const xmlNode *where,
                                      const char *fmt, ...)
{
    struct xml_issue *i = g_new0(struct xml_issue, 1);
    va_list ap;

    va_start(ap, fmt);
    i->text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    i->level = level;
    i->line = xmlGetLineNo(where);
    text_make_printable(&i->text);
    g_ptr_array_add(c->issues, i);
}

static bool listed(const char *values, const char *value)
{
    g_auto(GStrv) names = g_strsplit(values, "|", -1);

    return g_strv_contains((const char *const *)names, value);
}

static bool applies(const struct check_rule *rule, const char *value)
{
    if (!rule->values)
        return value != NULL;
    if (!*rule->values)
        return value == NULL;
    if (!value)
        return false;
    return *rule->values == '!' ? !listed(rule->values + 1, value) : listed(rule->values, value);
}

/* The value in the place of the rule's "$". */
static char *fill(const char *text, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(text, "$", 2);

    return g_strjoinv(value ? value : "", parts);
}

static void apply(struct check *c, const struct check_rule *rule, const xmlNode *element)
{
    g_autofree char *value = !rule->attr ? g_strdup("")
                             : strcmp(rule->attr, "#text") == 0 ? xml_text(element)
                                                                : xml_attr(element, rule->attr);

    if (!applies(rule, value))
        return;
    g_autofree char *text = fill(rule->text, value);
    report(c, rule->level, element, "%s", text);
}

static void walk(struct check *c, const xmlNode *element, const char *path)
{
    for (unsigned i = 0; i < check_rules_count; i++) {
        if (strcmp(check_rules[i].path, path) == 0)
            apply(c, &check_rules[i], element);
    }
    for (const xmlNode *n = element->children; n; n = n->next) {
        if (n->type != XML_ELEMENT_NODE || n->ns)
            continue;
        g_autofree char *below = g_strdup_printf("%s%s%s", path, *path ? "/" : "", (char *)n->name);
        if (strlen(below) < 64) /* longer than any rule's */
            walk(c, n, below);
    }
}

static void check_emulator(struct check *c)
{
    const xmlNode *element = xml_find(c->domain, "devices/emulator");
    g_autofree char *path = xml_text(element);

    if (!path || !*path) {
        report(c, XML_ISSUE_ERROR, element ? element : c->domain, "without <emulator> libvirt runs "
               "QEMU: say <emulator>/usr/bin/xenner</emulator>");
        return;
    }
    g_autofree char *name = g_path_get_basename(path);
    if (!g_path_is_absolute(path))
        report(c, XML_ISSUE_ERROR, element, "emulator '%s' is not an absolute path", path);
    else if (strstr(name, "qemu"))
        report(c, XML_ISSUE_ERROR, element, "emulator '%s' is not xenner", path);
    else if (c->local && (access(path, X_OK) < 0 || !g_file_test(path, G_FILE_TEST_IS_REGULAR)))
        report(c, XML_ISSUE_ERROR, element, "there is no program '%s' on this machine", path);
}

/* libvirt starts the emulator in the root directory. */
static void check_file(struct check *c, const char *where)
{
    const xmlNode *element = xml_find(c->domain, where);
    g_autofree char *path = xml_text(element);

    if (!path || !*path)
        return;
    if (!g_path_is_absolute(path))
        report(c, XML_ISSUE_ERROR, element, "'%s' is not an absolute path", path);
    else if (c->local && access(path, F_OK) < 0)
        report(c, XML_ISSUE_NOTE, element, "there is no file '%s' on this machine", path);
}

static void check_cpu(struct check *c)
{
    const xmlNode *cpu = xml_child(c->domain, "cpu");

    if (xml_attr_is(c->domain, "type", "qemu") && xml_attr_is(cpu, "mode", "host-passthrough"))
        report(c, XML_ISSUE_ERROR, cpu, "CPU mode 'host-passthrough' will be refused by libvirt for a "
               "domain of type 'qemu': remove <cpu>");
}

/* What people bring along from a PC. */
static void check_cmdline(struct check *c)
{
    const xmlNode *os = xml_child(c->domain, "os"), *element = xml_child(os, "cmdline");
    g_autofree char *text = xml_text(element);

    if (!text)
        return;
    if (strstr(text, "console=ttyS"))
        report(c, XML_ISSUE_NOTE, element, "a PV guest has no ttyS: its console is hvc0");
    else if (!strstr(text, "console=") && !xml_find(c->domain, "devices/video"))
        report(c, XML_ISSUE_NOTE, element, "without console=hvc0 nothing may be seen of the guest");
    if (strstr(text, "root=/dev/vd") || strstr(text, "root=/dev/sd") || strstr(text, "root=/dev/hd"))
        report(c, XML_ISSUE_NOTE, element, "a PV guest's disks are xvda, xvdb...");
}

static void check_boot(struct check *c)
{
    if (!xml_find(c->domain, "os/kernel") && !xml_find(c->domain, "devices/disk"))
        report(c, XML_ISSUE_NOTE, c->domain, "neither a kernel nor a disk: there is nothing to run");
}

/* Limits, sizes, what refers to what: the option parser's own words. */
static void check_command_line(struct check *c, const domain_xml *doc)
{
    g_autoptr(GPtrArray) argv = NULL, notes = NULL;
    g_autoptr(GError) error = NULL;

    if (domain_check_errors(c->issues) || domain_to_argv(doc, "", &argv, &notes, &error))
        return;
    /* ":LINE: text" when it is about one element */
    char *text = error->message, *end;
    long line = *text == ':' ? strtol(text + 1, &end, 10) : 0;
    if (line > 0 && g_str_has_prefix(end, ": "))
        text = end + 2;
    else if (g_str_has_prefix(text, ": "))
        text += 2;
    report(c, XML_ISSUE_ERROR, c->domain, "%s", text);
    struct xml_issue *last = g_ptr_array_index(c->issues, c->issues->len - 1);
    last->line = line > 0 ? line : last->line;
}

static int by_line(const void *a, const void *b)
{
    const struct xml_issue *x = *(struct xml_issue *const *)a, *y = *(struct xml_issue *const *)b;

    return (x->line > y->line) - (x->line < y->line);
}

GPtrArray *domain_check(const domain_xml *doc, bool local)
{
    struct check c = {.issues = g_ptr_array_new_with_free_func(issue_free),
                      .domain = xmlDocGetRootElement(doc), .local = local};
    static const char *const files[] = {"os/kernel", "os/initrd", "os/loader"};

    walk(&c, c.domain, "");
    check_emulator(&c);
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++)
        check_file(&c, files[i]);
    check_cpu(&c);
    check_cmdline(&c);
    check_boot(&c);
    check_command_line(&c, doc);
    g_ptr_array_sort(c.issues, by_line);
    return c.issues;
}

unsigned domain_check_errors(const GPtrArray *issues)
{
    unsigned n = 0;

    for (guint i = 0; i < issues->len; i++)
        n += ((struct xml_issue *)g_ptr_array_index(issues, i))->level == XML_ISSUE_ERROR;
    return n;
}

char *xml_issue_text(const struct xml_issue *issue, const char *name)
{
    return g_strdup_printf("%s:%ld: %s: %s", name, issue->line,
                           issue->level == XML_ISSUE_ERROR ? "error" : "note", issue->text);
}
