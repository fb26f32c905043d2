#include "xenner/util/guest_mem.h"
#include "xenner/util/huge_tmpfs.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guest_mem {
    int fd;
    uint64_t bytes;
    uint8_t *base;
};

struct guest_mem *guest_mem_new(uint64_t bytes, int tmpfs, GError **error)
{
    struct guest_mem *mem = g_new0(struct guest_mem, 1);

    mem->bytes = (bytes + 0x1fffff) & ~0x1fffffull;
    mem->base = MAP_FAILED;
    mem->fd = tmpfs ? huge_tmpfs_file(tmpfs) : -1;
    if (mem->fd < 0)
        mem->fd = memfd_create("xenner-ram", MFD_CLOEXEC);
    if (mem->fd < 0 || ftruncate(mem->fd, (off_t)mem->bytes) < 0)
        goto fail;
    mem->base = mmap(NULL, mem->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, mem->fd,
                     0);
    if (mem->base == MAP_FAILED)
        goto fail;
    madvise(mem->base, mem->bytes, MADV_DONTDUMP);
    madvise(mem->base, mem->bytes, MADV_HUGEPAGE);
    return mem;

fail:
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                "could not allocate %" G_GUINT64_FORMAT " MiB of guest memory: %s", bytes >> 20,
                g_strerror(errno));
    guest_mem_free(mem);
    return NULL;
}

void guest_mem_free(struct guest_mem *mem)
{
    if (!mem)
        return;
    if (mem->base != MAP_FAILED)
        munmap(mem->base, mem->bytes);
    if (mem->fd >= 0)
        close(mem->fd);
    g_free(mem);
}

int guest_mem_fd(const struct guest_mem *mem)
{
    return mem->fd;
}

uint64_t guest_mem_bytes(const struct guest_mem *mem)
{
    return mem->bytes;
}

unsigned guest_mem_ranges(const struct guest_mem *mem, struct guest_range ret[2])
{
    uint64_t low = MIN(mem->bytes, GUEST_MEM_HOLE_START);

    ret[0] = (struct guest_range){.gpa = 0, .offset = 0, .bytes = low};
    ret[1] = (struct guest_range){
        .gpa = GUEST_MEM_HOLE_END, .offset = low, .bytes = mem->bytes - low};
    return ret[1].bytes ? 2 : 1;
}

uint64_t guest_mem_end_mfn(const struct guest_mem *mem)
{
    struct guest_range r[2];
    unsigned n = guest_mem_ranges(mem, r);

    return (r[n - 1].gpa + r[n - 1].bytes) >> FRAME_SHIFT;
}

void *guest_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
    struct guest_range r[2];
    unsigned n = guest_mem_ranges(mem, r);

    for (unsigned i = 0; i < n; i++) {
        if (gpa >= r[i].gpa && gpa - r[i].gpa < r[i].bytes && len <= r[i].bytes - (gpa - r[i].gpa))
            return mem->base + r[i].offset + (gpa - r[i].gpa);
    }
    return NULL;
}

void *guest_frame(const struct guest_mem *mem, mfn_t frame)
{
    if (frame.v >= (UINT64_MAX >> FRAME_SHIFT))
        return NULL;
    return guest_ptr(mem, mfn_to_gpa(frame), FRAME_SIZE);
}
