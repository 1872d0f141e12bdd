"""A service manager's end of sd_notify: what a program tells it, in the order in which it does."""

import contextlib
import os
import socket


class Manager:
    def __init__(self, folder, watchdog_ms=0):
        self.path = folder / "notify"
        self.watchdog_ms = watchdog_ms
        self.heard = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(20)

    def environment(self):
        more = {"NOTIFY_SOCKET": str(self.path)}
        if self.watchdog_ms:
            more["WATCHDOG_USEC"] = str(self.watchdog_ms * 1000)
        return {**os.environ, **more}

    def next(self):
        """One message as a dict; TimeoutError after 20 s of silence."""
        text = self.socket.recv(4096).decode()
        found = dict(line.split("=", 1) for line in text.split("\n"))
        self.heard.append(found)
        return found

    def until(self, key):
        while True:
            found = self.next()
            if key in found:
                return found

    def silent(self, seconds):
        """Whether nothing comes for so long; what had come before does not count."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(4096)
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(4096)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(20)

    def close(self):
        self.socket.close()
