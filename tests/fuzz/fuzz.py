#!/usr/bin/python3
"""Runs each fuzz target for the seconds given, from a seed corpus made of what the project has, and
ends with `N passed, N failed, N skipped` (a target that found nothing has passed). What a target
found is kept in build/fuzz/found and its bytes are printed."""

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HILDA_BUILD", ROOT / "build")).resolve()
FUZZ = BUILD / "fuzz"
MAX_BYTES = {"elf": 65536}


def seeds_job():
    documents = [json.loads(p.read_text()) for p in [*ROOT.glob("docs/examples/*.json"),
                                                     *ROOT.glob("tests/scenario/*.json")]]
    for path in ROOT.glob("protocols/vectors/job/*.json"):
        documents += [case["document"] for case in json.loads(path.read_text())]
    return [json.dumps(d).encode() for d in documents]


def seeds_uart_bench():
    return [p.read_bytes() for p in ROOT.glob("protocols/vectors/uart-bench/*") if p.is_file()]


def seeds_ini():
    return [b"[agent]\nname = a\n[board b]\nvirtual = mps3-an547\ntags = a, b ; c\n", b"[s]\na = 1\nb = 30s\nc = yes\n"]


def seeds_route():
    """Every operation of the REST contract, with an id where it takes one."""
    paths = json.loads((ROOT / "protocols/rest/openapi.json").read_text())["paths"]
    return [f"{method.upper()} {re.sub('{[^}]*}', '7', path)}".encode() for path, item in paths.items()
            for method in item if method in ("get", "post", "put", "patch", "delete", "head")]


def seeds_buspirate():
    """What OpenOCD's driver sends first: speed, feature, a scan of 32 bits (JTAG) or a line reset (SWD)."""
    return [b"\x00\x07\x02\xaa\x55\x02\x01\x00\x05\x00\x20" + bytes(range(8)), b"\x01\x1f" + b"\xff" * 16,
            b"\x01\x63\x8a\x10\xa5\x06\x06\x06\x06\x07"]


def seeds_elf():
    """Small images: the fuzzer can do little with large ones."""
    out = []
    for source in ("int a = 1; int b; int f(int x) { return x + a + b; }", "void g(void) {}"):
        obj = FUZZ / "seed.elf"
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-g", "-nostdlib", "-Wl,-e,0", "-x", "c", "-",
                        "-o", obj], input=source.encode(), check=True, stderr=subprocess.DEVNULL)
        out.append(obj.read_bytes())
        obj.unlink()
    return out


def main(seconds, only):
    targets = sorted(p.stem[5:] for p in (ROOT / "tests/fuzz").glob("fuzz_*.c"))
    if only and only not in targets:
        sys.exit(f"{only}: no such fuzz target; known: {', '.join(targets)}")
    passed = failed = 0
    for name in [only] if only else targets:
        corpus, found = FUZZ / "corpus" / name, FUZZ / "found"
        corpus.mkdir(parents=True, exist_ok=True)
        found.mkdir(parents=True, exist_ok=True)
        make_seeds = globals().get(f"seeds_{name}")
        for i, seed in enumerate(make_seeds() if make_seeds else []):
            (corpus / f"seed-{i}").write_bytes(seed)
        done = subprocess.run([FUZZ / f"fuzz_{name}", f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                               f"-max_len={MAX_BYTES.get(name, 8192)}", f"-artifact_prefix={found}/{name}-",
                               "-print_final_stats=1", corpus],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stdout)
        good = done.returncode == 0 and runs
        print(f"{'ok  ' if good else 'FAIL'} fuzz_{name}: {runs.group(1) if runs else '?'} executions in {seconds} s, "
              f"{len(list(corpus.iterdir()))} inputs in the corpus", flush=True)
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print("\n".join(done.stdout.splitlines()[-60:]))
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not sys.argv[1].isdigit():
        sys.exit("usage: fuzz.py SECONDS [TARGET]")
    sys.exit(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else ""))
