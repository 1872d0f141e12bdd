"""A Power Profiler Kit II on a pty, as fast as it is read: it counts in its ADC, loses samples and goes away on demand."""

import os
import pty
import select
import struct
import threading
import tty


class FakePpk2:
    def __init__(self, metadata, silent=False, lose_every=0, unplug_after=0):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self.slave)
        self.text, self.silent, self.lose_every, self.unplug_after = metadata, silent, lose_every, unplug_after
        self.told, self.mode, self.mV, self.running = [], 2, 3000, 0
        self.streaming, self.sent, self.rest = False, 0, b""
        self.wake, self.end = os.pipe()
        self.thread = threading.Thread(target=self.main)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.end)
        self.thread.join()
        for fd in (self.master, self.slave, self.wake):
            if fd >= 0:
                os.close(fd)

    def word(self, i):
        """Sample i: range 1, D0 high for 100 in each 1000."""
        return (2000 + i % 500) | 1 << 14 | i % 64 << 18 | (i % 1000 >= 900) << 24

    def answer(self):
        lines = [f"VDD: {self.mV}" if line.startswith("VDD") else f"mode: {self.mode}" if line.startswith("mode") else line
                 for line in self.text.splitlines()]
        return ("\n".join(lines) + "\n").encode()

    def obey(self, data):
        while data:
            n = {0x0D: 3, 0x0C: 2, 0x11: 2}.get(data[0], 1)
            command, data = data[:n], data[n:]
            self.told.append(command.hex())
            if command[0] == 0x06:
                self.streaming, self.sent, self.rest = True, 0, b""
            elif command[0] == 0x07:
                self.streaming = False
            elif command[0] == 0x0C:
                self.running = command[1]
            elif command[0] == 0x0D:
                self.mV = int.from_bytes(command[1:], "big")
            elif command[0] == 0x11:
                self.mode = command[1]
            elif command[0] == 0x19 and not self.silent:
                os.write(self.master, self.answer())

    def stream(self):
        if not self.rest:
            some = range(self.sent, self.sent + 256)
            self.rest = b"".join(struct.pack("<I", self.word(i)) for i in some
                                 if not self.lose_every or i % self.lose_every)
            self.sent += 256
        try:
            self.rest = self.rest[os.write(self.master, self.rest):]
        except BlockingIOError:
            pass
        if self.unplug_after and self.sent >= self.unplug_after:
            os.close(self.master)
            self.master = -1

    def main(self):
        while self.master >= 0:
            ready, room, _ = select.select([self.master, self.wake], [self.master] if self.streaming else [], [])
            if self.wake in ready:
                return
            if self.master in ready:
                self.obey(os.read(self.master, 64))
            if room and self.streaming:
                self.stream()
