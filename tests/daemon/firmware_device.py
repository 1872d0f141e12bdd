"""A firmware image that answers on pipes: under QEMU, or the host port as a process of its own."""

import os
import select
import shutil
import subprocess
import time
import zlib

SHIFT = {"mps3-an547": 5, "mps2-an386": 5, "mps2-an500": 5, "microbit": 6}
MACHINES = list(SHIFT)
QEMU = shutil.which("qemu-system-arm")


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


class Record:
    def __init__(self, line):
        body, star, crc = line[1:].rpartition("*")
        assert line[0] == "$" and star and len(line) <= 160, line
        assert crc == "%04X" % crc16(body.encode()), line
        fields = body.split(",")
        self.line, self.type, self.seq = line, fields[0], int(fields[1])
        self.values = dict(f.split("=", 1) for f in fields[2:])


class Run:
    """The reply to one `lab` verb: checked sequence, count and CRC; the keys of a type added up."""

    def __init__(self, lines):
        self.records = [Record(line) for line in lines if line.startswith("$")]
        self.errors = [line for line in lines if line.startswith("e-")]
        assert [r.seq for r in self.records] == list(range(len(self.records))), lines
        self.end = self.records[-1].values if self.records else {}
        if self.records and self.records[-1].type == "E":
            text = "".join(r.line for r in self.records[:-1]).encode()
            assert int(self.end["lines"]) == len(self.records) - 1
            assert self.end["crc"] == "%08X" % zlib.crc32(text)

    def values(self, letter):
        merged = {}
        for r in self.records:
            if r.type == letter:
                merged.update(r.values)
        return merged

    def ticks(self):
        found = []
        for r in self.records:
            if r.type == "C" and "t" in r.values:
                assert int(r.values["i"]) == len(found)
                found += map(int, r.values["t"].split(":"))
        return found

    def logits(self):
        return [r.values["l"] for r in self.records if r.type == "P"]


class Device:
    def __init__(self, argv, timeout_s=60, env=None):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=env)
        self.timeout_s = timeout_s
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, command):
        self.process.stdin.write(command.encode() + b"%")
        self.process.stdin.flush()

    def fill(self, enough):
        """Reads until `enough` says so; raises TimeoutError or EOFError."""
        deadline = time.monotonic() + self.timeout_s
        while not enough():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError("nothing within %g s; pending: %r"
                                   % (self.timeout_s, self.pending))
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise EOFError("the device ended; pending: %r" % self.pending)
            self.pending += piece

    def line(self):
        """The next line, as text."""
        self.fill(lambda: b"\n" in self.pending)
        line, self.pending = self.pending.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def bytes(self, n):
        self.fill(lambda: len(self.pending) >= n)
        found, self.pending = self.pending[:n], self.pending[n:]
        return found

    def until(self, last="m-ready"):
        lines = []
        while not lines or lines[-1] != last:
            lines.append(self.line())
        return lines[:-1]

    def ask(self, command):
        self.send(command)
        return self.until()

    def lab(self, verb):
        return Run(self.ask("lab " + verb))

    def banner(self):
        return self.until()


def qemu(machine, elf, *more, **keywords):
    load = ["-device", "loader,file=%s" % elf] if machine == "microbit" else ["-kernel", str(elf)]
    return Device([QEMU, "-M", machine, *load, "-icount", "shift=%d,sleep=off" % SHIFT[machine],
                   "-serial", "stdio", "-display", "none", "-monitor", "none", *more], **keywords)


def host(elf, **keywords):
    return Device([str(elf)], **keywords)


def open_board(board, elf, *more, **keywords):
    return host(elf, **keywords) if board == "host" else qemu(board, elf, *more, **keywords)
