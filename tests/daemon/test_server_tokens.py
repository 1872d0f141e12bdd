"""Tokens: every route against every scope, who may cancel whose job, browsers, the audit log, wrong words."""

import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

import pytest
from conftest import program, wait_for
from server_kit import Agent, job_document, make_server, record  # noqa: F401 (fixture)

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTRACT = json.loads((ROOT / "protocols/rest/openapi.json").read_text())["paths"]
ROUTES = [(method.upper(), path, item[method]["x-scope"]) for path, item in CONTRACT.items()
          for method in ("get", "post", "put", "patch", "delete") if method in item]
SCOPES = ("read", "submit", "agent", "admin")


def hildad(server, *words, code=0):
    done = subprocess.run([program("hildad"), "--data", server.data, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def token(server, name, scopes, *more):
    return hildad(server, "token", "create", "--name", name, "--scopes", scopes, *more).strip()


def bearer(word):
    return {"Authorization": f"Bearer {word}"}


@pytest.fixture
def server(make_server):  # noqa: F811
    return make_server(auth="tokens").start()


@pytest.fixture
def open_server(make_server):  # noqa: F811
    return make_server().start()


def address(path):
    return re.sub(r"\{sha256\}", "0" * 64, re.sub(r"\{name\}", "nobody", re.sub(r"\{id\}", "987654321", path)))


def asked(server, method, path, word):
    """The status; an event stream is not read to its end."""
    connection = server.connect()
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    headers = bearer(word) if word else {}
    if body:
        headers["Content-Type"] = "application/json"
    connection.request(method, address(path), body=body, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_every_route_asks_for_its_scope_and_for_no_other(server):
    words = {scope: token(server, scope, scope) for scope in SCOPES}
    wrong = []
    for method, path, needed in ROUTES:
        for scope, word in [*words.items(), (None, None)]:
            may = needed == "public" or scope == needed or (scope == "admin" and needed != "agent")
            status = asked(server, method, path, word)
            refused = status == (403 if scope else 401)
            # GET /session answers 401 of its own to who has no cookie.
            if path.endswith("/session"):
                continue
            if may == refused:
                wrong.append((method, path, needed, scope, status))
    assert not wrong
    assert len(ROUTES) > 50


def test_an_open_server_asks_nobody(open_server):
    assert all(asked(open_server, "GET", path, None) not in (401, 403)
               for method, path, scope in ROUTES if method == "GET" and scope in ("read", "admin"))
    assert open_server.api("/session")["auth"] == "open"


def test_a_job_is_its_submitters(server):
    ada, bob, boss = (token(server, name, scopes) for name, scopes in
                      (("ada", "read,submit"), ("bob", "read,submit"), ("boss", "admin")))
    image = b"an image"
    digest = hashlib.sha256(image).hexdigest()
    assert server.call("PUT", f"/api/v1/artifacts/{digest}", image, bearer(ada)).status in (200, 201)
    jobs = [server.call("POST", "/api/v1/jobs", job_document(digest), bearer(ada)).json["id"] for _ in range(2)]
    refused = server.call("DELETE", f"/api/v1/jobs/{jobs[0]}", None, bearer(bob))
    assert refused.status == 403 and "ada" in refused.json["detail"]
    assert server.call("DELETE", f"/api/v1/jobs/{jobs[0]}", None, bearer(ada)).status == 200
    assert server.call("DELETE", f"/api/v1/jobs/{jobs[1]}", None, bearer(boss)).status == 200
    log = server.call("GET", "/api/v1/audit", None, bearer(boss)).json["items"]
    seen = [(e["who"], e["what"]) for e in log]
    assert ("ada", f"DELETE /api/v1/jobs/{jobs[0]}") in seen and ("boss", f"DELETE /api/v1/jobs/{jobs[1]}") in seen
    assert ("local", "POST /api/v1/tokens") in seen and ("ada", "POST /api/v1/jobs") in seen
    assert ("ada", f"PUT /api/v1/artifacts/{digest}") in seen
    # What was refused changed nothing, and is no row.
    assert ("bob", f"DELETE /api/v1/jobs/{jobs[0]}") not in seen
    assert {e["source"] for e in log} == {"127.0.0.1"}
    only = server.call("GET", "/api/v1/audit?who=ada&limit=1", None, bearer(boss)).json
    assert [e["who"] for e in only["items"]] == ["ada"] and only["next"]


def test_one_key_of_two_people_is_two_jobs(server):
    """An Idempotency-Key belongs to its token."""
    words = [token(server, name, "submit,read") for name in ("ada", "bob")]
    digest = hashlib.sha256(b"x").hexdigest()
    server.call("PUT", f"/api/v1/artifacts/{digest}", b"x", bearer(words[0]))
    ids = [server.call("POST", "/api/v1/jobs", job_document(digest), {**bearer(w), "Idempotency-Key": "k"}).json["id"]
           for w in (words[0], words[1], words[0])]
    assert ids[0] == ids[2] != ids[1]


def test_revoked_expired_unknown(server):
    word = token(server, "ada", "read")
    assert asked(server, "GET", "/api/v1/jobs", word) == 200
    listed = hildad(server, "token", "list")
    number = re.search(r"^(\d+) +ada ", listed, re.MULTILINE).group(1)
    assert word.split("_", 2)[2] not in listed
    hildad(server, "token", "revoke", number)
    assert asked(server, "GET", "/api/v1/jobs", word) == 401
    assert "revoked" in hildad(server, "token", "list")
    assert "not revoked" in hildad(server, "token", "revoke", number, code=1)
    brief = token(server, "brief", "read", "--expires", "1s")
    wait_for(lambda: asked(server, "GET", "/api/v1/jobs", brief) == 401, 10)
    assert "past its time" in server.call("GET", "/api/v1/jobs", None, bearer(brief)).json["detail"]
    # The name is free again, and the secret another one.
    assert token(server, "ada", "read") != word
    assert "already" in hildad(server, "token", "create", "--name", "ada", "--scopes", "read", code=1)
    for words in (("--name", "x", "--scopes", "root"), ("--name", "a b", "--scopes", "read"),
                  ("--name", "x", "--scopes", "read", "--expires", "soon"), ("--name", "x", "--scopes", "read", "--host", "h")):
        assert hildad(server, "token", "create", *words, code=1)


def test_who_revokes_and_hangs_up_has_revoked(make_server, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HILDA_FAILPOINTS", "server.committed.token-revoke=stop")
    server = make_server(auth="tokens").start()
    boss, word = token(server, "boss", "admin"), token(server, "ada", "read")
    assert asked(server, "GET", "/api/v1/jobs", word) == 200
    number = next(t["id"] for t in server.call("GET", "/api/v1/tokens", None, bearer(boss)).json["items"] if t["name"] == "ada")
    stat = pathlib.Path(f"/proc/{server.process.pid}/stat")
    with server.socket() as s:
        # Its end is a reset, which the server finds when it would answer.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.sendall(f"DELETE /api/v1/tokens/{number} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {boss}\r\n\r\n".encode())
        wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", 10)
    server.process.send_signal(signal.SIGCONT)
    wait_for(lambda: asked(server, "GET", "/api/v1/jobs", word) == 401, 10)


def test_tokens_outlive_the_server_and_lie_nowhere_as_text(server):
    word = token(server, "ada", "read")
    assert server.stop() == 0
    assert not (server.data / "local.key").exists()
    assert "no server runs" in hildad(server, "token", "list", code=1)
    server.start()
    assert asked(server, "GET", "/api/v1/jobs", word) == 200
    secret = word.split("_", 2)[2].encode()
    for path in server.data.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path
    assert secret not in server.log.read_bytes()
    assert (server.data / "local.key").stat().st_mode & 0o777 == 0o600


def test_who_guesses_waits(server):
    word = token(server, "ada", "read")
    wrong = word[:-4] + ("AAAA" if not word.endswith("AAAA") else "BBBB")
    statuses = [asked(server, "GET", "/api/v1/jobs", wrong) for _ in range(14)]
    assert statuses[:10] == [401] * 10 and statuses[-1] == 429
    waits = server.call("GET", "/api/v1/jobs", None, bearer(word))
    assert waits.status == 429 and int(waits.headers["Retry-After"]) >= 1


def test_an_agents_token_is_good_for_that_agent(server):
    word = token(server, "bench-3", "agent", "--host", "bench-3")
    body = {"name": "bench-4", "host": "h", "version": "1", "instance": "i", "boards": [], "runs": []}
    headers = {**bearer(word), "Hilda-Agent-Protocol": "1"}
    refused = server.call("POST", "/agent/v1/register", body, headers)
    assert refused.status == 403 and "bench-3" in refused.json["detail"]
    assert server.call("POST", "/agent/v1/register", {**body, "name": "bench-3"}, headers).status == 200


def test_an_agents_token_does_nothing_with_another_agents_session(server, people):
    mine, others = (bearer(token(server, name, "agent", "--host", name)) for name in ("bench-3", "bench-4"))
    digest = hashlib.sha256(b"x").hexdigest()
    assert server.call("PUT", f"/api/v1/artifacts/{digest}", b"x", people["ada"]).status in (200, 201)
    job = server.call("POST", "/api/v1/jobs", job_document(digest), people["ada"]).json["id"]
    agent, thief = Agent(server, "bench-3"), Agent(server, "bench-4", boards=("b2",), board_type="other")
    agent.headers, thief.headers = mine, others
    agent.register()
    thief.register()
    thief.session = agent.session
    acquired = thief.call("POST", "/acquire", {"request": "r", "boards": ["b1"], "acknowledged": []})
    assert acquired.status == 409 and acquired.problem == "stale-session"
    offer = agent.offer()
    assert thief.start(offer, expect=409).problem == "stale-session"
    agent.start(offer)
    thief.heartbeat(expect=409)
    thief.log(offer, 0, record("forged"), expect=403)
    assert thief.call("PUT", f"/runs/{offer['run']}/capture?offset=0", b"x", epoch=offer["epoch"]).status == 403
    assert "bench-3" in thief.result(offer, expect=403)["detail"]
    for method, way in (("GET", "up"), ("PUT", "down"), ("POST", "end")):
        assert thief.call(method, f"/tunnels/1/{way}", {"reason": "x"} if way == "end" else None).problem == "stale-session"
    agent.log(offer, 0, record("x"))
    agent.result(offer)
    assert server.call("GET", f"/api/v1/jobs/{job}", None, people["ada"]).json["state"] == "succeeded"
    # One that is good for every agent is so still.
    agent.headers = people["bench"]
    agent.heartbeat()


def test_a_browser_comes_in_by_a_cookie_and_changes_nothing_without_its_word(server):
    word = token(server, "ada", "read,submit")
    assert server.get("/api/v1/session").status == 401
    assert server.call("POST", "/api/v1/session", {"token": word[:-1]}).status == 401
    came = server.call("POST", "/api/v1/session", {"token": word})
    cookie = came.headers["Set-Cookie"]
    assert came.status == 200 and "HttpOnly" in cookie and "SameSite=Strict" in cookie and word not in cookie
    have = {"Cookie": cookie.split(";")[0]}
    assert server.call("GET", "/api/v1/jobs", None, have).status == 200
    assert server.call("GET", "/api/v1/session", None, have).json["name"] == "ada"
    forged = server.call("DELETE", "/api/v1/jobs/1", None, have)
    assert forged.status == 403 and "X-CSRF-Token" in forged.json["detail"]
    assert server.call("DELETE", "/api/v1/jobs/1", None, {**have, "X-CSRF-Token": came.json["csrf"]}).status == 404
    assert server.call("DELETE", "/api/v1/session", None, have).status == 204
    assert server.call("GET", "/api/v1/jobs", None, have).status == 401


def test_who_asks_often_with_a_token_past_its_time_does_not_come_in(make_server):  # noqa: F811
    server = make_server(auth="tokens", rate=1, rate_burst=2).start()
    word = token(server, "brief", "read", "--expires", "1s")
    made = time.monotonic()
    wait_for(lambda: time.monotonic() > made + 1.1, 10)
    replies = [server.call("POST", "/api/v1/session", {"token": word}) for _ in range(5)]
    assert [r.status for r in replies] == [401] * 5 and not any(r.headers["Set-Cookie"] for r in replies)


def test_uses_are_noted(server):
    word = token(server, "ada", "read")
    asked(server, "GET", "/api/v1/jobs", word)
    wait_for(lambda: re.search(r" ada .* \d{4}-\d\d-\d\dT.* alive", hildad(server, "token", "list")), 10)


# ---- owners


@pytest.fixture
def people(server):
    return {name: bearer(token(server, name, scopes))
            for name, scopes in (("ada", "read,submit"), ("bob", "read,submit"), ("boss", "admin"), ("bench", "agent"))}


def suite(server, who, name="nightly"):
    digest = hashlib.sha256(b"x").hexdigest()
    assert server.call("PUT", f"/api/v1/artifacts/{digest}", b"x", who).status in (200, 201)
    return {"name": name, "matrix": {"board": ["b1"]}, "image": "x.elf", "artifacts": {"x.elf": f"sha256:{digest}"},
            "job": {"board": {"name": "${board}"}, "protocol": "uart-bench",
                    "phases": {"warm": {"iterations": 10, "warmup": 1}}, "attempts": 1}}


def test_what_somebody_has_made_others_may_look_at_and_run_but_not_change(server, people):
    ada, bob, boss = people["ada"], people["bob"], people["boss"]
    document = suite(server, ada)
    assert server.call("POST", "/api/v1/suites", document, ada).status == 201
    schedule = server.call("POST", "/api/v1/schedules", {"suite": "nightly", "cron": "0 3 * * *"}, ada).json["id"]
    run = server.call("POST", "/api/v1/suites/nightly/runs", None, ada).json["id"]
    cell = server.call("GET", f"/api/v1/suite-runs/{run}", None, ada).json["cells"][0]["job"]
    calls = [("PUT", "/api/v1/suites/nightly", document, "suite nightly"), ("DELETE", "/api/v1/suites/nightly", None, "suite nightly"),
             ("PATCH", f"/api/v1/schedules/{schedule}", {"action": "pause"}, f"schedule {schedule}"),
             ("POST", f"/api/v1/schedules/{schedule}/run", {}, f"schedule {schedule}"),
             ("DELETE", f"/api/v1/schedules/{schedule}", None, f"schedule {schedule}"),
             ("POST", f"/api/v1/suite-runs/{run}/retry", {}, f"suite run {run}"),
             ("POST", f"/api/v1/suite-runs/{run}/cancel", {}, f"suite run {run}"),
             ("POST", f"/api/v1/jobs/{cell}/rerun", {}, f"job {cell}"), ("DELETE", f"/api/v1/jobs/{cell}", None, f"job {cell}")]
    for method, path, body, what in calls:
        refused = server.call(method, path, body, bob)
        assert refused.status == 403 and f"{what} is ada's" in refused.json["detail"], (method, path, refused.body)
    assert server.call("GET", "/api/v1/suites/nightly", None, bob).status == 200
    others = server.call("POST", "/api/v1/suites/nightly/runs", None, bob).json["id"]
    mine = server.call("GET", f"/api/v1/suite-runs/{others}", None, bob).json["cells"][0]["job"]
    assert server.call("DELETE", f"/api/v1/jobs/{mine}", None, ada).status == 403
    assert server.call("DELETE", f"/api/v1/jobs/{mine}", None, bob).status == 200, "jobs of a run are who began it's"
    assert server.call("POST", f"/api/v1/suite-runs/{others}/retry", {}, bob).status == 200
    assert server.call("POST", f"/api/v1/suite-runs/{others}/cancel", {}, bob).json["canceled"] == 1
    assert server.call("GET", f"/api/v1/jobs/{cell}", None, bob).json["state"] == "queued", "ada's goes on"
    assert server.call("POST", f"/api/v1/suite-runs/{run}/cancel", {}, boss).json["canceled"] == 1
    # The owner, and who may change everybody's.
    assert server.call("PUT", "/api/v1/suites/nightly", document, boss).status == 200
    assert server.call("PATCH", f"/api/v1/schedules/{schedule}", {"action": "pause"}, ada).status == 200
    assert server.call("PATCH", f"/api/v1/schedules/{schedule}", {"action": "resume"}, boss).status == 200
    by_hand = server.call("POST", f"/api/v1/schedules/{schedule}/run", {}, boss).json["suite_run"]
    job = server.call("GET", f"/api/v1/suite-runs/{by_hand}", None, ada).json["cells"][0]["job"]
    assert server.call("DELETE", f"/api/v1/jobs/{job}", None, ada).status == 200, "a schedule's jobs are its owner's"
    assert server.call("POST", f"/api/v1/jobs/{job}/rerun", {}, ada).status == 201
    assert server.call("DELETE", f"/api/v1/schedules/{schedule}", None, ada).status == 204
    assert server.call("DELETE", "/api/v1/suites/nightly", None, ada).status == 204
    for method, path in (("DELETE", "/api/v1/suites/nightly"), ("DELETE", f"/api/v1/schedules/{schedule}"),
                         ("POST", "/api/v1/suite-runs/99/retry"), ("POST", "/api/v1/jobs/999/rerun")):
        assert server.call(method, path, {} if method == "POST" else None, bob).status == 404


def test_what_was_made_while_nobody_was_asked_is_for_admins(make_server):  # noqa: F811
    server = make_server().start()
    assert server.call("POST", "/api/v1/suites", suite(server, {})).status == 201
    assert server.call("PUT", "/api/v1/suites/nightly", suite(server, {})).status == 200
    assert server.stop() == 0
    server.settings["auth"] = "tokens"
    server.start()
    ada, boss = (bearer(token(server, name, scopes)) for name, scopes in (("ada", "submit"), ("boss", "admin")))
    refused = server.call("DELETE", "/api/v1/suites/nightly", None, ada)
    assert refused.status == 403 and "nobody's" in refused.json["detail"]
    assert server.call("DELETE", "/api/v1/suites/nightly", None, boss).status == 204


# ---- rates and depths


def test_who_asks_too_often_waits_and_others_do_not(make_server):  # noqa: F811
    server = make_server(auth="tokens", rate=1, rate_burst=5).start()
    ada, bob = (bearer(token(server, name, "read")) for name in ("ada", "bob"))
    began = time.monotonic()

    def until_refused():
        """How many were let in, and the refusal."""
        for n in range(1000):
            reply = server.call("GET", "/api/v1/jobs", None, ada)
            if reply.status != 200:
                return n, reply

    let_in, refused = until_refused()
    assert 5 <= let_in <= 5 + time.monotonic() - began and refused.status == 429
    assert int(refused.headers["Retry-After"]) == 1 and "'ada'" in refused.json["detail"]
    assert server.call("GET", "/api/v1/jobs", None, bob).status == 200
    token(server, "cleo", "read")  # all are read anew; ada's bucket is as it was
    assert let_in + until_refused()[0] <= 5 + time.monotonic() - began
    wait_for(lambda: server.call("GET", "/api/v1/jobs", None, ada).status == 200, 10)
    # hilda waits as it is told.
    word = ada["Authorization"].split()[1]
    for _ in range(3):
        done = subprocess.run([program("hilda"), "--server", f"http://127.0.0.1:{server.port}", "jobs"], text=True,
                              capture_output=True, timeout=60, env={**os.environ, "HILDA_TOKEN": word})
        assert done.returncode == 0, done.stderr


def test_so_many_jobs_of_one_submitter_wait_in_the_queue(make_server):  # noqa: F811
    server = make_server(auth="tokens", queue_max=3).start()
    ada, bob, boss = (bearer(token(server, name, scopes)) for name, scopes in
                      (("ada", "read,submit"), ("bob", "read,submit"), ("boss", "admin")))
    digest = hashlib.sha256(b"x").hexdigest()
    server.call("PUT", f"/api/v1/artifacts/{digest}", b"x", ada)

    def submit(who, **more):
        return server.call("POST", "/api/v1/jobs", job_document(digest, **more), who)

    assert submit(ada, repeat=4).status == 429
    jobs = [submit(ada).json["id"] for _ in range(2)]
    assert submit(ada, repeat=2).status == 429
    wait_for(lambda: submit(ada).status == 201, 10)  # counted again at most once a second
    refused = submit(ada)
    assert refused.status == 429 and refused.headers["Retry-After"] == "1"
    assert "ada has 3 jobs" in refused.json["detail"] and "queue-max" in refused.json["detail"]
    assert submit(bob).status == 201
    assert server.call("POST", f"/api/v1/jobs/{jobs[0]}/rerun", {}, ada).status == 429
    queued = server.call("GET", "/api/v1/jobs?state=queued", None, ada).json["items"]
    assert len(queued) == 4, "what was refused is not there"
    assert server.call("DELETE", f"/api/v1/jobs/{jobs[0]}", None, ada).status == 200
    wait_for(lambda: submit(ada).status == 201, 10)
    # A suite that does not fit is refused whole.
    assert server.call("POST", "/api/v1/suites", suite(server, ada), ada).status == 201
    assert server.call("POST", "/api/v1/suites/nightly/runs", None, ada).status == 429
    assert server.call("GET", "/api/v1/suite-runs", None, ada).json["items"] == []
    assert server.call("POST", "/api/v1/suites/nightly/runs", None, boss).status == 201


# ---- a token that ends while a job runs


def test_a_token_that_ends_in_mid_job_lets_the_job_end_and_nothing_begin(server, people):
    ada = people["ada"]
    brief = bearer(token(server, "brief", "read,submit", "--expires", "2s"))
    bench = bearer(token(server, "bench-3", "agent", "--host", "bench-3", "--expires", "2s"))
    made = time.monotonic()
    digest = hashlib.sha256(b"x").hexdigest()
    assert server.call("PUT", f"/api/v1/artifacts/{digest}", b"x", brief).status in (200, 201)
    job = server.call("POST", "/api/v1/jobs", job_document(digest), brief).json["id"]
    agent = Agent(server, "bench-3")
    agent.headers = bench
    agent.register()
    offer = agent.offer()
    agent.start(offer)
    wait_for(lambda: time.monotonic() > made + 2.1, 10)
    live = [{"run": offer["run"], "epoch": offer["epoch"], "stage": "warm"}]
    agent.heartbeat(runs=live)
    agent.log(offer, 0, record("x"))
    agent.heartbeat(expect=401)
    agent.acquire(expect=401)
    agent.result(offer)
    assert server.call("GET", f"/api/v1/jobs/{job}", None, ada).json["state"] == "succeeded"
    assert "past its time" in server.call("GET", f"/api/v1/jobs/{job}", None, brief).json["detail"]
    assert server.call("POST", "/api/v1/jobs", job_document(digest), brief).status == 401
    agent.register(expect=401)
    # Revoked is another matter: somebody wants it to end at once.
    own = bearer(token(server, "bench-4", "agent"))
    other = Agent(server, "bench-4", boards=("b2",), board_type="other")
    other.headers = own
    other.register()
    number = re.search(r"^(\d+) +bench-4 ", hildad(server, "token", "list"), re.MULTILINE).group(1)
    hildad(server, "token", "revoke", number)
    other.heartbeat(runs=live, expect=401)


def test_commands_take_their_settings_before_and_behind(server):
    for words in (["--data", server.data, "token", "list"], ["token", "--data", server.data, "list"],
                  ["token", "list", f"--data={server.data}"], ["check", server.data], ["--data", server.data, "check"]):
        done = subprocess.run([program("hildad"), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (words, done.stderr)
    for words, says in ((["tokn"], "unknown command"), (["backup"], "needs the folder"), (["check", "a", "b"], "one folder"),
                        (["--nonsense", "check"], "unknown argument"), (["token", "list", "--data"], "needs a value")):
        done = subprocess.run([program("hildad"), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and says in done.stderr, (words, done.stderr)
