"""A TCP proxy that knows HTTP just well enough to break it where it hurts: in the middle of a request,
between the server's commit and its answer, in the middle of the answer. It stands in for what netem
would do to a link."""

import collections
import contextlib
import re
import select
import socket
import struct
import threading
import time

IDLE_S = 60
KINDS = [("register", r"POST /agent/v1/register"), ("acquire", r"POST /agent/v1/acquire"),
         ("heartbeat", r"POST /agent/v1/heartbeat"), ("start", r"POST /agent/v1/runs/\d+/start"),
         ("log", r"PUT /agent/v1/runs/\d+/log"), ("result", r"PUT /agent/v1/runs/\d+/result"),
         ("fetch", r"GET /agent/v1/artifacts/"), ("announce", r"POST /api/v1/artifacts"),
         ("upload", r"PATCH /api/v1/uploads/"), ("submit", r"POST /api/v1/jobs ")]
# What is done to a request, or to its answer.
FAULTS = ["refused", "cut request", "cut reply", "lost reply", "truncated", "late", "trickle", "twice"]


class Gone(Exception):
    """An end has closed its connection."""


def kind_of(head):
    return next((kind for kind, pattern in KINDS if re.match(pattern, head)), "other")


def length_of(head):
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else 0


def reset(s):
    """The other end sees a reset, not an end."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def read_message(s, data, bodyless=False):
    """One whole request or reply, and what came after it."""
    while b"\r\n\r\n" not in data:
        data += read_some(s)
    at = data.index(b"\r\n\r\n") + 4
    end = at + (0 if bodyless else length_of(data[:at]))
    while len(data) < end:
        data += read_some(s)
    return data[:end], data[end:]


def read_some(s):
    piece = s.recv(65536)
    if not piece:
        raise Gone
    return piece


class Passage:
    """One client's connection, and the server's that belongs to it."""

    def __init__(self, proxy, client):
        self.proxy, self.client, self.server = proxy, client, proxy.dial()

    def close(self):
        self.client.close()
        self.server.close()

    def run(self):
        rest = b""
        while True:
            self.wait_for_request()
            request, rest = read_message(self.client, rest)
            head = request[:request.index(b"\r\n")].decode("latin-1")
            kind = kind_of(head)
            fault = self.proxy.choose(kind)
            self.serve(head, request, fault)
            self.proxy.count(kind, fault)
            if fault in ("refused", "cut request", "cut reply", "lost reply", "truncated"):
                return

    def wait_for_request(self):
        ready, _, _ = select.select([self.client, self.server], [], [], IDLE_S)
        if self.client not in ready:
            raise Gone  # idle for too long, or the server has closed

    def answer_to(self, head, request):
        """The server's whole answer; gives up when the client does."""
        self.server.sendall(request)
        while True:
            ready, _, _ = select.select([self.client, self.server], [], [])
            if self.server in ready:
                reply, _ = read_message(self.server, b"", bodyless=head.startswith("HEAD "))
                self.proxy.seen.append((head, request, reply))
                return reply
            if not self.client.recv(1, socket.MSG_PEEK):
                raise Gone

    def serve(self, head, request, fault):
        if fault == "refused":
            reset(self.client)
            return
        if fault == "cut request":
            self.server.sendall(request[:len(request) // 2])
            reset(self.server)
            reset(self.client)
            return
        if fault == "late":
            time.sleep(self.proxy.random.uniform(0.05, 0.4))
        if fault == "trickle":
            self.trickle(self.server, request[:-1])
            reply = self.answer_to(head, request[-1:])
            self.trickle(self.client, reply)
            return
        reply = self.answer_to(head, request)
        if fault == "twice":
            self.server.close()
            self.server = self.proxy.dial()
            reply = self.answer_to(head, request)
        if fault in ("cut reply", "truncated"):
            self.client.sendall(reply[:len(reply) // 2])
        if fault in ("cut reply", "lost reply"):
            reset(self.client)
        elif fault != "truncated":
            self.client.sendall(reply)

    def trickle(self, to, data):
        step = max(1, len(data) // 8)
        for at in range(0, len(data), step):
            to.sendall(data[at:at + step])
            time.sleep(0.01)


class FaultProxy:
    """Listens in the network of `host` and leads to the server. choose(kind) names a fault, or None."""

    def __init__(self, host, to_host, address, random, choose=None):
        self.host, self.to_host, self.address, self.random = host, to_host, address, random
        self.chooser = choose
        self.lock = threading.Lock()
        self.injected = collections.Counter()
        self.passed = collections.Counter()
        self.seen = collections.deque(maxlen=5000)
        self.open = set()
        with host.inside():
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def choose(self, kind):
        with self.lock:
            return self.chooser and self.chooser(kind)

    def count(self, kind, fault):
        with self.lock:
            if fault:
                self.injected[kind, fault] += 1
            else:
                self.passed[kind] += 1

    def dial(self):
        with self.to_host.inside():
            s = socket.socket()
        s.settimeout(IDLE_S)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.connect(self.address)
        return s

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            client.settimeout(IDLE_S)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        try:
            passage = Passage(self, client)
        except OSError:
            client.close()  # the server is away
            return
        with self.lock:
            self.open.add(passage)
        with contextlib.suppress(OSError, ValueError, Gone):
            passage.run()
        passage.close()
        with self.lock:
            self.open.discard(passage)

    def close(self):
        # The accepting thread holds the socket open otherwise.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for passage in self.open:
                with contextlib.suppress(OSError):
                    passage.client.shutdown(socket.SHUT_RDWR)
                with contextlib.suppress(OSError):
                    passage.server.shutdown(socket.SHUT_RDWR)
