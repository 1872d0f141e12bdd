"""Schedules: what they refuse, when they are due, and what they do about a run that is still at work."""

import sqlite3

import pytest
from conftest import wait_for
from server_kit import Agent, make_server, server  # noqa: F401
from test_server_suites import put, suite_document, work

NIGHTLY = {"suite": "nightly", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"}


@pytest.fixture
def suite(server):
    put(server, suite_document(server))


def add(server, document=None, expect=201):
    reply = server.call("POST", "/api/v1/schedules", document or NIGHTLY)
    assert reply.status == expect, reply.body
    return reply


def test_a_schedule_is_added_paused_resumed_and_removed(server, suite):
    reply = add(server)
    found = reply.json
    assert reply.headers["Location"] == f"/api/v1/schedules/{found['id']}"
    assert {k: found[k] for k in NIGHTLY} == NIGHTLY and found["last"] is None and found["suite_run"] is None
    assert len(found["next"]) == 5 and found["next"] == sorted(set(found["next"]))
    assert {t[11:] for t in found["next"]} <= {"00:30:00.000Z", "01:30:00.000Z"}, "half past two in Berlin"
    path = f"/api/v1/schedules/{found['id']}"
    paused = server.call("PATCH", path, {"action": "pause"}).json
    assert paused["paused"] is True and paused["next"] == []
    resumed = server.call("PATCH", path, {"action": "resume"}).json
    assert resumed["paused"] is False and resumed["next"] == found["next"]
    assert server.api("/schedules")["items"] == [resumed]
    assert server.call("DELETE", "/api/v1/suites/nightly").problem == "conflict"
    assert server.call("DELETE", path).status == 204
    assert server.get(path).problem == "not-found" and server.call("DELETE", path).problem == "not-found"
    assert server.call("PATCH", path, {"action": "pause"}).problem == "not-found"
    assert server.call("DELETE", "/api/v1/suites/nightly").status == 204


@pytest.mark.parametrize("change, pointer, says, known", [
    ({"time_zone": "Europe/Berlni"}, "/time_zone", "Europe/Berlin", ["Europe/Berlin"]),
    ({"time_zone": "../../etc/passwd"}, "/time_zone", "no time zone", None),
    ({"time_zone": 5}, "/time_zone", "Europe/Berlin", None),
    ({"cron": "0 0 30 2 *"}, "/cron", "never comes", None),
    ({"cron": "* * * *"}, "/cron", "4 of the five fields", None),
    ({"cron": None}, "/cron", "30 2 * * *", None),
    ({"suite": "weekly"}, "/suite", "no suite weekly", None),
])
def test_what_is_wrong_is_said(server, suite, change, pointer, says, known):
    reply = add(server, {**NIGHTLY, **change}, 400)
    assert reply.problem == "bad-schedule" and reply.json["pointer"] == pointer and says in reply.json["detail"]
    assert not known or reply.json["known"][:1] == known
    assert server.api("/schedules")["items"] == []


def test_an_action_that_is_none_names_those_there_are(server, suite):
    path = add(server).headers["Location"]
    reply = server.call("PATCH", path, {"action": "stop"})
    assert reply.status == 400 and reply.json["known"] == ["pause", "resume"]
    assert server.call("PATCH", path, {"action": "pause", "x": 1}).status == 400


def test_run_now_and_no_second_one_meanwhile(server, suite):
    path = add(server).headers["Location"]
    reply = server.call("POST", path + "/run")
    assert reply.status == 201 and reply.json["cells"] == 4
    suite_run = reply.json["suite_run"]
    found = server.get(path).json
    assert found["suite_run"] == suite_run and found["last"]["action"] == "started" and found["last"]["due_at"] is None
    assert server.api(f"/suite-runs/{suite_run}")["schedule"] == found["id"]
    again = server.call("POST", path + "/run")
    assert again.problem == "conflict" and f"suite run {suite_run} is still at work" in again.json["detail"]
    agent = Agent(server, boards=("b1", "b2"))
    agent.register()
    work(agent, {})
    assert server.call("POST", path + "/run").status == 201
    assert server.call("POST", "/api/v1/schedules/99/run").problem == "not-found"


def make_due(server, schedule):
    """While it does not run: its time has come long ago."""
    db = sqlite3.connect(server.data / "hilda.db")
    with db:
        db.execute("UPDATE schedules SET due_at = 1790000000000 WHERE id = ?", [schedule])
    db.close()


def test_what_was_missed_is_caught_up_once_and_then_skipped_while_it_works(make_server):
    server = make_server().start()
    put(server, suite_document(server))
    schedule = add(server).json["id"]
    assert server.stop() == 0
    make_due(server, schedule)
    server.start()
    found = wait_for(lambda: (lambda s: s if s["last"] else None)(server.api(f"/schedules/{schedule}")), 20)
    assert found["last"]["action"] == "started" and "caught up" in found["last"]["detail"]
    assert found["last"]["due_at"] == "2026-09-21T14:13:20.000Z" and found["next"][0] > found["last"]["at"]
    assert len(server.api("/suite-runs")["items"]) == 1
    assert server.stop() == 0
    make_due(server, schedule)
    server.start()
    skipped = wait_for(lambda: (lambda s: s if s["last"]["action"] == "skipped" else None)(
        server.api(f"/schedules/{schedule}")), 20)
    assert skipped["last"]["detail"] == f"suite run {found['suite_run']} was still at work"
    assert skipped["suite_run"] == found["suite_run"] and len(server.api("/suite-runs")["items"]) == 1
    assert "suite run skipped" in server.log.read_text()


def test_a_suite_that_cannot_begin_says_why_and_waits_for_its_next_time(make_server):
    server = make_server().start()
    put(server, suite_document(server))
    schedule = add(server).json["id"]
    assert server.stop() == 0
    make_due(server, schedule)
    db = sqlite3.connect(server.data / "hilda.db")
    with db:
        db.execute("DELETE FROM artifacts")
    db.close()
    server.start()
    found = wait_for(lambda: (lambda s: s if s["last"] else None)(server.api(f"/schedules/{schedule}")), 20)
    assert found["last"]["action"] == "failed" and "no artifact" in found["last"]["detail"]
    assert len(found["next"]) == 5 and server.api("/suite-runs")["items"] == []
