#include "xenner/backend/image_probe.h"

#include <glib.h>
#include <string.h>

const char *image_probe(const void *head, size_t len)
{
    static const struct {
        const char *format;
        size_t offset, len;
        const char *magic;
    } known[] = {
        {"qcow2", 0, 8, "QFI\xfb\0\0\0\2"},
        {"qcow2", 0, 8, "QFI\xfb\0\0\0\3"},
        {"qcow", 0, 8, "QFI\xfb\0\0\0\1"},
        {"qed", 0, 4, "QED\0"},
        {"vmdk", 0, 4, "KDMV"},
        {"vmdk", 0, 4, "COWD"},
        {"vmdk", 0, 21, "# Disk DescriptorFile"},
        {"vdi", 64, 4, "\x7f\x10\xda\xbe"},
        {"vhdx", 0, 8, "vhdxfile"},
        {"vpc", 0, 8, "conectix"},
        {"luks", 0, 6, "LUKS\xba\xbe"},
        {"parallels", 0, 16, "WithoutFreeSpace"},
        {"parallels", 0, 16, "WithouFreSpacExt"},
        {"bochs", 0, 25, "Bochs Virtual HD Image\0\0\0"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        if (len >= known[i].offset + known[i].len &&
            memcmp((const char *)head + known[i].offset, known[i].magic, known[i].len) == 0)
            return known[i].format;
    }
    return "raw";
}
