"""A reserved board's console and debugger, through a real server, agent and command line, on a virtual board."""

import hashlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest
from agent_process import Agent, alive
from conftest import need, program, wait_for
from server_kit import Server
from steps_lab import firmware, phases
from test_server_tokens import bearer, token

MACHINE = "mps2-an386"
MONITOR = re.compile(r"hilda: this monitor command is not passed on")


class Lab:
    def __init__(self, folder, tunnel_idle="1500 ms"):
        self.folder = folder
        self.server = Server(folder, auth="tokens", tunnel_idle=tunnel_idle, heartbeat="200 ms", acquire="2s",
                             lease="20s", grace="1s").start()
        self.words = {name: token(self.server, name, scopes) for name, scopes in
                      (("ada", "read,submit"), ("bob", "read,submit"), ("boss", "admin"))}
        (folder / "agent.token").write_text(token(self.server, "bench", "agent,read"))
        self.agent = Agent(folder / "agent", f"http://127.0.0.1:{self.server.port}", boards=(),
                           agent_lines=f"token-file = {folder / 'agent.token'}\nstop-grace = 100 ms",
                           extra=f"[board v1]\nvirtual = {MACHINE}\n").start()
        wait_for(lambda: self.board() and self.board()["online"], 60, message="the virtual board does not come up")
        # The firmware is on the board from here on.
        job = self.call("POST", "/jobs", {"name": "prepare", "board": {"name": "v1"}, "protocol": "uart-bench",
                                          "image": "sha256:" + self.upload(firmware(MACHINE)), **phases(memory=True)}).json["id"]
        wait_for(lambda: self.get(f"/jobs/{job}")["state"] not in ("queued", "active"), 60)
        assert self.get(f"/jobs/{job}")["state"] == "succeeded", self.get(f"/jobs/{job}")
        self.programs = []

    def call(self, method, path, body=None, who="ada", expect=None):
        reply = self.server.call(method, "/api/v1" + path, body, bearer(self.words[who]))
        assert expect is None or reply.status == expect, reply.body
        return reply

    def get(self, path):
        return self.call("GET", path, expect=200).json

    def upload(self, data):
        digest = hashlib.sha256(data).hexdigest()
        self.call("PUT", f"/artifacts/{digest}", data)
        return digest

    def board(self):
        return next((b for b in self.get("/boards")["items"] if b["name"] == "v1"), None)

    def reserve(self, who="ada", term="1h"):
        self.call("PATCH", "/boards/v1", {"action": "reserve", "reason": "a test", "for": term}, who, 200)
        wait_for(lambda: self.board()["state"] == "reserved" and self.board()["online"], 20)

    def release(self, who="ada"):
        return self.call("PATCH", "/boards/v1", {"action": "release"}, who, 200)

    def control(self, command):
        ready = self.agent.data / "virtual/v1/ready.json"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(json.loads(ready.read_text())["control"])
            s.sendall(command.encode() + b"\n")
            return s.makefile().readline()

    def hilda(self, *words, who="ada", **how):
        how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        self.programs.append(subprocess.Popen(
            [program("hilda"), *words], **how,
            env={**os.environ, "HILDA_SERVER": f"http://127.0.0.1:{self.server.port}", "HILDA_TOKEN": self.words[who]}))
        return self.programs[-1]

    def console(self):
        """Open, and heard by the board."""
        one = self.hilda("console", "v1")
        one.stdin.write(b"name%")
        one.stdin.flush()
        until(one.stdout, b"m-name-dut-[hilda]")
        return one

    def gdb(self, *words):
        """The port of a `hilda gdb` that listens."""
        one = self.hilda("gdb", "v1", *words)
        return one, int(re.search(rb":(\d+)'", one.stdout.readline()).group(1))

    def driven(self):
        """Who drives the probe now; None: nobody."""
        last = None
        for line in (self.agent.data / "virtual/v1/driving.log").read_text().splitlines():
            event = json.loads(line)
            last = event if "open" in str(event.get("event", "")) else None
        return last

    def clear(self):
        for one in self.programs:
            if one.poll() is None:
                one.kill()
            one.wait()
            for stream in (one.stdin, one.stdout, one.stderr):
                if stream:
                    stream.close()
        self.programs.clear()
        if self.board()["hold"]:
            self.release("boss")

    def rest(self):
        """Nothing is held any more: the next job runs."""
        self.release("boss")
        wait_for(lambda: self.board()["state"] == "ready" and self.board()["online"], 30)
        self.clear()
        job = self.call("POST", "/jobs", {"name": "after", "board": {"name": "v1"}, "protocol": "uart-bench",
                                          "image": "sha256:" + self.upload(firmware(MACHINE)), **phases(memory=True)}).json["id"]
        wait_for(lambda: self.get(f"/jobs/{job}")["state"] not in ("queued", "active"), 60)
        assert self.get(f"/jobs/{job}")["state"] == "succeeded", self.get(f"/jobs/{job}")

    def close(self):
        for one in self.programs:
            one.kill()
            one.wait()
        self.agent.stop()
        self.server.stop()


def until(stream, wanted, seconds=20):
    """What came up to and with `wanted`."""
    found, deadline = b"", time.monotonic() + seconds
    while wanted not in found:
        assert select.select([stream], [], [], max(0, deadline - time.monotonic()))[0], (wanted, found)
        piece = os.read(stream if isinstance(stream, int) else stream.fileno(), 65536)
        assert piece, (wanted, found)
        found += piece
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    one = Lab(tmp_path_factory.mktemp("tunnel"))
    yield one
    one.close()


@pytest.fixture
def lab(whole):
    whole.clear()
    yield whole
    whole.clear()


class Rsp:
    """gdb's remote protocol, with acknowledgements."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.rest = b""

    def read(self, n):
        while len(self.rest) < n:
            piece = self.socket.recv(65536)
            assert piece, "the tunnel has ended"
            self.rest += piece
        found, self.rest = self.rest[:n], self.rest[n:]
        return found

    def packet(self):
        while self.read(1) != b"$":
            pass
        body = b""
        while (byte := self.read(1)) != b"#":
            body += byte
        assert int(self.read(2), 16) == sum(body) % 256
        self.socket.sendall(b"+")
        return body

    def send(self, body):
        self.socket.sendall(b"$" + body + b"#%02x" % (sum(body) % 256))

    def ask(self, body):
        self.send(body)
        return self.packet()

    def monitor(self, text):
        """What OpenOCD printed, and its verdict."""
        self.send(b"qRcmd," + text.encode().hex().encode())
        said = b""
        while True:
            body = self.packet()
            if body[:1] == b"O" and body != b"OK":
                said += bytes.fromhex(body[1:].decode())
            else:
                return said.decode(errors="replace"), body


def test_the_console_shows_the_boot_banner_and_takes_commands(lab):
    lab.reserve()
    one = lab.console()
    assert lab.control("reset").startswith("ok")
    boot = until(one.stdout, b"m-ready")
    assert b"m-timestamp-mode-performance" in boot and b"m-init-done" in boot
    one.stdin.write(b"lab id%")
    one.stdin.flush()
    assert b"board=" + MACHINE.encode() in until(one.stdout, b"$E")
    # What is not its owner's it does not open, nor does the wrong person read it.
    bob = lab.hilda("console", "v1", who="bob")
    assert bob.wait(20) == 4 and b"reserved by ada until" in bob.stderr.read()
    assert ("ada", "POST /api/v1/boards/v1/console") in \
        [(e["who"], e["what"]) for e in lab.call("GET", "/audit", who="boss").json["items"]]
    # Its owner releases it: the console says why it ends.
    lab.release()
    assert one.wait(20) == 4 and b"the board was released" in one.stderr.read()
    lab.rest()


def test_a_board_that_is_not_reserved_stays_closed(lab):
    for kind in ("console", "gdb"):
        refused = lab.call("POST", f"/boards/v1/{kind}")
        assert refused.status == 403 and "hilda reserve v1" in refused.json["detail"]
    lab.reserve()
    number = lab.call("POST", "/boards/v1/console", expect=201).json["id"]
    for method, path in (("GET", "down"), ("PUT", "up")):
        assert lab.call(method, f"/tunnels/{number}/{path}", b"x" if method == "PUT" else None, "bob").status == 404
    assert lab.call("DELETE", f"/tunnels/{number}", who="bob").status == 404
    assert lab.call("DELETE", f"/tunnels/{number}").status == 204
    assert lab.call("GET", f"/tunnels/{number}/down").status == 410


def test_keys_of_a_terminal(lab):
    """Raw, so that Ctrl-C is the board's; Ctrl-] leaves and the terminal is as it was."""
    lab.reserve()
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    one = lab.hilda("console", "v1", stdin=slave, stdout=slave, stderr=slave)
    until(master, b"Ctrl-] leaves")
    os.write(master, b"\x03name%")
    shown = until(master, b"m-ready")
    assert b"m-name-dut-[hilda]" in shown or b"e-[" in shown
    os.write(master, b"\x1d")
    assert one.wait(20) == 0
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_a_reader_that_ends_leaves_the_terminal_as_it_was(lab):
    """hilda console v1 | head"""
    lab.reserve()
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    reader, writer = os.pipe()
    one = lab.hilda("console", "v1", stdin=slave, stdout=writer, stderr=slave)
    os.close(writer)
    until(master, b"Ctrl-] leaves")
    os.write(master, b"name%")
    until(reader, b"m-ready")
    assert termios.tcgetattr(slave) != before
    os.close(reader)
    os.write(master, b"name%")
    assert one.wait(20) == 10  # as for any output that cannot be written
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_gdb_reads_registers_and_memory(lab):
    need("gdb-multiarch")
    lab.reserve()
    image = lab.folder / "image.elf"
    image.write_bytes(firmware(MACHINE))
    # Both at once: the console sees what the debugger does.
    console = lab.console()
    one = lab.hilda("gdb", "v1", "--", "gdb-multiarch", "-nx", "-batch", "-ex", "monitor reset halt", "-ex",
                    "info registers pc", "-ex", "x/2xw 0", "-ex", "stepi", "-ex", "monitor exec touch " +
                    str(lab.folder / "pwned"), "-ex", "monitor reset run", str(image))
    out, err = one.communicate(timeout=60)
    text = out.decode() + err.decode()
    assert one.returncode == 0, text
    assert re.search(r"^pc +0x[0-9a-f]+", text, re.MULTILINE), text
    assert re.search(r"^0x0.*:\s+0x[0-9a-f]{8}\s+0x[0-9a-f]{8}", text, re.MULTILINE), text
    assert MONITOR.search(text) and not (lab.folder / "pwned").exists()
    assert b"m-init-done" in until(console.stdout, b"m-ready")
    lab.rest()


def test_the_port_for_gdb_is_json_when_asked(lab):
    lab.reserve()
    told = json.loads(lab.hilda("gdb", "v1", "--json").stdout.readline())
    with socket.create_connection((told["host"], told["port"]), 10):
        pass
    lab.rest()


EVIL = ["exec touch {f}", "halt; exec touch {f}", "halt\nexec touch {f}", "[exec touch {f}]", "echo [exec touch {f}]",
        "eval exec touch {f}", "reset {{[exec touch {f}]}}", "source {f}", "shutdown", "reset halt; shutdown"]


def test_nothing_of_a_users_words_reaches_tcl(lab):
    lab.reserve()
    one, port = lab.gdb()
    rsp = Rsp(port)
    f = lab.folder / "evil"
    for text in EVIL:
        said, verdict = rsp.monitor(text.format(f=f))
        assert MONITOR.search(said) and verdict == b"OK", (text, said, verdict)
    # Escapes, which OpenOCD undoes in each packet, and packets within packets.
    words = f"exec touch {f}".encode().hex().encode()
    escaped = b"q}" + bytes([ord("R") ^ 0x20]) + b"cmd," + words
    said = rsp.ask(escaped)
    assert MONITOR.search(bytes.fromhex(said[1:].decode()).decode()), said
    assert rsp.packet() == b"OK"
    rsp.socket.sendall(b"$m0,4$qRcmd," + words + b"#00")
    assert MONITOR.search(bytes.fromhex(rsp.packet()[1:].decode()).decode())
    assert rsp.packet() == b"OK"
    assert not f.exists()
    # What is allowed works, and the debugger lives.
    said, verdict = rsp.monitor("reset halt")
    assert verdict == b"OK" and "halted" in said, said
    assert len(rsp.ask(b"m0,8")) == 16
    # A packet that OpenOCD could not hold would be read as several.
    rsp.socket.sendall(b"$" + b"m" * 20000 + b"$qRcmd," + words + b"#00")
    assert one.wait(20) == 4 and b"over 16380 bytes" in one.stderr.read()
    assert not f.exists()
    lab.rest()


def test_a_gdb_that_hangs_up_leaves_the_port_to_the_next_one(lab):
    """Also one that is gone before what it asked for has come: a write to it must not end us."""
    lab.reserve()
    one, port = lab.gdb()
    for _ in range(6):
        rsp = Rsp(port)
        assert len(rsp.ask(b"m0,8")) == 16
        os.kill(one.pid, signal.SIGSTOP)
        # Answers to all of these are on their way when it goes on; nobody is there for them.
        for _ in range(8):
            rsp.send(b"m0,400")
        rsp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rsp.socket.close()
        os.kill(one.pid, signal.SIGCONT)
    rsp = Rsp(port)
    assert rsp.monitor("reset run")[1] == b"OK"
    assert one.poll() is None
    lab.rest()


def test_the_next_debugger_waits_for_the_end_of_the_last_one(tmp_path):
    """Two that drive one probe read each other's answers."""
    need("qemu-system-arm")
    need("openocd")
    lab = Lab(tmp_path, tunnel_idle="20s")
    try:
        lab.reserve()
        _, port = lab.gdb()
        first = Rsp(port)
        first.ask(b"m0,8")
        driver, = openocds(lab)
        # It does not let go by itself.
        os.kill(driver, signal.SIGSTOP)
        first.socket.close()
        assert len(Rsp(port).ask(b"m0,8")) == 16
        assert not alive(driver)
    finally:
        lab.close()


def test_openocds_end_says_why(lab):
    lab.reserve()
    lab.control("fault probe-absent")
    try:
        one, port = lab.gdb()
        with socket.create_connection(("127.0.0.1", port), timeout=20):
            assert one.wait(40) == 4
        assert b"probe not found" in one.stderr.read()
    finally:
        lab.control("fault none")


def openocds(lab):
    """Processes of OpenOCD on this lab's board."""
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = p.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"openocd" and any(str(lab.folder).encode() in w for w in words):
            found.append(int(p.parent.name))
    return found


def both(lab):
    lab.reserve()
    console = lab.console()
    one, port = lab.gdb()
    rsp = Rsp(port)
    # Left running: nobody answers on the console of a board that stands still.
    assert rsp.monitor("reset run")[1] == b"OK"
    assert len(openocds(lab)) == 1
    return console, one, rsp


def test_the_command_line_is_gone(lab):
    console, one, rsp = both(lab)
    for program_ in (console, one):
        program_.send_signal(signal.SIGKILL)
        program_.wait()
    wait_for(lambda: not openocds(lab), 20, message="OpenOCD outlives who asked for it")
    wait_for(lambda: lab.agent.log().count("tunnel closed") >= lab.agent.log().count("tunnel opened"), 20)
    assert "who opened it was not heard of" in lab.agent.log()
    lab.rest()


def test_the_agent_is_gone(lab):
    console, one, rsp = both(lab)
    driver = openocds(lab)[0]
    lab.agent.kill()
    assert console.wait(20) == 4 and b"the board's agent was not heard of" in console.stderr.read()
    assert one.wait(20) == 4
    wait_for(lambda: not alive(driver), message="OpenOCD outlives its agent")
    registered = lab.agent.log().count("msg=registered")
    lab.agent.start()
    wait_for(lambda: lab.agent.log().count("msg=registered") > registered, 60)
    wait_for(lambda: lab.board()["online"] and lab.board()["state"] == "reserved", 60)
    # The reservation holds: the console opens again. The emulator is a new one, with nothing in its RAM.
    opened = lab.agent.log().count("tunnel opened")
    lab.hilda("console", "v1")
    wait_for(lambda: lab.agent.log().count("tunnel opened") > opened, 20)
    lab.rest()


def test_the_server_is_started_anew(lab):
    console, one, rsp = both(lab)
    port = lab.server.port
    assert lab.server.stop(signal.SIGKILL) == -signal.SIGKILL
    lab.server.settings["listen"] = f"127.0.0.1:{port}"
    lab.server.start()
    assert console.wait(30) == 4 and b"no such tunnel" in console.stderr.read()
    assert one.wait(30) == 4
    wait_for(lambda: not openocds(lab), 30, message="OpenOCD outlives the server's tunnels")
    wait_for(lambda: lab.board()["online"], 30)
    assert lab.board()["hold_owner"] == "ada"
    lab.console()
    lab.rest()


def test_the_reservation_ends_by_itself(lab):
    lab.reserve(term="4s")
    console = lab.console()
    assert console.wait(20) == 4 and b"the reservation is over" in console.stderr.read()
    wait_for(lambda: lab.board()["state"] == "ready", 20)
    lab.rest()


def test_opened_anew_the_older_one_ends(lab):
    lab.reserve()
    first = lab.console()
    second = lab.console()
    assert first.wait(20) == 4 and b"opened anew" in first.stderr.read()
    second.stdin.write(b"name%")
    second.stdin.flush()
    until(second.stdout, b"m-name")


def test_a_side_that_does_not_read_holds_the_other_up(lab):
    """The server keeps 64 KiB; what it did not take is sent again, and each byte comes once."""
    lab.reserve()
    number = lab.call("POST", "/boards/v1/console", expect=201).json["id"]
    lab.server.settings["listen"] = f"127.0.0.1:{lab.server.port}"
    wait_for(lambda: lab.call("PUT", f"/tunnels/{number}/up?offset=0", b"name%").json["have"] == 5)
    assert lab.call("PUT", f"/tunnels/{number}/up?offset=0", b"name%").json["have"] == 5
    assert lab.call("PUT", f"/tunnels/{number}/up?offset=7", b"x").status == 409
    got = b""
    while b"m-ready" not in got:
        got += lab.call("GET", f"/tunnels/{number}/down?offset={len(got)}", expect=200).body
    assert got.count(b"m-name-dut") == 1
    assert lab.call("GET", f"/tunnels/{number}/down?offset={len(got) - 1}").status in (200, 409)
    assert lab.call("GET", f"/tunnels/{number}/down?offset={len(got) + 100}").status == 409
    assert lab.call("PUT", f"/tunnels/{number}/up?offset=5", b"x" * 70000).status == 413
