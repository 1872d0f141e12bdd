"""Rows of make bench: 1,000 boards, 100,000 jobs queued and 1,000,000 done, against an empty server."""

import os
import pathlib
import random
import shutil
import statistics

from fill import AGENTS, BOARDS_EACH, DONE, PROBES, TYPES, agents, document, full_folder, queue_documents, write_bodies, \
    write_documents
from lab import Lab, rss_bytes
from measure import BUILD, PROGRAM, Bare, row, server_threads, wrk

RATE = 200  # jobs a second of all boards, beside the probes' 1,000 / EVERY_MS each
EVERY_MS = 100
ROUNDS = 3
SECONDS = 6
FEW_AGENTS = 10
ALONE = 400  # submits of one client
MEMORY_BAR_MB = 100


class Side:
    """One of the two servers that are compared, and how many agents it has."""

    def __init__(self, name, folder, n_agents, data=None):
        self.name, self.n_agents = name, n_agents
        self.lab = Lab(BUILD, folder)
        if data:
            # What a run that was killed has left.
            shutil.rmtree(self.lab.folder / "server", ignore_errors=True)
            shutil.copytree(data, self.lab.folder / "server")
            os.sync()  # the copy's way to the disk is nobody's load
        self.start_s = self.lab.start_server()
        image = self.lab.upload(PROGRAM)
        self.bodies = write_bodies(folder)
        probes = [document(image, "scale-probe")]
        self.jobs = write_documents(self.lab.folder / "jobs.json", [
            *(d for d in queue_documents(image) if d["board"]["tags"] != ["absent"]), *probes * 40])
        self.probe = write_documents(self.lab.folder / "probe.json", [document(image, "scale-wake")])
        self.measured = {}

    def note(self, what, value):
        self.measured.setdefault(what, []).append(value)
        return value

    def submit(self):
        """One after the other, then as many as a round takes, of both sorts."""
        alone = agents(self.lab, submit=self.jobs, count=ALONE, clients=1)
        for p in ("p50", "p99"):
            self.note(f"submit {p} ms", alone["submit"][p] / 1000)
        count = int(1.3 * (RATE + PROBES * 1000 // EVERY_MS) * (SECONDS + 3))
        out = agents(self.lab, submit=self.jobs, count=count, clients=32)
        self.note("submits/s of 32 clients", out["rate"])

    def work(self, **settings):
        return agents(self.lab, agents=self.n_agents, boards=BOARDS_EACH, types=TYPES, probes=PROBES, every=EVERY_MS,
                      seconds=SECONDS, **self.bodies, **settings)

    def round(self):
        self.submit()
        out = self.work(type="scale-t", rate=RATE, probe="scale-probe")
        for what, key in (("claim", "claim"), ("result to offer", "turn")):
            for p in ("p50", "p99"):
                self.note(f"{what} {p} ms", out[key][p] / 1000)
        self.note("jobs/s", out["rate"])
        out = agents(self.lab, agents=self.n_agents, boards=BOARDS_EACH, types=TYPES, probes=PROBES, every=10,
                     seconds=SECONDS // 2, type="idle-t", probe="scale-wake", post=self.probe, **self.bodies)
        for p in ("p50", "p99"):
            self.note(f"submit to offer {p} ms", out["wake"][p] / 1000)

    def reads(self, seconds=1):
        """Requests a second of what the pages ask for; single rows are picked by chance."""
        last = min(DONE, self.lab.get("/api/v1/results?limit=1")["items"][0]["run"])
        ids = random.Random(7).sample(range(1, last + 1), min(last, 2000))
        for what, path in {**READS, **{k: v[0] for k, v in FILTERS.items()}}.items():
            script = self.lab.folder / "get.lua"
            script.write_text(f"local ids = {{{','.join(map(str, ids))}}}\nlocal i = 0\n"
                              f'request = function() i = i % #ids + 1\n return wrk.format("GET", '
                              f'(string.gsub("{path}", "ID", ids[i]))) end\n')
            self.note(what, wrk(self.lab.url, seconds, clients=4, script=script))


READS = {
    "GET a job": "/api/v1/jobs/ID",
    "GET a run": "/api/v1/runs/ID",
    "GET jobs": "/api/v1/jobs?limit=50",
    "GET results": "/api/v1/results?limit=50",
    "GET boards": "/api/v1/boards",
}
# The empty server has no such rows: these are compared with the list of everything, on the full one.
FILTERS = {
    "GET jobs failed": ("/api/v1/jobs?state=failed&limit=50", "GET jobs"),
    "GET jobs queued": ("/api/v1/jobs?state=queued&limit=50", "GET jobs"),
    "GET jobs of a label": ("/api/v1/jobs?label.model=model-3&limit=50", "GET jobs"),
    "GET results of a type": ("/api/v1/results?type=scale-t3&limit=50", "GET results"),
    "GET results failed": ("/api/v1/results?outcome=failed&limit=50", "GET results"),
    "GET results of a label": ("/api/v1/results?label.model=model-3&limit=50", "GET results"),
}


def ratio_row(what, unit, empty, full, bar, better_high=False):
    a, b = (statistics.median(s.measured[what]) for s in (empty, full))
    ratio = statistics.median((x / y if better_high else y / x)
                              for x, y in zip(empty.measured[what], full.measured[what]))
    digits = 2 if min(a, b) < 100 else 0
    row(f"{what}, full against empty", f"{b:.{digits}f}{unit}", f"{a:.{digits}f}{unit} (empty)", f"ratio {ratio:.2f}",
        f"<= {bar} x", ratio <= bar)


def bench_scale(folder):
    folder = pathlib.Path(folder)
    empty = Side("empty", folder / "empty", FEW_AGENTS)
    full = Side("full", BUILD / "bench/scale", AGENTS, full_folder())
    try:
        row("start on the full database, to the first answer", f"{full.start_s * 1000:.0f} ms",
            f"{empty.start_s * 1000:.0f} ms (empty)", f"{full.start_s * 1000:.0f} ms", "<= 200 ms", full.start_s <= 0.2)
        for _ in range(ROUNDS):
            empty.round()
            full.round()
        for _ in range(ROUNDS):
            empty.reads()
            full.reads()
        rss = rss_bytes(full.lab.server.pid) / 1e6
        print({s.name: {k: round(statistics.median(v), 2) for k, v in s.measured.items()} for s in (empty, full)})
    finally:
        empty.lab.stop()
        full.lab.stop()
        shutil.rmtree(BUILD / "bench/scale", ignore_errors=True)
    for what in ("claim", "result to offer", "submit to offer"):
        ratio_row(f"{what} p50 ms", " ms", empty, full, 2)
        ratio_row(f"{what} p99 ms", " ms", empty, full, 2)
    ratio_row("submit p50 ms", " ms", empty, full, 1.2)
    ratio_row("submit p99 ms", " ms", empty, full, 2)
    ratio_row("submits/s of 32 clients", "/s", empty, full, 1.2, better_high=True)
    # A list of boards is as long as there are boards.
    for side in (empty, full):
        side.measured["GET boards"] = [r * (side.n_agents * BOARDS_EACH + PROBES) for r in side.measured["GET boards"]]
    for what in READS:
        ratio_row(what, "/s" if what != "GET boards" else " boards/s", empty, full, 1.2 if "GET a" in what else 2,
                  better_high=True)
    for what, (_, plain) in FILTERS.items():
        a, b = (statistics.median(full.measured[w]) for w in (plain, what))
        row(f"{what}, full, against {plain}", f"{b:.0f}/s", f"{a:.0f}/s ({plain})", f"ratio {a / b:.2f}", "<= 2 x",
            a / b <= 2)
    row("server, resident after all that on the full database", f"{rss:.1f} MB", "-", f"{rss:.1f} MB",
        f"<= {MEMORY_BAR_MB} MB", rss <= MEMORY_BAR_MB)


def bench_sustained(folder):
    """10 agents of 32 boards whose jobs take no time, on the full database; and the same bytes in group commits."""
    folder = pathlib.Path(folder)
    full = Side("full", BUILD / "bench/scale", AGENTS, full_folder())
    try:
        ours = agents(full.lab, agents=10, boards=32, types=TYPES, type="scale-t", calls=8, seconds=30, **full.bodies)
        threads = server_threads(full.lab)
    finally:
        full.lab.stop()
        shutil.rmtree(BUILD / "bench/scale", ignore_errors=True)
    bodies = write_bodies(folder)
    log = "x" * len(bodies["log"].read_bytes())
    calls = write_documents(folder / "calls.json", [{"request": "0", "boards": ["scale-000-0"] * 32}, {}, {"log": log}])
    with open(calls, "a") as f:
        f.write("\n" + bodies["result"].read_text())
    with Bare(folder, b"{}", threads) as bare:
        limit = agents(bare, submit=calls, path="/", count=40_000, clients=80)["rate"] / 4
    row("jobs/s, 10 simulated agents, 30 s, full database", f"{ours['rate']:.0f}/s",
        f"{limit:.0f}/s (the bytes of its four calls, group commit)", f"{ours['rate']:.0f}/s", ">= 1000/s",
        ours["rate"] >= 1000)
