#!/usr/bin/env python3
"""Screenshots: read(path) of a PPM or PNG as (width, height, three bytes a pixel); digest() of it as the guest has it.

picture.py FILE DIGEST: status 0 if that is the picture's digest.
picture.py FILE in LARGER: status 0 if the upper left part of FILE, which is not empty, is somewhere in LARGER.
"""
import hashlib
import struct
import sys
import zlib


def read(path):
    with open(path, "rb") as f:
        if f.peek(1)[:1] != b"P":
            return read_png(f.read())
        assert f.readline() == b"P6\n"
        width, height = map(int, f.readline().split())
        assert f.readline() == b"255\n"
        return width, height, f.read()


def paeth(a, b, c):
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def unfilter(kind, row, above):
    out = bytearray(row)
    for i in range(len(row) if kind else 0):
        left, up = out[i - 3] if i >= 3 else 0, above[i]
        corner = above[i - 3] if i >= 3 else 0
        out[i] = (out[i] + (left, up, (left + up) // 2, paeth(left, up, corner))[kind - 1]) & 255
    return out


def read_png(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    while at < len(data):
        n, name = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + n]
        if name == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", chunk[:10])
            assert (depth, color) == (8, 2)
        elif name == b"IDAT":
            body += chunk
        at += n + 12
    raw, above, rows = zlib.decompress(body), bytes(3 * width), []
    for y in range(height):
        start = y * (3 * width + 1)
        above = unfilter(raw[start], raw[start + 1:start + 1 + 3 * width], above)
        rows.append(bytes(above))
    return width, height, b"".join(rows)


def digest(picture):
    """The guest's framebuffer has 32 bits a pixel: blue, green, red, nothing."""
    rgb = picture[2]
    out = bytearray(len(rgb) // 3 * 4)
    out[0::4], out[1::4], out[2::4] = rgb[2::3], rgb[1::3], rgb[0::3]
    return hashlib.md5(out).hexdigest()


def part(picture, x, y, width, height):
    w, pixels = picture[0], picture[2]
    return [pixels[3 * ((y + i) * w + x):3 * ((y + i) * w + x + width)] for i in range(height)]


def find(small, large, width=300, height=80):
    """Where the upper left part of small is in large; None: nowhere."""
    rows = part(small, 0, 0, width, height)
    mark = max(range(height), key=lambda i: len(set(rows[i][k:k + 24] for k in range(0, 3 * width, 24))))
    assert len(set(rows[mark])) > 1, "nothing to be found by"
    at = large[2].find(rows[mark])
    while at >= 0:
        y, x = divmod(at // 3, large[0])
        if at % 3 == 0 and y >= mark and x + width <= large[0] and y - mark + height <= large[1] and \
                part(large, x, y - mark, width, height) == rows:
            return x, y - mark
        at = large[2].find(rows[mark], at + 1)
    return None


if __name__ == "__main__":
    if sys.argv[2] == "in":
        sys.exit(find(read(sys.argv[1]), read(sys.argv[3])) is None)
    sys.exit(digest(read(sys.argv[1])) != sys.argv[2])
