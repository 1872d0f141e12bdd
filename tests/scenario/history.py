"""What must hold after a torture, asked of what is on the disks: the server's folder, the agents'
folders, and the journal of a client that wrote down every acknowledgement. Nothing here asks the
server. Each violation is (kind, words); the kinds are lost, doubled, stuck and wrong."""

import collections
import hashlib
import json
import pathlib
import sqlite3
import struct

ENDED_JOB = {"succeeded", "failed", "canceled", "lost"}
ENDED_RUN = {"done", "released", "lost", "late"}
RECORD = struct.Struct("<QIB3x")
CONSOLE = 0
SLOT_BYTES, SLOT_HEAD = 8192, struct.Struct("65s7xQQQ")  # agent/spool/slots.c: lineage, run, epoch, bytes


def read_journal(path):
    """The client may have been cut off in its last line."""
    entries = []
    for line in pathlib.Path(path).read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def console_of(log):
    """What the board said, from the records of a log; None when the records are no records."""
    said, at = b"", 0
    while at + RECORD.size <= len(log):
        _, n, stream = RECORD.unpack_from(log, at)
        piece = log[at + RECORD.size:at + RECORD.size + n]
        if n > 4096 or stream > 3:
            return None
        if stream == CONSOLE:
            said += piece
        at += RECORD.size + n
    return said


def driving_of(text):
    """Overlaps in the log of one exec board; the programs held a lock, and said so when they could not."""
    wrong, driver = [], None
    for line in text.splitlines():
        what, run, pid = line.split()[:3]
        if what == "overlap":
            wrong.append(f"run {run} (pid {pid}) drove while pid {driver} held the board")
        elif what == "again":
            wrong.append(f"run {run} was started a second time")
        elif what == "start":
            driver = pid
        elif what == "end" and driver != pid:
            wrong.append(f"run {run} (pid {pid}) ended inside the interval of pid {driver}")
    return wrong


def driving_of_virtual(text):
    """The board's own log: an opening inside another one. Session 1 begins a new life of the board."""
    wrong, opened = [], None
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the board was killed in the line
        if entry["event"] == "open":
            if opened and entry["session"] != 1:
                wrong.append(f"pid {entry['pid']} opened the probe while pid {opened} had it")
            opened = entry["pid"] or -1
        else:
            opened = None
    return wrong


def logs_in_slots(path):
    """(slot, run) of each that is taken; the file's first SLOT_BYTES are no slot."""
    if not path.exists():
        return []
    data = path.read_bytes()
    runs = [SLOT_HEAD.unpack_from(data, at)[1] for at in range(SLOT_BYTES, len(data) - SLOT_BYTES + 1, SLOT_BYTES)]
    return [(slot, run) for slot, run in enumerate(runs) if run]


class History:
    def __init__(self, server, agents, journal):
        self.server, self.agents = pathlib.Path(server), [pathlib.Path(a) for a in agents]
        self.violations = []
        self.counts = collections.Counter()
        self.entries = read_journal(journal)
        self.db = sqlite3.connect(f"file:{self.server / 'hilda.db'}?mode=ro", uri=True)
        self.db.row_factory = sqlite3.Row
        self.jobs = {r["id"]: r for r in self.db.execute("SELECT * FROM jobs")}
        self.runs = collections.defaultdict(list)
        for r in self.db.execute("SELECT * FROM runs ORDER BY id"):
            self.runs[r["job"]].append(r)
        self.sent = {p.name: p for a in self.agents for p in (a / "sent").glob("*")}

    def say(self, kind, words):
        self.violations.append((kind, words))

    def check(self):
        for part in (self.check_database, self.check_submissions, self.check_cancels, self.check_jobs,
                     self.check_runs, self.check_boards, self.check_driving, self.check_artifacts,
                     self.check_spools):
            part()
        self.db.close()
        return self.violations

    def check_database(self):
        for (words,) in self.db.execute("PRAGMA integrity_check"):
            if words != "ok":
                self.say("wrong", f"database: {words}")
        for row in self.db.execute("PRAGMA foreign_key_check"):
            self.say("wrong", f"database: a row of {row[0]} refers to nothing")

    def check_submissions(self):
        self.plans = {e["intent"]: e for e in self.entries if "intent" in e}
        rows = collections.defaultdict(list)
        for job in self.jobs.values():
            rows[job["idempotency_key"]].append(job["id"])
        for key, ids in rows.items():
            if key not in self.plans:
                self.say("wrong", f"job {ids[0]} has key {key}, which nobody submitted")
            if len(ids) > 1:
                self.say("doubled", f"key {key} has the jobs {ids}")
        for entry in self.entries:
            if "ack" not in entry:
                continue
            self.counts["acknowledged"] += 1
            if entry["id"] not in rows.get(entry["ack"], []):
                self.say("lost", f"{entry['ack']} was acknowledged as job {entry['id']}; the database has "
                                 f"{rows.get(entry['ack'], 'nothing')}")
        self.counts["submissions"] = len(self.plans)

    def check_cancels(self):
        for entry in self.entries:
            if "canceled" not in entry:
                continue
            self.counts["cancels"] += 1
            job = self.jobs.get(entry["canceled"])
            if not job:
                self.say("lost", f"job {entry['canceled']}, whose cancel was acknowledged")
            elif job["cancel_reason"] is None and job["state"] != "canceled":
                self.say("lost", f"the cancel of job {job['id']}: it is {job['state']} and knows of none")

    def check_jobs(self):
        for job in self.jobs.values():
            name, runs = f"job {job['id']}", self.runs[job["id"]]
            started = [r for r in runs if r["started_at"] is not None]
            decisive = [r for r in runs if r["adopted"] and r["outcome"] != "infrastructure"]
            self.counts[job["state"]] += 1
            if job["state"] not in ENDED_JOB or job["finished_at"] is None:
                self.say("stuck", f"{name} is {job['state']}: {job['detail']}")
            if job["attempts"] > job["attempts_allowed"]:
                self.say("wrong", f"{name} had {job['attempts']} attempts, {job['attempts_allowed']} were allowed")
            if job["attempts"] != len(started):
                self.say("wrong", f"{name} counts {job['attempts']} attempts and has {len(started)} started runs")
            if len(decisive) > 1:
                self.say("doubled", f"{name} has adopted the results of runs {[r['id'] for r in decisive]}")
            if (job["state"] == "succeeded") != any(r["outcome"] == "passed" for r in decisive):
                self.say("wrong", f"{name} is {job['state']}, its adopted results are "
                                  f"{[r['outcome'] for r in decisive]}")
            if decisive and runs[-1]["started_at"] and runs[-1]["id"] > decisive[-1]["id"] and \
                    runs[-1]["created_at"] > decisive[-1]["finished_at"]:
                late = decisive[-1]["state"] == "late"
                if not late:
                    self.say("doubled", f"{name} was run again after the result of run {decisive[-1]['id']}")

    def check_runs(self):
        for job, runs in self.runs.items():
            for run in runs:
                self.counts[f"runs {run['state']}"] += 1
                if run["state"] not in ENDED_RUN or run["finished_at"] is None:
                    self.say("stuck", f"run {run['id']} is {run['state']}")
                self.check_log(self.jobs[job], run)
                if run["adopted"] and run["outcome"] == "passed":
                    self.check_metric(self.jobs[job], run)

    def check_log(self, job, run):
        path = self.server / "logs" / str(run["id"])
        log = path.read_bytes() if path.exists() else b""
        if len(log) < run["log_bytes"]:
            self.say("lost", f"run {run['id']}: {run['log_bytes']} bytes of log were acknowledged, "
                             f"the file has {len(log)}")
        if not run["exec"]:
            return
        said = console_of(log[:run["log_bytes"]])
        sent = self.sent[str(run["id"])].read_bytes() if str(run["id"]) in self.sent else b""
        if said is None:
            self.say("wrong", f"run {run['id']}: its log is not made of records")
        elif not sent.startswith(said):
            self.say("wrong", f"run {run['id']}: its log is no prefix of what the board sent")
        elif run["adopted"] and run["outcome"] == "passed" and said != sent:
            self.say("lost", f"run {run['id']}: the log has {len(said)} of {len(sent)} bytes")
        elif said and not f"key {job['idempotency_key']}\n".encode().startswith(said[:said.find(b"\n") + 1]):
            self.say("wrong", f"run {run['id']}: its log is not of job {job['id']}")

    def check_metric(self, job, run):
        plan = self.plans.get(job["idempotency_key"], {})
        rows = self.db.execute("SELECT * FROM metrics WHERE run = ? AND boot = -1", (run["id"],)).fetchall()
        if not rows:
            self.say("lost", f"run {run['id']} has passed and has no metrics")
        if "value" in plan and [r["max"] for r in rows if r["metric"] == "latency_us"] != [plan["value"]]:
            self.say("wrong", f"run {run['id']} measured {[(r['metric'], r['max']) for r in rows]}, "
                              f"its program said {plan['value']}")

    def check_boards(self):
        for board in self.db.execute("SELECT name, state, reason FROM boards"):
            if board["state"] != "ready":
                self.say("stuck", f"board {board['name']} is {board['state']}: {board['reason']}")

    def check_driving(self):
        for agent in self.agents:
            for path in (agent / "driven").glob("*.log"):
                text = path.read_text()
                self.counts["driven"] += text.count("start ")
                for words in driving_of(text):
                    self.say("doubled", f"board {path.stem}: {words}")
            for path in (agent / "virtual").glob("*/driving.log"):
                text = path.read_text()
                self.counts["probe openings"] += text.count('"open"')
                for words in driving_of_virtual(text):
                    self.say("doubled", f"board {path.parent.name}: {words}")

    def check_artifacts(self):
        rows = {r["sha256"]: r["bytes"] for r in self.db.execute("SELECT sha256, bytes FROM artifacts")}
        for entry in self.entries:
            if "upload" in entry:
                self.counts["uploads"] += 1
                if rows.get(entry["upload"]) != entry["bytes"]:
                    self.say("lost", f"artifact {entry['upload'][:12]} of {entry['bytes']} bytes was "
                                     f"acknowledged; the database has {rows.get(entry['upload'])}")
        for sha256 in rows:
            path = self.server / "artifacts" / sha256[:2] / sha256
            if not path.exists():
                self.say("lost", f"artifact {sha256[:12]} has a row and no file")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                self.say("wrong", f"artifact {sha256[:12]} has other bytes")

    def check_spools(self):
        for agent in self.agents:
            # What lies in spare/ was delivered: its file is there to be used again. Logs in slots: see below.
            for path in (p for p in (agent / "spool").rglob("*") if p.parent.name != "spare"):
                if path.is_file():
                    kind = "lost" if path.parent.name == "rejected" else "stuck"
                    self.say(kind, f"{path.relative_to(agent.parent)} lies in a spool")
            for slot, run in logs_in_slots(agent / "spool/spare/logs"):
                self.say("stuck", f"the log of run {run} lies in slot {slot} of {agent.name}")
