"""The systemd units, and what the programs tell a service manager."""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess

import pytest
from agent_process import LINES, Agent, script
from conftest import ROOT, need, program, wait_for
from notify_kit import Manager
from server_kit import make_server  # noqa: F401

UNITS = {"hildad.service": "hildad", "hilda-agent.service": "hilda-agent"}
PACKAGING = ROOT / "packaging"
DROP_INS = {"virtual-boards.conf": "hilda-agent.service", "exec-user.conf": "hilda-agent.service",
            "open-network.conf": "hildad.service"}
EXPOSURE = 20  # tenths
# More than a sender's socket takes; the receiver's is made small.
MORE_THAN_SOCKETS_HOLD = 2 * int(pathlib.Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])


def analyze(*words):
    return subprocess.run(["systemd-analyze", "--no-pager", *map(str, words)], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60)


@pytest.fixture
def installed(tmp_path):
    """installed(unit): the unit as it would be installed where these programs are."""
    need("systemd-analyze")

    def put(unit, *drop_ins):
        text = (PACKAGING / unit).read_text()
        name = UNITS[unit]
        assert f"/usr/bin/{name}" in text
        path = tmp_path / unit
        path.write_text(text.replace(f"/usr/bin/{name}", str(program(name))))
        for drop_in in drop_ins:
            folder = tmp_path / f"{unit}.d"
            folder.mkdir()
            (folder / drop_in).write_text((PACKAGING / "drop-ins" / drop_in).read_text())
        return path

    return put


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_understood(installed, unit):
    """Users and pages of the manual are there once the package is installed."""
    done = analyze("verify", "--man=no", installed(unit))
    complaints = [line for line in done.stderr.splitlines() if unit in line]
    assert done.returncode == 0 and not complaints, done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_hardened(installed, unit):
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", installed(unit))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert re.search(r"Overall exposure level for .*: [01]\.\d ", done.stdout), done.stdout[-500:]


def test_a_threshold_means_something(installed):
    """A unit without any of it is not let through by the same call."""
    path = installed("hildad.service")
    path.write_text("[Service]\nExecStart=/bin/true\n")
    assert analyze("security", "--offline=true", f"--threshold={EXPOSURE}", path).returncode != 0


@pytest.mark.parametrize("drop_in, unit", DROP_INS.items())
def test_drop_ins_are_understood(installed, drop_in, unit):
    done = analyze("verify", "--man=no", installed(unit, drop_in))
    assert done.returncode == 0 and drop_in not in done.stderr, done.stderr
    assert set(DROP_INS) == {p.name for p in (PACKAGING / "drop-ins").iterdir()}


def test_devices_of_the_agent_are_ports_and_probes_only():
    allowed = re.findall(r"(?m)^DeviceAllow=(\S+) rw$", (PACKAGING / "hilda-agent.service").read_text())
    assert set(allowed) == {"char-usb_device", "char-hidraw", "char-ttyACM", "char-ttyUSB", "char-ttyAMA"}
    assert "PrivateDevices=yes" in (PACKAGING / "hildad.service").read_text()


# ---- sd_notify ----

class Watched:
    """hildad or hilda-agent below a manager."""

    def __init__(self, command, manager, log):
        self.manager = manager
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=manager.environment())

    def thread(self, name):
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == name:
                return int(task.name)
        raise AssertionError(f"no thread is called {name}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


class Held:
    """One thread stands still while the others go on, as it would behind a lock that nobody gives back."""

    def __init__(self, tid):
        self.tid = tid

    def trace(self, what):
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        if libc.ptrace(what, self.tid, None, None):
            error = ctypes.get_errno()
            if what == PTRACE_SEIZE:
                pytest.skip(f"a thread cannot be held here: ptrace: {os.strerror(error)}")
            raise OSError(error, f"ptrace {what:#x}")

    def __enter__(self):
        self.trace(PTRACE_SEIZE)
        self.trace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, WALL)
        return self

    def __exit__(self, *error):
        self.trace(PTRACE_DETACH)


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path, watchdog_ms=400)
    yield made
    made.close()


@pytest.fixture
def watched_server(make_server, manager, tmp_path):  # noqa: F811
    server = make_server()
    own = Watched(server.command(), manager, server.log)
    own.server = server
    yield own
    own.end()


@pytest.fixture
def watched_agent(manager, tmp_path):
    agent = Agent(tmp_path / "agent", "http://127.0.0.1:1")
    own = Watched([program("hilda-agent"), "run", "--config", agent.config], manager, tmp_path / "agent.log")
    yield own
    own.end()


def ready(own):
    said = own.manager.until("READY")
    assert said["READY"] == "1" and said["STATUS"]
    return said["STATUS"]


def test_the_server_says_when_it_answers_that_it_lives_and_that_it_ends(watched_server):
    status = ready(watched_server)
    port = int((watched_server.server.folder / "port").read_text())
    assert f"port {port}" in status
    for _ in range(3):
        assert watched_server.manager.until("WATCHDOG") == {"WATCHDOG": "1"}
    assert watched_server.stop() == 0
    assert watched_server.manager.until("STOPPING")["STOPPING"] == "1"


def test_the_agent_says_when_it_is_at_work_that_it_lives_and_that_it_ends(watched_agent):
    """Without a server, too: its boards are tended all the same."""
    assert "1 boards" in ready(watched_agent)
    for _ in range(3):
        assert watched_agent.manager.until("WATCHDOG") == {"WATCHDOG": "1"}
    watched_agent.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC" in watched_agent.manager.until("RELOADING")
    watched_agent.manager.until("READY")
    assert watched_agent.stop() == 0
    assert watched_agent.manager.until("STOPPING")["STOPPING"] == "1"


@pytest.mark.parametrize("which, thread", [("watched_server", "writer"), ("watched_agent", "keeper")])
def test_a_thread_that_hangs_gives_no_sign_of_life(request, which, thread):
    own = request.getfixturevalue(which)
    ready(own)
    own.manager.until("WATCHDOG")
    with Held(own.thread(thread)):
        # One that the thread had answered for already may be under way still.
        assert own.manager.silent(2.0) or own.manager.silent(2.0)
    own.manager.until("WATCHDOG")
    assert own.stop() == 0


def test_a_database_that_does_not_commit_is_said_and_is_no_reason_to_be_killed(watched_server):
    ready(watched_server)
    watched_server.manager.until("WATCHDOG")
    db = sqlite3.connect(watched_server.server.data / "hilda.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    status = watched_server.manager.until("STATUS")["STATUS"]
    assert "does not commit" in status and "locked" in status
    watched_server.manager.until("WATCHDOG")
    db.execute("ROLLBACK")
    db.close()
    assert "serving" in watched_server.manager.until("STATUS")["STATUS"]
    assert watched_server.stop() == 0


@pytest.mark.parametrize("name", UNITS.values())
def test_a_socket_that_is_none_is_named(name, tmp_path):
    config = tmp_path / "x.ini"
    config.write_text(f"[server]\ndata = {tmp_path}/d\nlisten = 127.0.0.1:0\n" if name == "hildad" else
                      f"[agent]\ndata = {tmp_path}/d\nrun = {tmp_path}/l\n")
    done = subprocess.run([program(name), "--config", config], env={**os.environ, "NOTIFY_SOCKET": "/nonexistent"},
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "/nonexistent" in done.stderr
    assert not (tmp_path / "d").exists()


# ---- the end ----

@contextlib.contextmanager
def asked_for(server, data, more=""):
    """A client that has asked for an artifact and read the beginning of it: the rest stays with the server."""
    digest = server.put_blob(data)
    with server.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        s.sendall(f"GET /api/v1/artifacts/{digest} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        yield s, bytearray(s.recv(1000))


def test_a_server_that_ends_sends_what_was_asked_and_refuses_what_is_new(make_server):  # noqa: F811
    server = make_server().start()
    data = os.urandom(MORE_THAN_SOCKETS_HOLD)
    with asked_for(server, data, "Connection: close\r\n") as (old, got):
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "hildad ends" in server.log.read_text())
        refused = wait_for(lambda: (lambda r: r if r.status == 503 else None)(server.get("/healthz")))
        assert refused.headers["Retry-After"] and "stopping" in refused.json["detail"]
        assert server.process.poll() is None
        while piece := old.recv(1 << 20):
            got += piece
    assert got.endswith(data)
    assert server.process.wait(20) == 0


def test_a_second_signal_ends_the_server_at_once(make_server):  # noqa: F811
    server = make_server().start()
    jobs = [server.submit() for _ in range(3)]
    with asked_for(server, os.urandom(MORE_THAN_SOCKETS_HOLD)):
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "hildad ends" in server.log.read_text())
        wait_for(lambda: server.get("/healthz").status == 503)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == -signal.SIGTERM
    server.start()
    assert [j["id"] for j in server.api("/jobs")["items"]] == jobs[::-1]


def slow(folder):
    return script(f"touch {folder}/begun; sleep 600")


def test_a_run_that_an_agent_hands_back_is_not_charged(make_server, tmp_path):  # noqa: F811
    """One attempt is allowed; the agent is stopped in the middle of it; the next one gets it again."""
    server = make_server().start()
    agent = Agent(tmp_path / "agent", f"http://127.0.0.1:{server.port}", agent_lines="stop-grace = 100 ms").start()
    try:
        digest = server.put_blob(slow(tmp_path))
        job = server.submit({"name": "slow", "board": {"type": "host"}, "image": "sha256:" + digest, "attempts": 1,
                             **LINES})
        wait_for((tmp_path / "begun").exists)
        assert agent.stop() == 0
        waiting = server.wait_job(job, "queued")
        assert waiting["attempts"] == 1 and waiting["attempts_allowed"] == 2
        assert "stopped" in server.api(f"/jobs/{job}/runs")["items"][0]["detail"]
        (tmp_path / "begun").unlink()
        agent.start()
        wait_for((tmp_path / "begun").exists)
        assert server.api(f"/jobs/{job}")["attempts"] == 2
        # A second signal: no grace any more.
        agent.write(["host-1"])
        agent.process.send_signal(signal.SIGTERM)
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 0
    finally:
        agent.stop()
