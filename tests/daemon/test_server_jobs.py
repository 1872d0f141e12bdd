"""Whole lives of jobs, with an agent that only speaks the protocol."""

import os
import threading
import time

import pytest
from conftest import wait_for
from server_kit import BRIEF, Agent, job_document, make_server, record, result_document, server  # noqa: F401


def test_a_job_lives_from_submit_to_succeeded(server):
    agent = Agent(server)
    assert agent.register()["boards"] == [{"name": "b1", "accepted": True, "epoch": 0, "detail": ""}]
    image = server.put_blob(b"firmware")
    job = server.submit(job_document(image, labels={"model": "m"}))
    offer = agent.offer()
    assert offer["job"] == job and offer["board"] == "b1" and offer["attempt"] == 1 and offer["epoch"] == 1
    assert offer["image"] == {"sha256": image, "bytes": len(b"firmware")}
    assert offer["document"]["image"] == "sha256:" + image
    agent.start(offer)
    assert server.api(f"/jobs/{job}")["state"] == "active"
    agent.heartbeat([{"run": offer["run"], "epoch": offer["epoch"], "stage": "flash"}])
    assert server.api(f"/jobs/{job}")["stage"] == "flash"
    text = record("hello\r\n", 5)
    assert agent.log(offer, 0, text)["have"] == len(text)
    assert agent.result(offer) == {"adopted": True}
    found = server.api(f"/jobs/{job}")
    assert (found["state"], found["outcome"], found["run"]) == ("succeeded", "passed", offer["run"])
    run = server.api(f"/runs/{offer['run']}")
    assert run["state"] == "done" and run["log_bytes"] == len(text)
    assert any(m["metric"] == "latency_us" for m in run["metrics"])
    board = server.api("/boards/b1")
    assert board["state"] == "ready" and board["last"][0]["job"] == job
    assert [r["id"] for r in server.api(f"/jobs/{job}/runs")["items"]] == [offer["run"]]
    samples = server.api(f"/runs/{offer['run']}/samples?phase=warm&metric=latency_us")
    assert samples["boots"][0]["n"] == 10 and len(samples["boots"][0]["values"]) == 10
    row = server.api("/results")["items"][0]
    assert row["job"] == job and row["labels"] == {"model": "m"}


def test_acquire_waits_and_is_woken_by_a_submit(make_server):
    """By itself it would end far behind the time that the test has for it."""
    server = make_server(acquire="25s").start()
    agent = Agent(server)
    agent.register()
    image = server.put_blob(b"x")
    found = {}

    def wait():
        found["offer"] = agent.offer()

    thread = threading.Thread(target=wait)
    thread.start()
    wait_for(lambda: b"hilda_http_waiting 1" in server.get("/metrics").body)
    job = server.submit(job_document(image))
    thread.join(15)
    assert found["offer"]["job"] == job


def test_acquire_with_nothing_to_do_ends_empty_after_its_time(server):
    agent = Agent(server)
    agent.register()
    start = time.monotonic()
    assert agent.acquire() == {"offers": [], "cancels": [], "checks": []}
    assert 1.5 < time.monotonic() - start < 10


def test_the_same_acquire_again_gives_the_same_offer(server):
    agent = Agent(server, boards=("b1", "b2"))
    agent.register()
    image = server.put_blob(b"x")
    server.submit(job_document(image))
    request = os.urandom(8).hex()
    first = agent.acquire(boards=["b1"], request=request)
    assert agent.acquire(boards=["b1"], request=request)["offers"] == first["offers"]


def test_one_acquire_takes_a_batch(server):
    agent = Agent(server, boards=[f"b{i}" for i in range(8)])
    agent.register()
    image = server.put_blob(b"x")
    jobs = {server.submit(job_document(image)) for _ in range(8)}
    offers = agent.acquire()["offers"]
    assert {o["job"] for o in offers} == jobs
    assert len({o["board"] for o in offers}) == 8


def test_cancel_of_a_queued_job(server):
    job = server.submit()
    reply = server.call("DELETE", f"/api/v1/jobs/{job}")
    assert (reply.status, reply.json) == (200, {"id": job, "state": "canceled"})
    assert server.api(f"/jobs/{job}")["outcome"] == "canceled"
    assert server.call("DELETE", f"/api/v1/jobs/{job}").status in (200, 409)
    assert server.call("DELETE", "/api/v1/jobs/999999").problem == "not-found"


def test_cancel_of_a_running_job_comes_by_acquire_until_it_is_acknowledged(server):
    agent = Agent(server)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    agent.start(offer)
    assert server.call("DELETE", f"/api/v1/jobs/{job}").json["state"] == "active"
    for _ in range(2):
        cancels = agent.acquire(boards=[])["cancels"]
        assert [c["run"] for c in cancels] == [offer["run"]] and "cancel" in cancels[0]["reason"]
    assert agent.acquire(boards=[], acknowledged=[offer["run"]])["cancels"] == []
    agent.result(offer, result_document("canceled"))
    assert server.api(f"/jobs/{job}")["state"] == "canceled"


def test_a_lost_lease_puts_the_job_back_and_quarantines_the_board(make_server):
    server = make_server(**BRIEF).start()
    agent = Agent(server)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    agent.start(offer)
    lost = wait_for(lambda: (lambda r: r if r["state"] == "lost" else None)(server.api(f"/runs/{offer['run']}")), 10)
    assert lost["job"] == job
    assert server.api(f"/jobs/{job}")["state"] == "queued"
    assert server.api("/boards/b1")["state"] == "quarantined"
    agent.register()
    agent.attest("b1")
    assert server.api("/boards/b1")["state"] == "ready"
    again = agent.offer()
    assert again["job"] == job and again["attempt"] == 2 and again["epoch"] > offer["epoch"]
    assert agent.start(offer, expect=409).problem == "stale-epoch"


def test_a_late_result_is_taken_and_adopted_while_the_job_is_queued(make_server):
    server = make_server(**BRIEF).start()
    agent = Agent(server)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    agent.start(offer)
    wait_for(lambda: server.api(f"/runs/{offer['run']}")["state"] == "lost", 10)
    assert agent.result(offer, result_document(late=True)) == {"adopted": True}
    assert server.api(f"/jobs/{job}")["state"] == "succeeded"
    assert server.api(f"/runs/{offer['run']}")["late"] is True


def test_a_result_again_gives_the_same_answer(server):
    agent = Agent(server)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    agent.start(offer)
    document = result_document()
    assert agent.result(offer, document) == {"adopted": True}
    assert agent.result(offer, document) == {"adopted": True}
    assert server.api(f"/jobs/{job}")["state"] == "succeeded"


def test_an_offer_that_nobody_starts_is_released_uncharged(make_server):
    server = make_server(offer="500 ms").start()
    agent = Agent(server)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    wait_for(lambda: server.api(f"/runs/{offer['run']}")["state"] == "released", 10)
    found = server.api(f"/jobs/{job}")
    assert (found["state"], found["attempts"]) == ("queued", 0)


def test_an_old_session_is_told_to_register_again(server):
    agent = Agent(server)
    agent.register()
    old = agent.session
    agent.register()
    agent.session = old
    reply = agent.call("POST", "/heartbeat", {"runs": [], "boards": [], "rejected": []})
    assert reply.status == 409 and reply.problem == "stale-session"
    reply = agent.call("POST", "/acquire", {"request": "a", "boards": [], "acknowledged": []})
    assert reply.status == 409 and reply.problem == "stale-session"


def test_another_protocol_version_is_refused_with_the_remedy(server):
    reply = server.call("POST", "/agent/v1/register", {}, {"Hilda-Agent-Protocol": "7"})
    assert reply.status == 426 and reply.problem == "upgrade-required" and "hilda-agent" in reply.json["detail"]


def test_a_board_name_that_another_agent_holds(server):
    Agent(server, "one").register()
    found = Agent(server, "two").register()["boards"][0]
    assert found["accepted"] is False and "one" in found["detail"]


def test_a_restart_keeps_runs_alive_and_their_result_is_taken(make_server):
    server = make_server().start()
    agent = Agent(server)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    agent.start(offer)
    server.stop(9)
    server.start()
    found = agent.register([{"run": offer["run"], "epoch": offer["epoch"]}])
    assert found["lost"] == []
    assert server.api(f"/runs/{offer['run']}")["state"] == "running"
    assert agent.result(offer) == {"adopted": True}
    assert server.api(f"/jobs/{job}")["state"] == "succeeded"


def test_rerun_on_the_same_board(server):
    agent = Agent(server, boards=("b1", "b2"))
    agent.register()
    job = server.submit()
    offer = agent.offer(boards=["b2"])
    agent.start(offer)
    agent.result(offer)
    reply = server.call("POST", f"/api/v1/jobs/{job}/rerun", {"same_board": True})
    assert reply.status == 201 and reply.json["parent"] == job
    again = server.api(f"/jobs/{reply.json['id']}")
    assert again["state"] == "queued" and again["board"]["name"] == "b2" and again["parent"] == job


def test_boards_are_drained_and_released_with_a_reason(server):
    Agent(server).register()
    reply = server.call("PATCH", "/api/v1/boards/b1", {"action": "drain"})
    assert reply.status == 400 and reply.json["pointer"] == "/reason"
    reply = server.call("PATCH", "/api/v1/boards/b1", {"action": "burn", "reason": "x"})
    assert reply.status == 400 and reply.json["known"] == ["drain", "reserve", "release"]
    reply = server.call("PATCH", "/api/v1/boards/b1", {"action": "drain", "reason": "new cable"})
    assert reply.status == 200 and reply.json["state"] == "drained" and reply.json["reason"] == "new cable"
    reply = server.call("PATCH", "/api/v1/boards/b1", {"action": "drain", "reason": "another cable"})
    assert reply.problem == "conflict" and "drained already: new cable" in reply.json["detail"]
    job = server.submit()
    assert "drained: new cable" in str(server.api(f"/jobs/{job}")["waits_for"])
    assert server.call("PATCH", "/api/v1/boards/b1", {"action": "release"}).json["state"] == "ready"
    assert server.call("PATCH", "/api/v1/boards/none", {"action": "release"}).problem == "not-found"


def test_a_second_machine_with_the_same_agent_name_is_refused_a_restart_is_not(make_server):
    server = make_server(**BRIEF).start()
    first, second = Agent(server), Agent(server)
    second.host = "elsewhere"
    first.register()
    session = first.session
    reply = second.register(expect=409)
    assert reply.problem == "conflict"
    assert "host h," in reply.json["detail"] and "elsewhere" in reply.json["detail"]
    assert "another name" in reply.json["detail"]
    first.heartbeat()
    assert first.session == session, "the first one's session is as it was"
    again = Agent(server)
    again.register()
    assert again.session > session, "the same machine: a restart"
    wait_for(lambda: not server.api("/agents")["items"][0]["online"], 10)
    second.register()
    assert server.api("/agents")["items"][0]["host"] == "elsewhere"


def test_an_offer_names_the_jobs_files_with_hash_and_size(server):
    agent = Agent(server)
    agent.register()
    image, words = server.put_blob(b"x"), server.put_blob(b"a\nb\n")
    files = [{"name": "vocab.txt", "artifact": "sha256:" + words}]
    # A label of that name is looked at first and must not hide them.
    server.submit(job_document(image, labels={"files": "[]"}, files=files))
    assert agent.offer()["files"] == [{"name": "vocab.txt", "sha256": words, "bytes": 4}]


def test_file_names_that_lead_elsewhere_are_refused(server):
    image = server.put_blob(b"x")
    for name in ("../up", "/etc/passwd", "a/b", "..", ".hidden", "a\u0000b", "a\nb", "", "x" * 5000):
        document = job_document(image, files=[{"name": name, "artifact": "sha256:" + image}])
        reply = server.call("POST", "/api/v1/jobs", document)
        assert reply.status == 400, name
        assert "\0" in name or reply.json["pointer"].startswith("/files/0"), reply.json
    for path in ("/api/v1/artifacts/../../etc/passwd", "/api/v1/artifacts/%2e%2e%2fhilda.db", "/api/v1/artifacts/" + "A" * 64,
                 "/api/v1/artifacts/" + "0" * 63 + "/", "/static/../../etc/passwd", "/vendor/..%2f..%2fmain.c"):
        assert server.get(path).status in (400, 404), path


@pytest.mark.parametrize("key, value", [
    ("name", "a/b"), ("name", "a\nb"), ("name", ""), ("name", "x" * 65), ("name", 5), ("type", "a b"), ("tags", [5]),
    ("tags", "t"), ("tags", ["t"] * 33), ("tags", ["x" * 10000]), ("protocols", [None]), ("phases", [{"warm": 1}]),
    ("virtual", "yes"), ("epoch", -1), ("epoch", 1e300)], ids=lambda v: str(v)[:12])
def test_a_board_that_no_job_could_ask_for_is_refused_by_its_pointer(server, key, value):
    agent = Agent(server)
    agent.boards[0][key] = value
    reply = agent.register(expect=400)
    assert reply.problem == "bad-json" and reply.json["pointer"] == f"/boards/0/{key}"
    assert server.api("/boards")["items"] == []


def test_a_damaged_log_is_shown_up_to_its_damage(server):
    agent = Agent(server)
    agent.register()
    server.submit()
    offer = agent.offer()
    agent.start(offer)
    good = record("fine\n")
    agent.log(offer, 0, good + b"\xff" * 100)
    path = f"/api/v1/runs/{offer['run']}/log"
    assert server.get(path).body.decode() == f"fine\n\n[the log file is damaged at byte {len(good)}]\n"
    for start in (1, len(good), len(good) + 50):
        reply = server.get(f"{path}?from={start}")
        assert reply.status == 200 and b"damaged at byte" in reply.body
    assert server.get(path, Accept="application/octet-stream").body == good + b"\xff" * 100


@pytest.mark.parametrize("more, allowed", [({"attempts": 1}, 1), ({}, 3)])
def test_a_rerun_has_the_attempts_of_its_document_not_those_that_were_handed_back(server, more, allowed):
    agent = Agent(server)
    agent.register()
    job = server.submit(job_document(server.put_blob(b"image"), **more))
    assert server.api(f"/jobs/{job}")["attempts_allowed"] == allowed
    offer = agent.offer()
    agent.start(offer)
    agent.result(offer, result_document("infrastructure", handed_back=True))
    found = server.api(f"/jobs/{job}")
    assert (found["state"], found["attempts"], found["attempts_allowed"]) == ("queued", 1, allowed + 1)
    again = server.call("POST", f"/api/v1/jobs/{job}/rerun").json["id"]
    assert server.api(f"/jobs/{again}")["attempts_allowed"] == allowed
