#!/usr/bin/env python3
"""insert.py PAGE LIST OUTPUT: the page with the generated list in place of @LIST@."""
import sys

page, part, output = sys.argv[1:]
with open(page, encoding="utf-8") as f, open(part, encoding="utf-8") as g:
    text = f.read().replace("@LIST@", g.read())
with open(output, "w", encoding="utf-8") as f:
    f.write(text)
