"""A server of one's own for a test, a client without manners, and an agent that only speaks the protocol."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest
from conftest import program, wait_for

# Long enough for a loaded machine where nothing shall run out, short where something shall.
SHORT = {"lease": "20s", "grace": "1s", "heartbeat": "200 ms", "offer": "20s", "acquire": "2s", "ping": "200 ms"}
BRIEF = {"lease": "1s", "grace": "200 ms"}


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        assert self.headers["Content-Type"] == "application/problem+json", (self.status, self.body)
        found = json.loads(self.body)
        assert found["status"] == self.status and found["title"] and found["detail"]
        return found["type"].removeprefix("/problems/")


class Server:
    """hildad on a free port, with its data in `folder`; settings are lines of [server]."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.data = folder / "data"
        self.settings = {"listen": "127.0.0.1:0", "data": self.data, **settings}
        self.process = None
        self.port = None
        self.ca = None  # the certificate to trust: then everything goes by TLS
        self.host = "127.0.0.1"
        self.log = folder / "hildad.log"

    def command(self):
        config = self.folder / "hildad.ini"
        lines = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in self.settings.items())
        config.write_text("[server]\n" + lines)
        return [str(program("hildad")), "--config", str(config), "--port-file", str(self.folder / "port")]

    def start(self, **env):
        (self.folder / "port").unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **env})
        wait_for(lambda: self.process.poll() is not None or (self.folder / "port").exists(), 20)
        assert self.process.poll() is None, self.log.read_text()
        self.port = int((self.folder / "port").read_text())
        return self

    def stop(self, sig=signal.SIGTERM, seconds=20):
        """Ends it; the exit code, which is 0 for a graceful end."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.process.send_signal(sig)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"hildad did not end within {seconds} s of signal {sig}")

    @property
    def url(self):
        return f"{'https' if self.ca else 'http'}://{self.host}:{self.port}"

    def connect(self, timeout=20):
        if self.ca:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context())
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def context(self):
        return ssl.create_default_context(cafile=self.ca)

    def socket(self, timeout=20):
        plain = socket.create_connection((self.host, self.port), timeout=timeout)
        return self.context().wrap_socket(plain, server_hostname=self.host) if self.ca else plain

    def call(self, method, path, body=None, headers=None, timeout=40):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        elif body is not None:
            headers.setdefault("Content-Type", "application/octet-stream")
        with contextlib.closing(self.connect(timeout)) as connection:
            connection.request(method, path, body=body, headers=headers)
            return Reply(connection.getresponse())

    def get(self, path, **headers):
        return self.call("GET", path, headers=headers)

    def api(self, path):
        reply = self.get("/api/v1" + path)
        assert reply.status == 200, reply.body
        return reply.json

    def put_blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        for _ in range(100):  # removed by retention meanwhile: "send it again"
            reply = self.call("PUT", f"/api/v1/artifacts/{digest}", data)
            if reply.status != 409:
                break
        assert reply.status in (200, 201), reply.body
        return digest

    def submit(self, document=None, expect=201, **headers):
        document = document or job_document(self.put_blob(b"an image"))
        reply = self.call("POST", "/api/v1/jobs", document, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert reply.status == expect, reply.body
        return reply.json["id"]

    def raw(self, data, timeout=20):
        """Sends bytes, reads until the server closes or stops talking."""
        with self.socket(timeout) as s:
            s.sendall(data)
            return read_some(s)

    def wait_job(self, job, *states, seconds=20):
        return wait_for(lambda: (lambda j: j if j["state"] in states else None)(self.api(f"/jobs/{job}")), seconds,
                        message=f"job {job} did not become {states}")


def read_some(s):
    """What comes until one whole response with Content-Length is there, or the end."""
    data = b""
    while True:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece
        head, mark, body = data.partition(b"\r\n\r\n")
        if not mark:
            continue
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:") and len(body) >= int(line.split(b":")[1]):
                return data


def job_document(image, board_type="mps3-an547", **more):
    return {"name": "a job", "board": {"type": board_type}, "image": "sha256:" + image, "protocol": "uart-bench",
            "phases": {"warm": {"iterations": 10, "warmup": 1}}, **more}


def record(text, t_us=0, stream=0):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<QIB3x", t_us, len(data), stream) + data


def result_document(outcome="passed", **more):
    ticks = [1000 + i for i in range(10)]
    return {"result_id": os.urandom(8).hex(), "outcome": outcome, "detail": "", "stage": "", "late": False,
            "started_at": "2026-01-01T00:00:00.000Z", "finished_at": "2026-01-01T00:00:01.000Z",
            "stages": [{"stage": "flash", "start_ms": 0, "end_ms": 10}],
            "timer": {"hz": 32000000, "kind": "systick", "icount_shift": 5},
            "phases": [{"phase": "warm", "boot": 0, "n": 10, "warmup": 1, "overhead_ticks": 12, "window_ticks": 11000,
                        "irq": "masked", "inputs": "rotate", "ticks": ticks}],
            "device": {"proto": 1}, "model": {"model": "m"}, **more}


class Agent:
    """Speaks /agent/v1 and drives no board at all."""

    def __init__(self, server, name="bench", boards=("b1",), board_type="mps3-an547", virtual=True, **board):
        self.server = server
        self.name = name
        self.host = "h"
        self.instance = os.urandom(8).hex()
        self.boards = [{"name": b, "type": board_type, "tags": ["t"], "virtual": virtual, "exec": False,
                        "protocols": ["uart-bench", "lines"], "phases": ["cold", "warm", "memory"], "mcu": "Cortex-M55",
                        "probe_serial": "VB-" + b, "ppk2_serial": None, "epoch": 0, "online": True, "detail": "", **board}
                       for b in boards]
        self.session = None
        self.headers = {}  # a token's, where the server asks for one

    def call(self, method, path, body=None, epoch=None, headers=None, timeout=40):
        headers = {"Hilda-Agent-Protocol": "1", **self.headers, **(headers or {})}
        if self.session is not None:
            headers.setdefault("Hilda-Session", str(self.session))
        if epoch is not None:
            headers["Hilda-Epoch"] = str(epoch)
        return self.server.call(method, "/agent/v1" + path, body, headers, timeout)

    def register(self, runs=(), expect=200):
        self.session = None
        reply = self.call("POST", "/register", {"name": self.name, "host": self.host, "version": "0.1.0",
                                                "instance": self.instance, "boards": self.boards, "runs": list(runs)})
        assert reply.status == expect, reply.body
        if expect == 200:
            self.session = reply.json["session"]
            return reply.json
        return reply

    def acquire(self, boards=None, acknowledged=(), request=None, expect=200):
        reply = self.call("POST", "/acquire", {"request": request or os.urandom(8).hex(),
                                               "boards": [b["name"] for b in self.boards] if boards is None else boards,
                                               "acknowledged": list(acknowledged)})
        assert reply.status == expect, reply.body
        return reply.json

    def offer(self, **how):
        found = self.acquire(**how)
        assert len(found["offers"]) == 1, found
        return found["offers"][0]

    def start(self, offer, expect=200):
        reply = self.call("POST", f"/runs/{offer['run']}/start", {}, epoch=offer["epoch"])
        assert reply.status == expect, reply.body
        return reply

    def heartbeat(self, runs=(), boards=(), expect=200):
        reply = self.call("POST", "/heartbeat", {"runs": list(runs), "boards": list(boards), "rejected": []})
        assert reply.status == expect, reply.body
        return reply.json

    def log(self, offer, offset, data, expect=200):
        reply = self.call("PUT", f"/runs/{offer['run']}/log?offset={offset}", data, epoch=offer["epoch"])
        assert reply.status == expect, reply.body
        return reply.json

    def result(self, offer, document=None, expect=200):
        reply = self.call("PUT", f"/runs/{offer['run']}/result", document or result_document(), epoch=offer["epoch"])
        assert reply.status == expect, reply.body
        return reply.json

    def attest(self, board):
        """The board's lock is free: nothing of this host drives it."""
        epoch = next(b["epoch"] for b in self.server.api("/boards")["items"] if b["name"] == board)
        return self.heartbeat(boards=[{"name": board, "epoch": epoch, "online": True, "lock_free": True, "detail": ""}])


class Events:
    """A server-sent event stream, read by hand."""

    def __init__(self, server, path="/api/v1/events", headers=None):
        self.connection = server.connect()
        self.connection.request("GET", path, headers={"Accept": "text/event-stream", **(headers or {})})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self.last_id = None

    def next(self):
        """The next block as {"event", "data", "id", "comment"}; None at the end."""
        found = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return None
            line = line.rstrip("\n")
            if not line:
                if found:
                    return found
                continue
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            found[key or "comment"] = value
            if key == "id":
                self.last_id = value

    def until(self, event, **fields):
        """The data of the next event of this name whose fields match."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            block = self.next()
            assert block is not None, "the stream ended"
            if block.get("event") != event:
                continue
            data = json.loads(block["data"])
            if all(data.get(k) == v for k, v in fields.items()):
                return data
        raise AssertionError(f"no event {event} {fields}")

    def close(self):
        self.response.close()
        self.connection.close()


@pytest.fixture
def server(tmp_path):
    """A running server with short terms, ended gracefully after the test."""
    own = Server(tmp_path, **SHORT).start()
    yield own
    code = own.stop()
    assert code == 0, own.log.read_text()


@pytest.fixture
def make_server(tmp_path):
    """make_server(**settings): a server that is not started yet; ended after the test."""
    made = []

    def make(folder=None, **settings):
        folder = folder or tmp_path / f"s{len(made)}"
        folder.mkdir(parents=True, exist_ok=True)
        made.append(Server(folder, **{**SHORT, **settings}))
        return made[-1]

    yield make
    for own in made:
        own.stop()
