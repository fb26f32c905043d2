#!/usr/bin/env python3
"""generate.py OUT.c keys.txt common.txt LAYOUT.txt...: the tables of keymap.c out of the text files."""
import os
import sys


def rows(path):
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.startswith("#") and line.strip():
                yield f"{path}:{number}", line.split()


def keysym(word):
    if len(word) > 2 and word.startswith("0x"):
        return int(word, 16)
    if len(word) != 1:
        sys.exit(f"'{word}' is neither a character nor a number")
    # X: Latin-1 is itself; the euro has a number of its own; all else is Unicode, marked
    return ord(word) if ord(word) < 256 else 0x20AC if word == "€" else 0x1000000 | ord(word)


def layout(codes, paths):
    found = {}
    for path in paths:
        for where, (name, *words) in rows(path):
            if name not in codes:
                sys.exit(f"{where}: no key '{name}'")
            for word in words:
                found.setdefault(keysym(word), codes[name])
                if ord(word[0]) > 255:
                    found.setdefault(0x1000000 | ord(word), codes[name])
    return sorted(found.items())


def main():
    out, keys, common, layouts = sys.argv[1], sys.argv[2], sys.argv[3], sorted(sys.argv[4:])
    table = [(name, int(code), int(number, 16)) for _, (name, code, number) in rows(keys)]
    codes = {name: code for name, code, _ in table}
    if len(codes) != len(table):
        sys.exit(f"{keys}: a key is there twice")
    with open(out, "w", encoding="ascii") as f:
        f.write('#include "xenner/display/keymap_tables.h"\n\nconst struct key keymap_keys[] = {\n')
        for name, code, number in sorted(table):
            f.write(f'    {{"{name}", {code}, 0x{number:x}}},\n')
        f.write(f"}};\nconst unsigned keymap_nr_keys = {len(table)};\n\n")
        names = [os.path.splitext(os.path.basename(p))[0] for p in layouts]
        for name, path in zip(names, layouts):
            f.write(f"static const struct keysym layout_{name}[] = {{\n")
            entries = layout(codes, [path, common])
            for sym, code in entries:
                f.write(f"    {{0x{sym:x}, {code}}},\n")
            f.write("};\n\n")
        f.write("const struct keymap keymap_layouts[] = {\n")
        for name in names:
            f.write(f'    {{"{name}", layout_{name}, sizeof(layout_{name}) / sizeof(struct keysym)}},\n')
        f.write("};\nconst char *const keymap_layout_names[] = {")
        f.write("".join(f'"{name}", ' for name in names) + "0};\n")
        f.write(f"const unsigned keymap_nr_layouts = {len(names)};\n")


main()
