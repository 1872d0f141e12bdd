"""Virtual boards that the agent starts: online, ended, started again. Needs QEMU."""

import json
import os
import signal

import pytest

from agent_process import LINES, Agent, alive, minimal_elf
from conftest import need, wait_for
from fake_agent_server import FakeServer


@pytest.fixture
def server():
    need("qemu-system-arm")
    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture
def agent(tmp_path, server):
    one = Agent(tmp_path / "agent", server.url, boards=[])
    one.write([], "[board bit-1]\nvirtual = microbit\ntags = mine\n")
    yield one.start()
    one.stop()


def online(server, name="bit-1"):
    return server.boards.get(name, {}).get("online")


def test_a_virtual_board_comes_online_and_tells_what_it_is(server, agent):
    server.wait(online, 40, "the virtual board does not come online")
    server.wait(lambda s: s.registers[-1]["boards"][0]["online"], 10)
    board = server.registers[-1]["boards"][0]
    assert board["virtual"] is True and board["type"] == "microbit"
    assert "mine" in board["tags"] and "cortex-m0" in board["tags"]
    assert board["mcu"] and board["probe_serial"]


def vboard(agent):
    ready = agent.data / "virtual" / "bit-1" / "ready.json"
    return json.loads(ready.read_text())["pid"]


def test_a_virtual_board_that_dies_is_started_again(server, agent):
    server.wait(online, 40)
    pid = vboard(agent)
    os.kill(pid, signal.SIGKILL)
    server.wait(lambda s: not online(s), 20, "its death is not told")
    server.wait(online, 40, "it does not come back")
    assert vboard(agent) != pid


def test_the_death_of_a_board_ends_its_run_as_infrastructure(server, agent):
    server.wait(online, 40)
    # Its emulator stands still, so that OpenOCD waits.
    pid = vboard(agent)
    os.kill(pid, signal.SIGSTOP)
    try:
        image = server.add_artifact(minimal_elf())
        run = server.submit("bit-1", image, **LINES)
        server.wait_state(run, "running", 20)
        server.wait(lambda s: any(r["run"] == run for h in s.heartbeats for r in h["runs"]), 20)
    finally:
        os.kill(pid, signal.SIGKILL)
    result = server.wait_result(run, 40)
    assert result["outcome"] == "infrastructure", result
    # Whoever notices first: the agent that its process has ended, or OpenOCD that its probe is gone.
    assert "signal 9" in result["detail"] or "probe" in result["detail"]
    server.wait(online, 40, "it does not come back")


def test_virtual_boards_end_with_the_agent(server, agent):
    server.wait(online, 40)
    pid = vboard(agent)
    agent.kill()
    wait_for(lambda: not alive(pid), message="the virtual board outlives the agent")


def test_virtual_boards_end_when_the_agent_stops(server, agent):
    server.wait(online, 40)
    pid = vboard(agent)
    assert agent.stop() == 0
    wait_for(lambda: not alive(pid), message="the virtual board outlives the agent")


def test_the_first_register_tells_all_boards(server, agent):
    """A second one would be a new session, and what was offered to the first would be lost."""
    server.wait(lambda s: s.registers, 40)
    board = server.registers[0]["boards"][0]
    assert board["online"] is True and board["mcu"]
    assert board["phases"] == sorted(set(board["phases"]), key=board["phases"].index)


def test_a_machine_that_nobody_emulates_is_named_with_those_that_are(tmp_path, server):
    one = Agent(tmp_path / "agent", server.url, boards=[])
    one.write([], "[board bit-1]\nvirtual = micro-bit\n")
    one.start()
    try:
        board = server.wait(lambda s: s.registers and s.registers[-1]["boards"][0], 40)
        assert board["online"] is False
        assert "'micro-bit'" in board["detail"] and "microbit" in board["detail"], board["detail"]
    finally:
        one.stop()
