"""What a submit refuses and how it says so; idempotency; lists and results."""

import csv
import io
import json
import threading

import pytest
from server_kit import Agent, job_document, make_server, record, result_document, server  # noqa: F401


@pytest.fixture
def image(server):
    return server.put_blob(b"an image")


def refuse(server, document, status=400):
    reply = server.call("POST", "/api/v1/jobs", document)
    assert reply.status == status, reply.body
    assert server.api("/jobs")["items"] == [], "nothing was stored"
    return reply.json


@pytest.mark.parametrize("change, pointer", [
    ({"colour": "red"}, "/colour"),
    ({"name": 5}, "/name"),
    ({"phases": {"warm": {"iterations": "many"}}}, "/phases/warm/iterations"),
    ({"phases": {"warm": {"iterationz": 5}}}, "/phases/warm/iterationz"),
    ({"priority": 101}, "/priority"),
    ({"board": {"type": "a", "size": 3}}, "/board/size"),
    ({"image": "an elf"}, "/image"),
    ({"protocol": "morse"}, "/protocol"),
    ({"labels": {"a": 1}}, "/labels/a"),
])
def test_what_is_wrong_is_pointed_at(server, image, change, pointer):
    found = refuse(server, {**job_document(image), **change})
    assert found["type"] == "/problems/bad-job" and found["pointer"] == pointer and found["detail"]


def test_an_unknown_key_says_what_would_have_done(server, image):
    found = refuse(server, {**job_document(image), "bord": {}})
    assert "bord" in found["detail"] and "board" in found["known"]


def test_a_body_over_the_limit(server, image):
    found = refuse(server, {**job_document(image), "name": "x" * 70_000}, 413)
    assert found["type"] == "/problems/too-large" and "65536" in found["detail"]


def test_an_unknown_board_type_waits_or_is_refused_when_strict(server, image):
    Agent(server).register()
    reply = server.call("POST", "/api/v1/jobs?strict", job_document(image, "pdp-11"))
    assert reply.status == 422 and reply.problem == "unknown-board-type"
    assert reply.json["known"] == ["mps3-an547"] and reply.json["pointer"] == "/board/type"
    assert server.call("POST", "/api/v1/jobs?strict=true", job_document(image, "pdp-11")).status == 422
    assert server.call("POST", "/api/v1/jobs?strict", job_document(image)).status == 201
    assert server.call("POST", "/api/v1/jobs?strict=false", job_document(image, "pdp-11")).status == 201
    reply = server.call("POST", "/api/v1/jobs?strict=maybe", job_document(image))
    assert reply.problem == "bad-query" and reply.json["known"] == ["true", "false"]
    job = server.submit(job_document(image, "pdp-11"))
    found = server.api(f"/jobs/{job}")
    assert found["state"] == "queued" and "pdp-11" in str(found["waits_for"])


def test_distinct_boards_are_counted_when_strict(server, image):
    Agent(server, boards=["b1", "b2"]).register()
    assert refuse(server, {**job_document(image), "distinct": True})["pointer"] == "/distinct"
    wanted = {**job_document(image), "repeat": 3, "distinct": True}
    reply = server.call("POST", "/api/v1/jobs?strict", wanted)
    assert reply.status == 422 and reply.problem == "too-few-boards"
    assert "2 boards fit" in reply.json["detail"] and reply.json["pointer"] == "/repeat"
    assert server.call("POST", "/api/v1/jobs?strict", {**wanted, "repeat": 2}).status == 201
    assert server.call("POST", "/api/v1/jobs", wanted).status == 201


def test_a_reason_to_wait_changes_with_the_fleet(server, image):
    """The reply to a job may be kept; it must not outlive what it says."""
    job = server.submit(job_document(image))
    reasons = {str(server.api(f"/jobs/{job}")["waits_for"])}
    agent = Agent(server)
    agent.register()
    server.call("PATCH", "/api/v1/boards/b1", {"action": "drain", "reason": "new cable"})
    reasons.add(str(server.api(f"/jobs/{job}")["waits_for"]))
    assert len(reasons) == 2 and any("new cable" in r or "drained" in r for r in reasons)


@pytest.mark.parametrize("digest", ["ab" * 32, "00" * 32])
def test_an_unknown_image_says_what_to_do(server, digest):
    found = refuse(server, job_document(digest), 422)
    assert found["type"] == "/problems/unknown-image" and found["pointer"] == "/image"
    assert "PUT /api/v1/artifacts/" + digest in found["detail"] and "hilda submit --image" in found["detail"]


def test_an_unknown_file_beside_the_image(server, image):
    document = job_document(image, files=[{"name": "vocab.txt", "artifact": "sha256:" + "cd" * 32}])
    reply = server.call("POST", "/api/v1/jobs", document)
    assert reply.status == 422
    assert reply.json["pointer"] == "/files/0/artifact"


def test_the_same_key_and_body_give_the_same_job(server, image):
    document = job_document(image)
    body = json.dumps(document).encode()
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    first = server.call("POST", "/api/v1/jobs", body, headers)
    again = server.call("POST", "/api/v1/jobs", body, headers)
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"] and first.headers["Location"] == again.headers["Location"]
    other = server.call("POST", "/api/v1/jobs", body + b" ", headers)
    assert other.status == 409 and other.problem == "idempotency-conflict"
    assert len(server.api("/jobs")["items"]) == 1
    for bad in ("", "x" * 129):
        assert server.call("POST", "/api/v1/jobs", body, {**headers, "Idempotency-Key": bad}).status == 400


def test_the_same_key_at_the_same_time_gives_one_job(server, image):
    body = json.dumps(job_document(image)).encode()
    replies = []

    def submit():
        replies.append(server.call("POST", "/api/v1/jobs", body,
                                   {"Idempotency-Key": "k", "Content-Type": "application/json"}))

    threads = [threading.Thread(target=submit) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({r.json["id"] for r in replies}) == 1
    assert sorted(r.status for r in replies) == [200] * 15 + [201]


def test_lists_are_paged_newest_first_and_filtered(server, image):
    jobs = [server.submit(job_document(image, labels={"model": f"m{i % 2}"})) for i in range(7)]
    assert [j["id"] for j in server.api("/jobs")["items"]] == jobs[::-1]
    seen, after = [], ""
    while True:
        page = server.api(f"/jobs?limit=3{after}")
        seen += [j["id"] for j in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == jobs[::-1]
    assert [j["id"] for j in server.api("/jobs?label.model=m1")["items"]] == jobs[1::2][::-1]
    server.call("DELETE", f"/api/v1/jobs/{jobs[0]}")
    assert [j["id"] for j in server.api("/jobs?state=canceled")["items"]] == [jobs[0]]
    assert len(server.api("/jobs?state=live")["items"]) == 6


def test_results_as_json_and_csv_with_units(server, image):
    agent = Agent(server)
    agent.register()
    job = server.submit(job_document(image, labels={"model": "lin"}))
    offer = agent.offer()
    agent.start(offer)
    agent.log(offer, 0, record("x"))
    agent.result(offer)
    row = server.api("/results")["items"][0]
    assert (row["job"], row["run"], row["outcome"], row["virtual"]) == (job, offer["run"], "passed", True)
    assert server.api("/results.json")["items"] == [row]
    assert server.api("/results?virtual=false")["items"] == []
    assert server.api("/results?label.model=lin&type=mps3-an547&board=b1&outcome=passed")["items"] == [row]
    reply = server.get("/api/v1/results.csv")
    assert reply.headers["Content-Type"].startswith("text/csv") and "attachment" in reply.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert len(rows) == 1 and rows[0]["run"] == str(offer["run"])
    assert any("us" in key and "latency" in key for key in rows[0]), list(rows[0])
    assert server.get("/api/v1/results?outcome=fine").problem == "bad-query"
    assert server.get(f"/api/v1/runs/{offer['run']}/samples").problem == "bad-query"
    assert server.get(f"/api/v1/runs/{offer['run']}/samples?phase=warm&metric=beauty").problem == "not-found"


def test_results_that_are_no_results(server, image):
    agent = Agent(server)
    agent.register()
    server.submit(job_document(image))
    offer = agent.offer()
    agent.start(offer)
    for document in ({"outcome": "passed"}, result_document("splendid")):
        reply = agent.call("PUT", f"/runs/{offer['run']}/result", document, epoch=offer["epoch"])
        assert reply.status == 400 and reply.problem == "bad-json", reply.body
    reply = agent.call("PUT", "/runs/999/result", result_document(), epoch=1)
    assert reply.status in (404, 410)
    reply = agent.call("PUT", f"/runs/{offer['run']}/result", b"x" * 10, epoch=offer["epoch"])
    assert reply.status == 415
    assert server.api(f"/runs/{offer['run']}")["state"] == "running"
    agent.result(offer)


@pytest.mark.parametrize("body, pointer", [
    ({}, "/name"), ({"name": "a"}, "/instance"), ({"name": "a", "instance": "i", "boards": 5}, "/boards"),
    ({"name": "a", "instance": "i", "boards": [{"name": "b"}]}, "/boards/0/type"),
    ({"name": "a", "instance": "i", "boards": [{"name": "x" * 65, "type": "t"}]}, "/boards/0/name"),
    ({"name": "a", "instance": "i", "runs": [{"run": "1"}]}, "/runs/0/run"),
    ({"name": "a", "instance": "i", "boards": [{"name": "b", "type": "t", "virtual": "yes"}]}, "/boards/0/virtual"),
])
def test_a_registration_that_is_wrong_is_pointed_at(server, body, pointer):
    reply = server.call("POST", "/agent/v1/register", body, {"Hilda-Agent-Protocol": "1"})
    assert reply.status == 400 and reply.json["pointer"] == pointer
    assert server.api("/agents")["items"] == []


def test_repeat_expands_into_children(server, image):
    job = server.submit(job_document(image, repeat=3))
    children = server.api(f"/jobs?parent={job}")["items"]
    assert len(children) == 3 and all(c["parent"] == job and c["state"] == "queued" for c in children)
