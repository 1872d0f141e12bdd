#!/usr/bin/python3
"""Makes hilda_report.[ch], the pair that is dropped into any firmware, from the files that our own firmware is built of.

usage: amalgamate.py FOLDER    (writes both files there; `make report` does it here)
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORT = "protocols/uart-bench/hilda_report"
PUBLIC = [REPORT + ".h", "firmware-stub/report/device.h"]
PRIVATE = ["protocols/uart-bench/crc.h", "protocols/uart-bench/sha256.h", "firmware-stub/core/words.h"]
CODE = ["protocols/uart-bench/crc.c", "protocols/uart-bench/sha256.c", "firmware-stub/core/words.c",
        REPORT + ".c", "firmware-stub/report/device.c"]
# Names that a firmware may have too.
RENAMED = ["crc16_ccitt_false", "crc32_zlib", "words_split", "words_equal", "words_u32"]


def text_of(name):
    """Without includes of files that are in here themselves."""
    text = (ROOT / name).read_text()
    text = re.sub(r'(?m)^#include "[^"]*"\n\n?', "", text)
    return f"/* ---- {name} {'-' * (90 - len(name))} */\n\n{text.lstrip()}"


def made_from(names):
    lines = "".join(f"\n *   {n}" for n in names)
    return ("/*\n * hilda_report: one header and one source for any firmware that is to be benchmarked by Hilda.\n"
            " * Made by firmware-stub/report/amalgamate.py; change these instead, then `make report`:"
            f"{lines}\n */\n")


def header():
    return made_from(PUBLIC) + "\n" + "\n".join(map(text_of, PUBLIC))


def source():
    names = PRIVATE + CODE
    renamed = "".join(f"#define {n} hilda_{n}\n" for n in RENAMED)
    return (made_from(names) + '#include "hilda_report.h"\n\n' + renamed + "\n" +
            "\n".join(map(text_of, names)))


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "hilda_report.h").write_text(header())
    (folder / "hilda_report.c").write_text(source())


if __name__ == "__main__":
    main()
