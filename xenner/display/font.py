#!/usr/bin/env python3
"""font.py OUT.c FONT.psf.gz: a console font of 8x16 pixels as a table of text_view.c."""
import gzip
import struct
import sys

raw = gzip.open(sys.argv[2]).read()
if raw[:2] == b"\x36\x04":
    mode, height = raw[2], raw[3]
    count, at, size, utf8 = (512 if mode & 1 else 256), 4, height, False
elif raw[:4] == b"\x72\xb5\x4a\x86":
    _, at, flags, count, size, height, width = struct.unpack("<7I", raw[4:32])
    utf8 = True
    if width != 8 or not flags & 1:
        sys.exit("not 8 pixels wide, or without a table of characters")
else:
    sys.exit("not a PSF font")
if height != 16:
    sys.exit("not 16 pixels high")

table, glyphs = raw[at + count * size:], {}
if utf8:
    names = [entry.split(b"\xfe")[0].decode() for entry in table.split(b"\xff")]
else:
    words = struct.unpack(f"<{len(table) // 2}H", table)
    names, name, sequence = [], "", False
    for w in words:
        if w == 0xFFFF:
            names.append(name)
            name, sequence = "", False
        elif w == 0xFFFE:
            sequence = True
        elif not sequence:
            name += chr(w)
for i, name in enumerate(names[:count]):
    for c in name:
        glyphs.setdefault(ord(c), raw[at + i * size:at + (i + 1) * size])
missing = [c for c in range(0x21, 0x7F) if c not in glyphs]
if missing:
    sys.exit(f"the font lacks {missing}")
with open(sys.argv[1], "w", encoding="ascii") as f:
    f.write('#include "xenner/display/font.h"\n\nconst struct glyph font_glyphs[] = {\n')
    for c, rows in sorted(glyphs.items()):
        f.write(f"    {{0x{c:x}, {{{', '.join(map(hex, rows))}}}}},\n")
    f.write(f"}};\nconst unsigned font_nr_glyphs = {len(glyphs)};\n")
