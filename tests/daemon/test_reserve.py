"""Reservations: whose a board is, until when, and who may end that. Tokens are asked for."""

import datetime
import hashlib
import json
import pathlib
import signal
import socket
import struct
import subprocess

import pytest
from conftest import program, wait_for
from server_kit import Agent, job_document, make_server, read_some, result_document  # noqa: F401 (fixture)
from test_server_tokens import bearer, token

SHARE = 16  # how many consoles and debuggers one person may have open


class Lab:
    def __init__(self, server):
        self.server = server
        self.words = {name: token(server, name, scopes) for name, scopes in
                      (("ada", "read,submit"), ("bob", "read,submit"), ("boss", "admin"))}
        self.agent = AgentWithToken(server, token(server, "bench", "agent"))
        self.agent.register()

    def patch(self, who, expect=200, board="b1", **body):
        reply = self.server.call("PATCH", f"/api/v1/boards/{board}", body, bearer(self.words[who]))
        assert reply.status == expect, reply.body
        return reply.json

    def reserve(self, who, term="2h", expect=200, reason="a boot loop"):
        return self.patch(who, expect, action="reserve", reason=reason, **{"for": term})

    def release(self, who, expect=200):
        return self.patch(who, expect, action="release")

    def get(self, path, who="ada"):
        reply = self.server.call("GET", "/api/v1" + path, None, bearer(self.words[who]))
        assert reply.status == 200, reply.body
        return reply.json

    def board(self):
        return self.get("/boards/b1")

    def ask_stopped(self, who, method, path, body):
        """A socket whose request is committed and not answered: a failpoint has stopped the server."""
        text = json.dumps(body)
        s = self.server.socket()
        s.sendall((f"{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n"
                   f"Authorization: {bearer(self.words[who])['Authorization']}\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}").encode())
        stat = pathlib.Path(f"/proc/{self.server.process.pid}/stat")
        wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", 20)
        return s

    def go_on(self):
        self.server.process.send_signal(signal.SIGCONT)

    def ask_and_leave(self, *request):
        """Reset: libmicrohttpd may end the request instead of going on with it."""
        with self.ask_stopped(*request) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.go_on()

    def submit(self, **more):
        digest = hashlib.sha256(b"x").hexdigest()
        self.server.call("PUT", f"/api/v1/artifacts/{digest}", b"x", bearer(self.words["ada"]))
        reply = self.server.call("POST", "/api/v1/jobs", job_document(digest, **more), bearer(self.words["ada"]))
        assert reply.status == 201, reply.body
        return reply.json["id"]

    def hilda(self, who, *words, code=0):
        done = subprocess.run([program("hilda"), *words], capture_output=True, text=True, timeout=60,
                              env={"HILDA_SERVER": f"http://127.0.0.1:{self.server.port}", "HILDA_TOKEN": self.words[who]})
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr


class AgentWithToken(Agent):
    def __init__(self, server, word):
        super().__init__(server)
        self.word = word

    def call(self, method, path, body=None, epoch=None, headers=None, timeout=40):
        return super().call(method, path, body, epoch, {**bearer(self.word), **(headers or {})}, timeout)


@pytest.fixture
def lab(make_server):  # noqa: F811
    return Lab(make_server(auth="tokens", reserve_max="3h").start())


def test_a_reservation_is_its_owners(lab):
    board = lab.reserve("ada")
    assert (board["state"], board["hold"], board["hold_owner"]) == ("reserved", "reserved", "ada")
    until = board["hold_until"]
    left = datetime.datetime.fromisoformat(until.replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=1, minutes=50) < left <= datetime.timedelta(hours=2)
    refused = lab.reserve("bob", expect=409)["detail"]
    assert "reserved by ada until " + until in refused
    assert "ada" in lab.release("bob", expect=403)["detail"]
    assert lab.reserve("boss", expect=409)["detail"] == refused
    # Its owner gives it another end, and gives it back.
    assert lab.reserve("ada", "3h")["hold_until"] > until
    assert lab.release("ada")["state"] == "ready" and lab.board()["hold_owner"] is None
    lab.reserve("bob")
    assert lab.release("boss")["state"] == "ready"
    who = [(e["who"], e["what"]) for e in lab.get("/audit", "boss")["items"] if "boards" in e["what"]]
    assert who == [(name, "PATCH /api/v1/boards/b1") for name in ("boss", "bob", "ada", "ada", "ada")]


def test_scope_submit_reserves_for_itself_and_not_for_ever(lab):
    assert "at most 10800 s" in lab.reserve("ada", "4h", expect=400)["detail"]
    assert lab.patch("ada", 400, action="reserve", reason="x")["detail"].startswith("say how long")
    assert lab.patch("ada", 400, action="reserve", reason="x", until="2100-01-01T00:00:00Z")
    assert lab.patch("ada", 400, action="reserve", reason="x", **{"for": "soon"})["pointer"] == "/for"
    assert lab.patch("ada", 403, action="drain", reason="x")
    assert lab.board()["state"] == "ready"
    lab.patch("boss", action="drain", reason="new cable")
    assert "drained" in lab.reserve("ada", expect=409)["detail"]
    assert "administrator" in lab.release("ada", expect=403)["detail"]
    assert lab.board()["state"] == "drained"
    # An administrator's may have no end, and replaces the drain.
    assert lab.patch("boss", action="reserve", reason="mine")["hold_until"] is None


def test_the_running_job_ends_first_and_the_next_one_waits(lab):
    first, second = lab.submit(), lab.submit(board={"name": "b1"})
    offer = lab.agent.offer()
    lab.agent.start(offer)
    board = lab.reserve("ada")
    assert board["state"] == "busy" and board["hold"] == "reserved"
    lab.agent.result(offer, result_document())
    assert lab.get(f"/jobs/{first}")["state"] == "succeeded" and lab.board()["state"] == "reserved"
    assert lab.agent.acquire()["offers"] == []
    waits = lab.get(f"/jobs/{second}")["waits_for"]
    assert waits == f"board b1 is reserved by ada until {lab.board()['hold_until']}: a boot loop"
    lab.release("ada")
    assert lab.agent.offer()["job"] == second


def test_it_ends_at_its_time_also_when_its_owner_is_nobody_any_more(lab):
    lab.reserve("ada", "1s")
    listed = {t["name"]: t["id"] for t in lab.get("/tokens", "boss")["items"]}
    assert lab.server.call("DELETE", f"/api/v1/tokens/{listed['ada']}", None, bearer(lab.words["boss"])).status in (200, 204)
    wait_for(lambda: lab.get("/boards/b1", "bob")["state"] == "ready", 20)
    assert lab.get("/boards/b1", "bob")["hold_owner"] is None


def test_a_reservation_outlives_the_server(lab):
    lab.reserve("ada")
    assert lab.server.stop() == 0
    lab.server.start()
    assert lab.board()["hold_owner"] == "ada"
    assert "ada" in lab.reserve("bob", expect=409)["detail"]


def test_refused_consoles_take_no_room(lab):
    for _ in range(2 * SHARE):
        refused = lab.server.call("POST", "/api/v1/boards/b1/console", None, bearer(lab.words["ada"]))
        assert refused.status == 403, refused.body


def refused_gdb(lab, who, board="b1"):
    """Before anything is printed or started, in the words in which the tunnel itself is refused."""
    reply = lab.server.call("POST", f"/api/v1/boards/{board}/gdb", None, bearer(lab.words[who]))
    assert reply.status >= 400
    started = lab.server.folder / "started"
    for behind in ([], ["--", "/bin/sh", "-c", f"echo > {started}"]):
        done = subprocess.run([program("hilda"), "gdb", board, *behind], capture_output=True, text=True, timeout=20,
                              env={"HILDA_SERVER": f"http://127.0.0.1:{lab.server.port}", "HILDA_TOKEN": lab.words[who]})
        assert (done.returncode, done.stdout) == (4, ""), (done.stdout, done.stderr)
        assert reply.json["detail"] in done.stderr
    assert not started.exists()
    return reply.json["detail"]


def test_gdb_is_refused_before_it_is_spoken_of(lab):
    assert "hilda reserve b1" in refused_gdb(lab, "ada")
    assert "there is no board b9" in refused_gdb(lab, "ada", "b9")
    lab.reserve("ada")
    assert "reserved by ada until" in refused_gdb(lab, "bob")
    assert lab.server.call("GET", "/api/v1/boards/b1/gdb", None, bearer(lab.words["ada"])).json == {
        "board": "b1", "kind": "gdb"}
    lab.agent.heartbeat(boards=[{"name": "b1", "online": False}])
    assert "b1 is offline" in refused_gdb(lab, "ada")
    # Nobody has changed anything: that stands in no audit log.
    assert "gdb" not in " ".join(e["what"] for e in lab.get("/audit", "boss")["items"] if e["what"].startswith("GET"))


def test_gdb_is_refused_while_the_boards_job_is_not_over(lab):
    lab.submit()
    lab.agent.start(lab.agent.offer())
    lab.reserve("ada")
    assert "busy still" in refused_gdb(lab, "ada")


def stopping_lab(make_server, point):  # noqa: F811
    return Lab(make_server(auth="tokens", reserve_max="3h").start(HILDA_FAILPOINTS=f"server.committed.{point}"))


def test_a_release_ends_the_console_also_when_nobody_waits_for_its_answer(make_server):  # noqa: F811
    lab = stopping_lab(make_server, "board-update=stop:2")
    lab.reserve("ada")
    opened = lab.server.call("POST", "/api/v1/boards/b1/console", None, bearer(lab.words["ada"]))
    assert opened.status == 201, opened.body
    lab.ask_and_leave("ada", "PATCH", "/boards/b1", {"action": "release"})
    assert lab.board()["state"] == "ready"
    ended = lab.server.call("GET", f"/api/v1/tunnels/{opened.json['id']}/down", None, bearer(lab.words["ada"]))
    assert ended.status == 410 and "released" in ended.json["detail"], ended.body


def test_consoles_that_nobody_waited_for_take_no_room(make_server):  # noqa: F811
    lab = stopping_lab(make_server, "board-open=stop")
    lab.reserve("ada")
    for _ in range(2 * SHARE):
        lab.ask_and_leave("ada", "POST", "/boards/b1/console", {})
    with lab.ask_stopped("ada", "POST", "/boards/b1/console", {}) as s:
        lab.go_on()
        assert read_some(s).startswith(b"HTTP/1.1 201")


def test_by_the_command_line(lab):
    assert "reserved until 20" in lab.hilda("ada", "reserve", "b1", "--for", "30m", "--reason", "mine")
    assert "reserved by ada until" in lab.hilda("bob", "boards") and "mine" in lab.hilda("bob", "boards")
    assert "reserved by ada until" in lab.hilda("bob", "reserve", "b1", "--reason", "no", code=4)
    assert "only that one" in lab.hilda("bob", "release", "b1", code=4)
    assert json.loads(lab.hilda("ada", "release", "b1", "--json"))["state"] == "ready"
    assert "--reason" in lab.hilda("ada", "reserve", "b1", code=2)
    assert "no board" in lab.hilda("ada", "reserve", "b 1", "--reason", "x", code=4)
