"""Rows of make bench B=share: what a claim costs in a long queue of many submitters, and how long jobs wait."""

import json
import os
import subprocess
import tempfile

from measure import BUILD, row


def turns(what):
    """In memory, where there is room for it: no row is about the disk."""
    with tempfile.TemporaryDirectory(prefix="hilda-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        return json.loads(subprocess.run([BUILD / "bench/turns", what, folder], stdout=subprocess.PIPE, check=True).stdout)


def bench_share(folder):
    got = turns("claims")
    for key, words, p, bar in (("one_board", "one board", "p99_us", 5),
                               ("ten_boards", "ten boards of ten types at once, as an agent starts", "p50_us", 10)):
        ms = {k: got[key][k] / 1000 for k in ("p50_us", "p99_us")}
        row(f"claim for {words}: 1,000 boards, 100,000 jobs of 50 submitters in 80 demands; processor time, without the commit",
            f"p50 {ms['p50_us']:.2f} ms, p99 {ms['p99_us']:.2f} ms", "-", f"{p[:3]} {ms[p]:.2f} ms", f"<= {bar} ms", ms[p] <= bar)
    waits = {w["name"]: w for w in turns("waits")}
    for name, words in (("flood", "10,000 jobs at once"), ("suite", "a suite of 300 that comes 100 s later"),
                        ("three", "three jobs that come with it")):
        w = waits[name]
        bar = 20 if name == "three" else None
        row(f"wait on 4 boards, jobs of 10 s, three submitters: {words}", f"p50 {w['p50_s']:.0f} s, max {w['max_s']:.0f} s",
            f"{w['jobs']} jobs", f"max {w['max_s']:.0f} s", f"<= {bar} s" if bar else "-", not bar or w["max_s"] <= bar)
