"""Results as they come in: what is refused, and with which words; what of them the run shows."""

import json

import pytest
from server_kit import Agent, job_document, make_server, result_document, server  # noqa: F401


@pytest.fixture
def started(server):
    agent = Agent(server)
    agent.register()
    job = server.submit()
    offer = agent.offer()
    agent.start(offer)
    return agent, job, offer


WRONG = [("phases", 5, "/phases"), ("phases", "none", "/phases"), ("phases", [5], "/phases"), ("lines", {}, "/lines"),
         ("stages", "flash", "/stages"), ("timer", [32000000], "/timer"), ("detail", {"a": 1}, "/detail"),
         ("late", "no", "/late"), ("device", "stub", "/device"), ("footprint", 1, "/footprint"),
         ("fault", "hardfault", "/fault"), ("provenance", [], "/provenance"), ("clock", True, "/clock"),
         ("timer", {"hz": "fast"}, "/timer/hz"), ("outcome", "splendid", "/outcome"), ("result_id", 7, "/result_id"),
         ("phases", [{"phase": "accuracy", "predictions": "3,1"}], "/phases/0/predictions"),
         ("phases", [{"phase": "warm", "boot": 0, "ticks": []}], "/phases/0/ticks")]


@pytest.mark.parametrize("key, value, pointer", WRONG, ids=[f"{p}={json.dumps(v)[:20]}" for _, v, p in WRONG])
def test_a_wrong_type_is_refused_with_its_pointer(started, key, value, pointer):
    agent, job, offer = started
    reply = agent.call("PUT", f"/runs/{offer['run']}/result", result_document(**{key: value}), epoch=offer["epoch"])
    assert reply.status == 400 and reply.problem == "bad-json"
    assert reply.json["pointer"] == pointer and pointer in reply.json["detail"]
    assert agent.server.api(f"/jobs/{job}")["state"] == "active", "nothing of it was taken"
    assert agent.result(offer) == {"adopted": True}


def test_deep_and_huge_json_is_refused_and_the_server_goes_on(started):
    agent, _, offer = started
    for body in (b"[" * 100000, b'{"phases":' * 5000, b'{"result_id":"r","outcome":"passed","phases":[{"n":1e999}]}',
                 b'{"result_id":"r","outcome":"passed","timer":{"hz":' + b"9" * 400 + b"}}", b"", b"\xff\xfe", b"{"):
        reply = agent.call("PUT", f"/runs/{offer['run']}/result", body, epoch=offer["epoch"],
                           headers={"Content-Type": "application/json"})
        assert reply.status == 400, (body[:40], reply.status)
        assert reply.problem == "bad-json"
    assert agent.result(offer) == {"adopted": True}


def test_predictions_and_the_crc_of_the_logits_are_in_the_runs_document(started):
    agent, _, offer = started
    phase = {"phase": "accuracy", "predictions": [3, 1, 0], "logits_crc": "0BADCAFE"}
    agent.result(offer, result_document(phases=[phase]))
    assert agent.server.api(f"/runs/{offer['run']}")["phases"] == [phase]


def test_accuracy_and_a_profile_become_numbers(started):
    agent, _, offer = started
    said, right = [1, 0, 1, 1, 0] * 20, [1, 0, 0, 1, 0] * 20
    parts = [{"part": "embed", "min_ticks": 16, "median_ticks": 32},
             {"part": "attention", "layer": 1, "min_ticks": 90, "median_ticks": 96}]
    agent.result(offer, result_document(timer={"hz": 32000000, "kind": "dwt"}, phases=[
        {"phase": "accuracy", "n": 100, "predictions": said, "labels": right, "logits": [7] * 100,
         "logits_crc": "0BADCAFE", "list": "0x00000001", "from": "image",
         "reference": {"sha256": "ab", "predictions": said, "logits": [7] * 99 + [8]}},
        {"phase": "profile", "n": 20, "parts": parts}]))
    run = agent.server.api(f"/runs/{offer['run']}")
    metrics = {(m["phase"], m["metric"]): m for m in run["metrics"]}
    share = metrics["accuracy", "accuracy"]
    assert (share["n"], share["value"], share["min"]) == (100, 0.8, None)
    assert share["p50_lo"] == pytest.approx(0.7112, abs=1e-4) and share["p50_hi"] == pytest.approx(0.8666, abs=1e-4)
    assert metrics["accuracy", "agreement"]["value"] == 1
    assert metrics["accuracy", "logits_equal"]["value"] == 0.99
    samples = agent.server.api(f"/runs/{offer['run']}/samples?phase=accuracy&metric=correct")
    assert samples["boots"][0]["values"] == [1, 1, 0, 1, 1] * 20
    kept = {p["phase"]: p for p in run["phases"]}
    assert kept["accuracy"]["reference"] == {"sha256": "ab"} and kept["accuracy"]["labels"] == right
    assert [(p["median_us"], p["share"]) for p in kept["profile"]["parts"]] == [(1, 0.25), (3, 0.75)]
