"""An agent with exec boards in a folder of its own, for tests against a fake or real server."""

import os
import signal
import struct
import subprocess

from conftest import program, wait_for

LINES = {"protocol": "lines",
         "lines": {"patterns": [{"metric": "latency_us", "unit": "us",
                                 "regex": "latency: ([0-9.]+) us"}]}}


def script(text):
    """An exec board's image."""
    return f"#!/bin/sh\n{text}\n".encode()


QUICK = script("echo 'latency: 1.5 us'")


class Agent:
    def __init__(self, folder, url, boards=("host-1",), extra="", agent_lines="", name="bench"):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self.config = folder / "agent.ini"
        self.log_path = folder / "agent.log"
        self.url, self.name, self.agent_lines = url, name, agent_lines
        self.process = None
        self.write(boards, extra)

    def write(self, boards, extra=""):
        sections = "".join(f"[board {b}]\ntype = host\nexec = local\n" for b in boards)
        self.config.write_text(
            f"[agent]\nname = {self.name}\nserver = {self.url}\ndata = {self.data}\n"
            f"run = {self.folder / 'run'}\n{self.agent_lines}\n{sections}{extra}")

    def start(self, **environment):
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [program("hilda-agent"), "--config", str(self.config)], stderr=self.log_file,
            stdout=self.log_file, start_new_session=True, env={**os.environ, **environment})
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=40):
        """SIGTERM; the exit code. A running job has its 20 s of grace, and what ends it some more."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
            assert "Sanitizer" not in self.log(), self.log()
            return code
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the agent does not stop:\n" + self.log())

    def spool(self):
        folder = self.data / "spool"
        return sorted(p.name for p in folder.iterdir() if p.is_file()) if folder.exists() else []

    def left_in_work(self):
        """What a run has left: its folder, or something in the empty one that waits for the board's next."""
        folders = (self.data / "work").iterdir()
        return [p.name for p in folders if not p.name.startswith("spare-") or list(p.iterdir())]

    def wait_spool_empty(self):
        wait_for(lambda: not self.spool(), message=f"the spool is not empty: {self.spool()}")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def minimal_elf():
    """An ARM image with one segment at 0: a vector table and a loop."""
    code = struct.pack("<II", 0x20004000, 0x41) + b"\0" * 56 + struct.pack("<H", 0xE7FE) + b"\0\0"
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 40, 1, 0x41, 52, 0, 0x5000200,
                         52, 32, 1, 40, 0, 0)
    segment = struct.pack("<8I", 1, 84, 0, 0, len(code), len(code), 5, 4)
    return header + segment + code
