#include "tar_maker.h"

#include <string.h>

#define BLOCK 512

static void pad(GString *to)
{
    while (to->len % BLOCK)
        g_string_append_c(to, '\0');
}

static void put(char *block, size_t at, const char *text)
{
    memcpy(block + at, text, strlen(text));
}

void tar_header(GString *to, const char *name, char type, const char *link, uint64_t size)
{
    char block[BLOCK] = {0}, number[16];
    unsigned sum = 0;

    put(block, 0, name);
    put(block, 100, type == '5' ? "0000755" : "0000644");
    put(block, 108, "0000000");
    put(block, 116, "0000000");
    if (size < 1ull << 33) {
        g_snprintf(number, sizeof(number), "%011" G_GINT64_MODIFIER "o", size);
        put(block, 124, number);
    } else { /* base-256, as GNU tar has it */
        block[124] = (char)0x80;
        for (int i = 0; i < 8; i++)
            block[135 - i] = (char)(size >> (8 * i));
    }
    put(block, 136, "00000000000");
    memset(block + 148, ' ', 8);
    block[156] = type;
    put(block, 157, link);
    put(block, 257, "ustar");
    put(block, 263, "00");
    for (unsigned i = 0; i < BLOCK; i++)
        sum += (unsigned char)block[i];
    g_snprintf(number, sizeof(number), "%06o", sum);
    memcpy(block + 148, number, 7);
    g_string_append_len(to, block, BLOCK);
}

void tar_file(GString *to, const char *name, const char *body)
{
    tar_header(to, name, '0', "", strlen(body));
    g_string_append(to, body);
    pad(to);
}

void tar_pax(GString *to, const char *key, const char *value)
{
    size_t len = strlen(key) + strlen(value) + 3, digits = len + 2 < 100 ? 2 : 3;
    g_autofree char *record = g_strdup_printf("%zu %s=%s\n", len + digits, key, value);

    tar_header(to, "pax", 'x', "", strlen(record));
    g_string_append(to, record);
    pad(to);
}

void tar_end(GString *to)
{
    static const char zeroes[2 * BLOCK];

    g_string_append_len(to, zeroes, sizeof(zeroes));
}

void tar_image(GString *to)
{
    tar_header(to, "./", '5', "", 0);
    tar_file(to, "./params.cfg", "GUEST_AUTOBOOT=\"1\"\n");
    tar_file(to, "./guest.cfg", "kernel = \"files/kernel\"\nmemory = 64\n");
    tar_file(to, "./disk.cfg", "DISK_SIZE=\"10M\"\nDISK_PART1=\"5M::a.img\"\n");
    tar_header(to, "./files/", '5', "", 0);
    tar_file(to, "./files/kernel", "a kernel");
    tar_header(to, "./files/again", '2', "kernel", 0);
    tar_file(to, "./guest.d/10-more.cfg", "memory = 128");
    tar_file(to, "./init.d/20-b", "#!/bin/sh\necho b\n");
    tar_file(to, "./init.d/10-a", "#!/bin/sh\necho a\n");
    tar_file(to, "./disk/a.img", "a disk");
    tar_end(to);
}
