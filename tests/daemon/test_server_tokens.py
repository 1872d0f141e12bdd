"""Tokens: every route against every scope, who may cancel whose job, browsers, the audit log, wrong words."""

import hashlib
import json
import pathlib
import re
import subprocess

import pytest
from conftest import program, wait_for
from server_kit import job_document, make_server  # noqa: F401 (fixture)

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
    assert word.split("_")[2] not in listed
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


def test_tokens_outlive_the_server_and_lie_nowhere_as_text(server):
    word = token(server, "ada", "read")
    assert server.stop() == 0
    assert not (server.data / "local.key").exists()
    assert "no server runs" in hildad(server, "token", "list", code=1)
    server.start()
    assert asked(server, "GET", "/api/v1/jobs", word) == 200
    secret = word.split("_")[2].encode()
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


def test_uses_are_noted(server):
    word = token(server, "ada", "read")
    asked(server, "GET", "/api/v1/jobs", word)
    wait_for(lambda: re.search(r" ada .* \d{4}-\d\d-\d\dT.* alive", hildad(server, "token", "list")), 10)
