#include "qemu-compat/json_stream.h"

#include <gio/gio.h>
#include <string.h>

static GError *bad(const char *what)
{
    return g_error_new(G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s", what);
}

/*
 * json-glib's scanner reads more than JSON: comments, octal and hexadecimal numbers, unknown escapes;
 * of numbers that are too large it makes others, and some that it has read it can't write. So the text
 * is looked over first, by these.
 */

/* 0 when it is no number, or one that would not survive json-glib. */
static size_t number_length(const char *text, size_t len)
{
    size_t i = 0, digits;
    bool real = false;

    if (i < len && text[i] == '-')
        i++;
    for (digits = i; i < len && g_ascii_isdigit(text[i]); i++)
        ;
    if (i == digits || (text[digits] == '0' && i - digits > 1))
        return 0;
    if (i < len && text[i] == '.') {
        for (digits = ++i, real = true; i < len && g_ascii_isdigit(text[i]); i++)
            ;
        if (i == digits)
            return 0;
    }
    if (i < len && (text[i] == 'e' || text[i] == 'E')) {
        i += i + 1 < len && strchr("+-", text[i + 1]) ? 2 : 1;
        for (digits = i, real = true; i < len && g_ascii_isdigit(text[i]); i++)
            ;
        if (i == digits)
            return 0;
    }
    g_autofree char *copy = g_strndup(text, i);
    double value = ABS(g_ascii_strtod(copy, NULL));
    if (real)
        return value == 0 || (value >= 1e-4 && value < 1e15) ? i : 0;
    return g_ascii_string_to_signed(copy, 10, G_MININT64, G_MAXINT64, NULL, NULL) ? i : 0;
}

/* The length of a word, a number or one byte of structure at the beginning of text; 0: none of them. */
static size_t token_length(const char *text, size_t len)
{
    static const char *const words[] = {"true", "false", "null"};

    if (text[0] && strchr(" \t\r\n{}[]:,", text[0]))
        return 1;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t n = strlen(words[i]);
        if (len >= n && memcmp(text, words[i], n) == 0)
            return n;
    }
    return number_length(text, len);
}

/* With both quotes; 0 when it is no JSON string, or has a NUL in it, which C's strings can't. */
static size_t string_length(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if ((uint8_t)text[i] < 0x20)
            return 0;
        if (text[i] == '"')
            return i + 1;
        if (text[i] != '\\')
            continue;
        if (++i == len || !text[i] || !strchr("\"\\/bfnrtu", text[i]))
            return 0;
        if (len - i > 4 && memcmp(text + i, "u0000", 5) == 0)
            return 0;
    }
    return 0;
}

static const char *find_fault(const char *text, size_t len)
{
    unsigned depth = 0;

    for (size_t i = 0, n; i < len; i += n) {
        n = text[i] == '"' ? string_length(text + i, len - i) : token_length(text + i, len - i);
        if (n == 0)
            return "JSON parse error, Invalid JSON syntax";
        if (text[i] == '{' || text[i] == '[')
            depth++;
        else if ((text[i] == '}' || text[i] == ']') && depth)
            depth--;
        if (depth > JSON_STREAM_MAX_DEPTH) /* json-glib recurses */
            return "JSON parse error, nesting too deep";
    }
    return NULL;
}

JsonNode *json_text_parse(const char *text, size_t len, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) why = NULL;
    const char *what = NULL;

    if (len > JSON_STREAM_MAX_BYTES)
        what = "JSON parse error, value too long";
    else if (!g_utf8_validate(text, (gssize)len, NULL))
        what = "JSON parse error, invalid UTF-8";
    else
        what = find_fault(text, len);
    if (what) {
        g_propagate_error(error, bad(what));
        return NULL;
    }
    if (json_parser_load_from_data(parser, text, (gssize)len, &why) &&
        json_parser_get_root(parser))
        return json_node_ref(json_parser_get_root(parser));
    g_propagate_error(error, bad("JSON parse error, Invalid JSON syntax"));
    return NULL;
}

void json_stream_init(struct json_stream *s, json_stream_fn fn, void *opaque)
{
    *s = (struct json_stream){.fn = fn, .opaque = opaque, .text = g_byte_array_new()};
}

void json_stream_clear(struct json_stream *s)
{
    g_clear_pointer(&s->text, g_byte_array_unref);
}

void json_stream_reset(struct json_stream *s)
{
    if (s->text->len > 65536) { /* one long value is no reason to keep its memory */
        g_byte_array_unref(s->text);
        s->text = g_byte_array_new();
    }
    g_byte_array_set_size(s->text, 0);
    s->depth = 0;
    s->quote = 0;
    s->escaped = s->skipping = false;
}

static void fail(struct json_stream *s, const char *what, bool skip)
{
    g_autoptr(GError) error = bad(what);

    json_stream_reset(s);
    s->skipping = skip;
    s->fn(s->opaque, NULL, error);
}

static void finish(struct json_stream *s)
{
    g_autoptr(GError) error = NULL;
    JsonNode *value = json_text_parse((const char *)s->text->data, s->text->len, &error);

    json_stream_reset(s);
    s->fn(s->opaque, value, error);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void feed_string(struct json_stream *s, uint8_t c)
{
    if (s->escaped)
        s->escaped = false;
    else if (c == '\\')
        s->escaped = true;
    else if (c == s->quote)
        s->quote = 0;
    else if (c < 0x20) /* QEMU's lexer gives up here, too, and the line's end is a good place */
        fail(s, "JSON parse error, control character in a string", c != '\n');
}

static void feed_bracket(struct json_stream *s, uint8_t c)
{
    if (c == '{' || c == '[') {
        if (s->depth == JSON_STREAM_MAX_DEPTH)
            fail(s, "JSON parse error, nesting too deep", true);
        else
            s->open[s->depth++] = (char)(c == '{' ? '}' : ']');
    } else if (!s->depth || s->open[s->depth - 1] != (char)c) {
        fail(s, "JSON parse error, unbalanced brackets", true);
    } else {
        s->depth--;
    }
}

static void feed_byte(struct json_stream *s, uint8_t c)
{
    if (c == 0xff || c == 0) { /* never in UTF-8 text: QEMU's mark for "start afresh" */
        json_stream_reset(s);
        return;
    }
    if (s->skipping) {
        s->skipping = c != '\n';
        return;
    }
    if (!s->quote && !s->depth && is_space(c)) {
        if (s->text->len) /* the end of a bare word */
            finish(s);
        return;
    }
    if (s->text->len == JSON_STREAM_MAX_BYTES) {
        fail(s, "JSON parse error, value too long", true);
        return;
    }
    g_byte_array_append(s->text, &c, 1);
    if (s->quote)
        feed_string(s, c);
    else if (c == '"')
        s->quote = '"';
    else if (strchr("{}[]", c))
        feed_bracket(s, c);
    /* a bracket or a string ends a value that is not inside of another; a word goes on */
    if (!s->quote && !s->depth && s->text->len && strchr("}]\"", c))
        finish(s);
}

void json_stream_feed(struct json_stream *s, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        feed_byte(s, data[i]);
}
