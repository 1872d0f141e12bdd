#!/usr/bin/python3
"""Pages, their libraries and the REST contract as one C source: plain and gzipped bytes, ETags.

usage: embed.py WEB-DIR NODE-MODULES OPENAPI-JSON OUTPUT.c
"""

import gzip
import hashlib
import json
import pathlib
import re
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


def collect(web, modules):
    files = {}
    for path in sorted(web.rglob("*")):
        name = path.relative_to(web).as_posix()
        hidden = any(part.startswith(".") or part == "node_modules" for part in path.parts)
        if path.is_file() and not hidden and name != "vendor.json" and path.suffix in TYPES:
            files[name] = path.read_bytes()
    vendor = web / "vendor.json"
    if vendor.exists():
        for entry in json.loads(vendor.read_text()):
            files["vendor/" + entry["name"]] = (modules / entry["from"]).read_bytes()
            for licence in entry.get("licences", []):
                text = (modules / licence).read_bytes()
                files["vendor/LICENCE-" + licence.split("/")[0] + ".txt"] = text
    return files


def version_of(files):
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()[:16]


def pin(html, files, version):
    def replace(match):
        name = match.group(1).decode()
        if name not in files:
            return match.group(0)
        return b'"/static/' + version.encode() + b"/" + name.encode() + b'"'

    return re.sub(rb'"/([A-Za-z0-9._/-]+)"', replace, html)


def c_bytes(symbol, data):
    rows = []
    for at in range(0, len(data), 32):
        rows.append("\t" + ",".join(str(b) for b in data[at : at + 32]) + ",")
    return "static const unsigned char %s[] = {\n%s\n};\n" % (symbol, "\n".join(rows) or "\t0,")


def row(index, name, data, out):
    packed = gzip.compress(data, 9, mtime=0)
    small = len(packed) < len(data) * 0.9
    out.append(c_bytes("plain_%d" % index, data))
    if small:
        out.append(c_bytes("gzip_%d" % index, packed))
    suffix = pathlib.PurePosixPath(name).suffix
    return '\t{"%s", "%s", "\\"%s\\"", plain_%d, %s, %d, %d},\n' % (
        name,
        TYPES[suffix],
        hashlib.sha256(data).hexdigest()[:24],
        index,
        "gzip_%d" % index if small else "NULL",
        len(data),
        len(packed) if small else 0,
    )


def main():
    web, modules, openapi, output = (pathlib.Path(a) for a in sys.argv[1:5])
    files = collect(web, modules) if web.is_dir() else {}
    version = version_of(files)
    if "index.html" in files:
        files["index.html"] = pin(files["index.html"], files, version)
    out = ['#include "server/http/pages.h"\n\n#include <stddef.h>\n']
    rows = [row(i, name, files[name], out) for i, name in enumerate(sorted(files))]
    contract = json.dumps(json.loads(openapi.read_text()), separators=(",", ":")).encode()
    contract_row = row(len(rows), "openapi.json", contract, out)
    out.append("const struct asset assets[] = {\n%s%s};\n" % ("".join(rows), contract_row))
    out.append("/* The contract stands last and is no page. */\n")
    out.append("const size_t n_assets = %d;\n" % len(rows))
    out.append('const char assets_version[] = "%s";\n' % version)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(out))


main()
