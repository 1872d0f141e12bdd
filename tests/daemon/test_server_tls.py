"""TLS: certificates made and judged, connections by the hundred, agent and `hilda` through it."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import termios
import time

import pytest
from agent_process import LINES, QUICK, Agent as AgentProcess
from conftest import need, program, sanitized, wait_for
from server_kit import Agent, Events, make_server  # noqa: F401 (fixture)

FINGERPRINT = re.compile(r"^sha256:[0-9a-f]{64}$", re.MULTILINE)
ENDED = ("succeeded", "failed", "canceled", "lost")


def hildad(*words, code=0, **environment):
    done = subprocess.run([program("hildad"), *map(str, words)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def tls_init(data, *words, code=0):
    return hildad("tls", "init", "--data", data, *words, code=code)


def with_tls(server, *words):
    """Makes certificate and key in the server's data folder and sets the server to them."""
    server.printed = tls_init(server.data, *words)
    server.fingerprint = FINGERPRINT.search(server.printed).group(0)
    server.cert, server.key = server.data / "tls/cert.pem", server.data / "tls/key.pem"
    server.settings.update(tls_cert=server.cert, tls_key=server.key)
    server.ca = server.cert
    return server


@pytest.fixture
def server(make_server):  # noqa: F811
    return with_tls(make_server()).start()


def hilda(server, *words, code=0, **environment):
    done = subprocess.run([program("hilda"), "--server", server.url, *map(str, words)], capture_output=True, text=True,
                          timeout=60, env={**os.environ, "HILDA_CA": str(server.cert), **environment})
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


# ---- hildad tls init


def test_init_makes_a_pair_prints_the_fingerprint_and_overwrites_nothing(tmp_path):
    need("openssl")
    said = tls_init(tmp_path)
    cert, key = tmp_path / "tls/cert.pem", tmp_path / "tls/key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    seen = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256", "-ext", "subjectAltName"],
                          capture_output=True, text=True, check=True).stdout
    theirs = re.search(r"Fingerprint=([0-9A-F:]+)", seen).group(1).replace(":", "").lower()
    assert FINGERPRINT.search(said).group(0) == f"sha256:{theirs}"
    assert f"tls-cert = {cert}\n" in said and f"tls-key = {key}\n" in said
    for name in (socket.gethostname(), "localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"):
        assert name in seen
    before = key.read_bytes()
    assert "--force" in tls_init(tmp_path, code=1) and key.read_bytes() == before
    assert FINGERPRINT.search(tls_init(tmp_path, "--force", "--name", "lab.example", "--name", "10.1.2.3")).group(0) != theirs
    seen = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-ext", "subjectAltName"], capture_output=True,
                          text=True, check=True).stdout
    assert "DNS:lab.example" in seen and "10.1.2.3" in seen and "localhost" not in seen
    assert key.read_bytes() != before and key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("words", [("init", "--name"), ("make",), (), ("init", "lab.example")])
def test_init_says_how_it_is_used(tmp_path, words):
    assert "usage: hildad tls init" in hildad("tls", *words, "--data", tmp_path, code=2)


@pytest.mark.parametrize("name", ["", "lab.example:8080", "[::1]", "http://lab", "a b", "-x"])
def test_init_refuses_what_is_no_name(tmp_path, name):
    assert "neither a host name nor an address" in tls_init(tmp_path, "--name", name, code=1)
    assert not (tmp_path / "tls").exists()


# ---- what a server refuses to start with


def refused(server):
    done = subprocess.run(server.command(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, (done.returncode, done.stderr)
    checked = subprocess.run([*server.command(), "--check-config"], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 1 and done.stderr.strip() in checked.stdout + checked.stderr
    return done.stderr


def test_what_is_wrong_with_the_files_is_said_at_the_start(make_server, tmp_path):  # noqa: F811
    server = with_tls(make_server())
    other = with_tls(make_server())
    server.settings["tls_key"] = other.key
    assert "is not the key of the certificate" in refused(server)
    server.settings["tls_key"] = server.key
    server.key.chmod(0o604)
    assert "chmod 600" in refused(server)
    server.key.chmod(0o640)
    server.start()
    assert server.stop() == 0
    server.settings["tls_cert"] = tmp_path / "nothing.pem"
    assert "tls init" in refused(server) and "nothing.pem" in refused(server)
    server.settings["tls_cert"] = server.log
    assert "no certificate in PEM" in refused(server)
    server.settings["tls_cert"], server.settings["tls_key"] = server.cert, server.cert
    server.cert.chmod(0o600)
    assert "no key in PEM" in refused(server)
    del server.settings["tls_key"]
    assert "belong together" in refused(server)


def faked(date):
    library = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
    if not library.exists():
        pytest.skip("libfaketime is not installed")
    if sanitized("hildad"):
        pytest.skip("libfaketime and a sanitizer both want to be the first library")
    return {"LD_PRELOAD": str(library), "FAKETIME": date, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_a_certificate_whose_time_is_over_or_has_not_begun_is_refused(make_server):  # noqa: F811
    server = with_tls(make_server())
    for date, words in (("@2046-01-01 00:00:00", ("time was over", "tls init --force")),
                        ("@2001-01-01 00:00:00", ("begins at", "clock"))):
        said = subprocess.run(server.command(), capture_output=True, text=True, timeout=60,
                              env={**os.environ, **faked(date)})
        assert said.returncode == 2 and all(w in said.stderr for w in words), said.stderr


def test_beyond_loopback_it_wants_tls_and_asks_for_tokens(make_server):  # noqa: F811
    server = make_server(listen="0.0.0.0:0")
    assert "tls init" in refused(server) and "--insecure" in refused(server)
    with_tls(server).start()
    assert server.get("/api/v1/jobs").status == 401
    word = hildad("token", "create", "--name", "ada", "--scopes", "read", "--data", server.data).strip()
    assert server.get("/api/v1/jobs", Authorization=f"Bearer {word}").status == 200


# ---- the wire


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_not_tls_gets_no_answer(server):
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"HTTP" not in s.recv(4096)
    said = subprocess.run([program("hilda"), "--server", f"http://127.0.0.1:{server.port}", "jobs"], capture_output=True,
                          text=True, timeout=60)
    assert said.returncode != 0 and "https://" in said.stderr
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)), socket.create_connection(("127.0.0.1", server.port)) as s:
        old.wrap_socket(s)
    assert server.get("/healthz").status == 200


def test_a_connection_is_kept_and_large_bodies_go_both_ways(server):
    data = os.urandom(3 << 20)
    digest = server.put_blob(data)
    connection = server.connect()
    kept = None
    for _ in range(20):
        connection.request("GET", f"/api/v1/artifacts/{digest}")
        assert connection.getresponse().read() == data
        kept = kept or connection.sock
        assert connection.sock is kept
    connection.close()


def test_a_page_of_another_scheme_changes_nothing_and_cookies_are_secure(make_server):  # noqa: F811
    server = with_tls(make_server(auth="tokens")).start()
    word = hildad("token", "create", "--name", "ada", "--scopes", "read,submit", "--data", server.data).strip()
    host = f"127.0.0.1:{server.port}"
    came = server.call("POST", "/api/v1/session", {"token": word}, {"Origin": f"https://{host}", "Host": host})
    assert came.status == 200 and "Secure" in came.headers["Set-Cookie"]
    assert server.call("POST", "/api/v1/session", {"token": word}, {"Origin": f"http://{host}", "Host": host}).status == 403
    # A name of the certificate is its own, another is not.
    assert server.get("/healthz", Host=socket.gethostname()).status == 200
    assert server.get("/healthz", Host="rebound.example").status == 421


@pytest.mark.parametrize("n", [128, 256])
def test_so_many_at_the_same_time(server, n):
    """As test_server_http.py has it, with a handshake for each."""
    context = server.context()

    def one(_):
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)
        connection.connect()
        return connection

    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        connections = list(pool.map(one, range(n)))
        for _ in range(3):
            for c in connections:  # all are sent before the first answer is read
                c.request("GET", "/healthz")
            assert [c.getresponse().read() and c.sock is not None for c in connections] == [True] * n
        for c in connections:
            c.close()


def test_connections_over_the_limit_are_told_so(make_server):  # noqa: F811
    server = with_tls(make_server(threads=1)).start()
    held = [server.socket() for _ in range(115)]
    spare = server.get("/healthz")
    assert spare.status == 503 and spare.headers["Connection"] == "close"
    for s in held:
        s.close()
    wait_for(lambda: server.get("/healthz").status == 200)


def test_a_long_poll_waits_and_is_woken_and_a_stream_streams(server):
    agents = [Agent(server, f"bench-{i}", boards=(f"b{i}",), board_type=f"type-{i}") for i in range(40)]
    for a in agents:
        a.register()
    events = Events(server)
    with concurrent.futures.ThreadPoolExecutor(len(agents)) as pool:
        polls = [pool.submit(a.acquire) for a in agents]
        image = server.put_blob(b"an image")
        jobs = [server.submit({**LINES, "name": f"j{i}", "board": {"type": f"type-{i}"}, "image": f"sha256:{image}"})
                for i in range(len(agents))]
        offers = [p.result()["offers"] for p in polls]
    got = {o["job"] for offer in offers for o in offer}
    for a, offer in zip(agents, offers):
        if not offer:  # its poll ended before its job came
            got.add(a.offer()["job"])
    assert got == set(jobs)
    events.until("job", id=jobs[-1], state="active")
    events.close()


def test_who_is_slow_to_shake_hands_is_cut_off(make_server):  # noqa: F811
    server = with_tls(make_server(head_timeout="300 ms")).start()
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as s:
        s.sendall(b"\x16\x03\x01")  # a handshake that goes no further
        with contextlib.suppress(ConnectionResetError):
            while s.recv(4096):
                pass

    def answers():
        with contextlib.suppress(OSError):  # on a loaded machine this one may be slow, too
            return server.get("/healthz").status == 200
    wait_for(answers, 20, message="nobody is answered any more")


def test_it_ends_with_clients_that_wait(server):
    agent = Agent(server)
    agent.register()
    events = Events(server)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        poll = pool.submit(agent.acquire)
        wait_for(lambda: b"hilda_http_waiting 2" in server.get("/metrics").body or poll.done())
        assert server.stop() == 0, server.log.read_text()
        with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
            poll.result()
    events.close()


# ---- hilda, hilda-agent


def test_a_job_end_to_end_by_agent_and_command_line(make_server, tmp_path):  # noqa: F811
    server = with_tls(make_server(auth="tokens"))
    server.start()
    words = {name: hildad("token", "create", "--data", server.data, "--name", name, "--scopes", scopes, *more).strip()
             for name, scopes, more in (("ada", "read,submit", ()), ("bench", "agent", ("--host", "bench")))}
    (tmp_path / "agent.token").write_text(words["bench"])
    (tmp_path / "image").write_bytes(QUICK)
    (tmp_path / "job.json").write_text(json.dumps({**LINES, "name": "a job", "board": {"type": "host"}}))
    agent = AgentProcess(tmp_path / "agent", server.url,
                         agent_lines=f"token-file = {tmp_path / 'agent.token'}\nca = {server.cert}").start()
    try:
        said = hilda(server, "submit", tmp_path / "job.json", "--image", tmp_path / "image", "--watch",
                     HILDA_TOKEN=words["ada"])
        assert "passed" in said
        agent.wait_spool_empty()
        assert agent.stop() == 0
    finally:
        agent.stop()


def test_a_certificate_that_is_not_trusted_names_host_reason_and_remedy(make_server, tmp_path):  # noqa: F811
    server = with_tls(make_server()).start()
    other = tls_init(tmp_path / "other") and tmp_path / "other/tls/cert.pem"
    said = hilda(server, "jobs", code=3, HILDA_CA=str(other))
    assert server.url in said and "self-signed" in said and "another certificate" in said
    said = hilda(server, "jobs", code=3, HILDA_CA="")
    assert server.url in said and "HILDA_CA" in said
    assert "cannot be read" in hilda(server, "jobs", code=2, HILDA_CA=str(tmp_path / "nothing"))
    assert "cannot be used" in hilda(server, "jobs", code=3, HILDA_CA=str(server.log))
    agent = AgentProcess(tmp_path / "agent", server.url, agent_lines=f"ca = {other}").start()
    try:
        wait_for(lambda: "is not trusted" in agent.log() and server.url in agent.log(), 20)
        assert agent.process.poll() is None, "it goes on trying: a person may mend it"
    finally:
        agent.stop()
    agent = AgentProcess(tmp_path / "agent", server.url, agent_lines=f"ca = {tmp_path / 'nothing'}").start()
    assert agent.process.wait(20) == 1 and "[agent] ca" in agent.log()


def test_a_name_that_is_not_in_the_certificate(make_server):  # noqa: F811
    server = with_tls(make_server(), "--name", "lab.example").start()
    said = hilda(server, "jobs", code=3)
    assert server.url in said and "127.0.0.1" in said and "tls init --name" in said


def test_an_expired_certificate_is_named_by_the_client(server):
    said = hilda(server, "jobs", code=3, **faked("@2046-01-01 00:00:00"))
    assert server.url in said and "expired" in said and "clock" in said


def test_https_to_a_server_without_tls_says_so(make_server):  # noqa: F811
    server = make_server().start()
    done = subprocess.run([program("hilda"), "--server", f"https://127.0.0.1:{server.port}", "jobs"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 3 and "http://" in done.stderr, done.stderr


def test_who_resets_a_handshake_may_speak_no_tls():
    """What a server without TLS says of it can be lost in the reset behind it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hilda = subprocess.Popen([program("hilda"), "--server", f"https://127.0.0.1:{listening.getsockname()[1]}", "jobs"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while hilda.poll() is None:
            if select.select([listening], [], [], 0.05)[0]:
                one, _ = listening.accept()
                one.recv(1)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()
        said = hilda.communicate(timeout=20)[1]
    assert hilda.returncode == 3 and "write http://" in said, said


# ---- hilda-agent enroll


def enrolment(server, host="bench-3", *more):
    return hildad("token", "enroll", "--host", host, *more, "--data", server.data).strip()


def enroll(server, folder, word, *more, code=0, fingerprint=True, url=None):
    folder.mkdir(exist_ok=True)
    pinned = ["--fingerprint", server.fingerprint] if fingerprint is True else []
    done = subprocess.run([program("hilda-agent"), "enroll", url or server.url, *pinned, *map(str, more), "--config",
                           str(folder / "agent.ini")], input=f"{word}\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert word not in done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def asking(make_server):  # noqa: F811
    return with_tls(make_server(auth="tokens")).start()


def test_an_agent_enrols_with_the_fingerprint_and_works_with_what_it_wrote(asking, tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "agent.ini").write_text(
        f"; ours\n[agent]\nname = old\ndata = {tmp_path / 'data'}\nrun = {tmp_path / 'run'}\n\n"
        "[board host-1]\ntype = host\nexec = local\n")
    word = enrolment(asking)
    said = enroll(asking, folder, word)
    assert "'bench-3' is enrolled" in said
    token = folder / "agent.token"
    assert token.stat().st_mode & 0o777 == 0o600 and token.read_text().startswith("hilda_")
    assert (folder / "agent.ca").read_bytes() == asking.cert.read_bytes()
    lines = (folder / "agent.ini").read_text().splitlines()
    assert lines[:3] == ["; ours", "[agent]", "name = bench-3"] and f"server = {asking.url}" in lines
    assert f"token-file = {token}" in lines and f"ca = {folder / 'agent.ca'}" in lines
    assert sorted(p.name for p in folder.iterdir()) == ["agent.ca", "agent.ini", "agent.token"]
    with open(tmp_path / "log", "w") as log:
        agent = subprocess.Popen([program("hilda-agent"), "--config", folder / "agent.ini"], stderr=log, stdout=log)
    try:
        boss = hildad("token", "create", "--name", "boss", "--scopes", "admin", "--data", asking.data).strip()
        bearer = {"Authorization": f"Bearer {boss}"}
        wait_for(lambda: any(a["name"] == "bench-3" and a["online"]
                             for a in asking.call("GET", "/api/v1/agents", None, bearer).json["items"]), 20,
                 message=(tmp_path / "log").read_text())
        log = asking.call("GET", "/api/v1/audit", None, bearer).json["items"]
        assert ("bench-3", "POST /agent/v1/enroll") in [(e["who"], e["what"]) for e in log]
    finally:
        agent.terminate()
        agent.wait(20)
    for path in asking.data.rglob("*"):
        assert not path.is_file() or word.split("_", 2)[2].encode() not in path.read_bytes(), path


def test_another_fingerprint_writes_nothing_and_spends_nothing(asking, tmp_path):
    word = enrolment(asking)
    folder = tmp_path / "etc"
    wrong = "sha256:" + "0" * 64
    said = enroll(asking, folder, word, "--fingerprint", wrong, code=1, fingerprint=None)
    assert asking.fingerprint in said and wrong in said and not list(folder.iterdir())
    assert "nobody is here" in enroll(asking, folder, word, code=1, fingerprint=None) and not list(folder.iterdir())
    assert "is no fingerprint" in enroll(asking, folder, word, "--fingerprint", "abc", code=1, fingerprint=None)
    # As openssl prints it; from a file.
    (tmp_path / "word").write_text(word + "\n")
    digits = asking.fingerprint.removeprefix("sha256:").upper()
    colons = ":".join(digits[i:i + 2] for i in range(0, 64, 2))
    enroll(asking, folder, "nothing", "--fingerprint", colons, "--token-file", tmp_path / "word", fingerprint=None)


def test_an_enrolment_token_is_good_once_and_for_a_time(asking, tmp_path):
    word = enrolment(asking)
    enroll(asking, tmp_path / "a", word)
    assert "used already" in enroll(asking, tmp_path / "b", word, code=1) and not list((tmp_path / "b").iterdir())
    brief = enrolment(asking, "bench-4", "--expires", "1s")

    assert "unknown here" in asked_to_enrol(asking, "enrol_" + "a" * 12 + "_" + "A" * 43)
    # One that was asked for and is good would be spent: the clock is waited for, not the answer.
    made = time.monotonic()
    wait_for(lambda: time.monotonic() > made + 1, 5)
    assert "is over" in asked_to_enrol(asking, brief)
    # It opens nothing else, and an agent's token buys none.
    assert asking.get("/api/v1/jobs", Authorization=f"Bearer {enrolment(asking, 'x')}").status == 401
    own = (tmp_path / "a/agent.token").read_text().strip()
    assert "no enrolment token" in asked_to_enrol(asking, own)
    for words in (("--host", "a b"), ("--host", "x", "--expires", "30d"), ("--host", "x", "--expires", "never")):
        hildad("token", "enroll", *words, "--data", asking.data, code=1)
    hildad("token", "create", "--name", "ada", "--scopes", "read", "--data", asking.data)
    assert "already" in hildad("token", "enroll", "--host", "ada", "--data", asking.data, code=1)


def asked_to_enrol(server, word):
    reply = server.call("POST", "/agent/v1/enroll", {"token": word}, {"Hilda-Agent-Protocol": "1"})
    return reply.json.get("detail", "")


def test_who_enrols_again_gets_another_token_and_the_first_is_revoked(asking, tmp_path):
    for folder in ("a", "b"):
        enroll(asking, tmp_path / folder, enrolment(asking))
    words = [(tmp_path / f / "agent.token").read_text().strip() for f in ("a", "b")]
    body = {"name": "bench-3", "host": "h", "version": "1", "instance": "i", "boards": [], "runs": []}
    statuses = [asking.call("POST", "/agent/v1/register", body,
                            {"Authorization": f"Bearer {w}", "Hilda-Agent-Protocol": "1"}).status for w in words]
    assert statuses == [401, 200]


def test_who_guesses_enrolment_tokens_waits(asking):
    wrong = "enrol_" + "a" * 12 + "_" + "A" * 43
    statuses = [asking.call("POST", "/agent/v1/enroll", {"token": wrong}, {"Hilda-Agent-Protocol": "1"}).status
                for _ in range(12)]
    assert statuses[0] == 401 and statuses[-1] == 429


def test_without_tls_only_this_machine_enrols(make_server, tmp_path):  # noqa: F811
    server = make_server(auth="tokens").start()
    word = enrolment(server)
    said = enroll(server, tmp_path / "a", word, code=1, fingerprint=None, url=f"http://lab.example:{server.port}")
    assert "in the open" in said
    enroll(server, tmp_path / "a", word, fingerprint=None)
    assert "ca =" not in (tmp_path / "a/agent.ini").read_text()
    assert not (tmp_path / "a/agent.ca").exists()


def test_what_is_written_is_found_from_anywhere(make_server, tmp_path):  # noqa: F811
    server = make_server(auth="tokens").start()
    (tmp_path / "etc").mkdir()
    done = subprocess.run([program("hilda-agent"), "enroll", server.url, "--config", "etc/agent.ini"], cwd=tmp_path,
                          input=enrolment(server) + "\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"token-file = {tmp_path / 'etc/agent.token'}" in (tmp_path / "etc/agent.ini").read_text().splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_prompt_that_is_left_leaves_the_terminal_as_it_was(number, tmp_path):
    """Nothing is asked of the server before the token is there."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    one = subprocess.Popen([program("hilda-agent"), "enroll", "http://127.0.0.1:1", "--config",
                            str(tmp_path / "agent.ini")], stdin=slave, stdout=slave, stderr=slave)
    shown = b""
    while b"Enrolment token" not in shown:
        assert select.select([master], [], [], 20)[0], shown
        shown += os.read(master, 4096)
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    one.send_signal(number)
    assert one.wait(20) == -number
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_a_folder_that_cannot_be_written_spends_nothing(asking, tmp_path):
    word = enrolment(asking)
    done = subprocess.run([program("hilda-agent"), "enroll", asking.url, "--fingerprint", asking.fingerprint, "--config",
                           str(tmp_path / "absent/agent.ini")], input=word + "\n", capture_output=True, text=True)
    assert done.returncode == 1 and "absent" in done.stderr
    enroll(asking, tmp_path / "a", word)
