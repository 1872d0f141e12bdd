"""The host's end of a (virtual) Power Profiler Kit II, in plain termios: commands, metadata, samples, and
windows found in them. Written from the facts of the wire, apart from protocols/ppk2."""

import array
import contextlib
import os
import select
import termios
import threading
import time
import tty

RATE = 100000
STOP, START = b"\x07", b"\x06"
METADATA, RESET = b"\x19", b"\x20"
AMPERE, SOURCE = 1, 2


class Lost(Exception):
    """The port is gone."""


class Ppk2:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd, termios.TCSANOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def send(self, command):
        os.write(self.fd, command)

    def running(self, on):
        self.send(bytes([0x0C, on]))

    def mode(self, mode):
        self.send(bytes([0x11, mode]))

    def voltage(self, mV):
        self.send(b"\x0d" + mV.to_bytes(2, "big"))

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError as gone:
            raise Lost(str(gone)) from gone
        if not data:
            raise Lost("end of file")
        return data

    def drain(self, quiet=0.1):
        """Until it has been quiet for so long; what came."""
        data = b""
        while piece := self.read(quiet):
            data += piece
        return data

    def metadata(self, seconds=3.0):
        self.send(METADATA)
        text, deadline = b"", time.monotonic() + seconds
        while not text.endswith(b"END\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no END, only {text!r}")
            text += self.read(left)
        return Metadata(text.decode())

    def connect(self, mode=SOURCE, mV=3300):
        """As the agent does; the metadata that was true then."""
        self.send(STOP)
        self.drain()
        self.metadata()
        if mode == SOURCE:
            self.running(0)
        self.mode(mode)
        self.voltage(mV)
        self.running(1)
        return self.metadata()

    @contextlib.contextmanager
    def capture(self):
        """Reads on a thread of its own between START and STOP; Capture.words is complete behind it."""
        capture = Capture(self)
        self.send(START)
        capture.thread.start()
        try:
            yield capture
        finally:
            if not capture.lost:
                self.send(STOP)
            capture.stop()


class Capture:
    def __init__(self, ppk2):
        self.ppk2, self.data, self.lost = ppk2, bytearray(), None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self):
        try:
            while True:
                piece = self.ppk2.read(0.1)
                self.data += piece
                if not piece and self.ending.is_set():
                    return
        except Lost as lost:
            self.lost = lost

    def stop(self):
        self.ending.set()
        self.thread.join(20)
        assert not self.thread.is_alive(), "the stream does not stop"

    def samples(self):
        return len(self.data) // 4

    def words(self):
        words = array.array("I")
        words.frombytes(bytes(self.data[:len(self.data) & ~3]))
        return words


class Metadata:
    def __init__(self, text):
        self.text = text
        lines = text.splitlines()
        assert lines[-1] == "END"
        self.values = dict(line.split(": ", 1) for line in lines[:-1])

    def number(self, key):
        return float(self.values[key])

    def currents(self, words):
        """In amperes."""
        mV = self.number("VDD")
        k = [{name: self.number(f"{name}{r}") for name in ("R", "GS", "GI", "O", "S", "I", "UG")} for r in range(5)]
        tables = [{} for _ in range(5)]

        def current(r, adc):
            c = k[r]
            x = (4 * adc - c["O"]) * (1.8 / 163840) / c["R"]
            return c["UG"] * (x * (c["GS"] * x + c["GI"]) + c["S"] * mV / 1000 + c["I"])

        out = []
        for word in words:
            r, adc = word >> 14 & 7, word & 0x3FFF
            value = tables[r].get(adc)
            if value is None:
                value = tables[r][adc] = current(r, adc)
            out.append(value)
        return out


def counters(words):
    return [w >> 18 & 63 for w in words]


def jumps(words):
    """(index, samples missing before it) for each word whose counter is not the next one."""
    found, before = [], None
    for i, w in enumerate(words):
        count = w >> 18 & 63
        if before is not None and count != (before + 1) & 63:
            found.append((i, (count - before - 1) & 63))
        before = count
    return found


def windows(words):
    """(start, end) of each span with D0 high that began and ended in the capture."""
    found, start, before = [], None, True
    for i, w in enumerate(words):
        high = bool(w >> 24 & 1)
        if high and not before:
            start = i
        if before and not high and start is not None:
            found.append((start, i))
            start = None
        before = high
    return found


def edges(words, pin, start, end):
    return sum((words[i] ^ words[i - 1]) >> (24 + pin) & 1 for i in range(start + 1, end))
