#include "xenguest/disk/swap.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGE      4096u
#define MIN_PAGES 10u

/* ABI: union swap_header of Linux, after 1024 bytes for a boot loader. */
struct swap_info {
    uint32_t version, last_page, nr_badpages;
    uint8_t uuid[16], volume[16];
};

bool swap_write(int fd, uint64_t offset, uint64_t bytes, GError **error)
{
    uint8_t page[PAGE] = {0};
    struct swap_info info = {.version = 1};

    if (bytes / PAGE < MIN_PAGES) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                    "%" G_GUINT64_FORMAT " bytes are too few for swap", bytes);
        return false;
    }
    info.last_page = (uint32_t)MIN(bytes / PAGE - 1, G_MAXUINT32);
    if (getrandom(info.uuid, sizeof(info.uuid), 0) != (ssize_t)sizeof(info.uuid))
        memset(info.uuid, 0, sizeof(info.uuid));
    info.uuid[6] = (info.uuid[6] & 0x0f) | 0x40; /* RFC 4122: random */
    info.uuid[8] = (info.uuid[8] & 0x3f) | 0x80;
    memcpy(page + 1024, &info, sizeof(info));
    memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
    if (pwrite(fd, page, PAGE, (off_t)offset) == (ssize_t)PAGE)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not write the swap header: %s",
                g_strerror(errno));
    return false;
}
