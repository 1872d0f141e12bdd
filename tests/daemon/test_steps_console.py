"""A board with a console and a probe of its own: the real firmware behind a pty, and a program named
openocd that resets it. What virtual boards cannot show: the clock check, a console that vanishes."""

import os
import pty
import re
import select
import stat
import subprocess
import threading
import tty

import pytest

from agent_process import Agent
from fake_agent_server import FakeServer
from steps_lab import WARM, firmware, of_phase, phases

OPENOCD = """#!/bin/sh
echo 'Open On-Chip Debugger 0.12.0' >&2
echo 'hilda: adapter fake'
echo 'Info : JTAG tap: x.cpu tap/device found: 0x4ba00477 (mfg: 0x23b)' >&2
for word; do echo "argument $word"; done
echo reset >'{folder}/reset'
read -r answer <'{folder}/done'
echo 'hilda: done'
"""


class PtyBoard:
    """Relays between a pty and the firmware's process; `clock` bends the time that it reports."""

    def __init__(self, folder, clock=1.0):
        self.folder, self.clock = folder, clock
        self.program = folder / "firmware"
        self.program.write_bytes(firmware("host"))
        self.program.chmod(0o755)
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.console = os.ttyname(slave)
        self.slave = slave  # kept, or the pty would hang up between two runs
        self.process = None
        self.resets = 0
        for name in ("reset", "done"):
            os.mkfifo(folder / name)
        openocd = folder / "openocd"
        openocd.write_text(OPENOCD.format(folder=folder))
        openocd.chmod(openocd.stat().st_mode | stat.S_IXUSR)
        threading.Thread(target=self.obey, daemon=True).start()
        self.unplugged = threading.Event()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def obey(self):
        while True:
            with open(self.folder / "reset") as order:
                if "reset" not in order.read():
                    continue
            self.restart()
            with open(self.folder / "done", "w") as answer:
                answer.write("ok\n")

    def restart(self):
        self.stop()
        self.resets += 1
        self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        threading.Thread(target=self.speak, args=(self.process,), daemon=True).start()

    def speak(self, process):
        for line in process.stdout:
            line = re.sub(rb"m-lap-us-(\d+)",
                          lambda m: b"m-lap-us-%d" % (int(m[1]) * self.clock), line)
            os.write(self.master, line)

    def listen(self):
        while not self.unplugged.is_set():
            try:
                if not select.select([self.master], [], [], 0.05)[0]:
                    continue
                data = os.read(self.master, 4096)
                self.process.stdin.write(data)
                self.process.stdin.flush()
            except (OSError, AttributeError, ValueError):
                return

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def unplug(self):
        self.unplugged.set()
        self.stop()  # its thread must not write to a descriptor that is another file by then
        self.listener.join()
        os.close(self.slave)
        os.close(self.master)


class Lab:
    def __init__(self, folder, monkeypatch, clock=1.0, extra=""):
        folder.mkdir(exist_ok=True)
        self.board = PtyBoard(folder, clock)
        self.server = FakeServer()
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        self.agent = Agent(folder / "agent", self.server.url, boards=(), extra=(
            "[board n1]\ntype = nucleo\nopenocd = interface/x.cfg, target/y.cfg\n"
            f"console = {self.board.console}\n{extra}\n"))

    def submit(self, **document):
        number = self.server.submit("n1", self.server.add_artifact(firmware("mps2-an386")),
                                    **document)
        if self.agent.process is None:
            self.agent.start()
        return number

    def run(self, **document):
        number = self.submit(**document)
        result = self.server.wait_result(number, 60)
        result["log"] = {n: self.server.text(number, n) for n in range(4)}
        return result

    def close(self):
        self.agent.stop()
        self.server.close()
        self.board.stop()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    labs = []

    def make(**options):
        labs.append(Lab(tmp_path / f"lab{len(labs)}", monkeypatch, **options))
        return labs[-1]

    yield make
    for one in labs:
        one.close()


def test_the_clock_is_checked(lab):
    one = lab(extra="clock-tolerance = 10 %")
    result = one.run(**phases(cold={"boots": 2}, warm=dict(WARM, boots=3)))
    assert result["outcome"] == "passed", result["detail"]
    clock = result["clock"]
    assert clock["checked"] is True and clock["tolerance"] == pytest.approx(0.1)
    assert 0.9 < clock["ratio"] < 1.1
    assert clock["host_us"] > 1000000 and clock["device_us"] > 900000
    assert one.board.resets == 3  # flash, and before each further warm boot
    assert [w["boot"] for w in of_phase(result, "warm")] == [0, 1, 2]
    assert result["provenance"]["probe"] == "fake"
    assert result["provenance"]["openocd"] == "0.12.0"
    assert "icount_shift" not in result["timer"]
    arguments = re.findall("argument (.*)", result["log"][1])
    assert arguments[:6] == ["-c", "gdb_port disabled", "-c", "telnet_port disabled",
                             "-c", "tcl_port disabled"]


def test_a_clock_that_runs_wrong(lab):
    result = lab(clock=0.5).run(**phases(memory=True))
    assert result["outcome"] == "configuration" and result["stage"] == "collect"
    assert result["detail"].startswith("clock: the device's clock runs at 0.")
    assert 0.4 < result["clock"]["ratio"] < 0.6
    assert of_phase(result, "memory")  # what was measured is still told


def test_another_chip_than_configured(lab):
    result = lab(extra="idcode = 0x2ba01477").run(**phases(memory=True))
    assert result["outcome"] == "infrastructure" and result["stage"] == "flash"
    assert "its IDCODE is 0x4ba00477, board n1 has 0x2ba01477" in result["detail"]


def test_a_console_that_vanishes(lab):
    one = lab()
    number = one.submit(**phases(warm={"iterations": 16000, "warmup": 10000}))
    one.server.wait(lambda s: "lab warm" in s.text(number, 3), 30, "no warm run")
    one.board.unplug()
    result = one.server.wait_result(number, 30)
    assert result["outcome"] == "infrastructure" and result["stage"] == "warm"
    assert "went away while it was used" in result["detail"]


def test_no_openocd(lab, tmp_path, monkeypatch):
    one = lab()
    monkeypatch.setenv("PATH", str(tmp_path))
    result = one.run(**phases(memory=True))
    assert result["outcome"] == "infrastructure" and result["stage"] == "flash"
    assert "apt-get install openocd" in result["detail"]
