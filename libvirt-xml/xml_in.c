#include "libvirt-xml/xml_in.h"
#include "libvirt-xml/xml_in_parts.h"
#include "qemu-compat/options.h"
#include "xenner/config/size.h"
#include "xenner/util/printable.h"

#include <gio/gio.h>
#include <string.h>

void xml_in_option(struct xml_in *in, const char *option, const char *value)
{
    g_ptr_array_add(in->argv, g_strdup(option));
    if (value)
        g_ptr_array_add(in->argv, g_strdup(value));
}

void xml_in_key(GString *list, const char *key, const char *value)
{
    if (!value)
        return;
    if (list->len)
        g_string_append_c(list, ',');
    if (key)
        g_string_append_printf(list, "%s=", key);
    for (const char *c = value; *c; c++) {
        g_string_append_c(list, *c);
        if (*c == ',')
            g_string_append_c(list, ',');
    }
}

bool xml_in_attr_key(GString *list, const char *key, const xmlNode *element, const char *attr)
{
    g_autofree char *value = xml_attr(element, attr);

    xml_in_key(list, key, value);
    return value != NULL;
}

bool xml_in_wrong(const struct xml_in *in, const xmlNode *element, GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s:%ld: %s", in->name,
                xmlGetLineNo(element), what);
    return false;
}

void xml_in_note(struct xml_in *in, const xmlNode *element, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_ptr_array_add(in->notes, g_strdup_printf("%s:%ld: %s", in->name, xmlGetLineNo(element), what));
}

static bool unit_bytes(const char *unit, uint64_t *ret)
{
    static const struct {
        const char *names[3];
        uint64_t bytes;
    } units[] = {
        {{"b", "byte", "bytes"}, 1}, {{"KB"}, 1000}, {{"k", "KiB"}, 1u << 10},
        {{"MB"}, 1000000}, {{"M", "MiB"}, 1u << 20}, {{"GB"}, 1000000000}, {{"G", "GiB"}, 1u << 30},
        {{"TB"}, 1000000000000}, {{"T", "TiB"}, 1ull << 40}};

    for (unsigned i = 0; i < G_N_ELEMENTS(units); i++) {
        for (unsigned j = 0; j < 3 && units[i].names[j]; j++) {
            if (g_ascii_strcasecmp(units[i].names[j], unit) == 0) {
                *ret = units[i].bytes;
                return true;
            }
        }
    }
    return false;
}

bool xml_memory(const xmlNode *element, uint64_t *ret_bytes)
{
    g_autofree char *text = xml_text(element), *unit = xml_attr(element, "unit");
    uint64_t n, bytes;

    if (!text || !unit_bytes(unit ? unit : "KiB", &bytes) ||
        !number_parse(text, (uint64_t)G_MAXINT64 / bytes, &n, NULL))
        return false;
    *ret_bytes = n * bytes;
    return true;
}

static bool memory(struct xml_in *in, const xmlNode *domain, GError **error)
{
    const xmlNode *now = xml_child(domain, "currentMemory"), *all = xml_child(domain, "memory");
    uint64_t bytes, current;

    if (!all)
        return xml_in_wrong(in, domain, error, "<memory> is missing");
    if (!xml_memory(all, &bytes))
        return xml_in_wrong(in, all, error, "<memory> is not an amount of memory");
    if (now && xml_memory(now, &current) && current < bytes)
        xml_in_note(in, now, "the guest starts with all of its memory; its balloon can be set later");
    g_autofree char *text = bytes % (1 << 20)
                                ? g_strdup_printf("%" G_GUINT64_FORMAT "k", (bytes + 1023) >> 10)
                                : g_strdup_printf("%" G_GUINT64_FORMAT, bytes >> 20);
    xml_in_option(in, "-m", text);
    return true;
}

static void vcpus(struct xml_in *in, const xmlNode *domain)
{
    const xmlNode *vcpu = xml_child(domain, "vcpu"), *topology = xml_find(domain, "cpu/topology");
    g_autofree char *max = xml_text(vcpu), *now = xml_attr(vcpu, "current");
    g_autoptr(GString) list = g_string_new(NULL);

    if (!max)
        return;
    xml_in_key(list, NULL, now ? now : max);
    if (now)
        xml_in_key(list, "maxcpus", max);
    xml_in_attr_key(list, "sockets", topology, "sockets");
    xml_in_attr_key(list, "dies", topology, "dies");
    xml_in_attr_key(list, "cores", topology, "cores");
    xml_in_attr_key(list, "threads", topology, "threads");
    xml_in_option(in, "-smp", list->str);
}

static void text_option(struct xml_in *in, const char *option, const xmlNode *element)
{
    g_autofree char *text = xml_text(element);

    if (text && *text)
        xml_in_option(in, option, text);
}

static bool identity(struct xml_in *in, const xmlNode *domain, GError **error)
{
    g_autofree char *name = xml_text(xml_child(domain, "name"));
    g_autofree char *type = xml_attr(domain, "type");
    g_autoptr(GString) guest = g_string_new(NULL);

    if (name) {
        xml_in_key(guest, "guest", name);
        xml_in_option(in, "-name", guest->str);
    }
    text_option(in, "-uuid", xml_child(domain, "uuid"));
    if (g_strcmp0(type, "qemu") == 0)
        xml_in_option(in, "-accel", "tcg");
    else if (g_strcmp0(type, "kvm") == 0)
        xml_in_option(in, "-accel", "kvm");
    else if (g_strcmp0(type, "xen") != 0) /* a command line has its own choice */
        return xml_in_wrong(in, domain, error, "domain type '%s': xenner is for qemu, kvm and xen",
                            type ? type : "");
    return true;
}

static void boot(struct xml_in *in, const xmlNode *domain)
{
    const xmlNode *os = xml_child(domain, "os");

    text_option(in, "-kernel", xml_child(os, "kernel"));
    text_option(in, "-initrd", xml_child(os, "initrd"));
    text_option(in, "-append", xml_child(os, "cmdline"));
    text_option(in, "-bios", xml_child(os, "loader"));
}

static void ends(struct xml_in *in, const xmlNode *domain)
{
    g_autofree char *reboot = xml_text(xml_child(domain, "on_reboot"));
    g_autofree char *crash = xml_text(xml_child(domain, "on_crash"));

    if (g_strcmp0(reboot, "destroy") == 0)
        xml_in_option(in, "-no-reboot", NULL);
    if (g_strcmp0(crash, "restart") == 0)
        xml_in_option(in, "-action", "panic=reset");
    else if (g_strcmp0(crash, "preserve") == 0)
        xml_in_option(in, "-action", "panic=pause");
}

/* More is no guest but an attack on whoever has to read it. */
static bool check_counts(struct xml_in *in, const xmlNode *devices, GError **error)
{
    enum { MAX_DEVICES = 256 };
    unsigned n = 0;

    for (const xmlNode *d = devices ? devices->children : NULL; d; d = d->next) {
        if (d->type == XML_ELEMENT_NODE && ++n > MAX_DEVICES)
            return xml_in_wrong(in, d, error, "more than %d devices", MAX_DEVICES);
    }
    return true;
}

typedef bool translate_fn(struct xml_in *in, const xmlNode *element, GError **error);

static bool each(struct xml_in *in, const xmlNode *devices, const char *what, translate_fn *translate,
                 GError **error)
{
    for (const xmlNode *n = xml_child(devices, what); n; n = xml_next(n)) {
        if (!translate(in, n, error))
            return false;
    }
    return true;
}

/* <qemu:commandline>: what libvirt passes on unseen. */
#define MAX_WORDS 8000
static void passed_on(struct xml_in *in, const xmlNode *domain)
{
    for (const xmlNode *c = xml_child(domain, "commandline"); c; c = xml_next(c)) {
        if (!c->ns || strcmp((const char *)c->ns->href, DOMAIN_XML_QEMU_NS) != 0)
            continue;
        for (const xmlNode *arg = xml_child(c, "arg"); arg; arg = xml_next(arg)) {
            g_autofree char *value = xml_attr(arg, "value");
            if (value && in->argv->len < MAX_WORDS)
                xml_in_option(in, value, NULL);
        }
    }
}

static bool translate(struct xml_in *in, const xmlNode *domain, GError **error)
{
    const xmlNode *devices = xml_child(domain, "devices");
    g_autofree char *emulator = xml_text(xml_child(devices, "emulator"));

    xml_in_option(in, emulator ? emulator : "xenner", NULL);
    xml_in_disk_names(in, devices);
    if (!check_counts(in, devices, error) || !identity(in, domain, error) || !memory(in, domain, error))
        return false;
    vcpus(in, domain);
    xml_in_option(in, "-nodefaults", NULL); /* a domain has what is in its XML */
    boot(in, domain);
    ends(in, domain);
    if (!each(in, devices, "disk", xml_in_disk, error) ||
        !each(in, devices, "interface", xml_in_interface, error) ||
        !xml_in_consoles(in, devices, error) || !xml_in_screen(in, devices, error))
        return false;
    passed_on(in, domain);
    return true;
}

/* The last word is the option parser's. */
static bool accepted(const GPtrArray *argv, const char *name, GError **error)
{
    struct vm_config *cfg = NULL;
    struct front_request req = {0};

    if (!qemu_options_parse((int)argv->len, (char *const *)argv->pdata, &cfg, &req, error)) {
        g_prefix_error(error, "%s: xenner refuses it: ", name);
        return false;
    }
    vm_config_free(cfg);
    front_request_clear(&req);
    return true;
}

bool domain_to_argv(const domain_xml *doc, const char *name, GPtrArray **ret_argv,
                    GPtrArray **ret_notes, GError **error)
{
    struct xml_in in = {.name = name, .argv = g_ptr_array_new_with_free_func(g_free),
                        .notes = g_ptr_array_new_with_free_func(g_free),
                        .disk_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    bool ok = translate(&in, xmlDocGetRootElement(doc), error) && accepted(in.argv, name, error);

    g_hash_table_unref(in.disk_names);
    if (!ok) {
        if (error)
            error_make_printable(*error);
        g_ptr_array_unref(in.argv);
        g_ptr_array_unref(in.notes);
        return false;
    }
    *ret_argv = in.argv;
    *ret_notes = in.notes;
    return true;
}
