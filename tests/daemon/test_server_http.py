"""The HTTP layer: framing, limits, slow peers, many peers; each trap of libmicrohttpd has its test."""

import concurrent.futures
import json
import random
import re
import select
import socket
import time

import pytest
from conftest import sanitized, wait_for
from server_kit import Agent, Events, job_document, make_server, read_some, record, server  # noqa: F401


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def problem_of(data):
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, data
    found = json.loads(body)
    assert int(head.split()[1]) == found["status"]
    return found


def test_health_and_head(server):
    reply = server.get("/healthz")
    assert (reply.status, reply.json["status"]) == (200, "ok")
    head = server.call("HEAD", "/healthz")
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == str(len(reply.body))


def test_unknown_path_and_wrong_method(server):
    assert server.get("/api/v1/nothing").problem == "not-found"
    assert server.get("/api/v1/jobs/not-a-number").problem == "not-found"
    assert server.get("/api/v1/jobs/99999999999999999999999").problem == "not-found"
    reply = server.call("PUT", "/api/v1/jobs")
    assert reply.status == 405 and reply.problem == "method-not-allowed"
    assert {m.strip() for m in reply.headers["Allow"].split(",")} == {"GET", "HEAD", "POST"}


def test_a_connection_is_kept_alive_over_answers_and_refusals(server):
    connection = server.connect()
    socket_before = None
    for path in ("/healthz", "/api/v1/nothing", "/api/v1/boards", "/healthz"):
        connection.request("GET", path)
        connection.getresponse().read()
        socket_before = socket_before or connection.sock
        assert connection.sock is socket_before, "the answer must come in the second handler call"
    connection.request("POST", "/api/v1/nothing", body=b"x" * 1000)
    assert connection.getresponse().status == 404
    assert connection.sock is socket_before
    connection.close()


@pytest.mark.parametrize("head", [
    b"Content-Length: 2\r\nContent-Length: 2\r\n",
    b"Content-Length: 2\r\nContent-Length: 3\r\n",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    b"Content-Length: +2\r\n",
    b"Content-Length: 2x\r\n",
    b"Content-Length: -1\r\n",
])
def test_two_readings_of_a_length_are_refused(server, head):
    data = server.raw(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + head
                      + b"\r\n{}")
    # Nothing of the body is taken for another request. (libmicrohttpd sends its own 400 twice.)
    assert set(re.findall(rb"HTTP/1\.1 (\d+)", data)) == {b"400"}, data


SMUGGLED = b"GET /api/v1/jobs/424242 HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("head, body", [
    (b"Transfer-Encoding: xchunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    (b"Transfer-Encoding : chunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    (b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
    (b"Transfer-Encoding: identity, chunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    (b"Transfer-Encoding:\x0bchunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    (b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    (b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    (b"Content-Length: 4\r\n 2", b"0\r\n\r\n"),
    (b"Content-Length: 2, 2", b"{}"),
    (b"Content-Length: 0x2", b"{}"),
    (b"Content-Length: 2 2", b"{}"),
    (b"Content-Length: 99999999999999999999", b"{}"),
    (b"Content-Length : 2\r\nContent-Length: 0", b""),
    (b"Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"-2\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"0x2\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"10000000000000002\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"2\r\n{}xx0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"2\r\n{}" + b"0\r\n\r\n"),
])
def test_a_request_in_a_body_is_not_answered(server, head, body):
    """Whatever another party makes of this length: what comes behind it is no request to us."""
    data = server.raw(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + head
                      + b"\r\n\r\n" + body + SMUGGLED)
    assert b"424242" not in data, data
    assert b"HTTP/1.1 2" not in data, data
    assert server.get("/healthz").status == 200


def test_a_nul_in_the_address_is_refused(server):
    for path in (b"/api/v1/jobs/1%00", b"/api/v1/jobs?state=queued%00x", b"/%00"):
        found = problem_of(server.raw(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        assert found["status"] == 400 and "%00" in found["detail"]


def test_a_request_without_host_is_refused(server):
    assert server.raw(b"GET /healthz HTTP/1.1\r\n\r\n").split()[1] == b"400"


def test_a_large_body_is_refused_before_it_is_sent(server):
    with server.socket() as s:
        s.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 1000000000\r\n\r\n")
        found = problem_of(read_some(s))
    assert found["status"] == 413 and "65536" in found["detail"]


def test_a_large_body_with_expect_is_refused_without_continue(server):
    with server.socket() as s:
        s.sendall(b"PUT /agent/v1/runs/1/result HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Expect: 100-continue\r\nContent-Length: 5000000\r\n\r\n")
        found = read_some(s)
    assert b"100 Continue" not in found and problem_of(found)["status"] == 413


def test_a_chunked_body_over_the_limit_ends(server):
    with server.socket() as s:
        s.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while sent < 100 << 20:
                s.sendall(chunk)
                sent += 4096
        assert sent < 16 << 20


def test_a_body_where_none_belongs(server):
    reply = server.call("GET", "/api/v1/boards", b"x" * 10)
    assert reply.status == 413 and reply.problem == "too-large"


def test_a_body_of_another_type_is_refused(server):
    reply = server.call("POST", "/api/v1/jobs", b"{}", {"Content-Type": "text/plain"})
    assert reply.status == 415 and "application/json" in reply.json["detail"]


@pytest.mark.parametrize("body, status", [(b"{", 400), (b"[]", 400), (b'{"a":1,"a":2}', 400), (b"\xff\xfe", 400),
                                          (b'{"name":"\xff"}', 400), (b"[" * 60000, 400), (b"", 400)])
def test_what_is_no_json_is_refused(server, body, status):
    reply = server.call("POST", "/api/v1/jobs", body, {"Content-Type": "application/json"})
    assert reply.status == status and reply.problem == "bad-json"


def test_a_page_of_another_site_may_change_nothing(server):
    reply = server.call("POST", "/api/v1/jobs/1/rerun", headers={"Origin": "http://evil.example"})
    assert reply.status == 403 and reply.problem == "forbidden"
    reply = server.call("POST", "/api/v1/jobs/1/rerun", headers={"Origin": f"http://127.0.0.1:{server.port}"})
    assert reply.status == 404
    reply = server.call("GET", "/api/v1/jobs", headers={"Host": "rebound.example"})
    assert reply.status == 421 and "rebound.example" in reply.json["detail"]
    assert server.call("GET", "/api/v1/jobs", headers={"Host": f"localhost:{server.port}"}).status == 200
    assert server.call("GET", "/api/v1/jobs", headers={"Host": f"[::1]:{server.port}"}).status == 200


def test_unknown_query_parameters_are_named(server):
    reply = server.get("/api/v1/jobs?stat=queued")
    assert reply.status == 400 and "stat" in reply.json["detail"] and "state" in reply.json["known"]
    reply = server.get("/api/v1/jobs?state=asleep")
    assert reply.status == 400 and "queued" in reply.json["known"]
    for query in ("limit=0", "limit=501", "limit=x", "after=-1", "limit=1e3"):
        assert server.get("/api/v1/jobs?" + query).problem == "bad-query"


@pytest.mark.parametrize("n", [128, 256])
def test_many_requests_at_the_same_moment(server, n):
    """One epoll_wait that returns exactly 128 events stalls libmicrohttpd: no thread may hold that many."""
    sockets = [server.socket() for _ in range(n)]
    try:
        for _ in range(3):
            for s in sockets:
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for s in sockets:
                assert read_some(s).startswith(b"HTTP/1.1 200"), "a request stalled"
    finally:
        for s in sockets:
            s.close()


SERVED, HELD = 115, 120  # connections of one thread: what is beyond is told so; beyond that it waits


def hold(server, n):
    sockets = [server.socket() for _ in range(n)]
    for s in sockets:
        s.sendall(HEALTH)
        assert read_some(s).startswith(b"HTTP/1.1 200")
    return sockets


def test_connections_beyond_the_limit_are_told_so(make_server):
    server = make_server(threads=1).start()
    held = hold(server, SERVED)
    for request in (HEALTH, b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            b"Content-Length: 2\r\n\r\n{}"):
        with server.socket() as more:
            more.sendall(request)
            data = b""
            while piece := more.recv(65536):
                data += piece
        assert problem_of(data)["status"] == 503
        assert b"\r\nRetry-After: 1\r\n" in data and b"\r\nConnection: close\r\n" in data
    held[0].sendall(HEALTH)
    assert read_some(held[0]).startswith(b"HTTP/1.1 200"), "those that are in are served"
    for s in held:
        s.close()
    wait_for(lambda: server.raw(HEALTH).startswith(b"HTTP/1.1 200"))


def test_idle_connections_beyond_the_limit_do_not_stay(make_server):
    """They would keep out even the answer that there are too many."""
    server = make_server(threads=1).start()
    held = hold(server, SERVED)
    idle = [server.socket() for _ in range(3 * (HELD - SERVED))]
    assert problem_of(server.raw(HEALTH))["status"] == 503
    for s in held + idle:
        s.close()


def test_a_slow_head_is_cut_off(make_server):
    """The timeout of libmicrohttpd is of inactivity only: one byte now and then keeps a connection."""
    server = make_server(head_timeout="500 ms").start()
    with server.socket() as s:
        s.settimeout(0.05)
        start = time.monotonic()
        ended = False
        for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 400:
            try:
                s.sendall(bytes([byte]))
                ended = s.recv(100) == b""
            except socket.timeout:
                continue
            except (BrokenPipeError, ConnectionResetError):
                ended = True
            if ended:
                break
        assert ended and time.monotonic() - start < 10
    assert b"hilda_http_swept_total 1" in server.get("/metrics").body


def test_a_slow_body_is_cut_off(make_server):
    server = make_server(body_timeout="500 ms").start()
    with server.socket() as s:
        s.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 1000\r\n\r\n")
        s.settimeout(0.05)
        ended = False
        for _ in range(400):
            try:
                s.sendall(b" ")
                ended = s.recv(100) == b""
            except socket.timeout:
                continue
            except (BrokenPipeError, ConnectionResetError):
                ended = True
            if ended:
                break
        assert ended


def test_a_peer_that_waits_long_is_not_swept(make_server):
    server = make_server(head_timeout="300 ms", body_timeout="300 ms").start()
    agent = Agent(server)
    agent.register()
    start = time.monotonic()
    assert agent.acquire() == {"offers": [], "cancels": [], "checks": []}
    assert time.monotonic() - start > 1.5, "the wait of 2 s is the server's, not the peer's"


def test_a_peer_that_leaves_while_it_waits_is_noticed(server):
    agent = Agent(server)
    agent.register()
    with server.socket() as s:
        body = json.dumps({"request": "r", "boards": ["b1"], "acknowledged": []}).encode()
        s.sendall(b"POST /agent/v1/acquire HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Hilda-Agent-Protocol: 1\r\nHilda-Session: %d\r\nContent-Length: %d\r\n\r\n%s"
                  % (agent.session, len(body), body))
        wait_for(lambda: b"hilda_http_waiting 1" in server.get("/metrics").body)
    wait_for(lambda: b"hilda_http_waiting 0" in server.get("/metrics").body)
    wait_for(lambda: b"hilda_http_connections 1" in server.get("/metrics").body)
    assert b"hilda_http_busy 1\n" in server.get("/metrics").body, "this one alone"


@pytest.mark.parametrize("accept, path", [("text/event-stream", "/api/v1/runs/1/log"), ("text/plain", "/api/v1/runs/1/log"),
                                          ("application/json", "/api/v1/runs/1/log"),
                                          ("application/octet-stream", "/api/v1/runs/1/log"),
                                          ("*/*", "/api/v1/artifacts/{image}")])
def test_a_peer_that_never_reads_is_cut_off(make_server, accept, path):
    server = make_server(idle_timeout="1s", body_timeout="500 ms").start()
    agent = Agent(server)
    agent.register()
    image = server.put_blob(bytes(12 << 20))
    server.submit(job_document(image))
    offer = agent.offer()
    agent.start(offer)
    piece = b"".join(record("\x01" * 4000) for _ in range(200))
    for i in range(16):
        agent.log(offer, i * len(piece), piece)
    peers = []
    for _ in range(8):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", server.port))
        s.sendall(f"GET {path.format(image=image)} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n".encode())
        peers.append(s)
    wait_for(lambda: b"hilda_http_connections 9\n" in server.get("/metrics").body)
    assert server.get("/healthz").status == 200
    resident = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1])
    assert sanitized("hildad") or resident < 128 << 10, "their answers are made as they are taken"
    wait_for(lambda: b"hilda_http_connections 1\n" in server.get("/metrics").body, 30)
    for s in peers:
        s.close()


def test_a_peer_that_ends_with_its_request_is_let_go(server):
    """libmicrohttpd's epoll misses an end that comes together with the request; the idle time-out is 45 s."""
    sockets = [server.socket() for _ in range(200)]
    for i, s in enumerate(sockets):
        method = (b"GET", b"HEAD")[i % 2]
        s.sendall(method + b" /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
    for s in sockets:
        data = b""
        while piece := s.recv(65536):  # no end within the socket's 20 s is a failure
            data += piece
        assert data.startswith(b"HTTP/1.1 200")
        s.close()
    assert b"hilda_http_swept_total 0" in server.get("/metrics").body


def test_it_ends_gracefully_with_waiting_connections(make_server):
    """MHD_stop_daemon aborts the process when a connection is still suspended."""
    server = make_server(acquire="20s", ping="20s").start()
    agent = Agent(server)
    agent.register()
    events = [Events(server) for _ in range(5)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(agent.acquire, boards=[]) for _ in range(6)]
        wait_for(lambda: b"hilda_http_waiting 11" in server.get("/metrics").body)
        start = time.monotonic()
        assert server.stop() == 0, server.log.read_text()
        assert time.monotonic() - start < 5
        for call in calls:
            assert call.result() == {"offers": [], "cancels": [], "checks": []}
    for e in events:
        while e.next() is not None:
            pass
        e.close()


def test_it_ends_gracefully_under_load(make_server):
    server = make_server().start()
    image = server.put_blob(b"x")
    done = []

    def submit():
        try:
            while True:
                done.append(server.submit(job_document(image)))
        except (OSError, AssertionError, Exception) as end:  # noqa: B014
            return type(end).__name__

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(submit) for _ in range(8)]
        wait_for(lambda: len(done) > 50)
        assert server.stop() == 0, server.log.read_text()
        for call in calls:
            call.result()
    server.start()
    for job in done:
        assert server.get(f"/api/v1/jobs/{job}").status == 200, "an acknowledged job is never lost"


def test_mutilated_requests_never_end_the_server(server):
    """Seeded damage to real requests: whatever comes back, the server lives and holds nothing."""
    agent = Agent(server)
    agent.register()
    document = json.dumps(job_document(server.put_blob(b"x"))).encode()
    seeds = [b"GET /api/v1/jobs?state=queued&limit=5&label.a=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
             b"GET /api/v1/jobs/1/log?from=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
             b"GET /static/../%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
             b"POST /api/v1/jobs?strict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             b"Idempotency-Key: a\r\nContent-Length: %d\r\n\r\n%s" % (len(document), document),
             b"PUT /agent/v1/runs/1/log?offset=0 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
             b"Hilda-Agent-Protocol: 1\r\nHilda-Session: 1\r\nHilda-Epoch: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
             b"3\r\nabc\r\n0\r\n\r\n",
             b"PATCH /api/v1/uploads/1 HTTP/1.1\r\nHost: localhost\r\nUpload-Offset: 0\r\nContent-Length: 3\r\n\r\nabc"]
    dice = random.Random(20260101)
    for _ in range(600):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(data))
            how = dice.randrange(4)
            if how == 0:
                data[at] = dice.randrange(256)
            elif how == 1:
                del data[at:at + dice.randint(1, 8)]
            elif how == 2:
                data[at:at] = data[at:at + dice.randint(1, 40)]
            else:
                data[at:at] = dice.choice([b"\r\n", b"\0", b"%00", b"%", b"\xff" * 9, b"-", b"9" * 25, b"{", b"/.."])
            if not data:
                data = bytearray(b"\n")
        with server.socket(5) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                s.settimeout(0.05)
                s.recv(4096)
            except OSError:
                pass
    assert server.process.poll() is None
    assert server.get("/healthz").status == 200
    wait_for(lambda: b"hilda_http_busy 1\n" in server.get("/metrics").body)


def test_pipelined_requests_are_answered_in_order(server):
    with server.socket() as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := s.recv(65536):
            data += piece
    assert re.findall(rb"HTTP/1\.1 (\d+)", data) == [b"200", b"404"]


@pytest.mark.parametrize("n, status", [(99, b"400"), (101, b"400"), (250, b"400"), (2000, b"400"), (100000, b"414")])
def test_a_query_of_many_words_is_answered_at_once(server, n, status):
    query = "&".join(f"label.k{i}=" if n < 1000 else f"a{i % 100}" for i in range(n))
    start = time.monotonic()
    reply = server.raw(f"GET /api/v1/jobs?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert reply.startswith(b"HTTP/1.1 " + status), reply[:80]
    assert time.monotonic() - start < 5
    assert (b"more than 100 parameters" in reply) == (100 < n < 10000)
