#include "libvirt-xml/domain_xml.h"
#include "xenner/util/printable.h"

#include <gio/gio.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdio.h>
#include <string.h>

static bool G_GNUC_PRINTF(2, 3) wrong(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error) {
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_DATA, fmt, ap);
        error_make_printable(*error);
    }
    va_end(ap);
    return false;
}

/* Of one parsing; the parser's _private. */
struct reading {
    bool doctype;
    char *complaint; /* the first one: the others follow from it */
    int line;
};

/* A DOCTYPE is the door to entities: nobody needs one here, so it ends the parsing. */
static void on_doctype(void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    xmlParserCtxt *ctxt = data;

    ((struct reading *)ctxt->_private)->doctype = true;
    xmlStopParser(ctxt);
}

/* libxml2 ends its messages with a line feed. */
static void on_error(void *data, xmlError *e)
{
    struct reading *r = ((xmlParserCtxt *)data)->_private;

    if (r->complaint || e->level < XML_ERR_ERROR)
        return;
    r->complaint = g_strchomp(g_strdup(e->message ? e->message : "not well-formed"));
    r->line = e->line;
}

static bool check_root(const xmlDoc *doc, const char *name, GError **error)
{
    const xmlNode *root = xmlDocGetRootElement(doc);

    if (!xml_is(root, "domain"))
        return wrong(error, "%s:%ld: the root is <%s>, not <domain>", name, xmlGetLineNo(root),
                     (const char *)root->name);
    return true;
}

domain_xml *domain_xml_parse(const char *text, size_t len, const char *name, GError **error)
{
    enum { FLAGS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES };
    struct reading r = {0};

    if (len > DOMAIN_XML_MAX) {
        wrong(error, "%s: larger than 1 MiB, which no domain XML is", name);
        return NULL;
    }
    if (!g_utf8_validate(text, (gssize)len, NULL)) {
        wrong(error, "%s: not UTF-8", name);
        return NULL;
    }
    xmlParserCtxt *ctxt = xmlNewParserCtxt();
    ctxt->_private = &r;
    ctxt->sax->internalSubset = on_doctype;
    ctxt->sax->serror = on_error;
    g_autoptr(domain_xml) doc = xmlCtxtReadMemory(ctxt, text, (int)len, NULL, "UTF-8", FLAGS);
    xmlFreeParserCtxt(ctxt);
    bool ok = !r.doctype && doc && xmlDocGetRootElement(doc);
    if (r.doctype)
        wrong(error, "%s: has a DOCTYPE, which no domain XML has", name);
    else if (!ok)
        wrong(error, "%s:%d: %s", name, r.line, r.complaint ? r.complaint : "not well-formed");
    g_free(r.complaint);
    return ok && check_root(doc, name, error) ? g_steal_pointer(&doc) : NULL;
}

/* One byte more than may be is enough to know. */
char *domain_xml_read(const char *path, size_t *ret_len, GError **error)
{
    bool input = strcmp(path, "-") == 0;
    FILE *f = input ? stdin : fopen(path, "re");

    if (!f) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    g_autofree char *text = g_malloc(DOMAIN_XML_MAX + 2);
    *ret_len = fread(text, 1, DOMAIN_XML_MAX + 1, f);
    int why = ferror(f) ? errno : 0;
    if (!input)
        fclose(f);
    if (why || *ret_len > DOMAIN_XML_MAX) {
        wrong(error, "%s: %s", path,
              why ? g_strerror(why) : "larger than 1 MiB, which no domain XML is");
        return NULL;
    }
    text[*ret_len] = '\0';
    return g_steal_pointer(&text);
}

domain_xml *domain_xml_load(const char *path, GError **error)
{
    size_t len;
    g_autofree char *text = domain_xml_read(path, &len, error);

    return text ? domain_xml_parse(text, len, strcmp(path, "-") == 0 ? "stdin" : path, error) : NULL;
}

bool xml_is(const xmlNode *element, const char *name)
{
    return element && element->type == XML_ELEMENT_NODE &&
           strcmp((const char *)element->name, name) == 0;
}

static xmlNode *first_from(xmlNode *n, const char *name)
{
    while (n && !xml_is(n, name))
        n = n->next;
    return n;
}

xmlNode *xml_child(const xmlNode *parent, const char *name)
{
    return parent ? first_from(parent->children, name) : NULL;
}

xmlNode *xml_next(const xmlNode *element)
{
    return first_from(element->next, (const char *)element->name);
}

xmlNode *xml_find(const xmlNode *parent, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    const xmlNode *n = parent;

    for (unsigned i = 0; names[i]; i++)
        n = xml_child(n, names[i]);
    return (xmlNode *)n;
}

char *xml_attr(const xmlNode *element, const char *name)
{
    xmlChar *value = element ? xmlGetNoNsProp(element, (const xmlChar *)name) : NULL;
    char *copy = g_strdup((const char *)value);

    xmlFree(value);
    return copy;
}

bool xml_attr_is(const xmlNode *element, const char *name, const char *value)
{
    g_autofree char *text = xml_attr(element, name);

    return g_strcmp0(text, value) == 0;
}

char *xml_text(const xmlNode *element)
{
    xmlChar *value = element ? xmlNodeGetContent(element) : NULL;
    char *copy = value ? g_strstrip(g_strdup((const char *)value)) : NULL;

    xmlFree(value);
    return copy;
}
