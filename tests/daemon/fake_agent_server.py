"""A Hilda server made of a dictionary: the agent's end of the wire, with faults on demand.

It keeps the promises of docs/wire.md section 3 (replays, epochs, offers repeated until started), so
that an agent that works with it works with the real one, and breaks them where a test says so.
"""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LINEAGE = "0123456789abcdef"


class Dropped(Exception):
    """The connection ends without an answer."""


def log_records(data):
    """(stream, bytes) of each record of a log."""
    at = 0
    while at < len(data):
        end = at + 16 + int.from_bytes(data[at + 8:at + 12], "little")
        yield data[at + 12], data[at + 16:end]
        at = end


class FakeServer:
    def __init__(self, heartbeat_ms=200, acquire_ms=2000, lineage=LINEAGE):
        self.lock = threading.Condition()
        self.heartbeat_ms = heartbeat_ms
        self.acquire_ms = acquire_ms
        self.lineage = lineage
        self.session = 0
        self.boards = {}
        self.epochs = {}
        self.runs = {}
        self.queue = []
        self.answers = {}
        self.artifacts = {}
        self.fetched = []
        self.cancels = {}
        self.checks = {}
        self.lost = set()
        self.attested = []
        self.rejected = []
        self.registers = []
        self.heartbeats = []
        self.calls = []
        self.down = False
        self.slow_artifacts = False  # they come when the server ends
        self.faults = []  # (pattern, action, times left)
        self.port = None
        self._start()

    # ---- what a test says ----

    def add_artifact(self, data):
        name = hashlib.sha256(data).hexdigest()
        self.artifacts[name] = data
        return name

    def submit(self, board, image, epoch=None, **document):
        """Queues a run for the board; returns its number."""
        with self.lock:
            run = len(self.runs) + 1
            doc = {"name": f"run {run}", "board": {"name": board}, "image": f"sha256:{image}"}
            doc.update(document)
            self.runs[run] = {"run": run, "board": board, "state": "queued", "image": image,
                              "document": doc, "epoch": epoch, "fixed_epoch": epoch,
                              "log": bytearray(), "capture": bytearray(), "result": None,
                              "results": 0, "starts": 0}
            self.queue.append(run)
            self.lock.notify_all()
            return run

    def cancel(self, run, reason="canceled by the user"):
        with self.lock:
            self.cancels[run] = reason
            self.lock.notify_all()

    def fault(self, pattern, action, times=1):
        """action: a status, 'drop' (before it is processed) or 'lose' (the answer only)."""
        with self.lock:
            self.faults.append([re.compile(pattern), action, times])

    def wait(self, what, seconds=15, message="it did not happen"):
        with self.lock:
            if not self.lock.wait_for(lambda: what(self), seconds):
                raise AssertionError(f"{message} within {seconds} s")
            return what(self)

    def wait_result(self, run, seconds=15):
        self.wait(lambda s: s.runs[run]["result"], seconds, f"no result of run {run}")
        return self.runs[run]["result"]

    def wait_state(self, run, state, seconds=15):
        self.wait(lambda s: s.runs[run]["state"] == state, seconds, f"run {run} is not {state}")

    def records(self, run):
        """The log as (stream, text)."""
        return [(stream, text.decode(errors="replace")) for stream, text in log_records(self.runs[run]["log"])]

    def text(self, run, stream=0):
        said = b"".join(text for s, text in log_records(self.runs[run]["log"]) if s == stream)
        return said.decode(errors="replace")

    # ---- the wire ----

    def _start(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args):
                pass

            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                try:
                    status, reply = fake.handle(self.command, self.path, self.headers, body)
                except Dropped:
                    self.close_connection = True
                    return
                raw = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                kind = "octet-stream" if isinstance(reply, bytes) else "json"
                self.send_response(status)
                self.send_header("Content-Type", f"application/{kind}")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_PUT = do_POST = any

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, address):
                pass

        self.http = Server(("127.0.0.1", self.port or 0), Handler)
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.down = True
        with self.lock:
            self.lock.notify_all()
        self.http.shutdown()
        self.http.server_close()

    def _fault(self, method, path):
        with self.lock:
            for fault in self.faults:
                if fault[2] and fault[0].search(f"{method} {path}"):
                    fault[2] -= 1
                    return fault[1]
        return None

    def handle(self, method, path, headers, body):
        if self.down:
            raise Dropped
        action = self._fault(method, path)
        with self.lock:
            self.calls.append(f"{method} {path}")
        if action == "drop":
            raise Dropped
        if isinstance(action, int):
            return action, {"type": "/problems/made-up", "title": "made up", "status": action,
                            "detail": f"the test wants {action}"}
        reply = self.route(method, path, headers, body)
        with self.lock:
            self.lock.notify_all()
        if action == "lose" or self.down:
            raise Dropped
        return reply

    def route(self, method, path, headers, body):
        if path.startswith("/agent/v1/artifacts/"):
            name = path.rsplit("/", 1)[1]
            with self.lock:
                self.fetched.append(name)
                self.lock.notify_all()
                self.lock.wait_for(lambda: self.down or not self.slow_artifacts)
            if name not in self.artifacts:
                return 404, {"type": "/problems/not-found", "detail": f"no artifact {name}"}
            return 200, self.artifacts[name]
        if headers.get("Hilda-Agent-Protocol") != "1":
            return 426, {"type": "/problems/protocol", "detail": "unknown protocol"}
        raw = "/log?" in path or "/capture?" in path
        doc = json.loads(body) if body and not raw else None
        if path == "/agent/v1/register":
            return self.register(doc)
        if int(headers.get("Hilda-Session", 0)) != self.session and "/result" not in path:
            return 409, {"type": "/problems/stale-session", "detail": "register again"}
        if path == "/agent/v1/acquire":
            return self.acquire(doc)
        if path == "/agent/v1/heartbeat":
            return self.heartbeat(doc)
        match = re.match(r"/agent/v1/runs/(\d+)/(start|log|capture|result)(?:\?offset=(\d+))?$", path)
        run = self.runs.get(int(match[1]))
        if not run:
            return 404, {"type": "/problems/not-found", "detail": "no such run"}
        if int(headers.get("Hilda-Epoch", 0)) != run["epoch"]:
            return 409, {"type": "/problems/stale-epoch", "detail": "stale epoch"}
        with self.lock:
            if match[2] == "start":
                return self.start(run)
            if raw:
                return self.grow(run, match[2], int(match[3]), body)
            return self.result(run, doc)

    def register(self, doc):
        with self.lock:
            self.registers.append(doc)
            self.session += 1
            boards = []
            for board in doc["boards"]:
                name = board["name"]
                self.boards[name] = board
                self.epochs[name] = max(self.epochs.get(name, 0), board["epoch"])
                boards.append({"name": name, "accepted": True, "epoch": self.epochs[name],
                               "detail": ""})
            held = {r["run"] for r in doc["runs"]}
            for run in self.runs.values():
                if run["run"] not in held and run["state"] in ("offered", "running"):
                    lost = run["state"] == "running"
                    run["state"] = "lost" if lost else "queued"
                    if not lost:
                        run["epoch"] = run["fixed_epoch"]
                    if lost:
                        self.checks[run["board"]] = f"run {run['run']} was lost"
            lost = [r for r in held if r in self.lost]
            return 200, {"session": self.session, "agent": 1, "lineage": self.lineage,
                         "lease_ms": 60000, "grace_ms": 10000,
                         "heartbeat_ms": self.heartbeat_ms, "acquire_ms": self.acquire_ms,
                         "boards": boards, "lost": lost}

    def offers(self, request, boards):
        out = []
        for run in self.runs.values():
            if run["board"] not in boards:
                continue
            busy = any(r["state"] in ("offered", "running") and r["board"] == run["board"]
                       for r in self.runs.values())
            if run["state"] == "queued" and not busy and run["board"] not in self.checks:
                if run["epoch"] is None:
                    self.epochs[run["board"]] = self.epochs.get(run["board"], 0) + 1
                    run["epoch"] = self.epochs[run["board"]]
                run["state"] = "offered"
            if run["state"] == "offered":
                out.append({"run": run["run"], "job": 1000 + run["run"], "attempt": 1,
                            "board": run["board"], "epoch": run["epoch"],
                            "image": {"sha256": run["image"], "bytes": 0}, "files": [],
                            "document": run["document"]})
        return out

    def news(self):
        return {"cancels": [{"run": r, "reason": why} for r, why in self.cancels.items()],
                "checks": [{"board": b, "epoch": self.epochs.get(b, 0), "reason": why}
                           for b, why in self.checks.items()]}

    def acquire(self, doc):
        session = self.session
        with self.lock:
            for run in doc["acknowledged"]:
                self.cancels.pop(run, None)

            def look():
                offers = self.offers(doc["request"], doc["boards"])
                news = self.news()
                if offers or news["cancels"] or news["checks"] or self.down or \
                        self.session != session:
                    return dict(news, offers=offers)
                return None

            answer = self.lock.wait_for(look, self.acquire_ms / 1000)
            if self.down:
                raise Dropped
            return 200, answer or {"offers": [], "cancels": [], "checks": []}

    def start(self, run):
        if run["state"] not in ("offered", "running"):
            return 409, {"type": "/problems/stale-epoch", "detail": "somebody else has the board"}
        run["state"] = "running"
        run["starts"] += 1
        return 200, {}

    def heartbeat(self, doc):
        with self.lock:
            self.heartbeats.append(doc)
            self.rejected += doc["rejected"]
            for board in doc["boards"]:
                self.boards.setdefault(board["name"], {}).update(board)
                if board["lock_free"]:
                    self.attested.append(board["name"])
                    self.checks.pop(board["name"], None)
            held = {r["run"] for r in doc["runs"]}
            return 200, dict(self.news(), lost=[r for r in held if r in self.lost])

    def grow(self, run, file, offset, body):
        if offset > len(run[file]):
            return 409, {"type": "/problems/wrong-offset", "detail": "gap",
                         "have": len(run[file])}
        run[file] += body[len(run[file]) - offset:]
        return 200, {"have": len(run[file])}

    def result(self, run, doc):
        run["results"] += 1
        if run["result"] and run["result"]["result_id"] != doc["result_id"]:
            return 410, {"type": "/problems/gone", "detail": "it has another result"}
        run["result"] = doc
        run["state"] = "late" if run["state"] == "lost" else "done"
        return 200, {"adopted": True}
