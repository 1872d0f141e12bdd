"""A lab of real processes for the demo, the benchmarks and the scenario tests: a server on a free
port of loopback, agents with the boards of an ini text, a small REST client. Everything lies in one
folder and ends with the caller."""

import hashlib
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import time


class Refused(Exception):
    """The server's answer was an error; .status and .problem hold it."""

    def __init__(self, method, path, status, body):
        self.status = status
        try:
            self.problem = json.loads(body)
        except ValueError:
            self.problem = {"detail": body.decode(errors="replace")}
        super().__init__(f"{method} {path}: {status} {self.problem.get('detail', '')}")


class Lab:
    def __init__(self, build, folder):
        self.build = pathlib.Path(build)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address = "127.0.0.1"
        self.port = None
        self.tls = False
        self.server = None
        self.agents = []
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- processes

    def _start(self, name, argv, **environment):
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env={**os.environ, **environment})

    def start_server(self, listen="127.0.0.1:0", settings="", **environment):
        """settings: lines for [server]. Waits for the first answer; returns the seconds it took."""
        port_file = self.folder / "server.port"
        port_file.unlink(missing_ok=True)
        config = self.folder / "hildad.ini"
        config.write_text(f"[server]\nlisten = {listen}\ndata = {self.folder / 'server'}\n{settings}\n")
        self.tls = "tls-cert" in settings
        start = time.monotonic()
        self.server = self._start("server", [self.build / "bin/hildad", "--config", config, "--port-file", port_file],
                                  **environment)
        while True:
            if self.server.poll() is not None:
                raise RuntimeError(f"hildad ended with {self.server.returncode}:\n{self.log_tail('server')}")
            text = port_file.read_text() if port_file.exists() else ""
            if text.strip():
                self.port = int(text)
                try:
                    self.get("/healthz", raw=True)
                    return time.monotonic() - start
                except OSError:
                    pass
            if time.monotonic() - start > 20:
                raise RuntimeError(f"hildad did not answer within 20 s:\n{self.log_tail('server')}")
            time.sleep(0.002)

    def start_agent(self, boards, name="bench", settings="", wait=True, seconds=60):
        """boards: the ini text of the board sections. Waits until every one of them is online."""
        config = self.folder / f"{name}.ini"
        config.write_text(f"[agent]\nname = {name}\nserver = {self.url}\ndata = {self.folder / name}\n"
                          f"run = {self.folder / 'locks'}\n{settings}\n{boards}\n")
        agent = self._start(name, [self.build / "bin/hilda-agent", "run", "--config", config])
        self.agents.append(agent)
        wanted = boards.count("[board ")
        deadline = time.monotonic() + seconds
        while wait:
            online = [b for b in self.get("/api/v1/boards?limit=500")["items"] if b["agent"] == name and b["online"]]
            if len(online) == wanted:
                break
            if agent.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{len(online)} of {wanted} boards came online:\n{self.log_tail(name)}")
            time.sleep(0.02)
        return agent

    def stop(self):
        for process in [*self.agents, self.server]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in [*self.agents, self.server]:
            if not process:
                continue
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.agents, self.server = [], None

    def log_tail(self, name, lines=30):
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    # ---- REST

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.address}:{self.port}"

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection(self.address, self.port, timeout=60,
                                               context=ssl.create_default_context(cafile=self.folder / "server/tls/cert.pem"))
        return http.client.HTTPConnection(self.address, self.port, timeout=60)

    def call(self, method, path, body=None, headers=None, raw=False):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        for again in (True, False):
            if not self.connection:
                self.connection = self.connect()
            try:
                self.connection.request(method, path, body, headers)
                reply = self.connection.getresponse()
                data = reply.read()
                # An end in the middle of the head looks like an answer without a body.
                if reply.status != 204 and reply.getheader("Content-Length") is None and not reply.chunked:
                    raise http.client.IncompleteRead(data)
                break
            except (http.client.HTTPException, ConnectionError):
                self.connection = None
                if not again:
                    raise
        if reply.status >= 400:
            raise Refused(method, path, reply.status, data)
        return data if raw else json.loads(data or b"null")

    def get(self, path, raw=False):
        return self.call("GET", path, raw=raw)

    def upload(self, path):
        """Returns the artifact's hash."""
        data = pathlib.Path(path).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        self.call("PUT", f"/api/v1/artifacts/{digest}", data, {"Content-Type": "application/octet-stream"}, raw=True)
        return digest

    def submit(self, document):
        return self.call("POST", "/api/v1/jobs", document)

    def wait_job(self, job, seconds=60, every=0.01):
        begun = time.monotonic()
        while True:
            doc = self.get(f"/api/v1/jobs/{job}")
            if doc["state"] not in ("queued", "active"):
                return doc
            waited = time.monotonic() - begun
            if waited > seconds:
                raise RuntimeError(f"job {job} is still {doc['state']}: {doc.get('waits_for')}")
            time.sleep(max(every, min(0.05, waited / 10)))


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_count():
    return len(os.sched_getaffinity(0))
