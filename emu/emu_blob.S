/* emu's ELF file inside the xenner program; emu/emu_blob.h declares the two symbols. */
    .section .rodata
    .balign 16
    .globl emu_blob_start, emu_blob_end
emu_blob_start:
    .incbin EMU_ELF
emu_blob_end:
    .section .note.GNU-stack, "", @progbits
