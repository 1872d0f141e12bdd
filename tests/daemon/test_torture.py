"""Two hundred kills of server, agents and programs under load; and that the checker of histories can
fail: each damage to a history that was right must be seen."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path[:0] = [str(ROOT / "tests" / "scenario"), str(ROOT / "tests")]
from history import SLOT_BYTES, SLOT_HEAD, History, console_of, driving_of, driving_of_virtual  # noqa: E402
from torture import Torture  # noqa: E402

KILLS = 200


def test_nothing_is_lost_doubled_or_stuck_by_kills(build, tmp_path):
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 10 ** 6))
    lines = []
    torture = Torture(build, tmp_path, seed, KILLS, virtual=False)
    violations = torture.run(lines.append)
    assert violations == [], f"SEED={seed}\n" + "\n".join(lines)
    assert sum(torture.kills.values()) >= KILLS
    assert len(torture.visited) >= 8, lines
    print("\n".join(lines), f"pace {torture.pace:.1f}", sep="\n")


@pytest.mark.parametrize("program", ["hildad", "hilda-agent"])
def test_a_failpoint_that_cannot_be_read_is_refused(bin, program):
    done = subprocess.run([bin(program), "--version"], env={**os.environ, "HILDA_FAILPOINTS": "here=explode"},
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "here=explode" in done.stderr


# ---- the checker


PIECE = b"key one\ndone\n"


class Made:
    """The smallest history that is right: one job, two runs (the first was lost), one board."""

    def __init__(self, folder):
        self.server, self.agent, self.journal = folder / "server", folder / "agent", folder / "journal"
        for sub in ("logs", "artifacts"):
            (self.server / sub).mkdir(parents=True)
        for sub in ("driven", "sent", "spool/rejected", "spool/spare", "virtual/v"):
            (self.agent / sub).mkdir(parents=True)
        data = b"plan"
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.blob = self.server / "artifacts" / self.sha256[:2] / self.sha256
        self.blob.parent.mkdir()
        self.blob.write_bytes(data)
        self.log = self.server / "logs" / "2"
        self.log.write_bytes(struct.pack("<QIB3x", 5, len(PIECE), 0) + PIECE)
        (self.agent / "sent" / "2").write_bytes(PIECE)
        self.driven = self.agent / "driven" / "b.log"
        self.driven.write_text("start 1 10 1\nstart 2 11 2\nend 2 11 3\n")
        self.probe = self.agent / "virtual" / "v" / "driving.log"
        self.note({"intent": "one", "value": 7}, {"upload": self.sha256, "bytes": 4}, {"ack": "one", "id": 1})
        self.sql("".join(p.read_text() for p in sorted((ROOT / "db").glob("*.sql"))) + f"""
            INSERT INTO agents VALUES (1, 'a', 'h', '1', 'i', 1, 0, 1, NULL);
            INSERT INTO boards (name, agent, type, tags, mcu, probe_serial, ppk2_serial, virtual, exec, online, state,
                epoch) VALUES ('b', 1, 't', '[]', '', '', '', 0, 1, 0, 'ready', 2);
            INSERT INTO demands VALUES (1, '', 't', NULL);
            INSERT INTO jobs (id, name, state, outcome, demand, image, priority, attempts, attempts_allowed, token,
                idempotency_key, created_at, queue_deadline_at, finished_at, document)
                VALUES (1, 'n', 'succeeded', 'passed', 1, 'x', 0, 2, 2, '', 'one', 1, 9, 8, '');
            INSERT INTO runs (id, job, attempt, board, board_type, agent, epoch, request, state, outcome, virtual, exec,
                created_at, started_at, finished_at) VALUES (1, 1, 1, 'b', 't', 1, 1, 'r', 'lost', 'infrastructure',
                0, 1, 1, 2, 3);
            INSERT INTO runs (id, job, attempt, board, board_type, agent, epoch, request, state, outcome, virtual, exec,
                log_bytes, result_id, adopted, created_at, started_at, finished_at) VALUES (2, 1, 2, 'b', 't', 1, 2,
                'q', 'done', 'passed', 0, 1, {self.log.stat().st_size}, 'z', 1, 4, 5, 8);
            INSERT INTO metrics (run, phase, metric, boot, unit, n, max)
                VALUES (2, 'lines', 'latency_us', -1, 'us', 1, 7);
            INSERT INTO artifacts VALUES ('{self.sha256}', 4, 1, 1);""")

    def sql(self, text):
        db = sqlite3.connect(self.server / "hilda.db")
        db.executescript(text)
        db.close()

    def note(self, *entries):
        with open(self.journal, "a") as out:
            out.writelines(json.dumps(e) + "\n" for e in entries)

    def check(self):
        return History(self.server, [self.agent], self.journal).check()


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path)


def test_a_history_that_is_right_has_no_violations(made):
    made.note({"canceled": 1}) or made.sql("UPDATE jobs SET cancel_reason = 'too late'")
    assert made.check() == []


DAMAGE = {
    "a submission's row is gone": ("lost", lambda m: m.sql(
        "DELETE FROM metrics; DELETE FROM runs; DELETE FROM jobs;")),
    "it has another id": ("lost", lambda m: m.note({"ack": "one", "id": 2})),
    "a job that nobody submitted": ("wrong", lambda m: m.sql("UPDATE jobs SET idempotency_key = 'other'")),
    "the cancel is forgotten": ("lost", lambda m: m.note({"canceled": 1})),
    "the job waits": ("stuck", lambda m: m.sql("UPDATE jobs SET state = 'queued', finished_at = NULL")),
    "the job has no end": ("stuck", lambda m: m.sql("UPDATE jobs SET finished_at = NULL")),
    "the run is offered": ("stuck", lambda m: m.sql("UPDATE runs SET state = 'offered' WHERE id = 2")),
    "the board is busy": ("stuck", lambda m: m.sql("UPDATE boards SET state = 'busy'")),
    "too many attempts": ("wrong", lambda m: m.sql("UPDATE jobs SET attempts_allowed = 1")),
    "an attempt is not counted": ("wrong", lambda m: m.sql("UPDATE jobs SET attempts = 1")),
    "two results are adopted": ("doubled", lambda m: m.sql(
        "UPDATE runs SET state = 'late', outcome = 'passed', adopted = 1 WHERE id = 1")),
    "the job has no result": ("wrong", lambda m: m.sql("UPDATE runs SET adopted = 0")),
    "it was run again": ("doubled", lambda m: m.sql(
        "UPDATE runs SET id = 3, created_at = 9, started_at = 9, finished_at = 10 WHERE id = 1")),
    "a byte of the log": ("wrong", lambda m: m.log.write_bytes(m.log.read_bytes().replace(b"done", b"gone"))),
    "the log's end": ("lost", lambda m: m.log.write_bytes(m.log.read_bytes()[:-3])),
    "the log is no log": ("wrong", lambda m: m.log.write_bytes(b"\xff" * m.log.stat().st_size)),
    "the log is another job's": ("wrong", lambda m: m.sql("UPDATE jobs SET idempotency_key = 'on'")
                                 or m.note({"intent": "on", "value": 7})),
    "the log lacks what was said": ("lost", lambda m: (m.agent / "sent" / "2").write_bytes(PIECE + b"more\n")),
    "the value": ("wrong", lambda m: m.sql("UPDATE metrics SET max = 8")),
    "the metrics": ("lost", lambda m: m.sql("DELETE FROM metrics")),
    "an artifact's row": ("lost", lambda m: m.sql("DELETE FROM artifacts")),
    "an artifact's file": ("lost", lambda m: shutil.rmtree(m.blob.parent)),
    "an artifact's byte": ("wrong", lambda m: m.blob.write_bytes(b"plaN")),
    "the board was held": ("doubled", lambda m: m.driven.write_text("start 1 10 1\noverlap 2 11 2\n")),
    "a run was started twice": ("doubled", lambda m: m.driven.write_text("start 1 10 1\nagain 1 11 2\n")),
    "intervals cross": ("doubled", lambda m: m.driven.write_text("start 1 10 1\nstart 2 11 2\nend 1 10 3\n")),
    "two openings of a probe": ("doubled", lambda m: m.probe.write_text("".join(json.dumps(
        {"event": "open", "session": s, "pid": 9 + s}) + "\n" for s in (1, 2)))),
    "a result in the spool": ("stuck", lambda m: (m.agent / "spool" / "l-2-2.json").write_text("{}")),
    "a log in a slot": ("stuck", lambda m: (m.agent / "spool/spare/logs").write_bytes(
        bytes(SLOT_BYTES) + SLOT_HEAD.pack(b"l", 2, 2, 5).ljust(SLOT_BYTES, b"\0"))),
    "a refused result": ("lost", lambda m: (m.agent / "spool/rejected" / "l-2-2.json").write_text("{}")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_each_damage_is_seen(made, damage):
    kind, do = DAMAGE[damage]
    do(made)
    assert kind in [k for k, _ in made.check()]


def test_driving_of_a_life_that_was_cut_off():
    assert driving_of("start 1 10 1\nstart 2 11 2\nend 2 11 3\n") == []
    assert driving_of_virtual('{"event":"open","session":3,"pid":7}\n{"event":"op\n'
                              '{"event":"open","session":1,"pid":8}\n') == []


def test_the_console_of_a_log():
    record = struct.Struct("<QIB3x")
    log = record.pack(1, 2, 0) + b"ab" + record.pack(2, 3, 2) + b"xyz" + record.pack(3, 2, 0) + b"cd"
    assert console_of(log) == b"abcd" and console_of(log[:-1]) == b"abc"
    assert console_of(record.pack(1, 5000, 0)) is None
