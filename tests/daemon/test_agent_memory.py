"""What an agent holds on to after work: the bar is for an idle agent, also one that was busy."""

import pathlib

import pytest

from agent_process import LINES, QUICK, Agent
from conftest import sanitized, wait_for
from fake_agent_server import FakeServer

BOARDS = [f"host-{i}" for i in range(32)]
RUNS_EACH = 10
IDLE_KB = 16 * 1000 * 1000 // 1024


def resident_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_an_agent_gives_back_what_many_runs_needed(tmp_path):
    if sanitized("hilda-agent"):
        pytest.skip("a build without sanitizers is needed: they keep memory of their own")
    server = FakeServer(heartbeat_ms=15000)
    agent = Agent(tmp_path / "agent", server.url, boards=BOARDS).start()
    try:
        image = server.add_artifact(QUICK)
        runs = [server.submit(board, image, **LINES) for board in BOARDS * RUNS_EACH]
        server.wait(lambda s: all(s.runs[r]["result"] for r in runs), 120)
        wait_for(lambda: resident_kb(agent.process.pid) <= IDLE_KB, 15,
                 message="more than 16 MB are resident after the work")
    finally:
        agent.stop()
        server.close()
