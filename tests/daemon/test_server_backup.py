"""`hildad backup` while the server is at work and while it is not, and what `hildad check` finds."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import threading

import pytest
from conftest import program
from server_kit import Agent, make_server, record, result_document  # noqa: F401
from test_server_captures import capture, send, started  # noqa: F401


def hildad(*words, code=0):
    done = subprocess.run([program("hildad"), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def one_job(server, agent, **more):
    job = server.submit(**more)
    offer = agent.offer()
    agent.start(offer)
    agent.log(offer, 0, record("a line"))
    agent.result(offer)
    return job


@pytest.fixture
def full(make_server, capture):  # noqa: F811
    """A running server that has artifacts, a log, results and a capture; and the run of the capture."""
    server = make_server().start()
    agent, offer = started(server)
    agent.log(offer, 0, record("a line"))
    send(agent, offer, capture.bytes)
    agent.result(offer)
    return server, agent, offer["run"]


def test_a_backup_under_load_is_whole_and_has_all_that_was_answered_before(full, make_server, tmp_path):
    server, agent, run = full
    jobs, stop = [one_job(server, agent)], threading.Event()

    def load():
        while not stop.is_set():
            jobs.append(one_job(server, agent))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        before = list(jobs)
        said = hildad("backup", tmp_path / "copy", "--data", server.data)
    finally:
        stop.set()
        thread.join()
    assert "1 captures" in said and "1 artifacts (1 linked)" in said
    assert "0 problems" in hildad("check", tmp_path / "copy")
    folder = tmp_path / "restored"
    folder.mkdir()
    shutil.move(tmp_path / "copy", folder / "data")
    assert sorted(os.listdir(folder / "data")) == ["artifacts", "captures", "hilda.db", "logs"]
    second = make_server(folder=folder).start()
    for job in before:
        assert second.api(f"/jobs/{job}")["state"] == "succeeded"
    assert second.api(f"/runs/{run}/trace") == server.api(f"/runs/{run}/trace")
    assert second.get(f"/api/v1/runs/{run}/log").body == server.get(f"/api/v1/runs/{run}/log").body
    digest = hashlib.sha256(b"an image").hexdigest()
    assert second.get(f"/api/v1/artifacts/{digest}").body == b"an image"
    lineage = [sqlite3.connect(s.data / "hilda.db").execute("SELECT value FROM meta WHERE key = 'lineage'").fetchone()
               for s in (server, second)]
    assert lineage[0] and lineage[1] and lineage[0] != lineage[1], "a restore has a lineage of its own"
    assert "0 problems" in hildad("check", "--data", server.data), "of a server at work too"


def test_a_backup_without_a_server_leaves_out_what_was_not_finished(full, tmp_path):
    server, _, _ = full
    reply = server.call("POST", "/api/v1/artifacts", {"sha256": "ab" * 32, "bytes": 5})
    assert reply.status == 201
    assert server.stop() == 0
    hildad("backup", tmp_path / "copy", "--data", server.data)
    db = sqlite3.connect(tmp_path / "copy/hilda.db")
    assert db.execute("SELECT count(*) FROM uploads").fetchone() == (0,)
    db.close()
    assert "0 problems" in hildad("check", tmp_path / "copy")
    server.start()
    assert server.get(reply.headers["Location"]).status == 200, "the folder itself is as it was"


def test_what_a_backup_refuses(full, tmp_path):
    server, _, _ = full
    (tmp_path / "used").mkdir()
    (tmp_path / "used/x").write_text("")
    assert "not empty" in hildad("backup", tmp_path / "used", "--data", server.data, code=1)
    assert "no database" in hildad("backup", tmp_path / "copy", "--data", tmp_path, code=1)
    assert not (tmp_path / "copy").exists()
    assert "needs the folder" in hildad("backup", "--data", server.data, code=2)
    next((server.data / "artifacts").glob("*/*")).unlink()
    assert "is missing" in hildad("backup", tmp_path / "copy", "--data", server.data, code=1)
    assert not (tmp_path / "copy/hilda.db").exists(), "what is not whole does not look like a backup"
    assert "no database" in hildad("check", tmp_path / "copy", code=1)


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0xff
    path.write_bytes(data)


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("damage, says", [
    (lambda d, run: flip(next((d / "artifacts").glob("*/*")), 2), "has the hash"),
    (lambda d, run: cut(next((d / "artifacts").glob("*/*"))), "has 7 bytes instead of 8"),
    (lambda d, run: next((d / "artifacts").glob("*/*")).unlink(), "artifact"),
    (lambda d, run: (d / f"logs/{run}").unlink(), "log of run"),
    (lambda d, run: cut(d / f"logs/{run}"), "were committed"),
    (lambda d, run: cut(d / f"captures/{run}"), "were committed"),
    (lambda d, run: flip(d / f"captures/{run}", 100_000), "is damaged behind byte"),
    (lambda d, run: flip(d / "hilda.db", 4096), "database"),
], ids=["artifact flipped", "artifact cut", "artifact gone", "log gone", "log cut", "capture cut", "capture flipped",
        "page flipped"])
def test_a_check_finds_damage_and_names_it(full, damage, says):
    server, _, run = full
    assert server.stop() == 0
    assert "0 problems" in hildad("check", server.data)
    damage(server.data, run)
    said = hildad("check", server.data, code=1)
    assert says in said, said


def test_a_capture_that_retention_takes_meanwhile_is_gone_in_the_backup_too(full, tmp_path):
    """As it is seen by a backup: the row says that it is there, the file is not."""
    server, _, run = full
    assert server.stop() == 0
    (server.data / f"captures/{run}").unlink()
    assert "1 captures were removed meanwhile" in hildad("backup", tmp_path / "copy", "--data", server.data)
    assert "0 captures: 0 problems" in hildad("check", tmp_path / "copy")
