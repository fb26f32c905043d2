#include "xenner/build/elf_notes.h"
#include "xenner/build/error.h"

#include <string.h>
#include <xen/xen.h>
#include <xen/elfnote.h>
#include <xen/features.h>

/* One note's content, or the value of one KEY=VALUE of __xen_guest. */
struct note {
    unsigned type;
    const uint8_t *desc;
    uint32_t len;
    bool cut;  /* the file ends before the note does */
    bool text; /* numbers are written out */
};

/* Names as in elfnote.h, "FEATURES": the XENFEAT_ names in small letters. */
static const struct {
    const char *name;
    unsigned bit;
} feature_names[] = {
    {"writable_page_tables", XENFEAT_writable_page_tables},
    {"writable_descriptor_tables", XENFEAT_writable_descriptor_tables},
    {"auto_translated_physmap", XENFEAT_auto_translated_physmap},
    {"supervisor_mode_kernel", XENFEAT_supervisor_mode_kernel},
    {"pae_pgdir_above_4gb", XENFEAT_pae_pgdir_above_4gb},
    {"hvm_callback_vector", XENFEAT_hvm_callback_vector},
    {"dom0", XENFEAT_dom0},
};

/* What no PV guest of ours can have: its frames are machine frames, and it is not in ring 0. */
#define IMPOSSIBLE_FEATURES                                                                        \
    (1u << XENFEAT_auto_translated_physmap | 1u << XENFEAT_supervisor_mode_kernel |                \
     1u << XENFEAT_dom0)

static bool note_number(const struct note *n, uint64_t *ret, GError **error)
{
    uint32_t v32;

    if (n->text) {
        g_autofree char *s = g_strndup((const char *)n->desc, n->len);
        char *end;

        *ret = g_ascii_strtoull(s, &end, 0);
        if (end != s && *end == '\0')
            return true;
        return build_fail(error, "__xen_guest: bad number for note %u", n->type);
    }
    if (n->cut)
        return build_fail(error, "Xen note %u reaches beyond the file", n->type);
    if (n->len == sizeof(*ret)) {
        memcpy(ret, n->desc, sizeof(*ret));
        return true;
    }
    if (n->len == sizeof(v32)) {
        memcpy(&v32, n->desc, sizeof(v32));
        *ret = v32;
        return true;
    }
    return build_fail(error, "Xen note %u has %u bytes, not a number", n->type, n->len);
}

static void note_text(const struct note *n, char ret[XEN_NOTE_TEXT])
{
    size_t len = 0;

    while (len < n->len && len < XEN_NOTE_TEXT - 1 && n->desc[len]) {
        ret[len] = g_ascii_isprint((char)n->desc[len]) ? (char)n->desc[len] : '?';
        len++;
    }
    ret[len] = '\0';
}

static bool add_feature(struct xen_notes *notes, const char *name, GError **error)
{
    bool required = *name == '!';

    name += required;
    if (*name == '\0')
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        if (strcmp(feature_names[i].name, name) == 0) {
            notes->features |= 1u << feature_names[i].bit;
            if (required)
                notes->required_features |= 1u << feature_names[i].bit;
            return true;
        }
    }
    if (!required)
        return true;
    return build_fail(error, "requires an unknown Xen feature '%.32s'", name);
}

static bool note_features(struct xen_notes *notes, const struct note *n, GError **error)
{
    g_autofree char *s = g_strndup((const char *)n->desc, MIN(n->len, 1024));
    g_auto(GStrv) names = NULL;

    /* What goes into an error is printable. */
    for (char *c = s; *c; c++)
        *c = g_ascii_isprint(*c) ? *c : '?';
    names = g_strsplit(s, "|", -1);
    for (unsigned i = 0; names[i]; i++) {
        if (!add_feature(notes, names[i], error))
            return false;
    }
    return true;
}

static bool note_l1_valid(struct xen_notes *notes, const struct note *n, GError **error)
{
    uint32_t v[2];

    /* Mask and value, 32 or 64 bits each; of several pairs the first is enough for us. */
    if (n->cut)
        return build_fail(error, "Xen note %u reaches beyond the file", n->type);
    if (n->len >= 16) {
        memcpy(&notes->l1_mfn_valid_mask, n->desc, 8);
        memcpy(&notes->l1_mfn_valid_value, n->desc + 8, 8);
        return true;
    }
    if (n->len < sizeof(v))
        return build_fail(error, "Xen note %u has %u bytes, not a pair", n->type, n->len);
    memcpy(v, n->desc, sizeof(v));
    notes->l1_mfn_valid_mask = v[0];
    notes->l1_mfn_valid_value = v[1];
    return true;
}

/* "yes", "yes,bimodal", "bimodal", "yes[extended-cr3]": all of them are PAE. */
static bool text_is_yes(const struct note *n)
{
    char s[XEN_NOTE_TEXT];

    note_text(n, s);
    return g_str_has_prefix(s, "yes") || g_str_has_prefix(s, "bimodal");
}

static bool take_note(struct xen_notes *notes, const struct note *n, GError **error)
{
    uint64_t number = 0;
    bool ok = true;

    switch (n->type) {
    case XEN_ELFNOTE_ENTRY:
        ok = note_number(n, &notes->entry, error);
        break;
    case XEN_ELFNOTE_HYPERCALL_PAGE:
        ok = note_number(n, &notes->hypercall_page, error);
        break;
    case XEN_ELFNOTE_VIRT_BASE:
        ok = note_number(n, &notes->virt_base, error);
        break;
    case XEN_ELFNOTE_PADDR_OFFSET:
        ok = note_number(n, &notes->paddr_offset, error);
        break;
    case XEN_ELFNOTE_XEN_VERSION:
        note_text(n, notes->xen_version);
        break;
    case XEN_ELFNOTE_GUEST_OS:
        note_text(n, notes->guest_os);
        break;
    case XEN_ELFNOTE_GUEST_VERSION:
        note_text(n, notes->guest_version);
        break;
    case XEN_ELFNOTE_LOADER:
        note_text(n, notes->loader);
        break;
    case XEN_ELFNOTE_PAE_MODE:
        notes->pae = text_is_yes(n);
        break;
    case XEN_ELFNOTE_FEATURES:
        ok = note_features(notes, n, error);
        break;
    case XEN_ELFNOTE_BSD_SYMTAB:
        notes->bsd_symtab = n->text || text_is_yes(n);
        break;
    case XEN_ELFNOTE_HV_START_LOW:
        ok = note_number(n, &notes->hv_start_low, error);
        break;
    case XEN_ELFNOTE_L1_MFN_VALID:
        ok = note_l1_valid(notes, n, error);
        break;
    case XEN_ELFNOTE_SUSPEND_CANCEL:
        ok = note_number(n, &number, error);
        notes->suspend_cancel = number != 0;
        break;
    case XEN_ELFNOTE_INIT_P2M:
        ok = note_number(n, &notes->init_p2m, error);
        break;
    case XEN_ELFNOTE_MOD_START_PFN:
        ok = note_number(n, &number, error);
        notes->mod_start_pfn = number != 0;
        break;
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
        ok = note_number(n, &number, error);
        notes->features |= (uint32_t)number;
        break;
    default: /* PHYS32_ENTRY and what may come: only that it is there */
        break;
    }
    if (n->type < 32)
        notes->found |= 1u << n->type;
    return ok;
}

/*
 * Notes are 4-aligned whatever the segment claims. A note's header must lie inside [offset, offset
 * + bytes), but its text need not: the last note of GRUB's 32-bit image is "yes" in 4 bytes at the
 * end of the file, and claims 12.
 */
static bool read_note_area(const struct elf_file *elf, uint64_t offset, uint64_t bytes,
                           struct xen_notes *notes, GError **error)
{
    uint64_t end;

    if (!elf_bytes(elf, offset, bytes))
        return build_fail(error, "truncated ELF file: its notes are missing");
    end = offset + bytes;
    while (end - offset >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr h; /* the same in both classes */
        const uint8_t *name;
        uint64_t desc_offset, next;

        memcpy(&h, elf->data + offset, sizeof(h));
        desc_offset = offset + sizeof(h) + (((uint64_t)h.n_namesz + 3) & ~3ull);
        name = elf_bytes(elf, offset + sizeof(h), h.n_namesz);
        if (!name || desc_offset > elf->len)
            return build_fail(error, "ELF note that reaches beyond the file");
        if (h.n_namesz == sizeof("Xen") && memcmp(name, "Xen", sizeof("Xen")) == 0) {
            uint32_t len = (uint32_t)MIN(h.n_descsz, elf->len - desc_offset);
            struct note n = {.type = h.n_type,
                             .desc = elf->data + desc_offset,
                             .len = len,
                             .cut = len < h.n_descsz};

            if (!take_note(notes, &n, error))
                return false;
        }
        next = desc_offset + (((uint64_t)h.n_descsz + 3) & ~3ull);
        if (next >= end)
            break;
        offset = next;
    }
    return true;
}

static bool read_elf_notes(const struct elf_file *elf, struct xen_notes *notes, GError **error)
{
    for (unsigned i = 0; i < elf->phnum; i++) {
        struct elf_segment s = elf_segment(elf, i);

        if (s.type == PT_NOTE && !read_note_area(elf, s.offset, s.filesz, notes, error))
            return false;
    }
    if (notes->found)
        return true;
    for (unsigned i = 0; i < elf->shnum; i++) {
        struct elf_section s = elf_section(elf, i);

        if (s.type == SHT_NOTE && !read_note_area(elf, s.offset, s.size, notes, error))
            return false;
    }
    return true;
}

static const struct {
    const char *key;
    unsigned type;
} legacy_keys[] = {
    {"BSD_SYMTAB", XEN_ELFNOTE_BSD_SYMTAB},   {"ELF_PADDR_OFFSET", XEN_ELFNOTE_PADDR_OFFSET},
    {"FEATURES", XEN_ELFNOTE_FEATURES},       {"GUEST_OS", XEN_ELFNOTE_GUEST_OS},
    {"GUEST_VER", XEN_ELFNOTE_GUEST_VERSION}, {"HYPERCALL_PAGE", XEN_ELFNOTE_HYPERCALL_PAGE},
    {"LOADER", XEN_ELFNOTE_LOADER},           {"PAE", XEN_ELFNOTE_PAE_MODE},
    {"VIRT_BASE", XEN_ELFNOTE_VIRT_BASE},     {"VIRT_ENTRY", XEN_ELFNOTE_ENTRY},
    {"XEN_VER", XEN_ELFNOTE_XEN_VERSION},
};

static bool take_legacy(struct xen_notes *notes, const char *pair, GError **error)
{
    const char *value = strchr(pair, '=');
    size_t key_len = value ? (size_t)(value - pair) : strlen(pair);

    value = value ? value + 1 : "";
    for (size_t i = 0; i < G_N_ELEMENTS(legacy_keys); i++) {
        if (strlen(legacy_keys[i].key) == key_len &&
            memcmp(legacy_keys[i].key, pair, key_len) == 0) {
            struct note n = {.type = legacy_keys[i].type,
                             .desc = (const uint8_t *)value,
                             .len = (uint32_t)strlen(value),
                             .text = true};

            return take_note(notes, &n, error);
        }
    }
    return true; /* a key of no importance to us */
}

static bool read_legacy(const struct elf_file *elf, struct xen_notes *notes, GError **error)
{
    struct elf_section s;
    const uint8_t *bytes;
    g_autofree char *text = NULL;
    g_auto(GStrv) pairs = NULL;

    if (!elf_find_section(elf, "__xen_guest", &s))
        return true;
    bytes = elf_bytes(elf, s.offset, s.size);
    if (!bytes)
        return build_fail(error, "truncated ELF file: its section __xen_guest is missing");
    notes->legacy = true;
    text = g_strndup((const char *)bytes, MIN(s.size, 4096));
    pairs = g_strsplit(text, ",", -1);
    for (unsigned i = 0; pairs[i]; i++) {
        if (!take_legacy(notes, pairs[i], error))
            return false;
    }
    return true;
}

/* Is it a kernel for us, whatever its addresses are? */
static bool check_kind(const struct elf_file *elf, const struct xen_notes *notes, GError **error)
{
    /* Linux built for PVH only has every note but the PV entry. */
    bool pvh_only = !xen_notes_has(notes, XEN_ELFNOTE_ENTRY) &&
                    xen_notes_has(notes, XEN_ELFNOTE_PHYS32_ENTRY);

    if (pvh_only) {
        g_set_error(error, BUILD_ERROR, BUILD_ERROR_PVH_ONLY,
                    "kernel has a Xen PVH entry and none for PV: -machine xenpvh runs it, on a Xen host");
        return false;
    }
    if (!notes->found)
        return build_fail(error, "kernel has no Xen PV entry: built without CONFIG_XEN_PV?");
    if (!g_str_has_prefix(notes->xen_version, "xen-3."))
        return build_fail(error, "kernel is for Xen '%s', not 'xen-3.0'", notes->xen_version);
    if (notes->loader[0] && !g_str_has_prefix(notes->loader, "generic"))
        return build_fail(error, "kernel wants the loader '%s', not 'generic'", notes->loader);
    if (notes->required_features & IMPOSSIBLE_FEATURES)
        return build_fail(error, "kernel requires Xen features (0x%x) that PV guests can't have",
                          notes->required_features & IMPOSSIBLE_FEATURES);
    if (!elf->is64 && !notes->pae)
        return build_fail(error, "32-bit kernel without PAE");
    return true;
}

bool xen_notes_read(const struct elf_file *elf, struct xen_notes *ret, GError **error)
{
    struct xen_notes notes = {0};

    if (!read_elf_notes(elf, &notes, error))
        return false;
    if (!notes.found && !read_legacy(elf, &notes, error))
        return false;
    if (!check_kind(elf, &notes, error))
        return false;
    *ret = notes;
    return true;
}
