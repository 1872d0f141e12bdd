"""A disk that fills up under the server: what was acknowledged stays, what is refused says 507, and once there is
room again all goes on without anybody's help."""

import hashlib
import json
import os
import resource
import subprocess
import time

import pytest
from server_kit import Agent, job_document, make_server, record, result_document  # noqa: F401

MIB = 1 << 20
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system needs the right to mount: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Takes all that is left."""
    ballast = folder / "ballast"
    with open(ballast, "ab", buffering=0) as out:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    out.write(bytes(size))
            except OSError:
                pass
    return ballast


def submit_until_refused(server, document):
    taken, until = [], time.monotonic() + 30
    while time.monotonic() < until:
        reply = server.call("POST", "/api/v1/jobs", document, JSON)
        if reply.status != 201:
            return taken, reply
        taken.append(reply.json["id"])
    raise AssertionError("the disk never filled up")


class Upload:
    """One in pieces, of which the first is there before the disk is full."""

    def __init__(self, server):
        self.server, self.data = server, os.urandom(20000)
        reply = server.call("POST", "/api/v1/artifacts", {"sha256": hashlib.sha256(self.data).hexdigest(), "bytes": 20000})
        assert reply.status == 201
        self.path = f"/api/v1/uploads/{reply.json['id']}"
        assert self.send(0, 8000).status == 204

    def send(self, start, end):
        return self.server.call("PATCH", self.path, self.data[start:end], {"Upload-Offset": str(start)})

    def finish(self):
        """Goes on where the server says."""
        offset = int(self.server.call("HEAD", self.path).headers["Upload-Offset"])
        assert offset >= 8000, "what was acknowledged is there"
        assert self.send(offset, 20000).status == 201
        assert self.server.get(f"/api/v1/artifacts/{hashlib.sha256(self.data).hexdigest()}").body == self.data


def check_recovery(server, agent, offer, taken, document):
    assert agent.log(offer, 0, record("x" * 4000))["have"] == 4016
    assert agent.result(offer) == {"adopted": True}
    taken.append(server.submit(document, Content_Type="application/json"))
    assert server.get("/healthz").status == 200
    assert all(server.api(f"/jobs/{job}")["id"] == job for job in taken)
    # What was acknowledged is also there for a process that knows only the disk.
    server.stop(9)
    server.start()
    assert all(server.api(f"/jobs/{job}")["id"] == job for job in taken)
    assert server.api(f"/runs/{offer['run']}")["state"] == "done"


def test_a_full_disk_refuses_and_loses_nothing(make_server, small_disk):
    server = make_server(small_disk).start()
    agent = Agent(server)
    agent.register()
    document = job_document(server.put_blob(b"an image"))
    first = server.submit(document)
    offer = agent.offer()
    agent.start(offer)
    head = f"PUT /api/v1/artifacts/{'0' * 64} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {28 * MIB}\r\n\r\n"
    assert server.raw(head.encode()).startswith(b"HTTP/1.1 507 "), "refused before its body comes"
    upload = server.call("POST", "/api/v1/artifacts", {"sha256": "1" * 64, "bytes": 28 * MIB})
    assert upload.status == 507 and "free space" in upload.json["detail"]
    pieces = Upload(server)
    ballast = fill(small_disk)
    assert pieces.send(8000, 20000).status == 507
    taken, reply = submit_until_refused(server, document)
    assert reply.status == 507 and reply.problem == "disk-full"
    assert server.api(f"/jobs/{first}")["state"] == "active", "reading goes on"
    reply = agent.call("PUT", f"/runs/{offer['run']}/log?offset=0", record("x" * 4000), epoch=offer["epoch"])
    assert reply.status == 507, "the agent keeps it and comes again"
    reply = agent.call("PUT", f"/runs/{offer['run']}/result", result_document(), epoch=offer["epoch"])
    assert reply.status == 507
    ballast.unlink()
    pieces.finish()
    check_recovery(server, agent, offer, [first, *taken], document)


def test_a_disk_that_fills_up_as_log_and_database_grow(make_server, small_disk):
    """The log grows, and is copied into a database that grows: whichever finds no room, both stay as they are."""
    server = make_server(small_disk).start()
    agent = Agent(server)
    agent.register()
    document = job_document(server.put_blob(b"an image"), files=[])
    # As large as a document may be: the log is full of them soon.
    document = json.dumps(document).encode()[:-1] + b" " * 60000 + b"}"
    first = server.submit(document, Content_Type="application/json")
    offer = agent.offer()
    agent.start(offer)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8 * MIB))
    taken, reply = submit_until_refused(server, document)
    assert reply.status == 507 and reply.problem == "disk-full"
    assert (small_disk / "data" / "hilda.db-wal").stat().st_size > 2 * MIB
    ballast.unlink()
    check_recovery(server, agent, offer, [first, *taken], document)


def test_a_limit_of_file_sizes_is_a_full_disk(make_server, tmp_path):
    server = make_server()
    server.start()
    agent = Agent(server)
    agent.register()
    document = job_document(server.put_blob(b"an image"))
    first = server.submit(document, Content_Type="application/json")
    offer = agent.offer()
    agent.start(offer)
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (64, hard))
    reply = agent.call("PUT", f"/runs/{offer['run']}/log?offset=0", record("x" * 4000), epoch=offer["epoch"])
    assert reply.status == 507, "no 413, after which the agent would throw the log away"
    reply = server.call("PUT", "/api/v1/artifacts/" + "0" * 64, bytes(8192))
    assert reply.status == 507
    taken, reply = submit_until_refused(server, document)
    assert reply.status == 507
    reply = agent.call("PUT", f"/runs/{offer['run']}/result", result_document(), epoch=offer["epoch"])
    assert reply.status == 507
    assert server.process.poll() is None, "SIGXFSZ is no reason to end"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    check_recovery(server, agent, offer, [first, *taken], document)
