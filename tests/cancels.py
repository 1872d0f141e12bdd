"""Jobs that stand still in a stage that was named, and how long it takes until a cancel has ended them."""

import json
import pathlib
import socket
import sys
import time

HELD = ("boot", "cold", "warm", "accuracy", "memory", "profile", "sustained")
PHASES = {"cold": {"boots": 2}, "warm": {"iterations": 10}, "accuracy": {"samples": 4}, "memory": True, "profile": True,
          "sustained": {"seconds": 3}}
# A program that is our own firmware, until it is asked for the verb that it never answers.
HOLDS = """#!{python}
import os, subprocess, sys, time
if {verb!r} == "boot":
    time.sleep(3600)
child = subprocess.Popen([{program!r}], stdin=subprocess.PIPE)
word = b""
while byte := os.read(0, 1):
    word += byte
    if byte == b"%":
        if word.startswith(b"lab " + {verb!r}.encode()):
            time.sleep(3600)
        child.stdin.write(word)
        child.stdin.flush()
        word = b""
child.kill()
"""


def wait_until(what, seconds=30, message="it did not happen"):
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(f"{message} within {seconds} s")
        time.sleep(0.005)


class Held:
    """A job that is in the stage."""

    def __init__(self, lab, stage, document):
        self.lab, self.stage = lab, stage
        self.job = lab.submit(document)["id"]
        wait_until(self.is_there, 60, f"job {self.job} is not in {stage}")

    def is_there(self):
        job = self.show()
        assert job["state"] in ("queued", "active"), f"{self.stage}: {job['outcome']}: {job['detail']}"
        return job["stage"] == self.stage

    def show(self):
        return self.lab.get(f"/api/v1/jobs/{self.job}")

    def cancel(self):
        """The job as it ended, and the seconds from the call until the board was free again."""
        board = self.show()["on_board"]
        begin = time.monotonic()
        self.lab.call("DELETE", f"/api/v1/jobs/{self.job}")
        wait_until(lambda: self.show()["state"] != "active", 30, "the cancel does not end it")
        wait_until(lambda: self.lab.get(f"/api/v1/boards/{board}")["state"] == "ready", 30, "the board is not free")
        return self.show(), time.monotonic() - begin


def on_exec(lab, stage, program):
    script = lab.folder / f"holds-{stage}"
    script.write_text(HOLDS.format(python=sys.executable, verb=stage, program=str(program)))
    phases = {k: v for k, v in PHASES.items() if k == stage} or {"memory": True}
    return Held(lab, stage, {"name": f"holds in {stage}", "board": {"type": "host"},
                             "image": f"sha256:{lab.upload(script)}", "phases": phases,
                             "timeouts_s": {"boot": 300, "phase": 300}})


# What holds a virtual board in a stage: a fault below the tools, or much to do.
VIRTUAL = {"flash": ("probe-hang", {"memory": True}), "boot": ("uart-silent", {"memory": True}),
           "warm": (None, {"warm": {"iterations": 1000, "boots": 200}}),
           "energy": (None, {"energy": {"iterations": 16000}}), "sustained": (None, {"sustained": {"seconds": 500}})}


def control(lab, agent, board, command):
    ready = json.loads(next((lab.folder / agent).rglob(f"{board}/ready.json")).read_text())
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(ready["control"])
        s.sendall(command.encode() + b"\n")
        reply = s.makefile().readline()
    assert reply.startswith("ok"), reply


def on_virtual(lab, agent, board, stage, image):
    fault, phases = VIRTUAL[stage]
    if fault:
        control(lab, agent, board, f"fault {fault}")
    return Held(lab, stage, {"name": f"holds in {stage}", "board": {"name": board}, "image": f"sha256:{image}",
                             "phases": phases, "timeouts_s": {"flash": 300, "boot": 300, "phase": 300}})
