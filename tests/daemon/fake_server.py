"""A server of the REST contract that the test scripts: it can drop connections, answer slowly or
with nonsense, and it remembers every request. For what the real one cannot be made to do."""

import hashlib
import http.server
import json
import re
import threading
import urllib.parse


class Drop(Exception):
    """Close the connection without an answer."""


class FakeServer:
    def __init__(self):
        self.requests = []  # (method, path, headers, bytes of the body)
        self.artifacts = {}  # sha256 -> bytes
        self.uploads = {}  # id -> {"sha256", "bytes", "data"}
        self.jobs = {}  # id -> job
        self.runs = {}  # id -> run
        self.keys = {}  # Idempotency-Key -> job id
        self.lists = {"boards": [], "agents": [], "results": []}
        self.drops = {}  # "METHOD /prefix" -> how many times to drop, after reading the body
        self.replies = {}  # "METHOD /path" -> (status, content type, bytes)
        self.stuck_upload = False  # thanks for each PATCH and keeps nothing
        self.cut_upload = None  # keep only this many bytes of the next PATCH, then drop
        self.on_job = lambda job: None  # called at each GET of a job
        self.logs = {}  # run -> [list of events for the 1st connection, 2nd, ...]
        self.connections = 0
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_any(self):
                try:
                    fake.handle(self)
                except Drop:
                    self.close_connection = True
                    self.connection.shutdown(2)

            do_GET = do_POST = do_PATCH = do_HEAD = do_DELETE = do_PUT = handle_any

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}"
        self.thread = threading.Thread(target=self.httpd.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()

    def count(self, method, prefix=""):
        return sum(m == method and p.startswith(prefix) for m, p, _, _ in self.requests)

    # ---- one request ----

    def handle(self, h):
        body = h.rfile.read(int(h.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(h.path)
        self.requests.append((h.command, h.path, dict(h.headers), body))
        for key, left in self.drops.items():
            method, prefix = key.split(" ")
            if left and h.command == method and url.path.startswith(prefix):
                self.drops[key] = left - 1
                if method == "POST" and url.path == "/api/v1/jobs":
                    self.post_job(h, body)  # taken, and the answer is lost
                raise Drop
        fixed = self.replies.get(f"{h.command} {url.path}")
        if fixed:
            return self.send(h, *fixed)
        for pattern, method, function in self.routes:
            match = re.fullmatch(pattern, url.path)
            if match and method == h.command:
                query = dict(urllib.parse.parse_qsl(url.query))
                return function(self, h, body, query, *match.groups())
        return self.problem(h, 404, "not-found", f"there is no {h.command} {url.path}")

    def send(self, h, status, kind, data, **headers):
        h.send_response(status)
        h.send_header("Content-Type", kind)
        for name, value in headers.items():
            h.send_header(name.replace("_", "-"), str(value))
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(data)

    def json(self, h, status, value, **headers):
        self.send(h, status, "application/json", json.dumps(value).encode(), **headers)

    def problem(self, h, status, slug, detail, **more):
        value = {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": detail}
        self.send(h, status, "application/problem+json", json.dumps({**value, **more}).encode())

    # ---- artifacts ----

    def head_artifact(self, h, body, query, sha256):
        if sha256 in self.artifacts:
            return self.send(h, 200, "application/octet-stream", self.artifacts[sha256])
        return self.problem(h, 404, "not-found", "no such artifact")

    def post_artifact(self, h, body, query):
        doc = json.loads(body)
        if doc["sha256"] in self.artifacts:
            return self.json(h, 200, {**doc, "have": True})
        number = len(self.uploads) + 1
        self.uploads[number] = {**doc, "data": b""}
        return self.json(h, 201, {**doc, "id": number, "offset": 0},
                         Location=f"/api/v1/uploads/{number}")

    def patch_upload(self, h, body, query, number):
        upload = self.uploads[int(number)]
        if int(h.headers["Upload-Offset"]) != len(upload["data"]):
            return self.problem(h, 409, "wrong-offset", "the offset is another")
        if self.stuck_upload:
            return self.send(h, 204, "text/plain", b"", Upload_Offset=len(upload["data"]))
        if self.cut_upload is not None:
            upload["data"] += body[:self.cut_upload]
            self.cut_upload = None
            raise Drop
        upload["data"] += body
        if len(upload["data"]) < upload["bytes"]:
            return self.send(h, 204, "text/plain", b"", Upload_Offset=len(upload["data"]))
        if hashlib.sha256(upload["data"]).hexdigest() != upload["sha256"]:
            return self.problem(h, 422, "wrong-hash", "the bytes have another hash")
        self.artifacts[upload["sha256"]] = upload["data"]
        return self.json(h, 201, {"sha256": upload["sha256"], "bytes": upload["bytes"]})

    def head_upload(self, h, body, query, number):
        upload = self.uploads[int(number)]
        self.send(h, 200, "text/plain", b"", Upload_Offset=len(upload["data"]),
                  Upload_Length=upload["bytes"])

    # ---- jobs and the rest ----

    def post_job(self, h, body):
        key = h.headers["Idempotency-Key"]
        if key in self.keys:
            return self.keys[key], False
        doc = json.loads(body)
        number = len(self.jobs) + 1
        self.jobs[number] = {
            "id": number, "name": doc["name"], "state": "queued", "outcome": "", "detail": "",
            "stage": "", "waits_for": "no board of this type is connected", "document": doc,
            "board": doc["board"], "labels": doc.get("labels", {}), "run": None,
            "created_at": "2026-01-02T03:04:05.678Z", "started_at": None, "finished_at": None}
        self.keys[key] = number
        return number, True

    def create_job(self, h, body, query):
        number, new = self.post_job(h, body)
        self.json(h, 201 if new else 200, {"id": number, "state": self.jobs[number]["state"]})

    def get_job(self, h, body, query, number):
        job = self.jobs.get(int(number))
        if not job:
            return self.problem(h, 404, "not-found", f"there is no job {number}")
        self.on_job(job)
        return self.json(h, 200, job)

    def list_jobs(self, h, body, query):
        items = []
        for job in self.jobs.values():
            labels = {k[6:]: v for k, v in query.items() if k.startswith("label.")}
            if all(job["labels"].get(k) == v for k, v in labels.items()):
                self.on_job(job)
                items.append(job)
        self.page(h, sorted(items, key=lambda j: -j["id"]), query)

    def page(self, h, items, query):
        after, limit = int(query.get("after", 0)), int(query["limit"])
        assert 1 <= limit <= 500
        left = [i for i in items if not after or i["id"] < after]
        more = left[limit - 1]["id"] if len(left) > limit else None
        self.json(h, 200, {"items": left[:limit], "next": more})

    def get_run(self, h, body, query, number):
        self.json(h, 200, self.runs[int(number)])

    def job_runs(self, h, body, query, number):
        runs = [r for r in self.runs.values() if r["job"] == int(number)]
        self.json(h, 200, {"items": runs, "next": None})

    def run_log(self, h, body, query, number):
        scripts = self.logs.get(int(number))
        if not scripts or "event-stream" not in h.headers["Accept"]:
            return self.problem(h, 404, "not-found", "no log")
        h.send_response(200)
        h.send_header("Content-Type", "text/event-stream")
        h.send_header("Connection", "close")
        h.end_headers()
        h.wfile.write(scripts[min(self.connections, len(scripts) - 1)])
        self.connections += 1
        h.close_connection = True
        return None

    def get_list(self, h, body, query, name):
        self.json(h, 200, {"items": self.lists[name], "next": None})

    routes = [
        (r"/api/v1/artifacts/([0-9a-f]{64})", "HEAD", head_artifact),
        (r"/api/v1/artifacts/([0-9a-f]{64})", "GET", head_artifact),
        (r"/api/v1/artifacts", "POST", post_artifact),
        (r"/api/v1/uploads/(\d+)", "PATCH", patch_upload),
        (r"/api/v1/uploads/(\d+)", "HEAD", head_upload),
        (r"/api/v1/jobs", "POST", create_job),
        (r"/api/v1/jobs", "GET", list_jobs),
        (r"/api/v1/jobs/(\d+)", "GET", get_job),
        (r"/api/v1/jobs/(\d+)/runs", "GET", job_runs),
        (r"/api/v1/runs/(\d+)", "GET", get_run),
        (r"/api/v1/runs/(\d+)/log", "GET", run_log),
        (r"/api/v1/(boards|agents|results)", "GET", get_list),
    ]
