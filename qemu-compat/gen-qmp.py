#!/usr/bin/env python3
"""gen-qmp.py SCHEMA C-FILE RST-FILE: from the one description of QMP to argument tables,
introspection (query-qmp-schema) and the list in the manual.

In the schema a member's name with a * is optional, [T] is a list of T, and what stands for a type may
be a name or the members themselves. "any" members are not looked into. An event with rate-ms is told
once in that time, for each value of its member rate-key.
"""
import json
import sys

BUILTIN = {"str": "string", "int": "int", "size": "int", "bool": "boolean", "number": "number",
           "any": "value", "null": "null"}


class Schema:
    def __init__(self, text):
        self.all = json.loads(text)
        self.ids = {}       # a type's key -> its index
        self.types = []     # (key, kind, value) in order of index
        self.intro = []

    def key(self, ref):
        return json.dumps(ref) if isinstance(ref, dict) else ref

    def add(self, ref):
        """The index of a type; describes it, and what it needs, when it is new."""
        key = self.key(ref)
        if key in self.ids:
            return self.ids[key]
        index = self.ids[key] = len(self.types)
        self.types.append(None)
        self.types[index] = self.describe(ref, key)
        return index

    def members(self, members):
        return [(name.lstrip("*"), name[0] == "*", self.add(ref)) for name, ref in members.items()]

    def describe(self, ref, key):
        if isinstance(ref, dict):
            return (key, "object", (self.members(ref), None, []))
        if ref.startswith("["):
            return (key, "array", self.add(ref[1:-1]))
        if ref in BUILTIN:
            return (key, "builtin", ref)
        if ref in self.all["enums"]:
            return (key, "enum", self.all["enums"][ref])
        if ref in self.all["structs"]:
            return (key, "object", (self.members(self.all["structs"][ref]), None, []))
        if ref in self.all["unions"]:
            u = self.all["unions"][ref]
            cases = [(case, self.add(t)) for case, t in u["branches"].items()]
            return (key, "object", (self.members(u["base"]), u["tag"], cases))
        if ref in self.all["alternates"]:
            return (key, "alternate", [self.add(t) for t in self.all["alternates"][ref]])
        sys.exit(f"gen-qmp.py: no type {ref}")

    def name(self, index):
        key, kind, value = self.types[index]
        if kind == "builtin":
            return BUILTIN[key] if key == "null" else "int" if key == "size" else key
        if kind == "array":
            return f"[{self.name(value)}]"
        return str(index)

    def introspect(self):
        out, seen = [], set()
        for what in ("commands", "events"):
            for name, c in sorted(self.all[what].items()):
                e = {"name": name, "meta-type": what[:-1],
                     "arg-type": self.name(self.add(c.get("args", {})))}
                if what == "commands":
                    e["ret-type"] = self.name(self.add(c.get("returns", {})))
                    if c.get("oob"):
                        e["allow-oob"] = True
                if c.get("features"):
                    e["features"] = c["features"]
                out.append(e)
        for index, (key, kind, value) in enumerate(self.types):
            e = {"name": self.name(index), "meta-type": kind}
            if e["name"] in seen:
                continue
            seen.add(e["name"])
            if kind == "builtin":
                e["json-type"] = BUILTIN[key]
            elif kind == "enum":
                e["members"] = [{"name": v} for v in value]
                e["values"] = value
            elif kind == "array":
                e["element-type"] = self.name(value)
            elif kind == "alternate":
                e["members"] = [{"type": self.name(t)} for t in value]
            else:
                members, tag, cases = value
                e["members"] = [{"name": n, "type": self.name(t), **({"default": None} if o else {})}
                                for n, o, t in members]
                if tag:
                    e["tag"] = tag
                    e["variants"] = [{"case": c, "type": self.name(t)} for c, t in cases]
            if key in self.all["features"]:
                e["features"] = self.all["features"][key]
            out.append(e)
        return out


def quote(text):
    return json.dumps(text)


def write_c(s, out):
    p = lambda line="": print(line, file=out)
    p("/* Made by gen-qmp.py from qmp-schema.json. */")
    p('#include "qemu-compat/qmp_schema.h"')
    p()
    intro = json.dumps(s.introspect(), separators=(",", ":"))
    n = len(s.types)
    for i, (key, kind, value) in enumerate(s.types):
        if kind == "object":
            if value[0]:
                p(f"static const struct qmp_member members{i}[] = {{")
                for m, o, t in value[0]:
                    p(f"    {{{quote(m)}, &qmp_types[{t}], {'true' if o else 'false'}}},")
                p("};")
            if value[2]:
                p(f"static const struct qmp_member cases{i}[] = {{")
                for c, t in value[2]:
                    p(f"    {{{quote(c)}, &qmp_types[{t}], true}},")
                p("};")
        elif kind == "enum":
            p(f"static const char *const values{i}[] = {{{', '.join(map(quote, value))}, NULL}};")
        elif kind == "alternate":
            p(f"static const struct qmp_type *const choices{i}[] = "
              f"{{{', '.join(f'&qmp_types[{t}]' for t in value)}, NULL}};")
    p(f"const struct qmp_type qmp_types[{n}] = {{")
    for i, (key, kind, value) in enumerate(s.types):
        if kind == "builtin":
            p(f"    [{i}] = {{.kind = QMP_{value.upper()}}},")
        elif kind == "enum":
            p(f"    [{i}] = {{.kind = QMP_ENUM, .values = values{i}}},")
        elif kind == "array":
            p(f"    [{i}] = {{.kind = QMP_ARRAY, .element = &qmp_types[{value}]}},")
        elif kind == "alternate":
            p(f"    [{i}] = {{.kind = QMP_ALTERNATE, .choices = choices{i}}},")
        else:
            members, tag, cases = value
            p(f"    [{i}] = {{.kind = QMP_OBJECT, .members = {f'members{i}' if members else 'NULL'}, "
              f".n_members = {len(members)}, .tag = {quote(tag) if tag else 'NULL'}, "
              f".cases = {f'cases{i}' if cases else 'NULL'}, .n_cases = {len(cases)}}},")
    p("};")
    for what in ("commands", "events"):
        p(f"const struct qmp_schema_entry qmp_schema_{what}[] = {{")
        for name, c in sorted(s.all[what].items()):
            p(f"    {{{quote(name)}, &qmp_types[{s.add(c.get('args', {}))}], "
              f"&qmp_types[{s.add(c.get('returns', {}))}], "
              f"{'true' if c.get('oob') else 'false'}, {'true' if c.get('open') else 'false'}, "
              f"{c.get('rate-ms', 0)}, {quote(c['rate-key']) if 'rate-key' in c else 'NULL'}}},")
        p("};")
        p(f"const size_t qmp_schema_n_{what} = {len(s.all[what])};")
    p("const char qmp_introspection[] =")
    for at in range(0, len(intro), 90):
        p(f"    {quote(intro[at:at + 90])}")
    p("    ;")


def type_text(s, ref):
    if isinstance(ref, dict):
        return ", ".join(f"*{n.lstrip('*')}*{' (optional)' if n[0] == '*' else ''}" for n in ref)
    if ref in s.all["structs"]:
        return type_text(s, s.all["structs"][ref])
    if ref in s.all["unions"]:
        return type_text(s, s.all["unions"][ref]["base"]) + ", and what belongs to it"
    return ref


def write_rst(s, out):
    for what in ("commands", "events"):
        print(what.upper(), "=" * len(what), "", sep="\n", file=out)
        for name, c in sorted(s.all[what].items()):
            args = type_text(s, c["args"]) if c.get("args") else ""
            print(f"**{name}**", f"    {c['doc']}", sep="\n", file=out)
            if args:
                print(f"    {'Arguments' if what == 'commands' else 'Data'}: {args}.", file=out)
            if c.get("rate-ms"):
                each = f" of each *{c['rate-key']}*" if "rate-key" in c else ""
                print(f"    Told at most once in {c['rate-ms']} ms{each}: at once, then the last, at the end.",
                      file=out)
            print(file=out)


def main():
    schema, c_file, rst_file = sys.argv[1:]
    with open(schema, encoding="utf-8") as f:
        s = Schema(f.read())
    for what in ("commands", "events"):
        for _, c in sorted(s.all[what].items()):
            s.add(c.get("args", {}))
            s.add(c.get("returns", {}))
    with open(c_file, "w", encoding="utf-8") as f:
        write_c(s, f)
    with open(rst_file, "w", encoding="utf-8") as f:
        write_rst(s, f)


main()
