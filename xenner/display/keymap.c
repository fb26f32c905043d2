#include "xenner/display/keymap.h"
#include "xenner/display/keymap_tables.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int compare_qcode(const void *key, const void *entry)
{
    return strcmp(key, ((const struct key *)entry)->qcode);
}

const struct key *key_by_qcode(const char *qcode)
{
    return bsearch(qcode, keymap_keys, keymap_nr_keys, sizeof(*keymap_keys), compare_qcode);
}

const struct key *key_by_number(uint32_t number)
{
    /* The two ways to write an e0: 0xe01c and 0x9c. */
    if (number >> 8 == 0xe0 && !(number & 0x80))
        number = (number & 0xff) | 0x80;
    for (unsigned i = 0; number && i < keymap_nr_keys; i++) {
        if (keymap_keys[i].number == number)
            return &keymap_keys[i];
    }
    return NULL;
}

const struct key *key_by_code(unsigned code)
{
    for (unsigned i = 0; i < keymap_nr_keys; i++) {
        if (keymap_keys[i].code == code)
            return &keymap_keys[i];
    }
    return NULL;
}

const struct keymap *keymap_find(const char *layout)
{
    for (unsigned i = 0; i < keymap_nr_layouts; i++) {
        if (strcmp(keymap_layouts[i].name, layout) == 0)
            return &keymap_layouts[i];
    }
    return NULL;
}

const char *const *keymap_names(void)
{
    return keymap_layout_names;
}

static int compare_keysym(const void *key, const void *entry)
{
    uint32_t sym = *(const uint32_t *)key, other = ((const struct keysym *)entry)->sym;

    return sym < other ? -1 : sym > other;
}

unsigned keymap_code(const struct keymap *map, uint32_t keysym)
{
    const struct keysym *found =
        bsearch(&keysym, map->syms, map->n, sizeof(*map->syms), compare_keysym);

    return found ? found->code : 0;
}
