"""A virtual board of its own for a test: started in a temporary folder, driven by the stock openocd,
its console, its control socket. The test images are built here, from vlab-firmware/."""

import json
import os
import re
import select
import socket
import subprocess
import time

import pytest
from conftest import ROOT, need, program, wait_for

SOURCES = ROOT / "tests/daemon/vlab-firmware"
START_SECONDS = 30
OPENOCD_SECONDS = 60

LOADED = {
    "mps3-an547": ["-mcpu=cortex-m55", "-mfloat-abi=soft", "-DUART_BASE=0x59303000", "-DUART_RX_IRQ=33"],
    "mps2-an386": ["-mcpu=cortex-m4", "-DUART_BASE=0x40004000", "-DUART_RX_IRQ=0"],
    "mps2-an500": ["-mcpu=cortex-m7", "-DUART_BASE=0x40004000", "-DUART_RX_IRQ=0"],
}
FLASHED = {"microbit": ["-mcpu=cortex-m0", "-DUART_NRF"]}
MACHINES = {**LOADED, **FLASHED}


def needs():
    for command in ("qemu-system-arm", "openocd", "arm-none-eabi-gcc"):
        need(command)


def build_image(folder, machine, filler=0):
    """The test image of a machine, at least `filler` bytes long."""
    elf = folder / f"{machine}-{filler}.elf"
    flags = [*MACHINES[machine], f'-DBOARD="{machine}"']
    if filler:
        flags.append(f"-DFILLER_BYTES={filler}")
    subprocess.run(["arm-none-eabi-gcc", "-nostdlib", "-ffreestanding", "-Os", "-mthumb", "-Wl,--build-id=none",
                    *flags, SOURCES / "start.S", SOURCES / "main.c", "-T", SOURCES / "image.ld", "-o", elf, "-lgcc"],
                   check=True)
    return elf


class Openocd:
    """What one call of openocd did."""

    def __init__(self, code, text, seconds):
        self.code, self.text, self.seconds = code, text, seconds

    def value(self, name):
        """What the script printed by `echo "name=..."`."""
        found = re.findall(rf"(?m)^{name}=(.*)$", self.text)
        assert found, f"no {name} in:\n{self.text[-4000:]}"
        return found[-1].strip()

    def number(self, name):
        return int(self.value(name).split()[-1], 0)


class Console:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def read(self, seconds=0.0):
        if select.select([self.fd], [], [], seconds)[0]:
            self.data += os.read(self.fd, 65536)
        return self.data

    def wait(self, what, seconds=10.0):
        """Reads until `what` (bytes) has come; returns everything so far and forgets it."""
        deadline = time.monotonic() + seconds
        while what not in self.data:
            left = deadline - time.monotonic()
            assert left > 0, f"no {what!r} within {seconds} s, only {self.data!r}"
            self.read(left)
        data, self.data = self.data, b""
        return data

    def send(self, data, seconds=10.0):
        while data:
            assert select.select([], [self.fd], [], seconds)[1], f"{len(data)} bytes cannot be sent"
            try:
                data = data[os.write(self.fd, data):]
            except BlockingIOError:
                pass


class Board:
    def __init__(self, folder, machine, *faults, wait=True, options=()):
        self.folder, self.machine = folder, machine
        folder.mkdir(exist_ok=True)
        self.log = open(folder.parent / f"{folder.name}.log", "ab")
        argv = [program("hilda-vboard"), "--machine", machine, "--dir", folder, *options]
        for fault in faults:
            argv += ["--fault", fault]
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        if wait:
            wait_for(self._ready, START_SECONDS, message=f"{machine} was not ready")

    def _ready(self):
        assert self.process.poll() is None, f"hilda-vboard ended:\n{self.words()}"
        try:
            return self.ready["pid"] == self.process.pid
        except FileNotFoundError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()

    def words(self):
        return (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")

    @property
    def ready(self):
        return json.loads((self.folder / "ready.json").read_text())

    def ask(self, line, seconds=20):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(seconds)
            folder = os.open(self.folder, os.O_PATH)
            try:
                s.connect(f"/proc/self/fd/{folder}/control")
            finally:
                os.close(folder)
            s.sendall(line.encode() + b"\n")
            reply = b""
            while not reply.endswith(b"\n"):
                piece = s.recv(4096)
                assert piece, f"{line}: the control socket closed after {reply!r}"
                reply += piece
        return reply.decode().strip()

    def tell(self, line):
        reply = self.ask(line)
        assert reply.startswith("ok "), reply
        return reply

    def status(self):
        return dict(word.split("=", 1) for word in self.tell("status").split() if "=" in word)

    def state(self):
        return self.status()["state"]

    def qemu_pid(self):
        """The process that the board started; None without power."""
        for stat in os.listdir("/proc"):
            if not stat.isdigit():
                continue
            try:
                with open(f"/proc/{stat}/stat") as f:
                    fields = f.read().rsplit(")", 1)
                if "qemu-system" in fields[0] and int(fields[1].split()[1]) == self.process.pid:
                    return int(stat)
            except OSError:
                pass
        return None

    def console(self):
        console = Console(self.folder / "console")
        wait_for(lambda: self.status()["console_openers"] != "0", message="the console was not seen to open")
        return console

    def openocd(self, script, seconds=OPENOCD_SECONDS, config=None):
        start = time.monotonic()
        try:
            done = subprocess.run(["openocd", "-f", str(config or self.folder / "openocd.cfg"), "-c", script],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=seconds)
        except subprocess.TimeoutExpired as late:
            return Openocd(None, (late.stdout or b"").decode(errors="replace"), time.monotonic() - start)
        return Openocd(done.returncode, done.stdout.decode(errors="replace"), time.monotonic() - start)

    def put_script(self, elf):
        if self.ready["flash"] == "program":
            return f"program {{{elf}}} verify reset exit"
        return f"init; reset halt; load_image {{{elf}}}; verify_image {{{elf}}}; reset run; shutdown"

    def put(self, elf, seconds=OPENOCD_SECONDS):
        """Puts an image onto the board, as the agent does."""
        return self.openocd(self.put_script(elf), seconds)

    def put_well(self, elf):
        done = self.put(elf)
        assert done.code == 0, done.text[-4000:]
        return done


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """images(machine, filler=0) -> path; each is built once."""
    needs()
    folder = tmp_path_factory.mktemp("vlab-images")
    made = {}

    def image(machine, filler=0):
        if (machine, filler) not in made:
            made[machine, filler] = build_image(folder, machine, filler)
        return made[machine, filler]

    return image


@pytest.fixture
def board(tmp_path, request):
    """board(machine, *faults): a board that ends with the test."""
    needs()
    started = []

    def start(machine, *faults, folder=None, wait=True, options=()):
        b = Board(folder or tmp_path / f"board{len(started)}", machine, *faults, wait=wait, options=options)
        started.append(b)
        return b

    yield start
    for b in started:
        b.stop()


