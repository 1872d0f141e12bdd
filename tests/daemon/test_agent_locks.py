"""Who may drive a board: locks of the host, and cancels in each stage. OpenOCD is a script."""

import fcntl
import os
import pathlib
import pty

import pytest

from agent_process import LINES, QUICK, Agent, alive, minimal_elf, script
from conftest import wait_for
from fake_agent_server import FakeServer


def own_name():
    """As the kernel has it."""
    return pathlib.Path("/proc/self/comm").read_text().strip()


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.close()


class Bench:
    """Agents of one host: one run folder, one console, an OpenOCD that waits to be let go."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.master, slave = pty.openpty()
        self.console = os.ttyname(slave)
        os.close(slave)
        tools = folder / "tools"
        tools.mkdir()
        self.begun = folder / "begun"
        self.go = folder / "go"
        openocd = tools / "openocd"
        openocd.write_text(f"#!/bin/sh\necho $$ >>{self.begun}\n"
                           f"while ! [ -e {self.go} ]; do sleep 0.02; done\nexit 1\n")
        openocd.chmod(0o755)
        self.path = f"{tools}:{os.environ['PATH']}"
        self.agents = []

    def agent(self, board, console=None):
        one = Agent(self.folder / board, self.server.url, boards=[], name=f"agent-{board}",
                    agent_lines="stop-grace = 100 ms")
        one.write([], f"[board {board}]\ntype = nucleo\nopenocd = board.cfg\n"
                      f"console = {console or self.console}\n")
        one.config.write_text(one.config.read_text().replace(
            str(one.folder / "run"), str(self.folder / "run")))
        self.agents.append(one)
        return one.start(PATH=self.path)

    def lock_file(self):
        return self.folder / "run" / ("console-" + self.console.replace("/", "_") + ".lock")

    def close(self):
        self.go.touch()
        for agent in self.agents:
            agent.stop()
        os.close(self.master)


@pytest.fixture
def bench(tmp_path, server):
    one = Bench(tmp_path, server)
    yield one
    one.close()


def test_two_agents_never_drive_one_console(server, bench):
    image = server.add_artifact(minimal_elf())
    bench.agent("a")
    first = server.submit("a", image, **LINES)
    wait_for(bench.begun.exists, message="the first agent's OpenOCD does not start")
    # Each agent has a server of its own: only the host's lock stands between them.
    other = FakeServer()
    try:
        agent = Agent(bench.folder / "b", other.url, boards=[])
        agent.write([], f"[board b]\ntype = nucleo\nopenocd = b.cfg\nconsole = {bench.console}\n")
        agent.config.write_text(agent.config.read_text().replace(
            str(agent.folder / "run"), str(bench.folder / "run")))
        bench.agents.append(agent.start(PATH=bench.path))
        second = other.submit("b", other.add_artifact(minimal_elf()), **LINES)
        other.wait(lambda s: s.boards.get("b", {}).get("online") is False
                   and "in use by" in s.boards["b"]["detail"])
        assert f"console {bench.console} in use by hilda-agent, pid {bench.agents[0].process.pid}" in \
            other.boards["b"]["detail"]
        assert other.runs[second]["starts"] == 0
        assert len(bench.begun.read_text().split()) == 1
        bench.go.touch()
        assert server.wait_result(first)["outcome"] == "infrastructure"
        assert other.wait_result(second, 30)["outcome"] == "infrastructure"
        assert len(bench.begun.read_text().split()) == 2
    finally:
        bench.go.touch()
        agent.stop()
        other.close()


def test_a_console_that_is_absent_is_offline(server, bench):
    bench.agent("a", console="/dev/serial/by-id/no-such-port")
    server.wait(lambda s: s.boards.get("a", {}).get("online") is False
                and "no-such-port" in s.boards["a"]["detail"])


def test_an_attestation_waits_for_the_lock(server, bench):
    """A stranger drives the board: it is not attested until the stranger has gone."""
    (bench.folder / "run").mkdir()
    with open(bench.lock_file(), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with server.lock:
            server.checks["a"] = "run 1 was lost"
        bench.agent("a")
        server.wait(lambda s: "a" in s.boards and s.boards["a"].get("online") is False
                    and f"in use by {own_name()}, pid {os.getpid()}" in s.boards["a"]["detail"])
        assert server.attested == []
    server.wait(lambda s: "a" in s.attested, 20, "the free lock is not attested")


def test_cancel_while_flashing(server, bench):
    bench.agent("a")
    run = server.submit("a", server.add_artifact(minimal_elf()), **LINES)
    wait_for(lambda: bench.begun.exists() and bench.begun.read_text().strip())
    pid = int(bench.begun.read_text())
    server.cancel(run)
    result = server.wait_result(run)
    assert (result["outcome"], result["stage"]) == ("canceled", "flash")
    wait_for(lambda: not alive(pid), message="OpenOCD outlives the cancel")


HELLO = r"printf '\r\nm-timestamp-mode-performance\r\nm-lap-us-1\r\nm-init-done\r\nm-ready\r\n'"


@pytest.mark.parametrize("image", [
    "touch {begun}; sleep 600",
    HELLO + "\nhead -c 1 >/dev/null; touch {begun}; sleep 600",
], ids=["silent", "deaf"])
def test_cancel_of_a_bench_that_hangs(server, bench, tmp_path, image):
    agent = Agent(tmp_path / "agent", server.url)
    bench.agents.append(agent.start())
    text = script(image.replace("{begun}", str(bench.begun)))
    run = server.submit("host-1", server.add_artifact(text), timeouts_s={"boot": 60},
                        phases={"cold": {"boots": 1}})
    wait_for(bench.begun.exists)
    server.cancel(run)
    result = server.wait_result(run)
    assert result["outcome"] == "canceled"
    after = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    assert server.wait_result(after)["outcome"] == "passed"


def test_cancel_while_fetching(server, bench, tmp_path):
    server.slow_artifacts = True
    agent = Agent(tmp_path / "agent", server.url)
    bench.agents.append(agent.start())
    run = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    server.wait(lambda s: s.fetched)
    server.cancel(run)
    assert server.wait_result(run)["outcome"] == "canceled"
