#include "xenner/chardev/escape.h"

#include <string.h>

size_t escape_feed(struct escape_state *s, uint8_t byte, uint8_t *out, char *command)
{
    uint8_t key = s->key ? s->key : ESCAPE_KEY;

    *command = 0;
    if (!s->after_key) {
        if (byte == key) {
            s->after_key = true;
            return 0;
        }
        *out = byte;
        return 1;
    }
    s->after_key = false;
    if (byte == key) { /* twice: the key itself */
        *out = byte;
        return 1;
    }
    if (byte == '?')
        byte = 'h';
    if (byte && strchr("hxcbst", byte))
        *command = (char)byte;
    return 0;
}
