"""Boards that fail come back by themselves: a known-good image is tried first, again and again, with faults below the tools."""

import sys

import pytest

from conftest import BUILD, ROOT, need, wait_for

sys.path.insert(0, str(ROOT / "tests"))
import cancels  # noqa: E402
from lab import Lab  # noqa: E402

IMAGE = BUILD / "firmware/mps2-an386/full-nano-int8.elf"


@pytest.fixture
def make_lab(tmp_path):
    need("qemu-system-arm")
    need("openocd")
    made = []

    def make(settings="", image=IMAGE):
        lab = Lab(BUILD, tmp_path / f"lab{len(made)}")
        made.append(lab)
        lab.start_server(settings="heartbeat = 200ms\n" + settings)
        lab.start_agent(f"[board m4-1]\nvirtual = mps2-an386\nhealth-image = {image}\n", name="here")
        lab.image = lab.upload(IMAGE)
        return lab
    yield make
    for lab in made:
        lab.stop()


def submit(lab, **more):
    return lab.submit({"name": "a job", "board": {"type": "mps2-an386"}, "image": f"sha256:{lab.image}",
                       "phases": {"memory": True}, "timeouts_s": {"flash": 20, "boot": 5}, **more})["id"]


def board(lab):
    return lab.get("/api/v1/boards/m4-1")


def checks(lab, what):
    return lab.log_tail("here", 1000).count(f"health check {what}")


def test_a_board_is_checked_before_the_next_job(make_lab):
    lab = make_lab()
    cancels.control(lab, "here", "m4-1", "fault probe-absent")
    job = submit(lab, attempts=2)
    wait_for(lambda: "the health check failed in flash" in board(lab)["reason"], 60, message="nobody says why")
    assert board(lab)["state"] == "quarantined"
    shown = lab.get(f"/api/v1/jobs/{job}")
    assert shown["state"] == "queued" and shown["attempts"] == 1 and "the health check failed" in shown["waits_for"]
    # Healed, it returns without anybody's help, and the job has its second attempt there: no other board is.
    cancels.control(lab, "here", "m4-1", "fault none")
    assert lab.wait_job(job, 120)["outcome"] == "passed"
    assert lab.get(f"/api/v1/jobs/{job}")["attempts"] == 2
    assert checks(lab, "passed") == 1 and checks(lab, "failed") >= 1
    assert board(lab)["state"] == "ready" and board(lab)["reason"] == ""


def test_a_silent_board_stays_away(make_lab):
    """OpenOCD is happy with it: only the image itself shows that its console is dead."""
    lab = make_lab()
    cancels.control(lab, "here", "m4-1", "fault uart-silent")
    lab.call("POST", "/api/v1/boards/m4-1/health", {"reason": "it was moved"})
    wait_for(lambda: "the health check failed in boot" in board(lab)["reason"], 60, message="nobody says why")
    assert board(lab)["state"] == "quarantined"
    cancels.control(lab, "here", "m4-1", "fault none")
    wait_for(lambda: board(lab)["state"] == "ready", 90, message="it does not come back")


def test_checks_by_the_clock(make_lab):
    lab = make_lab("health-every = 2s\n")
    wait_for(lambda: checks(lab, "passed") >= 2, 60, message="it is not checked again")
    assert lab.wait_job(submit(lab), 60)["outcome"] == "passed"


def test_an_image_that_is_not_there(make_lab):
    lab = make_lab(image="/nowhere/good.elf")
    lab.call("POST", "/api/v1/boards/m4-1/health", {"reason": "new"})
    wait_for(lambda: "/nowhere/good.elf" in board(lab)["reason"], 30, message="nobody says why")
    assert board(lab)["state"] == "quarantined"
