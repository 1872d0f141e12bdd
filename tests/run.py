#!/usr/bin/python3
"""Runs the tests and ends with the line `N passed, N failed, N skipped`.

    make check                          everything but the long ones
    make check T=tests/unit/common      one folder or file (several, separated by spaces)

Unit tests are cmocka binaries, daemon tests are pytest, browser tests are node's runner. What
failed is printed whole; what passed is one line a file; what was skipped says why.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("HILDA_BUILD", ROOT / "build")).resolve()
UNIT_SECONDS = 300
UNITS = 2  # unit programs at a time, beside the daemon tests: some mostly wait for the disk
WORKERS = "5"  # more than cores: the fault cases mostly wait
BROWSERS = "2"  # files at a time, beside the daemon tests
SLOWEST = 5

total = {"passed": 0, "failed": 0, "skipped": 0}


def count(name, passed, failed, skipped, seconds, output=""):
    total["passed"] += passed
    total["failed"] += failed
    total["skipped"] += skipped
    mark = "FAIL" if failed else "ok"
    print(f"{mark:4} {name}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.1f} s)", flush=True)
    if failed and output:
        print(output.rstrip(), flush=True)


def unit(binary):
    """One cmocka program: what `count` takes, or one failure when it crashes or hangs."""
    start = time.monotonic()
    name = str(binary.relative_to(BUILD / "tests"))
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT")
    try:
        done = subprocess.run([str(binary)], cwd=ROOT, env=env, timeout=UNIT_SECONDS, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace") + f"\n{name} did not end within {UNIT_SECONDS} s"
        code = -1
    # Lines that a test's subject printed may stand in front of cmocka's own mark.
    passed = len(re.findall(r"\[       OK \]", output))
    skipped = len(re.findall(r"\[  SKIPPED \] (?!\d+ test)", output))
    failed = len(set(re.findall(r"\[  FAILED  \] (?!\d+ test)(\S+)", output)))
    if code and not failed:
        failed = 1
        output += f"\n{name} ended with {code}"
    for line in re.findall(r"(?m)^skip: .*$", output):
        print(f"     {name}: {line}")
    return name, passed, failed, skipped, time.monotonic() - start, output


def daemon(paths):
    """The pytest files, in parallel: what `count` takes, from the JUnit file that pytest writes; the slowest are named."""
    start = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        done = subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "-n", WORKERS,
                               "-p", "no:cacheprovider", "--tb=short", "-rs", f"--junitxml={report.name}", *paths],
                              cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        try:
            suites = list(ET.parse(report.name).getroot().iter("testsuite"))
        except ET.ParseError:
            suites = []
    cases = sum(int(s.get("tests", 0)) for s in suites)
    failed = sum(int(s.get("failures", 0)) + int(s.get("errors", 0)) for s in suites)
    skipped = sum(int(s.get("skipped", 0)) for s in suites)
    if done.returncode not in (0, 1) or not cases:
        failed = max(failed, 1)
    for line in re.findall(r"(?m)^SKIPPED .*$", done.stdout):
        print(f"     {line}")
    slow = sorted(((float(c.get("time", 0)), c.get("name")) for s in suites for c in s.iter("testcase")), reverse=True)
    for seconds, name in slow[:SLOWEST]:
        print(f"     {seconds:5.1f} s {name}")
    return "daemon", max(cases - failed - skipped, 0), failed, skipped, time.monotonic() - start, done.stdout


def browser(paths):
    """The node tests: what `count` takes, from their TAP summary."""
    start = time.monotonic()
    done = subprocess.run(["node", "--test", "--test-reporter=tap", f"--test-concurrency={BROWSERS}", *paths], cwd=ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    found = {k: int(v) for k, v in re.findall(r"(?m)^# (tests|pass|fail|skipped|cancelled) (\d+)$", done.stdout)}
    failed = found.get("fail", 0) + found.get("cancelled", 0)
    if (done.returncode and not failed) or not found.get("tests"):
        failed = max(failed, 1)
    for line in re.findall(r"(?m)^\s*ok .*# SKIP.*$", done.stdout):
        print(f"     {line.strip()}")
    return "browser", found.get("pass", 0), failed, found.get("skipped", 0), time.monotonic() - start, done.stdout


def style():
    """clang-format agrees with every tracked C file."""
    start = time.monotonic()
    done = subprocess.run(["make", "--no-print-directory", "format-check"], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    count("style: clang-format", int(done.returncode == 0), int(done.returncode != 0), 0,
          time.monotonic() - start, "\n".join(done.stdout.splitlines()[:40]))


def under(path, folder):
    return path == folder or path.startswith(folder + "/")


def main(wanted):
    wanted = [w.rstrip("/") for w in wanted]
    for w in wanted:
        if not (ROOT / w).exists():
            sys.exit(f"{w}: no such test; name a folder or a file below tests/")
    binaries = sorted(p for p in (BUILD / "tests" / "unit").rglob("test_*") if p.is_file() and os.access(p, os.X_OK)
                      and (ROOT / "tests" / p.relative_to(BUILD / "tests")).with_suffix(".c").exists())
    binaries = [b for b in binaries if not wanted or
                any(under("tests/" + str(b.relative_to(BUILD / "tests")) + ".c", w) for w in wanted)]
    daemons = [w for w in wanted if under(w, "tests/daemon")] or ([] if wanted else ["tests/daemon"])
    browsers = [w for w in wanted if under(w, "tests/browser")]
    if not wanted or "tests/browser" in browsers:
        browsers = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests/browser").glob("*.test.mjs"))
    # What is slowest begins at once, the rest fills the time in which it waits.
    with ThreadPoolExecutor(2) as slow, ThreadPoolExecutor(UNITS) as pool:
        begun = [slow.submit(what, paths) for what, paths in ((daemon, daemons), (browser, browsers)) if paths]
        for done in pool.map(unit, binaries):
            count(*done)
        for done in begun:
            count(*done.result())
    if not wanted and (ROOT / ".git").exists():
        style()
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
