"""A server on the data of an older one, and server and agent of neighbouring versions."""

import hashlib
import json
import shutil
import sqlite3
import subprocess

import pytest
from conftest import ROOT, program, wait_for
from server_kit import job_document, make_server, record  # noqa: F401

NOW_MS = 1_760_000_000_000
IMAGE = b"an image"
DIGEST = hashlib.sha256(IMAGE).hexdigest()
AGENT = {"id": 1, "name": "bench", "host": "h", "version": "0.0.9", "instance": "x", "session": 1, "online": 0,
         "last_seen_at": NOW_MS}
BOARD = {"name": "b1", "agent": 1, "type": "mps3-an547", "tags": "[]", "mcu": "", "probe_serial": "", "ppk2_serial": "",
         "virtual": 1, "exec": 0, "online": 0, "state": "ready", "epoch": 1}
DEMAND = '{"board":{"type":"mps3-an547","tags":[],"name":null},"protocol":"uart-bench","phases":["warm"]}'
MIGRATIONS = sorted(ROOT.glob("db/[0-9]*.sql"))
NEWEST = len(MIGRATIONS)


def insert(db, table, **row):
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def old_data(folder, version):
    """A data folder as a server of that version left it: a queued job with a lost run, its image and log."""
    data = folder / "data"
    for path, content in ((f"artifacts/{DIGEST[:2]}/{DIGEST}", IMAGE), ("logs/1", record("a line"))):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_bytes(content)
    db = sqlite3.connect(data / "hilda.db")
    db.execute("PRAGMA journal_mode = WAL")
    for path in MIGRATIONS[:version]:
        db.executescript(path.read_text())
    insert(db, "meta", key="lineage", value="ab" * 16)
    insert(db, "artifacts", sha256=DIGEST, bytes=len(IMAGE), created_at=NOW_MS)
    insert(db, "agents", **AGENT)
    insert(db, "boards", **BOARD)
    insert(db, "demands", id=1, text=DEMAND, board_type="mps3-an547")
    insert(db, "jobs", id=1, name="old", state="queued", demand=1, image=DIGEST, priority=50, attempts=1,
           attempts_allowed=3, token="", created_at=NOW_MS, queue_deadline_at=2 * NOW_MS,
           document=json.dumps(job_document(DIGEST)))
    insert(db, "runs", id=1, job=1, attempt=1, board="b1", board_type="mps3-an547", agent=1, epoch=1, request="r",
           state="lost", outcome="", virtual=1, exec=0, log_bytes=len(record("a line")), created_at=NOW_MS,
           started_at=NOW_MS, finished_at=NOW_MS)
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.close()
    return data


def version_of(path):
    db = sqlite3.connect(path)
    try:
        return db.execute("PRAGMA user_version").fetchone()[0]
    finally:
        db.close()


def check(data):
    done = subprocess.run([program("hildad"), "check", data], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "0 problems" in done.stdout, done.stdout + done.stderr


def start_on(make_server, data, **settings):
    return make_server(folder=data.parent, **settings).start()


def has_all(server):
    job = server.api("/jobs/1")
    assert (job["name"], job["state"], job["attempts"]) == ("old", "queued", 1)
    assert server.get(f"/api/v1/artifacts/{DIGEST}").body == IMAGE
    assert b"a line" in server.get("/api/v1/runs/1/log").body


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_an_older_database_is_copied_then_migrated(make_server, tmp_path, version):  # noqa: F811
    data = old_data(tmp_path / "old", version)
    server = start_on(make_server, data)
    copy = data / f"backup-before-{NEWEST:03}"
    assert str(copy) in server.log.read_text(), "where it is must be said"
    assert version_of(copy / "hilda.db") == version
    has_all(server)
    check(copy)
    server.submit()
    assert server.stop() == 0
    assert version_of(data / "hilda.db") == NEWEST
    # Back, as operations.md has it: the copy takes the data folder's place.
    restored = tmp_path / "restored/data"
    restored.parent.mkdir()
    shutil.copytree(copy, restored)
    again = start_on(make_server, restored)
    has_all(again)
    assert len(again.api("/jobs")["items"]) == 1, "what came after the upgrade is not in it"


def test_version_9_knows_who_needs_which_artifact(make_server, tmp_path):  # noqa: F811
    data = old_data(tmp_path / "old", 8)
    db = sqlite3.connect(data / "hilda.db")
    insert(db, "jobs", id=2, name="files", state="failed", demand=1, image="ab" * 32, priority=50, attempts_allowed=1,
           token="", created_at=NOW_MS, queue_deadline_at=2 * NOW_MS, finished_at=NOW_MS, document=json.dumps(job_document(
               "ab" * 32, files=[{"name": n, "artifact": "sha256:" + h * 32} for n, h in (("a", "cd"), ("b", "ef"))])))
    insert(db, "suites", name="s", document=json.dumps({"image": "sha256:" + "12" * 32, "artifacts": {"x": "sha256:" + "34" * 32}}),
           cells=1, created_at=NOW_MS, updated_at=NOW_MS)
    db.execute("UPDATE runs SET capture_removed_at = 1")
    db.commit()
    db.close()
    server = start_on(make_server, data)
    db = sqlite3.connect(data / "hilda.db")
    assert db.execute("SELECT * FROM job_files ORDER BY sha256").fetchall() == [(2, "cd" * 32), (2, "ef" * 32)]
    assert db.execute("SELECT * FROM suite_artifacts ORDER BY sha256").fetchall() == [("s", "12" * 32), ("s", "34" * 32)]
    # Nobody noted when they were used: their time begins now. What a crash may have left of captures is looked for once.
    assert db.execute("SELECT used_at > ? FROM artifacts", (NOW_MS,)).fetchall() == [(1,)]
    wait_for(lambda: db.execute("SELECT count(*) FROM leftovers").fetchone() == (0,), 20)
    db.close()
    assert server.stop() == 0


def test_version_10_knows_which_runs_were_handed_back(make_server, tmp_path):  # noqa: F811
    data = old_data(tmp_path / "old", 9)
    db = sqlite3.connect(data / "hilda.db")
    # Of three starts that ended so two were handed back; the default of attempts stands in no document.
    for job, more, given in ((2, {"attempts": 1}, 1), (3, {}, 3)):
        insert(db, "jobs", id=job, name="tried", state="failed", demand=1, image=DIGEST, priority=50, attempts=4,
               attempts_allowed=given + 2, token="", created_at=NOW_MS, queue_deadline_at=2 * NOW_MS, finished_at=NOW_MS,
               document=json.dumps({k: v for k, v in job_document(DIGEST).items() if k != "attempts"} | more))
        for n, state in enumerate(("done", "lost", "done", "done")):
            insert(db, "runs", job=job, attempt=n + 1, board="b1", board_type="mps3-an547", agent=1, epoch=1, request="r",
                   state=state, outcome="infrastructure", virtual=1, exec=0, created_at=NOW_MS, started_at=NOW_MS,
                   finished_at=NOW_MS)
    db.commit()
    db.close()
    server = start_on(make_server, data)
    for job, given in ((2, 1), (3, 3)):
        assert server.api(f"/jobs/{job}")["attempts_allowed"] == given + 2
        again = server.call("POST", f"/api/v1/jobs/{job}/rerun").json["id"]
        assert server.api(f"/jobs/{again}")["attempts_allowed"] == given
    assert server.stop() == 0
    db = sqlite3.connect(data / "hilda.db")
    assert db.execute("SELECT job, count(*) FROM runs WHERE handed_back = 1 GROUP BY job").fetchall() == [(2, 2), (3, 2)]
    db.close()


def test_a_database_that_is_new_or_up_to_date_is_not_copied(make_server, tmp_path):  # noqa: F811
    server = make_server().start()
    assert server.stop() == 0
    server.start()
    assert not list(server.data.glob("backup-before-*"))


def test_an_unfinished_copy_is_made_anew_and_a_whole_one_stays(make_server, tmp_path):  # noqa: F811
    data = old_data(tmp_path / "old", NEWEST - 1)
    copy = data / f"backup-before-{NEWEST:03}"
    (copy / "artifacts").mkdir(parents=True)
    (copy / "hilda.db.unfinished").write_bytes(b"half")
    server = start_on(make_server, data)
    assert server.stop() == 0
    check(copy)
    assert not (copy / "hilda.db.unfinished").exists()
    before = (copy / "hilda.db").read_bytes()
    # The older server came back for a while.
    for name in ("hilda.db", "hilda.db-wal", "hilda.db-shm"):
        (data / name).unlink(missing_ok=True)
    shutil.copy(copy / "hilda.db", data / "hilda.db")
    assert server.start().stop() == 0
    assert (copy / "hilda.db").read_bytes() == before
    check(data / f"backup-before-{NEWEST:03}.2")


def test_a_copy_that_cannot_be_made_ends_the_start_and_changes_nothing(make_server, tmp_path):  # noqa: F811
    data = old_data(tmp_path / "old", NEWEST - 1)
    (data / f"artifacts/{DIGEST[:2]}/{DIGEST}").unlink()
    server = make_server(folder=data.parent)
    done = subprocess.run(server.command(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "is missing" in done.stderr and "upgrade-without-backup" in done.stderr
    assert version_of(data / "hilda.db") == NEWEST - 1
    assert not list(data.glob("backup-before-*"))
    server = start_on(make_server, data, upgrade_without_backup="yes")
    assert server.api("/jobs/1")["name"] == "old"
    assert not list(data.glob("backup-before-*"))


@pytest.mark.parametrize("header, words", [
    ("0", "install the same version of hilda-agent and hildad"), ("2", "install the same version of hilda-agent and hildad"),
    (None, "Hilda-Agent-Protocol"), ("1", None)])
def test_an_agent_of_another_protocol_is_told_what_to_do(make_server, header, words):  # noqa: F811
    """The one before and the one after; the versions of the programs themselves do not matter."""
    server = make_server().start()
    body = {"name": "a", "host": "h", "version": "0.0.9", "instance": "x", "boards": [], "runs": []}
    reply = server.call("POST", "/agent/v1/register", body, {"Hilda-Agent-Protocol": header} if header else {})
    if not words:
        assert reply.status == 200
        return
    assert reply.status == 426 or not header, reply.body
    assert words in reply.json["detail"], reply.body
