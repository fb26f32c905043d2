/* emu's ELF file inside the xenner program. */
#pragma once

extern const unsigned char emu_blob_start[], emu_blob_end[];
