/* domain_xml.c: what is read, what is refused, and that a refusal is one line. */
#include "libvirt-xml/domain_xml.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static char *why_refused(const char *text, size_t len)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_xml) doc = domain_xml_parse(text, len, "f", &error);

    if (doc || !error)
        fail_msg("not refused: %.60s", text);
    assert_null(strchr(error->message, '\n'));
    return g_strdup(error->message);
}

static void assert_refused(const char *text, const char *message)
{
    g_autofree char *why = why_refused(text, strlen(text));

    assert_string_equal(why, message);
}

static void refused(void **state)
{
    assert_refused("", "f:1: Document is empty");
    assert_refused("<domain><name></domain>",
                   "f:1: Opening and ending tag mismatch: name line 1 and domain");
    assert_refused("<network/>", "f:1: the root is <network>, not <domain>");
    assert_refused("\n\n<domain>&x;</domain>", "f:3: Entity 'x' not defined");
    assert_refused("<domain>\xff</domain>", "f: not UTF-8");
    assert_refused("<domain a='\001'/>", "f:1: invalid character in attribute value");
}

/* Neither a bomb nor a file of the host's gets as far as a definition. */
static void doctypes(void **state)
{
    static const char *const texts[] = {
        "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><domain>&b;</domain>",
        "<!DOCTYPE d [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><domain>&f;</domain>",
        "<!DOCTYPE d SYSTEM 'http://127.0.0.1:1/x.dtd'><domain/>",
        "<!DOCTYPE domain><domain/>"};

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_refused(texts[i], "f: has a DOCTYPE, which no domain XML has");
}

static void absurd_sizes(void **state)
{
    g_autoptr(GString) deep = g_string_new("<domain>");
    g_autofree char *large = g_malloc(DOMAIN_XML_MAX + 1), *why = NULL;

    memset(large, ' ', DOMAIN_XML_MAX + 1);
    why = why_refused(large, DOMAIN_XML_MAX + 1);
    assert_string_equal(why, "f: larger than 1 MiB, which no domain XML is");
    for (unsigned i = 0; i < 10000; i++)
        g_string_append(deep, "<a>");
    g_free(why);
    why = why_refused(deep->str, deep->len);
    assert_non_null(strstr(why, "depth"));
}

static void looked_into(void **state)
{
    static const char text[] = "<domain type='qemu'>\n<devices>\n <disk/> <x/>\n"
                               " <disk device='cdrom'>  a &amp; b </disk>\n</devices></domain>";
    g_autoptr(domain_xml) doc = domain_xml_parse(text, strlen(text), "f", NULL);
    const xmlNode *root = xmlDocGetRootElement(doc);
    const xmlNode *disk = xml_find(root, "devices/disk");
    g_autofree char *none = xml_attr(disk, "device");

    assert_true(xml_attr_is(root, "type", "qemu"));
    assert_null(none);
    assert_true(xml_attr_is(disk, "device", NULL));
    disk = xml_next(disk);
    g_autofree char *content = xml_text(disk);
    assert_string_equal(content, "a & b");
    assert_int_equal(xmlGetLineNo(disk), 4);
    assert_null(xml_next(disk));
    assert_null(xml_find(root, "device/disk"));
    assert_null(xml_text(NULL));
}

static void files(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_null(domain_xml_load("/nonexistent/x", &error));
    assert_string_equal(error->message, "/nonexistent/x: No such file or directory");
    g_clear_error(&error);
    assert_null(domain_xml_load("/", &error));
    assert_string_equal(error->message, "/: Is a directory");
    g_clear_error(&error);
    assert_null(domain_xml_load("/dev/zero", &error)); /* a size that never ends */
    assert_string_equal(error->message, "/dev/zero: larger than 1 MiB, which no domain XML is");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),     cmocka_unit_test(doctypes), cmocka_unit_test(absurd_sizes),
        cmocka_unit_test(looked_into), cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
