"""What strangers write: job documents for Tcl, consoles for terminals; and a disk without room."""

import os
import pathlib
import random
import resource
import unicodedata

import pytest

from agent_process import LINES, Agent, minimal_elf, script
from conftest import sanitized, wait_for
from fake_agent_server import FakeServer, log_records
from server_kit import Server

TCL = ["[exec touch owned]", "$::env(PATH)", '"; exec touch owned; "', "}; exec touch owned; {",
       "a\nexec touch owned\n", "\\[exec touch owned\\]", "-c exec"]
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
FIELDS = ["name", "label", "tag", "file", "metric", "unit", "regex", "end", "fail", "expect"]


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.close()


def document(field, text, artifact):
    lines = {"patterns": [{"metric": "latency_us", "unit": "us", "regex": "x: ([0-9]+)"}]}
    doc = {"protocol": "lines", "lines": lines}
    if field in ("metric", "unit", "regex"):
        lines["patterns"][0][field] = text if field != "regex" else f"({text.replace('(', '[(]').replace(')', '[)]')})"
    elif field in ("end", "fail"):
        lines[field] = text
    elif field == "name":
        doc["name"] = text
    elif field == "label":
        doc["labels"] = {"model": text}
    elif field == "tag":
        doc["tags"] = [text]
    elif field == "file":
        doc["files"] = [{"name": text, "artifact": f"sha256:{artifact}"}]
    elif field == "expect":
        doc["expect"] = {"mcu": text}
    return doc


def test_no_field_of_a_job_reaches_openocd(server, tmp_path):
    """The real OpenOCD behind a recorder: the arguments are the same whatever a job says."""
    calls = tmp_path / "calls"
    calls.mkdir()
    tools = tmp_path / "tools"
    tools.mkdir()
    recorder = tools / "openocd"
    recorder.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >{calls}/argv.$$\n"
                        f"env -0 >{calls}/env.$$\n"
                        "PATH=${PATH#*:}\nexec openocd \"$@\"\n")
    recorder.chmod(0o755)
    config = tmp_path / "board.cfg"
    config.write_text("adapter driver dummy\ntransport select jtag\n")
    master, slave = os.openpty()
    agent = Agent(tmp_path / "agent", server.url, boards=[],
                  extra=f"[board a]\ntype = nucleo\nopenocd = {config}\nconsole = {os.ttyname(slave)}\n")
    agent.start(PATH=f"{tools}:{os.environ['PATH']}")
    try:
        image, other = server.add_artifact(minimal_elf()), server.add_artifact(b"words")
        runs = [server.submit("a", image, **LINES)]
        for field in FIELDS:
            for text in TCL:
                doc = document(field, text, other)
                board = {"name": "a", "tags": doc.pop("tags", [])}
                with server.lock:
                    run = server.submit("a", image, **doc)
                    server.runs[run]["document"]["board"] = board
                runs.append(run)
        server.wait(lambda s: all(s.runs[r]["result"] for r in runs), 120)
        outcomes = {server.runs[r]["result"]["outcome"] for r in runs}
        assert outcomes <= {"infrastructure", "configuration"}, outcomes
        seen = {p.read_bytes() for p in calls.glob("argv.*")}
        assert len(seen) == 1 and b"owned" not in seen.pop()
        assert len(list(calls.glob("argv.*"))) > len(runs) // 2, "too few runs came to OpenOCD"
        for path in calls.glob("env.*"):
            assert b"owned" not in path.read_bytes()
        for folder in (tmp_path, pathlib.Path.cwd()):
            assert not [p for p in folder.rglob("owned") if p.is_file()]
    finally:
        agent.stop()
        os.close(master)
        os.close(slave)


def peak_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def test_a_hostile_console(tmp_path):
    """Each byte value, 10 MB of them, escape sequences: raw on disk, harmless where it is read."""
    said = tmp_path / "said"
    noise = random.Random(1).randbytes(10_000_000)
    said.write_bytes(bytes(range(256)) + b"\n" + noise + b"\n\x1b]0;owned\x07\x1b[2J\xe2\x80\xae\xff ERROR \x1b[31m\n")
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder, heartbeat="300 ms", acquire="2s")
    server.start()
    agent = Agent(tmp_path / "agent", f"http://127.0.0.1:{server.port}").start()
    try:
        image = server.put_blob(script(f"cat {said}\nsleep 60"))
        before = peak_kb(agent.process.pid)
        job = server.submit({"name": "noise", "board": {"type": "host"}, "image": f"sha256:{image}", **LINES,
                             "lines": {**LINES["lines"], "fail": "owned.* ERROR"}})
        done = server.wait_job(job, "failed", "succeeded", "lost", seconds=60)
        assert done["outcome"] == "failed" and "ERROR" in done["detail"], done
        assert all(c.isprintable() for c in done["detail"]), done["detail"]
        if not sanitized("hilda-agent"):
            assert peak_kb(agent.process.pid) - before < 16 * 1024
        wait_for(lambda: not agent.spool(), 30)
        raw = server.call("GET", f"/api/v1/jobs/{job}/log",
                          headers={"Accept": "application/octet-stream"}).body
        console = b"".join(piece for stream, piece in log_records(raw) if stream == 0)
        assert console == said.read_bytes()
        text = server.call("GET", f"/api/v1/jobs/{job}/log").body.decode()
        assert "\\x1b" in text or "\\x1B" in text
        bad = {c for c in set(text) if unicodedata.category(c) == "Cc" and c not in "\n\t" or c in BIDI}
        assert not bad, bad
    finally:
        agent.stop()
        server.stop()


def test_a_result_waits_for_room_on_the_disk(server, tmp_path):
    go, begun = tmp_path / "go", tmp_path / "begun"
    image = script(f"touch {begun}\nwhile ! [ -e {go} ]; do sleep 0.02; done\necho 'latency: 1.5 us'")
    run = server.submit("host-1", server.add_artifact(image), **LINES)
    agent = Agent(tmp_path / "agent", server.url).start()
    try:
        wait_for(begun.exists)
        pid = agent.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        go.touch()
        beats = len(server.heartbeats)
        server.wait(lambda s: len(s.heartbeats) > beats + 5)
        assert agent.process.poll() is None, "the agent died of a full disk"
        assert server.runs[run]["result"] is None
        assert [r["run"] for r in server.heartbeats[-1]["runs"]] == [run], "the run is given up"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        assert server.wait_result(run)["outcome"] == "passed"
        agent.wait_spool_empty()
    finally:
        agent.stop()
