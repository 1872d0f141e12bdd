"""Event streams and logs: history, resume, reset, following to the end."""

import json
import threading

from conftest import wait_for
from server_kit import Agent, Events, job_document, make_server, record, result_document, server  # noqa: F401


def begin(server, **how):
    agent = Agent(server, **how)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    agent.start(offer)
    return agent, job, offer


def test_events_of_a_job_from_submit_to_end(server):
    events = Events(server)
    agent, job, offer = begin(server)
    events.until("job", id=job, state="queued")
    events.until("job", id=job, state="active")
    events.until("run", id=offer["run"], state="running")
    agent.log(offer, 0, record("x"))
    events.until("log", run=offer["run"], bytes=17)
    agent.result(offer)
    assert events.until("job", id=job, state="succeeded")["outcome"] == "passed"
    events.close()


def test_the_stream_begins_with_an_id_and_goes_on_behind_the_last_one(server):
    events = Events(server)
    first = events.next()
    assert set(first) == {"id"}, "an id alone, so that a client can resume before the first event"
    lineage, _, number = first["id"].rpartition("-")
    assert len(lineage) == 32 and number.isdigit()
    job = server.submit()
    events.until("job", id=job)
    last = events.last_id
    events.close()
    missed = server.submit()
    events = Events(server, headers={"Last-Event-ID": last})
    assert events.until("job")["id"] == missed
    events.close()
    events = Events(server, path=f"/api/v1/events?last_event_id={first['id']}")
    assert events.until("job")["id"] == job
    assert events.until("job")["id"] == missed
    events.close()


def test_an_unknown_id_gives_a_reset(make_server):
    server = make_server(event_history="4").start()
    events = Events(server)
    first = events.next()["id"]
    events.close()
    lineage, _, number = first.rpartition("-")
    ids = ["nonsense", "0" * 32 + "-5", f"{lineage}-x", f"{lineage}-{int(number) + 1000}", f"{lineage}-7"]
    for _ in range(8):
        server.submit()
    for unknown in [*ids, first]:
        events = Events(server, headers={"Last-Event-ID": unknown})
        block = events.next()
        assert block["event"] == "reset" and block["id"].startswith(lineage + "-"), unknown
        job = server.submit()
        assert events.until("job")["id"] == job, "it goes on from now"
        events.close()


def test_an_id_of_before_a_restart_gives_a_reset(make_server):
    server = make_server().start()
    events = Events(server)
    server.submit()
    events.until("job")
    last = events.last_id
    events.close()
    server.stop()
    server.start()
    for _ in range(5):
        server.submit()
    events = Events(server, headers={"Last-Event-ID": last})
    assert events.next()["event"] == "reset"
    events.close()


def test_pings(server):
    events = Events(server)
    events.next()
    assert [events.next() for _ in range(3)] == [{"comment": "ping"}] * 3
    events.close()
    wait_for(lambda: b"hilda_event_streams 0" in server.get("/metrics").body)


def test_every_stream_gets_every_event(server):
    streams = [Events(server) for _ in range(20)]
    jobs = [server.submit() for _ in range(20)]
    for events in streams:
        assert [events.until("job")["id"] for _ in jobs] == jobs
        events.close()


def test_a_log_in_its_four_forms(server):
    agent, job, offer = begin(server)
    records = [record("m-ready\r\n", 10), record("openocd: \x1b[31mred\x07\n", 20, 1), record("a\xff".encode("latin-1"), 30),
               record("start\n", 40, 2), record("lab id%", 50, 3)]
    data = b"".join(records)
    assert agent.log(offer, 0, data[:20])["have"] == 20
    assert agent.log(offer, 10, data[10:])["have"] == len(data), "overlap is ignored"
    for path in (f"/api/v1/jobs/{job}/log", f"/api/v1/runs/{offer['run']}/log"):
        raw = server.get(path, Accept="application/octet-stream")
        assert raw.body == data and raw.headers["Hilda-Log-Bytes"] == str(len(data))
        text = server.get(path)
        assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert text.body.decode() == "m-ready\nopenocd: \\x1b[31mred\\x07\na\\xff\nstart\nlab id%"
        found = server.get(path, Accept="application/json").json["records"]
        assert [r["stream"] for r in found] == ["console", "tool", "console", "agent", "input"]
        assert [r["t_us"] for r in found] == [10, 20, 30, 40, 50]
        assert (found[0]["from"], found[0]["to"]) == (0, len(records[0]))
        assert found[1]["text"] == "openocd: \\x1b[31mred\\x07\n" and found[-1]["to"] == len(data)
    first = len(records[0])
    assert server.get(f"/api/v1/jobs/{job}/log?from={first}").body.startswith(b"openocd")
    assert server.get(f"/api/v1/jobs/{job}/log?from={first - 1}", Accept="application/octet-stream").body == data[first:]
    assert server.get(f"/api/v1/jobs/{job}/log?from=100000", Accept="application/json").json == {"records": []}
    reply = server.get(f"/api/v1/jobs/{job}/log", Accept="image/png")
    assert reply.status == 406 and "text/plain" in reply.json["known"]


def test_a_gap_in_a_log_says_what_is_there(server):
    agent, _, offer = begin(server)
    agent.log(offer, 0, record("abc"))
    reply = agent.call("PUT", f"/runs/{offer['run']}/log?offset=100", b"x", epoch=offer["epoch"])
    assert reply.status == 409 and reply.problem == "wrong-offset" and reply.json["have"] == 19
    reply = agent.call("PUT", f"/runs/{offer['run']}/log?offset=0", b"x", epoch=offer["epoch"] + 1)
    assert reply.status == 409 and reply.problem == "stale-epoch"
    assert agent.call("PUT", "/runs/999/log?offset=0", b"x", epoch=1).status == 404
    assert agent.call("PUT", f"/runs/{offer['run']}/log", b"x", epoch=offer["epoch"]).problem == "bad-query"


def test_a_log_is_followed_with_its_history_to_its_end(server):
    agent, job, offer = begin(server)
    first, second = record("first\n"), record("second \"quoted\"\n", 7)
    agent.log(offer, 0, first)
    log = Events(server, f"/api/v1/jobs/{job}/log")
    block = log.next()
    assert json.loads(block["data"]) == {"from": 0, "to": len(first), "t_us": 0, "stream": "console", "text": "first\n"}
    assert block["id"] == str(len(first))
    agent.log(offer, len(first), second)
    found = next(b for b in iter(log.next, None) if "data" in b)
    assert json.loads(found["data"])["text"] == 'second "quoted"\n'
    late = Events(server, f"/api/v1/jobs/{job}/log", {"Last-Event-ID": block["id"]})
    assert json.loads(late.next()["data"])["from"] == len(first)
    agent.result(offer)
    for stream in (log, late):
        end = stream.until("end")
        assert end == {"run": offer["run"], "state": "done", "outcome": "passed"}
        assert stream.next() is None
        stream.close()


def test_the_log_of_a_queued_job_is_followed_from_its_first_run(server):
    job = server.submit()
    assert server.get(f"/api/v1/jobs/{job}/log").body == b""
    log = Events(server, f"/api/v1/jobs/{job}/log")
    assert log.next() == {"comment": "ping"}
    agent = Agent(server)
    agent.register()
    offer = agent.offer()
    agent.start(offer)
    agent.log(offer, 0, record("at last\n"))
    found = next(b for b in iter(log.next, None) if "data" in b)
    assert json.loads(found["data"])["text"] == "at last\n"
    agent.result(offer)
    log.until("end", run=offer["run"])
    log.close()


def test_the_log_of_a_job_that_never_ran_ends(server):
    job = server.submit()
    log = Events(server, f"/api/v1/jobs/{job}/log")
    server.call("DELETE", f"/api/v1/jobs/{job}")
    assert log.until("end") == {"run": 0, "state": "canceled", "outcome": "canceled"}
    log.close()
    assert server.get("/api/v1/jobs/777/log").status == 404 and server.get("/api/v1/runs/777/log").status == 404


def test_a_large_log_comes_whole(server):
    agent, job, offer = begin(server)
    lines = [f"line {i} {'x' * (i % 90)}\n" for i in range(20_000)]
    data = b"".join(record(line, i) for i, line in enumerate(lines))
    step = 600_000
    for at in range(0, len(data), step):
        agent.log(offer, at, data[at:at + step])
    assert server.get(f"/api/v1/jobs/{job}/log").body.decode() == "".join(lines)
    log = Events(server, f"/api/v1/jobs/{job}/log")
    agent.result(offer)
    texts = []
    for block in iter(log.next, None):
        if block.get("event") == "end":
            break
        if "data" in block:
            texts.append(json.loads(block["data"])["text"])
    assert texts == lines
    log.close()


def test_a_log_survives_a_crash_of_the_server(make_server):
    server = make_server().start()
    agent, job, offer = begin(server)
    data = record("before\n")
    agent.log(offer, 0, data)
    server.stop(9)
    server.start()
    agent.register([{"run": offer["run"], "epoch": offer["epoch"]}])
    assert server.get(f"/api/v1/jobs/{job}/log").body == b"before\n"
    more = record("after\n")
    assert agent.log(offer, len(data), more)["have"] == len(data) + len(more)
    assert server.get(f"/api/v1/jobs/{job}/log").body == b"before\nafter\n"


def test_two_writers_of_one_log_lose_nothing(server):
    agent, job, offer = begin(server)
    data = b"".join(record(f"{i}\n") for i in range(2000))

    def send():
        at = 0
        while at < len(data):
            reply = agent.call("PUT", f"/runs/{offer['run']}/log?offset={at}", data[at:at + 500], epoch=offer["epoch"])
            at = reply.json["have"]

    threads = [threading.Thread(target=send) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert server.get(f"/api/v1/jobs/{job}/log", Accept="application/octet-stream").body == data
    agent.result(offer, result_document())
