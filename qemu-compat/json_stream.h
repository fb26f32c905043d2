/*
 * Cuts a byte stream into JSON values, whatever pieces it comes in. It knows strings and brackets only;
 * json-glib judges the rest. Bounded: a value's bytes and depth have limits, and what is wrong ends at
 * the line's end, so that one bad command never spoils the next.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <json-glib/json-glib.h>

#define JSON_STREAM_MAX_BYTES (16u << 20)
#define JSON_STREAM_MAX_DEPTH 256

/* Exactly one of value and error is there. value is owned by the callee, error by the stream. */
typedef void (*json_stream_fn)(void *opaque, JsonNode *value, const GError *error);

struct json_stream {
    json_stream_fn fn;
    void *opaque;
    GByteArray *text;   /* the value so far */
    char open[JSON_STREAM_MAX_DEPTH]; /* the brackets that are open */
    unsigned depth;
    char quote;         /* of the string that we are in, or 0 */
    bool escaped;       /* the next byte is part of an escape */
    bool skipping;      /* until the line's end */
};

void json_stream_init(struct json_stream *s, json_stream_fn fn, void *opaque);
/* fn is called for each value that ends here. It must not free the stream. */
void json_stream_feed(struct json_stream *s, const uint8_t *data, size_t len);
/* Forgets a half value. */
void json_stream_reset(struct json_stream *s);
void json_stream_clear(struct json_stream *s);

/* One whole text; strict where json-glib is not (comments, single quotes, what follows the value). */
JsonNode *json_text_parse(const char *text, size_t len, GError **error);
