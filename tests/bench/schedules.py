"""Rows of make bench B=schedules: how late a schedule begins its suite when a thousand are stored."""

import datetime

from lab import Lab
from measure import BUILD, PROGRAM, row

STORED, DUE = 1000, 20


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def bench_schedules(folder):
    with Lab(BUILD, folder) as lab:
        lab.start_server()
        image = lab.upload(PROGRAM)
        lab.call("POST", "/api/v1/suites", {
            "name": "nightly", "matrix": {"q": ["a", "b"]}, "image": f"sha256:{image}", "artifacts": {},
            "job": {"name": "${q}", "board": {"type": "nothing-here"}, "phases": {"memory": True}}})
        for i in range(STORED - DUE):
            lab.call("POST", "/api/v1/schedules", {"suite": "nightly", "cron": f"{i % 60} {i % 24} 29 2 *"})
        while datetime.datetime.now().second > 50:  # all are there before the minute ends
            lab.get("/healthz", raw=True)
        for _ in range(DUE):
            lab.call("POST", "/api/v1/schedules", {"suite": "nightly", "cron": "* * * * *"})
        due = min(s["next"][0] for s in lab.get("/api/v1/schedules")["items"])
        while len(runs := lab.get("/api/v1/suite-runs?limit=500")["items"]) < DUE:
            pass
        late = [1000 * (seconds(r["created_at"]) - seconds(due)) for r in runs[-DUE:]]
    row(f"{DUE} schedules of one minute begin, {STORED} are stored", f"first {min(late):.0f} ms, last {max(late):.0f} ms late",
        "-", f"{max(late):.0f} ms", "<= 1000 ms", max(late) <= 1000)
