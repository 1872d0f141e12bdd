"""Captures on the server: sent in pieces by a protocol-speaking agent, refused, resumed, damaged, removed; and what is
made of them, each number against the samples that the capture was made from."""

import array
import bisect
import csv
import functools
import io
import itertools
import json
import math
import operator
import os
import random
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import zipfile

import pytest
from conftest import BUILD, ROOT, program, wait_for
from server_kit import SHORT, Agent, job_document, make_server, result_document, server  # noqa: F401
from test_server_disk import fill, small_disk  # noqa: F401

VALID, LOST, INVALID = range(3)
PIECE = 1 << 20


class Capture:
    """A capture of make_capture and its samples."""

    def __init__(self, folder, samples=200_000, seed=1, gap_every=9000, window_from=50_000, batches=72, length=1000):
        self.n = samples
        self.window_from, self.batches, self.length = window_from, batches, length
        made, beside = folder / "made.capture", folder / "made.samples"
        numbers = map(str, (samples, seed, gap_every, window_from, batches, length))
        subprocess.run([BUILD / "tests/make_capture", *numbers, made, beside], check=True)
        self.bytes = made.read_bytes()
        data = beside.read_bytes()
        beside.unlink()
        self.uA = array.array("d", data[:8 * samples])
        self.logic, self.state = data[8 * samples:9 * samples], data[9 * samples:10 * samples]
        # Of valid samples only, so that slices can be summed at once.
        self.counts = self.state.translate(bytes(state == VALID for state in range(256)))
        self.at = array.array("q", itertools.compress(range(samples), self.counts))
        self.valid = array.array("d", itertools.compress(self.uA, self.counts))

    def part(self, first, behind):
        return self.valid[bisect.bisect_left(self.at, first):bisect.bisect_left(self.at, behind)]

    def gaps(self, first, behind):
        missing = re.compile(b"[^%c]+" % VALID).finditer(self.state, first)
        return [[m.start() * 10, m.end() * 10] for m in itertools.takewhile(lambda m: m.start() < behind, missing)]


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return Capture(tmp_path_factory.mktemp("capture"))


def started(server, **board):
    agent = Agent(server, **board)
    agent.register()
    server.submit()
    offer = agent.offer()
    agent.start(offer)
    return agent, offer


def put(agent, offer, offset, data, expect=200):
    reply = agent.call("PUT", f"/runs/{offer['run']}/capture?offset={offset}", data, epoch=offer["epoch"])
    assert reply.status == expect, reply.body
    return reply.json


def send(agent, offer, data, offset=0, piece=PIECE):
    for at in range(offset, len(data), piece):
        assert put(agent, offer, at, data[at:at + piece]) == {"have": min(len(data), at + piece)}


def trace(server, offer, what="", status=200):
    reply = server.get(f"/api/v1/runs/{offer['run']}/trace{what}")
    assert reply.status == status, reply.body
    return reply.json


def near(got, want, tolerance=1e-6):
    return math.isclose(got, want, rel_tol=tolerance, abs_tol=tolerance)


def check_band(capture, tile):
    unit = tile["unit_us"] // 10
    first, columns = tile["t0_us"] // 10, tile["px"]
    n = (tile["t1_us"] - tile["t0_us"]) // 10 // unit
    assert len(tile["min"]) == len(tile["max"]) == len(tile["mean"]) == len(tile["logic"]) == columns
    assert near(tile["step_us"], n * unit * 10 / columns)
    for c in range(columns):
        begin, end = first + c * n // columns * unit, first + (c + 1) * n // columns * unit
        values = capture.part(begin, end)
        if not values:
            assert tile["min"][c] is tile["max"][c] is tile["mean"][c] is None
            continue
        got = tile["min"][c], tile["max"][c], tile["mean"][c]
        want = min(values), max(values), sum(values) / len(values)
        assert all(map(near, got, want)), (c, got, want)
        if end - begin < 5000:
            seen = set(itertools.compress(capture.logic[begin:end], capture.counts[begin:end]))
            assert tile["logic"][c] == functools.reduce(operator.or_, seen, 0)


def whole_chunks(summary):
    """Up to here no bucket, of any level, goes over the end of what is there."""
    end_us = summary["end_us"] // 655360 * 655360
    assert end_us > 0
    return end_us


def check_samples(capture, tile, first, behind):
    at = [i for i in range(first, min(behind, capture.n)) if capture.state[i] == VALID]
    assert tile["t_us"] == [10 * i for i in at]
    assert all(near(got, capture.uA[i]) for got, i in zip(tile["uA"], at))
    assert tile["logic"] == [capture.logic[i] for i in at]
    assert tile["gaps"] == capture.gaps(first, min(behind, capture.n))


def check_tile(server, offer, capture, first, behind, px):
    tile = trace(server, offer, f"/tile?t0={first * 10}&t1={behind * 10}&px={px}")
    assert tile["px"] == px
    if behind - first <= 2 * px:
        assert tile["kind"] == "samples"
        check_samples(capture, tile, first, behind)
        return tile
    assert tile["kind"] == "band"
    # Columns are as wide as was asked for, but for what makes them begin at buckets.
    assert (behind - first) * 10 / px <= tile["step_us"] <= (behind - first) * 10.5 / px
    assert tile["t0_us"] <= first * 10 and tile["t1_us"] >= behind * 10
    check_band(capture, tile)
    missing = sum(b - a for a, b in tile["gaps"])
    assert missing >= sum(b - a for a, b in capture.gaps(first, behind))
    return tile


def check_selection(server, offer, capture, first, behind):
    got = trace(server, offer, f"/selection?t0={first * 10}&t1={behind * 10}")
    values = capture.part(first, behind)
    states = capture.state[first:behind]
    assert (got["t0_us"], got["t1_us"]) == (first * 10, behind * 10)
    assert (got["samples"], got["lost"], got["invalid"]) == (len(values), states.count(LOST), states.count(INVALID))
    assert got["complete"] == (len(values) == behind - first)
    if not values:
        assert got["mean_uA"] is got["min_uA"] is got["max_uA"] is None
        return
    total = math.fsum(values)
    charge = total * 1e-5
    for key, want in {"min_uA": min(values), "max_uA": max(values), "charge_uC": charge, "energy_uJ": charge * 3.3,
                      "mean_uA": total / len(values)}.items():
        assert near(got[key], want, 1e-11), (key, got[key], want)
    assert 0.5 < got["filtered_energy_uJ"] / got["energy_uJ"] < 1.5


def check_summary(server, offer, capture, live=False):
    got = trace(server, offer)
    assert got["run"] == offer["run"] and got["live"] is live and got["damage"] is None
    assert got["samples"] == capture.n - capture.state.count(LOST)
    assert (got["lost"], got["invalid"]) == (capture.state.count(LOST), capture.state.count(INVALID))
    assert got["end_us"] == 10 * capture.n and got["rate_hz"] == 100_000 and got["voltage_mV"] == 3300
    assert got["started_at"] == "2026-01-01T00:00:00.123Z"
    assert got["instrument"]["serial"] == "VP-TEST" and len(got["instrument"]["calibration_sha256"]) == 64


def check_some(server, offer, capture, seed=1, rounds=6):
    choose = random.Random(seed)
    check_summary(server, offer, capture)
    for _ in range(rounds):
        first = choose.randrange(capture.n - 1)
        behind = first + choose.randrange(1, capture.n - first + 1)
        check_tile(server, offer, capture, first, behind, choose.randrange(1, 2000))
        check_selection(server, offer, capture, first, behind)


def energy_document(capture, **more):
    """What an agent would say of it, from the samples."""
    starts = [capture.window_from + i * capture.length for i in range(capture.batches)]
    parts = [capture.part(s, s + capture.length) for s in starts]
    whole = capture.part(starts[0], starts[-1] + capture.length)
    return {"source": "measured", "sync": "logic", "debug": "detached",
            "instrument": {"kind": "ppk2", "serial": "C0FFEE", "mode": "source", "voltage_mV": 3300,
                           "calibration_sha256": "ab" * 32, "defaulted": ["R2"], "path": ""},
            "idle": {"current_uA": 2.0, "samples": 100000, "complete": True}, "n": 4 * capture.batches, "batch": 4,
            "device_window_us": 10.0 * capture.length * capture.batches, "host_rate_ratio": 1.0,
            "window": {"start": starts[0], "end": starts[-1] + capture.length, "samples": len(whole), "lost": 0,
                       "invalid": 0, "clipped": 0, "charge_uC": math.fsum(whole) * 1e-5,
                       "filtered_charge_uC": math.fsum(whole) * 0.99e-5, "peak_10us_uA": max(whole),
                       "peak_1ms_uA": 9000.0, "edges": capture.batches, "complete": True, "valid": True, "why": ""},
            "batches": {"start": starts, "samples": [len(p) for p in parts],
                        "charge_uC": [math.fsum(p) * 1e-5 for p in parts],
                        "complete": [len(p) == capture.length for p in parts]},
            "capture": {"samples": capture.n, "lost": 0, "invalid": 0, "bytes": len(capture.bytes), "dropped": ""},
            **more}


def test_a_whole_life_with_a_restart_in_the_middle(server, capture):
    agent, offer = started(server)
    trace(server, offer, status=404)
    half = len(capture.bytes) // 2
    send(agent, offer, capture.bytes[:half], piece=7001)
    live = trace(server, offer)
    assert live["live"] is True and 0 < live["end_us"] < 10 * capture.n and live["energy_source"] is None
    # What is there can be looked at while more comes.
    check_band(capture, trace(server, offer, f"/tile?t0=0&t1={whole_chunks(live)}&px=50"))
    # The server dies; a piece that it had not acknowledged comes again.
    server.stop(9)
    with open(server.data / "captures" / str(offer["run"]), "ab") as out:
        out.write(b"never acknowledged")
    server.start()
    agent.register(runs=[{"run": offer["run"], "epoch": offer["epoch"]}])
    assert trace(server, offer)["end_us"] == live["end_us"]
    refused = put(agent, offer, half + 100, b"x" * 50, expect=409)
    assert refused["type"] == "/problems/wrong-offset" and refused["have"] == half
    assert put(agent, offer, half - 3000, capture.bytes[half - 3000:half]) == {"have": half}
    send(agent, offer, capture.bytes, offset=half - 5000, piece=30011)
    agent.result(offer, result_document(energy=energy_document(capture)))
    check_some(server, offer, capture)
    raw = server.get(f"/api/v1/runs/{offer['run']}/trace.capture")
    assert raw.body == capture.bytes
    run = server.api(f"/runs/{offer['run']}")
    assert run["capture_bytes"] == len(capture.bytes) and run["capture_removed_at"] is None
    # After another restart from the file beside it, and without that file.
    server.stop()
    server.start()
    check_some(server, offer, capture, seed=2, rounds=2)
    server.stop()
    (server.data / "captures" / f"{offer['run']}.pyramid").unlink()
    server.start()
    check_some(server, offer, capture, seed=3, rounds=2)
    assert (server.data / "captures" / f"{offer['run']}.pyramid").exists()


def test_six_million_samples(server, tmp_path):
    big = Capture(tmp_path, samples=6_000_000, gap_every=400_000, window_from=1_000_000, length=57_000)
    agent, offer = started(server)
    send(agent, offer, big.bytes)
    check_summary(server, offer, big)
    for first, behind, px in ((0, big.n, 1600), (0, big.n, 1), (7, big.n - 3, 4000), (1_000_001, 2_000_003, 1600),
                              (5_000_000, 5_131_073, 333), (3_000_000, 3_131_072, 1600), (1_057_000, 1_057_100, 1600),
                              (2_999_999, 3_003_200, 1600), (2_999_999, 3_003_300, 1600)):
        check_tile(server, offer, big, first, behind, px)
    # Each spike of one sample is in the picture of the whole.
    top = max(big.valid)
    assert near(max(v for v in trace(server, offer, "/tile?px=200")["max"] if v is not None), top)
    for first, behind in ((0, big.n), (1_000_000, 5_104_000), (65_535, 65_537), (131_072, 196_608), (123, 5_999_999)):
        check_selection(server, offer, big, first, behind)
    # All of it at once is what the parts are.
    assert trace(server, offer, "/selection") == trace(server, offer, f"/selection?t0=0&t1={10 * big.n}")
    # The file beside it is small.
    assert (server.data / "captures" / f"{offer['run']}.pyramid").stat().st_size < 1.5 * big.n


def test_csv_is_what_the_samples_are(server, capture):
    agent, offer = started(server)
    send(agent, offer, capture.bytes)
    reply = server.get(f"/api/v1/runs/{offer['run']}/trace.csv")
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert list(rows[0]) == ["t_us", "current_uA", "logic", "flags"]
    received = [i for i in range(capture.n) if capture.state[i] != LOST]
    assert len(rows) == len(received)
    for row, i in zip(rows, received):
        assert int(row["t_us"]) == 10 * i and float(row["current_uA"]) == capture.uA[i], (row, i)
        assert int(row["logic"]) == capture.logic[i]
        flags = row["flags"].split("+") if row["flags"] else []
        assert ("invalid" in flags) == (capture.state[i] == INVALID)
        assert ("gap-before" in flags) == (i > 0 and capture.state[i - 1] == LOST)
    part = server.get(f"/api/v1/runs/{offer['run']}/trace.csv?t0=999995&t1=1000030").body.decode().splitlines()
    assert [line.split(",")[0] for line in part] == ["t_us", "1000000", "1000010", "1000020"]


def check_ppk2(body, capture, first, behind):
    with zipfile.ZipFile(io.BytesIO(body)) as z:
        assert z.testzip() is None
        assert sorted(z.namelist()) == ["metadata.json", "minimap.raw", "session.raw"]
        assert all(i.compress_type == zipfile.ZIP_DEFLATED for i in z.infolist())
        session, metadata = z.read("session.raw"), json.loads(z.read("metadata.json"))
        minimap = json.loads(z.read("minimap.raw"))
    assert metadata == {"metadata": {"samplesPerSecond": 100000, "startSystemTime": 1767225600123 + first // 100},
                        "formatVersion": 2}
    assert len(session) == 6 * (behind - first)
    bits = [sum((2 if logic >> line & 1 else 1) << 2 * line for line in range(8)) for logic in range(256)]
    for k, i in enumerate(range(first, behind)):
        value, = struct.unpack_from("<f", session, 6 * k)
        channels, = struct.unpack_from(">H", session, 6 * k + 4)
        if capture.state[i] == VALID:
            want, = struct.unpack("<f", struct.pack("<f", max(0, capture.uA[i])))
            assert math.isclose(value, want, rel_tol=2e-7) and channels == bits[capture.logic[i]]
        else:
            assert math.isnan(value) and channels == 0
    assert minimap["maxNumberOfElements"] == 10000 and minimap["data"]["length"] == len(minimap["data"]["max"])
    top = max(capture.part(first, behind))
    assert near(max(p["y"] for p in minimap["data"]["max"]), max(200, 1000 * top))


def test_ppk2_opens_and_every_value_is_right(server, capture):
    agent, offer = started(server)
    send(agent, offer, capture.bytes)
    reply = server.get(f"/api/v1/runs/{offer['run']}/trace.ppk2")
    assert reply.status == 200 and reply.headers["Content-Disposition"].endswith('.ppk2"')
    check_ppk2(reply.body, capture, 0, capture.n)
    # A part, which begins and ends within gaps.
    gaps = [g for g in capture.gaps(0, capture.n) if g[1] - g[0] > 100]
    first, behind = gaps[2][0] // 10 + 2, gaps[5][1] // 10 - 2
    assert capture.state[first] == capture.state[behind - 1] == LOST
    reply = server.get(f"/api/v1/runs/{offer['run']}/trace.ppk2?t0={10 * first}&t1={10 * behind}")
    check_ppk2(reply.body, capture, first, behind)


def test_exports_at_once_have_a_limit(server, capture):
    agent, offer = started(server)
    send(agent, offer, capture.bytes)
    path = f"/api/v1/runs/{offer['run']}/trace.csv"
    slow = []
    for _ in range(8):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(20)
        s.connect(("127.0.0.1", server.port))
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b" 200 " in s.recv(100).splitlines()[0]
        slow.append(s)
    for what in (path, path.replace(".csv", ".ppk2")):
        reply = server.get(what)
        assert reply.status == 503 and reply.problem == "unavailable" and "8 exports" in reply.json["detail"]
    # Who only looks is not held up, and one that ends makes room.
    check_summary(server, offer, capture)
    for s in slow:
        s.close()
    wait_for(lambda: server.get(path).status == 200, 20)
    for _ in range(10):
        assert server.get(path + "?t0=0&t1=50").status == 200
        assert server.get(path + "?t0=1e9&t1=2e9").status == 400


def test_what_is_no_capture_is_refused(server, capture):
    agent, offer = started(server)
    reply = put(agent, offer, 0, b"not a capture at all", expect=422)
    assert reply["type"] == "/problems/bad-capture" and "byte 0" in reply["detail"]
    trace(server, offer, status=404)
    # Damage on the way: what came before stays, the same piece again and whole is taken.
    third = len(capture.bytes) // 3
    send(agent, offer, capture.bytes[:third])
    bad = bytearray(capture.bytes[third:])
    bad[len(bad) // 2] ^= 1
    assert put(agent, offer, third, bytes(bad), expect=422)["type"] == "/problems/bad-capture"
    send(agent, offer, capture.bytes, offset=third)
    put(agent, offer, len(capture.bytes), capture.bytes[:100], expect=422)
    check_summary(server, offer, capture)
    check_some(server, offer, capture, rounds=2)


def test_limits_and_queries(server, capture):
    agent, offer = started(server)
    head = f"PUT /agent/v1/runs/{offer['run']}/capture?offset=0 HTTP/1.1\r\nHost: localhost\r\n" \
           f"Content-Type: application/octet-stream\r\nContent-Length: {(4 << 20) + 1}\r\n\r\n"
    assert b" 413 " in server.raw(head.encode()).splitlines()[0]
    put(agent, offer, 1 << 40, b"x", expect=409)
    assert agent.call("PUT", f"/runs/{offer['run']}/capture?offset=0", b"x", epoch=99).status == 409
    assert agent.call("PUT", "/runs/999/capture?offset=0", b"x", epoch=1).status == 404
    assert agent.call("PUT", f"/runs/{offer['run']}/capture", b"x", epoch=offer["epoch"]).status == 400
    # A header that is not whole yet.
    put(agent, offer, 0, capture.bytes[:100])
    trace(server, offer, status=404)
    send(agent, offer, capture.bytes, offset=100)
    for query in ("px=0", "px=4001", "t0=-1", "t0=5&t1=5", "t0=x", "t1=1e300", "nonsense=1", "t0=nan"):
        assert trace(server, offer, "/tile?" + query, status=400)["type"] == "/problems/bad-query", query
    assert trace(server, offer, "/tile?t0=1e9&t1=2e9")["t_us"] == []
    assert trace(server, offer, "/selection?t0=1e9&t1=2e9")["complete"] is False
    trace(server, offer, ".csv?t0=1e9&t1=2e9", status=400)
    for what in ("/trace", "/trace/tile", "/trace/selection", "/trace.csv", "/trace.ppk2", "/trace.capture", "/windows"):
        assert server.get(f"/api/v1/runs/999{what}").status == 404


def test_a_lost_run_still_gets_its_capture(make_server, capture):
    server = make_server(lease="500 ms", grace="100 ms").start()
    agent, offer = started(server)
    send(agent, offer, capture.bytes[:60_000])
    wait_for(lambda: server.api(f"/runs/{offer['run']}")["state"] == "lost", 20)
    assert trace(server, offer)["live"] is False
    send(agent, offer, capture.bytes, offset=60_000)
    check_some(server, offer, capture, rounds=2)
    assert server.stop() == 0


def test_damage_on_the_disk(make_server, capture):
    server = make_server().start()
    agent, offer = started(server)
    send(agent, offer, capture.bytes)
    file = server.data / "captures" / str(offer["run"])
    beside = file.with_suffix(".pyramid")
    server.stop()
    # What is made from it is made again.
    data = bytearray(beside.read_bytes())
    data[len(data) // 2] ^= 0x10
    beside.write_bytes(data)
    server.start()
    check_some(server, offer, capture, rounds=3)
    server.stop()
    beside.write_bytes(data[:1000])
    server.start()
    check_some(server, offer, capture, rounds=1)
    server.stop()
    # The capture itself: what stands before the damage can be seen, and the damage is told.
    beside.unlink()
    bad = bytearray(capture.bytes)
    bad[-20_000] ^= 1
    file.write_bytes(bad)
    server.start()
    got = trace(server, offer)
    assert "damaged" in got["damage"] and 0 < got["end_us"] < 10 * capture.n
    check_band(capture, trace(server, offer, f"/tile?t0=0&t1={whole_chunks(got)}&px=100"))
    assert "damaged" in trace(server, offer, ".csv", status=500)["detail"]
    server.stop()
    file.unlink()
    beside.unlink()
    server.start()
    trace(server, offer, status=500)
    assert server.stop() == 0


def test_a_full_disk_is_507_and_goes_on(make_server, small_disk, tmp_path):
    big = Capture(tmp_path, samples=2_000_000, gap_every=0)
    server = make_server(folder=small_disk).start()
    agent, offer = started(server)
    send(agent, offer, big.bytes[:300_000])
    ballast = fill(small_disk)
    reply = put(agent, offer, 300_000, big.bytes[300_000:], expect=507)
    assert reply["type"] == "/problems/disk-full"
    ballast.unlink()
    # The agent asks where to go on.
    have = put(agent, offer, len(big.bytes), b"x", expect=409)["have"]
    assert have == 300_000
    send(agent, offer, big.bytes, offset=have)
    check_summary(server, offer, big)
    check_band(big, trace(server, offer, "/tile?px=800"))
    assert server.stop() == 0


def ended(server, agent, capture, energy=True):
    server.submit()
    offer = agent.offer()
    agent.start(offer)
    send(agent, offer, capture.bytes)
    agent.result(offer, result_document(**({"energy": energy_document(capture)} if energy else {})))
    return offer


def removed(server, offer):
    return server.api(f"/runs/{offer['run']}")["capture_removed_at"]


def check_removed(server, agent, offer):
    wait_for(lambda: removed(server, offer), 20)
    for what in ("", "/tile", "/selection", ".csv", ".ppk2", ".capture"):
        gone = trace(server, offer, what, status=410)
        assert gone["type"] == "/problems/gone" and "removed by retention" in gone["detail"]
    wait_for(lambda: not list((server.data / "captures").glob(f"{offer['run']}*")), 20)
    put(agent, offer, 0, b"x", expect=410)
    run = server.api(f"/runs/{offer['run']}")
    assert run["outcome"] == "passed" and any(m["metric"] == "energy_uJ" for m in run["metrics"])
    assert server.api(f"/runs/{offer['run']}/windows")["batches"]


def test_retention_by_total_takes_the_oldest(make_server, capture):
    server = make_server(captures_max_bytes=int(2.5 * len(capture.bytes)), capture_age="1h").start()
    agent = Agent(server)
    agent.register()
    first, second = (ended(server, agent, capture) for _ in range(2))
    assert not removed(server, first)
    third = ended(server, agent, capture)
    server.stop()
    server.start()
    agent.register()
    check_removed(server, agent, first)
    assert not removed(server, second) and not removed(server, third)
    check_summary(server, third, capture)
    # A run that lives keeps what it has, however much it is.
    server.submit()
    alive = agent.offer()
    agent.start(alive)
    send(agent, alive, capture.bytes[:50_000])
    server.stop()
    server.settings["captures_max_bytes"] = 1
    server.start()
    agent.register(runs=[{"run": alive["run"], "epoch": alive["epoch"]}])
    check_removed(server, agent, third)
    assert not removed(server, alive) and trace(server, alive)["samples"] > 0
    assert server.stop() == 0


def test_retention_by_age_and_files_that_were_left(make_server, capture):
    server = make_server().start()
    agent = Agent(server)
    agent.register()
    offer = ended(server, agent, capture)
    server.stop()
    kept = server.data / "captures" / str(offer["run"])
    server.settings["capture_age"] = "100 ms"
    # It ends between the row and the files.
    with open(server.log, "ab") as log:
        dead = subprocess.run(server.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60, check=False,
                              env={"HILDA_FAILPOINTS": "server.committed.capture-remove=kill"})
    assert dead.returncode == -signal.SIGKILL and kept.exists()
    server.start()
    agent.register()
    check_removed(server, agent, offer)
    assert server.stop() == 0


def metering(server, **board):
    agent = Agent(server, **{"virtual": False, "phases": ["cold", "warm", "energy", "memory"], **board})
    agent.register()
    return agent


def job_with_energy(server, **more):
    image = server.put_blob(b"an image")
    return server.submit(job_document(image, phases={"energy": {"iterations": 72, **more.pop("energy", {})}}, **more))


def finish(server, agent, document):
    offer = agent.offer()
    agent.start(offer)
    agent.result(offer, document)
    return server.api(f"/runs/{offer['run']}")


def metrics_of(run):
    return {m["metric"]: m for m in run["metrics"] if m["phase"] == "energy"}


def test_energy_of_a_measured_run(server, capture):
    agent = metering(server)
    job_with_energy(server, energy={"duty_cycle": {"inferences_per_hour": 60, "battery_mWh": 675}},
                    criteria=[{"metric": "energy.energy_uJ.mean", "max": 1e6}])
    said = energy_document(capture)
    run = finish(server, agent, result_document(energy=said))
    assert run["energy_source"] == "measured" and run["outcome"] == "passed", run["detail"]
    assert run["energy"]["debug"] == "detached" and run["energy"]["instrument"]["calibration_sha256"] == "ab" * 32
    assert run["energy"]["idle"]["current_uA"] == 2.0 and "batches" not in run["energy"]
    whole = [(c, s) for c, s, ok in zip(*(said["batches"][k] for k in ("charge_uC", "samples", "complete"))) if ok]
    uJ = [c * 3.3 / 4 for c, _ in whole]
    net = [c * 3.3 / 4 - 2.0 * 3.3 * s * 1e-5 / 4 for c, s in whole]
    got = metrics_of(run)
    for name, values in (("energy_uJ", uJ), ("energy_net_uJ", net), ("charge_uC", [c / 4 for c, _ in whole]),
                         ("current_uA", [c / (s * 1e-5) for c, s in whole])):
        m = got[name]
        assert m["n"] == len(whole) and near(m["mean"], sum(values) / len(values), 1e-9), name
        assert near(m["min"], min(values), 1e-12) and near(m["max"], max(values), 1e-12)
        samples = server.api(f"/runs/{run['id']}/samples?phase=energy&metric={name}")
        assert all(near(a, b, 1e-12) for a, b in zip(samples["boots"][0]["values"], values))
    assert len(whole) < capture.batches and got["energy_uJ"]["blank"].keys() == {"p95", "p99"}
    assert got["energy_batch"]["value"] == 4 and got["idle_uA"]["value"] == 2.0
    assert got["current_peak_uA"]["value"] == said["window"]["peak_10us_uA"]
    assert got["current_peak_1ms_uA"]["value"] == 9000.0
    assert near(got["energy_filtered_uJ"]["value"], said["window"]["filtered_charge_uC"] * 3.3 / 288, 1e-12)
    # A day: the inferences, and idle for the rest of each hour.
    mean, seconds = sum(uJ) / len(uJ), sum(s for _, s in whole) * 1e-5 / 4 / len(whole)
    day = 24 * (60 * mean + 2.0 * 3.3 * (3600 - 60 * seconds)) / 1000
    assert near(got["energy_per_day_mJ"]["value"], day, 1e-9)
    assert near(got["battery_days"]["value"], 675 * 3600 / day, 1e-9)
    check_windows(server, run, said)


def check_windows(server, run, said):
    shown = server.api(f"/runs/{run['id']}/windows")
    assert (shown["run"], shown["energy_source"], shown["sync"]) == (run["id"], run["energy_source"], "logic")
    assert shown["window"] == said["window"]
    most = -1
    for n, (start, samples, charge, complete) in enumerate(zip(*said["batches"].values()), 1):
        b = shown["batches"][n - 1]
        assert (b["n"], b["t0_us"], b["complete"]) == (n, 10 * start, complete)
        assert b["t1_us"] == 10 * (start + 1000) or n == len(shown["batches"])
        assert near(b["energy_uJ"], charge * 3.3 / 4, 1e-12) and near(b["mean_uA"], charge / (samples * 1e-5), 1e-12)
        if complete and charge > most:
            most, worst = charge, n
    assert shown["worst"] == worst


def whole_batches(capture, **more):
    """The same with no sample missing."""
    said = energy_document(capture, **more)
    said["batches"]["complete"] = [True] * capture.batches
    return said


def test_quantiles_where_n_carries_them(server, capture):
    agent = metering(server)
    job_with_energy(server, criteria=[{"metric": "energy.energy_uJ.p95", "max": 1e-6}])
    run = finish(server, agent, result_document(energy=whole_batches(capture)))
    m = metrics_of(run)["energy_uJ"]
    assert m["n"] == 72 and m["p50"] is not None and m["p95"] is not None and m["blank"] == {"p99": 368}
    assert run["outcome"] == "failed" and "energy.energy_uJ.p95" in run["detail"] and "maximum" in run["detail"]
    assert "energy_per_day_mJ" not in metrics_of(run)
    job_with_energy(server)
    few = whole_batches(capture, n=20)
    few["window"]["edges"] = 5
    few["batches"] = {k: v[:5] for k, v in few["batches"].items()}
    m = metrics_of(finish(server, agent, result_document(energy=few)))["energy_uJ"]
    assert m["n"] == 5 and m["p50"] is None and m["blank"] == {"p50": 6, "p95": 72, "p99": 368}


def test_a_window_that_is_not_valid_has_no_numbers(server, capture):
    agent = metering(server)
    good = energy_document(capture)
    for change, why in (({"valid": False, "why": "D0 was high for 1 s, the device says 2 s"}, "the device says 2 s"),
                        ({"edges": 71}, "D1 has 71 edges"), ({"complete": False}, "not complete")):
        job_with_energy(server, criteria=[{"metric": "energy.energy_uJ.p50", "max": 1e9}])
        run = finish(server, agent, result_document(energy={**good, "window": {**good["window"], **change}}))
        assert metrics_of(run) == {} and run["energy_source"] == "measured"
        assert run["outcome"] == "failed" and why in run["detail"], run["detail"]
        assert run["energy"]["window"]["valid"] == change.get("valid", True)
    # Without a criterion the run passes, and says why it has no energy.
    job_with_energy(server)
    run = finish(server, agent, result_document(energy={**good, "window": {**good["window"], "edges": 3}}))
    assert run["outcome"] == "passed" and run["detail"].startswith("energy: D1 has 3 edges")
    # A duty cycle that cannot be says so.
    job_with_energy(server, energy={"duty_cycle": {"inferences_per_hour": 36e6}})
    run = finish(server, agent, result_document(energy=good))
    assert "do not fit into an hour" in run["detail"] and "energy_per_day_mJ" not in metrics_of(run)


def test_members_of_another_type_are_named(server, capture):
    agent = metering(server)
    job_with_energy(server)
    offer = agent.offer()
    agent.start(offer)
    good = energy_document(capture)
    for change, pointer in (({"source": "guessed"}, "/energy/source"), ({"sync": 1}, "/energy/sync"),
                            ({"debug": "maybe"}, "/energy/debug"), ({"n": -1}, "/energy/n"),
                            ({"instrument": {"defaulted": [1]}}, "/energy/instrument/defaulted"),
                            ({"window": {"edges": "x"}}, "/energy/window/edges"),
                            ({"batches": {**good["batches"], "complete": [1]}}, "/energy/batches/complete"),
                            ({"batches": {**good["batches"], "complete": [True]}}, "/energy/batches"),
                            ({"capture": []}, "/energy/capture"), ({"idle": {"current_uA": "x"}}, "/energy/idle/current_uA")):
        reply = agent.result(offer, result_document(energy={**good, **change}), expect=400)
        assert reply["pointer"] == pointer, reply
    assert agent.result(offer, result_document(energy=good)) == {"adopted": True}


def test_modelled_is_never_taken_for_measured(server, capture):
    real = metering(server, name="real", boards=("r1",), board_type="silicon")
    board = metering(server, name="virtual", boards=("v1",), virtual=True)
    image = server.put_blob(b"an image")
    rows = {}
    # A virtual board's agent may say what it likes.
    for agent, board_type in ((real, "silicon"), (board, "mps3-an547")):
        server.submit(job_document(image, board_type, phases={"energy": True}))
        run = finish(server, agent, result_document(energy=energy_document(capture)))
        rows[run["id"]] = run["energy_source"]
        mark = [m["note"] for m in run["metrics"] if m["phase"] == "energy"]
        assert all(note.startswith("modelled") == (agent is board) for note in mark), mark
    server.submit(job_document(image, "silicon"))
    rows[finish(server, real, result_document())["id"]] = None
    assert sorted(map(str, rows.values())) == ["None", "measured", "modelled"]
    assert {r["run"]: r["energy_source"] for r in server.api("/results")["items"]} == rows
    table = csv.DictReader(io.StringIO(server.get("/api/v1/results.csv").body.decode()))
    assert {int(r["run"]): r["energy_source"] or None for r in table} == rows
    check_one_metric(server, rows)


def check_one_metric(server, rows):
    """One number of each run by the command line, with its kind."""
    address = "energy.energy_uJ.p50"
    shown = subprocess.run([program("hilda"), "results", "--metric", address], capture_output=True, text=True, timeout=60,
                           env={**os.environ, "HILDA_SERVER": f"http://127.0.0.1:{server.port}"})
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == address and len(lines) == 2 + len(rows)
    for run, kind, value in ((int(s[0]), *s[-2:]) for s in map(str.split, lines[2:])):
        assert kind == (rows[run] or "-")
        medians = [m["p50"] for m in server.api(f"/runs/{run}")["metrics"] if m["metric"] == "energy_uJ"]
        assert value == "-" if not medians else math.isclose(float(value), medians[0], rel_tol=1e-4), shown.stdout


def test_energy_by_the_hosts_time_is_one_value(server):
    agent = metering(server)
    job_with_energy(server)
    run = finish(server, agent, result_document(energy={
        "source": "measured", "sync": "host-time", "debug": "detached", "n": 100, "batch": 1, "device_window_us": 2e6,
        "instrument": {"kind": "sysfs", "path": "/sys/class/hwmon/hwmon0", "voltage_mV": 5000},
        "window": {"charge_uC": 1000.0, "samples": 40, "complete": True, "valid": True, "why": ""}}))
    got = metrics_of(run)
    assert got["energy_uJ"]["n"] == 1 and near(got["energy_uJ"]["value"], 50.0) and near(got["current_uA"]["value"], 500)
    assert "approximate" in got["energy_uJ"]["note"] and "energy_net_uJ" not in got and "energy_batch" not in got
    shown = server.api(f"/runs/{run['id']}/windows")
    assert shown["batches"] == [] and shown["worst"] is None and shown["sync"] == "host-time"


def test_a_database_from_before_captures_is_taken_over(make_server, capture):
    server = make_server()
    server.data.mkdir(parents=True)
    old = sqlite3.connect(server.data / "hilda.db")
    old.executescript((ROOT / "db/001-initial.sql").read_text() + """
        INSERT INTO meta VALUES ('lineage', '00112233445566778899aabbccddeeff');
        INSERT INTO agents VALUES (1, 'old', 'h', '0', 'i', 7, 0, 1, NULL);
        INSERT INTO boards (name, agent, type, tags, mcu, probe_serial, ppk2_serial, virtual, exec, online, state, epoch)
            VALUES ('b1', 1, 'mps3-an547', '[]', '', '', '', 1, 0, 0, 'ready', 3);
        INSERT INTO demands VALUES (1, '{}', 'mps3-an547', NULL);
        INSERT INTO jobs (id, name, state, demand, image, priority, attempts_allowed, token, created_at, queue_deadline_at,
            document) VALUES (1, 'j', 'succeeded', 1, '', 0, 1, '', 1, 1, '{}');
        INSERT INTO runs (id, job, attempt, board, board_type, agent, epoch, request, state, outcome, virtual, exec,
            result_id, created_at, finished_at) VALUES (5, 1, 1, 'b1', 'mps3-an547', 1, 3, 'r', 'done', 'passed', 1, 0,
            'x', 1, 2);
        INSERT INTO reports (run) VALUES (5);
        PRAGMA user_version = 1;""")
    old.close()
    server.start()
    run = server.api("/runs/5")
    assert (run["capture_bytes"], run["energy_source"], run["energy"]) == (0, None, None) and run["outcome"] == "passed"
    assert server.api("/results")["items"][0]["energy_source"] is None
    trace(server, {"run": 5}, status=404)
    assert server.get("/api/v1/runs/5/windows").status == 404
    agent, offer = started(server)
    send(agent, offer, capture.bytes)
    check_summary(server, offer, capture)
    assert server.stop() == 0
