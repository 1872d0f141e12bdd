"""A cancel in each stage, on a board that is a program and on a virtual one; and when nothing runs any more."""

import sys

import pytest

from conftest import BUILD, ROOT, need, wait_for
from server_kit import Agent, job_document, result_document, server  # noqa: F401

sys.path.insert(0, str(ROOT / "tests"))
import cancels  # noqa: E402
from lab import Lab  # noqa: E402

HOST = BUILD / "firmware/host/full-nano-int8.elf"
VIRTUAL = BUILD / "firmware/mps2-an386/full-nano-int8.elf"


@pytest.fixture
def image(server):  # noqa: F811
    return server.put_blob(b"an image")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(BUILD, tmp_path_factory.mktemp("lab")) as running:
        running.start_server()
        running.start_agent("[board host-1]\ntype = host\nexec = local\n", name="here")
        yield running


@pytest.fixture(scope="module")
def virtual(tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    with Lab(BUILD, tmp_path_factory.mktemp("virtual")) as running:
        running.start_server()
        running.start_agent("[board m4-1]\nvirtual = mps2-an386\n", name="there")
        running.image = running.upload(VIRTUAL)
        yield running


def ended(job, stage):
    assert (job["state"], job["outcome"], job["detail"]) == ("canceled", "canceled", "canceled by the user"), job
    assert job["stage"] == stage and job["attempts"] == 1


@pytest.mark.parametrize("stage", cancels.HELD)
def test_a_program_is_ended_in_each_stage(lab, stage):
    job, _ = cancels.on_exec(lab, stage, HOST).cancel()
    ended(job, stage)


@pytest.mark.parametrize("stage", list(cancels.VIRTUAL))
def test_a_virtual_board_is_freed_in_each_stage(virtual, stage):
    job, _ = cancels.on_virtual(virtual, "there", "m4-1", stage, virtual.image).cancel()
    cancels.control(virtual, "there", "m4-1", "fault none")
    ended(job, stage)
    again = virtual.submit({"name": "after", "board": {"name": "m4-1"}, "image": f"sha256:{virtual.image}",
                            "phases": {"memory": True}})
    assert virtual.wait_job(again["id"])["outcome"] == "passed"


def test_an_offer_that_is_canceled_is_nobodys(server, image):  # noqa: F811
    agent = Agent(server)
    agent.register()
    job = server.submit(job_document(image))
    offer = agent.offer()
    assert server.call("DELETE", f"/api/v1/jobs/{job}").json["state"] == "canceled"
    agent.start(offer, expect=409)
    assert server.api("/boards/b1")["state"] == "ready"


def test_what_was_measured_stands_when_the_cancel_comes_in_collect(server, image):  # noqa: F811
    """Its logs and its result are on their way: a cancel is too late for what is there."""
    agent = Agent(server)
    agent.register()
    job = server.submit(job_document(image))
    offer = agent.offer()
    agent.start(offer)
    agent.heartbeat(runs=[{"run": offer["run"], "epoch": offer["epoch"], "stage": "collect"}])
    assert server.api(f"/runs/{offer['run']}")["state"] == "finishing"
    assert server.call("DELETE", f"/api/v1/jobs/{job}").json["state"] == "active"
    assert agent.acquire(boards=[])["cancels"][0]["run"] == offer["run"]
    agent.result(offer, result_document())
    assert server.api(f"/jobs/{job}")["state"] == "succeeded"
    # An agent that ended it all the same: as the person asked.
    job = server.submit(job_document(image))
    offer = agent.offer()
    agent.start(offer)
    agent.heartbeat(runs=[{"run": offer["run"], "epoch": offer["epoch"], "stage": "collect"}])
    server.call("DELETE", f"/api/v1/jobs/{job}")
    agent.result(offer, result_document("canceled", stage="collect"))
    assert server.api(f"/jobs/{job}")["state"] == "canceled"
    wait_for(lambda: server.api("/boards/b1")["state"] == "ready")
