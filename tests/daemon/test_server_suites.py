"""Suites on the server: put, run, look in four formats, try failed cells again."""

import csv
import io
import xml.etree.ElementTree

import pytest
from server_kit import Agent, Events, make_server, record, result_document, server  # noqa: F401


def suite_document(server, name="nightly", **more):
    images = {f"out/{quant}.elf": "sha256:" + server.put_blob(b"image " + quant.encode()) for quant in ("int8", "int4")}
    return {"name": name, "matrix": {"board": ["b1", "b2"], "quant": ["int8", "int4"]},
            "image": "out/${quant}.elf", "artifacts": images, "build": "make Q=${quant}",
            "job": {"name": "${quant} on ${board}", "board": {"name": "${board}"}, "protocol": "uart-bench",
                    "phases": {"warm": {"iterations": 10, "warmup": 1}}, "attempts": 1}, **more}


def put(server, document, expect=201):
    reply = server.call("PUT", f"/api/v1/suites/{document['name']}", document)
    assert reply.status == expect, reply.body
    return reply


def run(server, name="nightly", expect=201):
    reply = server.call("POST", f"/api/v1/suites/{name}/runs")
    assert reply.status == expect, reply.body
    return reply.json.get("id")


def work(agent, outcomes, n=100):
    """Takes what is offered, and ends each with the outcome for its job's name; how many there were."""
    done = 0
    while done < n:
        offers = agent.acquire()["offers"]
        for offer in offers:
            agent.start(offer)
            agent.log(offer, 0, record("x"))
            name = agent.server.api(f"/runs/{offer['run']}")["job"]
            name = agent.server.api(f"/jobs/{name}")["name"]
            outcome, detail = outcomes.get(name, ("passed", ""))
            agent.result(offer, result_document(outcome, detail=detail))
            done += 1
        if not offers:
            break
    return done


@pytest.fixture
def agent(server):
    found = Agent(server, boards=("b1", "b2"))
    found.register()
    return found


def test_a_suite_is_put_listed_replaced_and_removed(server):
    document = suite_document(server)
    reply = put(server, document)
    assert reply.json == {"name": "nightly", "cells": 4} and reply.headers["Location"] == "/api/v1/suites/nightly"
    assert server.call("POST", "/api/v1/suites", document).problem == "conflict"
    assert server.call("POST", "/api/v1/suites", {**document, "name": "weekly"}).status == 201
    put(server, {**document, "exclude": [{"board": "b2"}]}, 200)
    assert [(s["name"], s["cells"], s["last_run"]) for s in server.api("/suites")["items"]] == [
        ("nightly", 2, None), ("weekly", 4, None)]
    found = server.api("/suites/nightly")
    assert found["document"] == {**document, "exclude": [{"board": "b2"}]}
    assert server.call("DELETE", "/api/v1/suites/nightly").status == 204
    assert server.get("/api/v1/suites/nightly").problem == "not-found"
    assert server.call("DELETE", "/api/v1/suites/nightly").problem == "not-found"
    assert server.call("POST", "/api/v1/suites/nightly/runs").problem == "not-found"


@pytest.mark.parametrize("change, status, pointer, says", [
    ({"colour": 1}, 400, "/colour", "colour"),
    ({"matrix": {"a": list(range(250)), "b": list(range(200)), "c": [1, 2]}}, 400, "/matrix",
     "has 100000 cells; at most 2000 are allowed"),
    ({"artifacts": {}}, 400, "/artifacts", "out/int8.elf"),
    ({"artifacts": {"out/int8.elf": "abc"}}, 400, "/artifacts/out~1int8.elf", "hash"),
    ({"image": "sha256:" + "ab" * 32}, 422, None, "ab" * 32),
    ({"files": {"samples.bin": "data.bin"}}, 400, "/artifacts", "data.bin"),
    ({"keep": {"runs": 0}}, 400, "/keep/runs", "1"),
    ({"keep": {"weeks": 3}}, 400, "/keep/weeks", "weeks"),
    ({"name": "a/b"}, 400, "/name", "a/b"),
    ({"exclude": [{"board": ["b1", "b2"]}]}, 400, "/exclude", "no cell"),
    ({"job": {"board": {"name": "${board}"}, "colour": 1}}, 400, "/job/colour", "colour"),
    ({"job": {"board": {"name": "${board}"}, "repeat": 1000}, "matrix": {"board": list("abcdefghijk"),
      "quant": ["int8", "int4"]}}, 400, "/job/repeat", "22000 jobs"),
])
def test_what_cannot_be_run_is_refused_where_it_stands(server, change, status, pointer, says):
    reply = server.call("POST", "/api/v1/suites", {**suite_document(server), **change})
    assert reply.status == status, reply.body
    assert reply.problem == ("bad-suite" if status == 400 else "unknown-image")
    assert reply.json.get("pointer") == pointer and says in reply.json["detail"], reply.json
    assert server.api("/suites")["items"] == []


def test_the_path_and_the_document_name_one_suite(server):
    reply = server.call("PUT", "/api/v1/suites/other", suite_document(server))
    assert reply.problem == "bad-suite" and reply.json["pointer"] == "/name"


def test_a_run_is_a_job_for_each_cell_and_counts_as_they_end(server, agent):
    put(server, suite_document(server))
    suite_run = run(server)
    found = server.api(f"/suite-runs/{suite_run}")
    assert [c["title"] for c in found["cells"]] == ["b1 int8", "b1 int4", "b2 int8", "b2 int4"]
    assert found["variables"] == ["board", "quant"] and found["cells"][1]["values"] == {"board": "b1", "quant": "int4"}
    assert (found["state"], found["cells_total"], found["cells_ended"], found["finished_at"]) == ("active", 4, 0, None)
    job = server.api(f"/jobs/{found['cells'][1]['job']}")
    assert job["name"] == "int4 on b1" and job["labels"]["suite"] == "nightly" and job["state"] == "queued"
    assert work(agent, {"int4 on b1": ("failed", "wrong <answer> | at 3")}) == 4
    found = server.api(f"/suite-runs/{suite_run}.json")
    assert (found["state"], found["cells_ended"], found["cells_passed"]) == ("failed", 4, 3) and found["finished_at"]
    cell = found["cells"][0]
    assert cell["outcome"] == "passed" and cell["board"] == "b1" and cell["virtual"] is True
    assert list(cell["metrics"]) == ["warm.latency_us"] and cell["metrics"]["warm.latency_us"] > 0
    assert server.api("/suite-runs")["items"] == [{k: v for k, v in found.items() if k != "cells"}]
    assert server.api("/suites")["items"][0]["last_run"]["id"] == suite_run
    assert server.api("/suite-runs?suite=other")["items"] == []
    assert server.get("/api/v1/suite-runs/99").problem == "not-found"


def test_a_run_for_other_programs(server, agent):
    put(server, suite_document(server))
    suite_run = run(server)
    work(agent, {"int4 on b1": ("failed", 'wrong <answer> | "x" & more\x01'), "int8 on b2": ("infrastructure", "no probe")},
         3)
    server.call("DELETE", f"/api/v1/jobs/{server.api(f'/suite-runs/{suite_run}')['cells'][3]['job']}")
    reply = server.get(f"/api/v1/suite-runs/{suite_run}.xml")
    assert reply.headers["Content-Type"] == "application/xml" and "attachment" in reply.headers["Content-Disposition"]
    found = xml.etree.ElementTree.fromstring(reply.body).find("testsuite")
    assert {k: found.get(k) for k in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "nightly", "tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    cases = {c.get("name"): [e.tag for e in c] for c in found}
    assert cases == {"b1 int8": [], "b1 int4": ["failure"], "b2 int8": ["error"], "b2 int4": ["skipped"]}
    assert found.find(".//failure").get("message") == 'wrong <answer> | "x" & more?'
    rows = list(csv.DictReader(io.StringIO(server.get(f"/api/v1/suite-runs/{suite_run}.csv").body.decode())))
    assert [(r["board"], r["quant"], r["outcome"], r["detail"][:8]) for r in rows][:3] == [
        ("b1", "int8", "passed", ""), ("b1", "int4", "failed", "wrong <a"), ("b2", "int8", "infrastructure", "no probe")]
    assert float(rows[0]["warm.latency_us [us]"]) > 0 and rows[1]["virtual"] == "1"
    text = server.get(f"/api/v1/suite-runs/{suite_run}.md").body.decode()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 6 and "\\<answer\\> \\|" in lines[3] and text.startswith("## nightly, run ")


def test_only_what_did_not_pass_is_tried_again(server, agent):
    put(server, suite_document(server))
    suite_run = run(server)
    assert server.call("POST", f"/api/v1/suite-runs/{suite_run}/retry").problem == "conflict", "nothing has failed yet"
    work(agent, {"int4 on b1": ("failed", "")})
    before = server.api(f"/suite-runs/{suite_run}")["cells"]
    reply = server.call("POST", f"/api/v1/suite-runs/{suite_run}/retry")
    assert reply.json == {"id": suite_run, "jobs": 1}
    found = server.api(f"/suite-runs/{suite_run}")
    assert (found["state"], found["cells_ended"], found["finished_at"]) == ("active", 3, None)
    assert [c["tries"] for c in found["cells"]] == [1, 2, 1, 1]
    assert [a["job"] == b["job"] for a, b in zip(before, found["cells"])] == [True, False, True, True]
    assert work(agent, {}) == 1
    found = server.api(f"/suite-runs/{suite_run}")
    assert (found["state"], found["cells_passed"]) == ("passed", 4) and found["finished_at"]
    assert server.call("POST", f"/api/v1/suite-runs/{suite_run}/retry").problem == "conflict"
    assert server.call("POST", "/api/v1/suite-runs/99/retry").problem == "not-found"


def cancel(server, suite_run, expect=200):
    reply = server.call("POST", f"/api/v1/suite-runs/{suite_run}/cancel")
    assert reply.status == expect, reply.body
    return {key: reply.json[key] for key in ("canceled", "asked", "ended")} if expect == 200 else reply.json["detail"]


def cell_states(server, suite_run):
    return [c["state"] for c in server.api(f"/suite-runs/{suite_run}")["cells"]]


def test_a_run_is_canceled_as_a_whole_wherever_its_cells_stand(server, agent):
    put(server, suite_document(server))
    suite_run = run(server)
    first, second = sorted(agent.acquire()["offers"], key=lambda o: o["board"])
    agent.start(first)
    agent.result(first, result_document())
    agent.start(second)
    offered, = agent.acquire(boards=["b1"])["offers"]
    # One has passed, one runs, one is offered, one waits.
    assert cell_states(server, suite_run) == ["succeeded", "active", "active", "queued"]
    before = server.call("GET", "/api/v1/audit").json["items"]
    events = Events(server)
    assert cancel(server, suite_run) == {"canceled": 2, "asked": 1, "ended": 1}
    for cell in (1, 3):
        events.until("job", id=server.api(f"/suite-runs/{suite_run}")["cells"][cell]["job"], state="canceled")
    events.close()
    assert cell_states(server, suite_run) == ["succeeded", "canceled", "active", "canceled"]
    agent.start(offered, expect=409)
    assert server.api(f"/suite-runs/{suite_run}")["state"] == "active"
    assert cancel(server, suite_run) == {"canceled": 0, "asked": 1, "ended": 3}, "again is fine"
    assert [c["run"] for c in agent.acquire(boards=[])["cancels"]] == [second["run"]]
    agent.result(second, result_document("canceled"))
    found = server.api(f"/suite-runs/{suite_run}")
    assert (found["state"], found["cells_ended"], found["cells_passed"]) == ("failed", 4, 1) and found["finished_at"]
    assert found["cells"][3]["detail"] == found["cells"][1]["detail"] == "canceled by the user"
    assert cancel(server, suite_run) == {"canceled": 0, "asked": 0, "ended": 4}
    assert agent.acquire()["offers"] == [] and {server.api(f"/boards/{b}")["state"] for b in ("b1", "b2")} == {"ready"}
    audit = server.call("GET", "/api/v1/audit").json["items"]
    assert [e["what"] for e in audit[:len(audit) - len(before)]] == [f"POST /api/v1/suite-runs/{suite_run}/cancel"] * 3
    assert cancel(server, 99, 404) == "there is no suite run 99"
    # What was canceled can be tried again.
    assert server.call("POST", f"/api/v1/suite-runs/{suite_run}/retry").json["jobs"] == 3
    assert work(agent, {}) == 3 and server.api(f"/suite-runs/{suite_run}")["state"] == "passed"


def test_a_canceled_cell_that_repeats_is_over_when_its_last_child_is(server, agent):
    document = suite_document(server, exclude=[{"board": "b2"}])
    document["job"]["repeat"] = 3
    put(server, document)
    suite_run = run(server)
    offer, = agent.acquire()["offers"]
    agent.start(offer)
    assert cancel(server, suite_run) == {"canceled": 1, "asked": 1, "ended": 0}
    cells = server.api(f"/suite-runs/{suite_run}")["cells"]
    assert [c["state"] for c in cells] == ["active", "canceled"]
    assert server.call("DELETE", f"/api/v1/jobs/{cells[0]['job']}").json["state"] == "active"
    agent.result(offer, result_document("canceled"))
    assert server.api(f"/suite-runs/{suite_run}")["cells_ended"] == 2
    # A group that waits as a whole is over at once, and the answer says so.
    other = server.api(f"/suite-runs/{run(server)}")["cells"][1]["job"]
    assert server.call("DELETE", f"/api/v1/jobs/{other}").json["state"] == server.api(f"/jobs/{other}")["state"] == "canceled"


def test_a_schedule_goes_on_after_its_run_was_canceled(server):
    put(server, suite_document(server))
    schedule = server.call("POST", "/api/v1/schedules", {"suite": "nightly", "cron": "0 3 1 1 *"}).json["id"]
    begun = server.call("POST", f"/api/v1/schedules/{schedule}/run").json["suite_run"]
    next_time = server.api(f"/schedules/{schedule}")["next"]
    assert cancel(server, begun) == {"canceled": 4, "asked": 0, "ended": 0}
    assert server.api("/jobs?state=live")["items"] == []
    assert server.api(f"/schedules/{schedule}")["next"] == next_time
    again = server.call("POST", f"/api/v1/schedules/{schedule}/run")
    assert again.status == 201 and again.json["suite_run"] != begun


def test_the_largest_run_is_canceled_by_one_call(server):
    document = suite_document(server, matrix={"n": list(range(200)), "m": list(range(10))}, image="out/int8.elf")
    document["job"].update(name="${n}.${m}", board={"type": "nothing"})
    document.pop("build")
    put(server, document)
    suite_run = run(server)
    assert cancel(server, suite_run) == {"canceled": 2000, "asked": 0, "ended": 0}
    found = server.api(f"/suite-runs/{suite_run}")
    assert (found["state"], found["cells_ended"]) == ("failed", 2000)
    assert server.api("/jobs?state=live")["items"] == []
    assert cancel(server, suite_run) == {"canceled": 0, "asked": 0, "ended": 2000}


def test_a_cell_that_repeats_ends_with_its_last_child(server, agent):
    document = suite_document(server, exclude=[{"board": "b2"}, {"quant": "int4"}])
    document["job"]["repeat"] = 2
    put(server, document)
    suite_run = run(server)
    assert work(agent, {}, 1) == 1
    assert server.api(f"/suite-runs/{suite_run}")["cells_ended"] == 0
    assert work(agent, {}, 1) == 1
    assert server.api(f"/suite-runs/{suite_run}")["state"] == "passed"


def test_what_no_board_can_carry_has_ended_at_once(server):
    document = suite_document(server)
    document["job"]["criteria"] = [{"metric": "warm.latency_us.p50", "max": 5}]
    put(server, document)
    server_run = run(server)
    assert server.api(f"/suite-runs/{server_run}")["cells_ended"] == 0
    document["job"]["phases"]["warm"]["iterations"] = 2
    reply = server.call("PUT", "/api/v1/suites/nightly", document)
    assert reply.status == 400 and "p50" in reply.json["detail"], "the suite says so before anything runs"


def test_runs_outlive_their_suite_and_the_server(make_server):
    server = make_server().start()
    agent = Agent(server, boards=("b1", "b2"))
    agent.register()
    put(server, suite_document(server))
    suite_run = run(server)
    work(agent, {}, 2)
    assert server.call("DELETE", "/api/v1/suites/nightly").status == 204
    before = server.api(f"/suite-runs/{suite_run}")
    assert server.stop() == 0
    server.start()
    assert server.api(f"/suite-runs/{suite_run}") == before and before["cells_ended"] == 2
    agent = Agent(server, boards=("b1", "b2"))
    agent.register()
    assert work(agent, {}) == 2
    assert server.api(f"/suite-runs/{suite_run}")["state"] == "passed"
