"""Blobs: in one piece, in several, broken off, wrong; and back."""

import hashlib
import os

from conftest import wait_for
from server_kit import make_server, server  # noqa: F401


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def announce(server, data, **more):
    return server.call("POST", "/api/v1/artifacts", {"sha256": sha256(data), "bytes": len(data), **more})


def patch(server, location, offset, data):
    return server.call("PATCH", location, data, {"Upload-Offset": str(offset)})


def files(server):
    return sorted(p.name for folder in ("uploads", "artifacts") for p in (server.data / folder).rglob("*") if p.is_file())


def test_put_at_once_and_get_back(server):
    data = os.urandom(300_000)
    digest = sha256(data)
    reply = server.call("PUT", f"/api/v1/artifacts/{digest}", data)
    assert reply.status == 201 and reply.headers["Location"] == f"/api/v1/artifacts/{digest}"
    assert server.call("PUT", f"/api/v1/artifacts/{digest}", data).status == 200
    for path in ("/api/v1", "/agent/v1"):
        got = server.get(f"{path}/artifacts/{digest}")
        assert got.status == 200 and got.body == data
        assert got.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in got.headers["Content-Security-Policy"]
        assert got.headers["X-Content-Type-Options"] == "nosniff"
    head = server.call("HEAD", f"/api/v1/artifacts/{digest}")
    assert head.status == 200 and head.headers["Content-Length"] == str(len(data))
    about = server.get(f"/api/v1/artifacts/{digest}", Accept="application/json").json
    assert (about["sha256"], about["bytes"]) == (digest, len(data))
    assert (server.data / "artifacts" / digest[:2] / digest).read_bytes() == data
    assert files(server) == [digest]


def test_put_without_length(server):
    data = os.urandom(100_000)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[i:i + 9000]), data[i:i + 9000]) for i in range(0, len(data), 9000))
    got = server.raw(b"PUT /api/v1/artifacts/" + sha256(data).encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 201")
    assert server.get(f"/api/v1/artifacts/{sha256(data)}").body == data


def test_an_empty_artifact(server):
    assert server.call("PUT", f"/api/v1/artifacts/{sha256(b'')}", b"").status == 201
    assert server.get(f"/api/v1/artifacts/{sha256(b'')}").body == b""


def test_put_with_the_wrong_hash_keeps_nothing(server):
    data = os.urandom(1000)
    wrong = sha256(b"something else")
    reply = server.call("PUT", f"/api/v1/artifacts/{wrong}", data)
    assert reply.status == 422 and reply.problem == "hash-mismatch"
    assert wrong in reply.json["detail"] and sha256(data) in reply.json["detail"]
    assert files(server) == [] and server.get(f"/api/v1/artifacts/{wrong}").status == 404


def test_in_pieces(server):
    data = os.urandom(250_000)
    reply = announce(server, data)
    assert reply.status == 201 and reply.headers["Upload-Offset"] == "0"
    location = reply.headers["Location"]
    first = patch(server, location, 0, data[:100_000])
    assert first.status == 204 and first.headers["Upload-Offset"] == "100000"
    head = server.call("HEAD", location)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("100000", "250000")
    wrong = patch(server, location, 5, data[5:])
    assert wrong.status == 409 and wrong.problem == "wrong-offset" and wrong.json["offset"] == 100_000
    last = patch(server, location, 100_000, data[100_000:])
    assert last.status == 201 and last.json["sha256"] == sha256(data)
    assert server.get(f"/api/v1/artifacts/{sha256(data)}").body == data
    assert server.call("HEAD", location).status == 404
    have = announce(server, data)
    assert have.status == 200 and have.json["have"] is True
    assert files(server) == [sha256(data)]


def broken_off(server, location, offset, data, keep):
    with server.socket() as s:
        s.sendall(f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                  f"Upload-Offset: {offset}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:keep])
        file = server.data / "uploads" / location.rsplit("/", 1)[1]
        wait_for(lambda: file.exists() and file.stat().st_size >= offset + keep)


def test_a_broken_upload_goes_on_where_it_ended(server):
    data = os.urandom(250_000)
    location = announce(server, data).headers["Location"]
    broken_off(server, location, 0, data, 90_000)
    offset = wait_for(lambda: int(server.call("HEAD", location).headers["Upload-Offset"]))
    assert offset == 90_000
    assert announce(server, data).json["offset"] == offset
    wait_for(lambda: patch(server, location, offset, data[offset:]).status == 201)
    assert server.get(f"/api/v1/artifacts/{sha256(data)}").body == data


def test_a_broken_upload_goes_on_after_a_crash_of_the_server(make_server):
    server = make_server().start()
    data = os.urandom(250_000)
    location = announce(server, data).headers["Location"]
    assert patch(server, location, 0, data[:70_000]).status == 204
    server.stop(9)
    server.start()
    offset = int(server.call("HEAD", location).headers["Upload-Offset"])
    assert offset == 70_000, "what was acknowledged is durable"
    assert patch(server, location, offset, data[offset:]).status == 201
    assert server.get(f"/api/v1/artifacts/{sha256(data)}").body == data


def test_pieces_with_the_wrong_hash_keep_nothing(server):
    data = os.urandom(1000)
    reply = server.call("POST", "/api/v1/artifacts", {"sha256": sha256(b"other"), "bytes": len(data)})
    location = reply.headers["Location"]
    done = patch(server, location, 0, data)
    assert done.status == 422 and done.problem == "hash-mismatch"
    assert server.call("HEAD", location).status == 404 and files(server) == []


def test_more_than_was_announced(server):
    data = os.urandom(1000)
    location = announce(server, data).headers["Location"]
    reply = patch(server, location, 0, data + b"more")
    assert reply.status == 413 and reply.problem == "too-large"
    assert patch(server, location, 0, data).status == 201


def test_two_senders_of_one_upload(server):
    data = os.urandom(100_000)
    location = announce(server, data).headers["Location"]
    with server.socket() as s:
        s.sendall(f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                  f"Upload-Offset: 0\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:10_000])
        wait_for(lambda: (server.data / "uploads" / location.rsplit("/", 1)[1]).exists())
        reply = patch(server, location, 0, data)
        assert reply.status == 409 and "another connection" in reply.json["detail"]


def test_what_cannot_be_announced(server, make_server):
    for body, pointer in (({"sha256": "x", "bytes": 1}, "/sha256"), ({"sha256": "A" * 64, "bytes": 1}, "/sha256"),
                          ({"sha256": "a" * 64}, "/bytes"), ({"sha256": "a" * 64, "bytes": -1}, "/bytes"),
                          ({"sha256": "a" * 64, "bytes": 1, "name": "x"}, "/name")):
        reply = server.call("POST", "/api/v1/artifacts", body)
        assert reply.status == 400 and reply.json["pointer"] == pointer
    reply = server.call("POST", "/api/v1/artifacts", {"sha256": "a" * 64, "bytes": 1 << 40})
    assert reply.status == 413
    assert server.get("/api/v1/artifacts/../../etc/passwd").status == 404
    assert server.get("/api/v1/artifacts/" + "A" * 64).status == 404
    assert server.call("PATCH", "/api/v1/uploads/1", b"x").status == 400, "no Upload-Offset"


def test_the_limit_is_a_setting_and_is_told_early(make_server):
    server = make_server(artifact_max_bytes="1000").start()
    data = os.urandom(1001)
    with server.socket() as s:
        s.sendall(b"PUT /api/v1/artifacts/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n"
                  % sha256(data).encode())
        assert s.recv(1000).startswith(b"HTTP/1.1 413")
    assert server.call("PUT", f"/api/v1/artifacts/{sha256(data)}", data).status == 413


def test_leftovers_of_a_crash_are_removed(make_server):
    server = make_server().start()
    server.stop()
    (server.data / "uploads" / "put-0123").write_bytes(b"half")
    server.start()
    assert files(server) == []
