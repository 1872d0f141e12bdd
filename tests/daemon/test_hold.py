"""A person at the host takes a board: `hilda-agent hold`, beside an agent that runs."""

import os
import pathlib
import shlex
import signal
import subprocess

import pytest

from agent_process import LINES, alive, minimal_elf
from conftest import need, program, wait_for
from test_agent_locks import bench, server  # noqa: F401 (fixtures)
from virtual_lab import VirtualLab


def hold(agent, board, *command, options=(), **how):
    return subprocess.Popen([program("hilda-agent"), "hold", board, *options, "--config", str(agent.config), "--",
                             *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def test_the_board_is_the_commands_until_it_ends(server, bench):  # noqa: F811
    agent = bench.agent("a")
    server.wait(lambda s: s.boards.get("a", {}).get("online"))
    one = hold(agent, "a", "sleep", "600")
    held = f"in use on the host: sleep 600, pid {one.pid}"
    server.wait(lambda s: s.boards["a"]["online"] is False and s.boards["a"]["detail"] == held)
    # An offer that was under way already is not begun.
    run = server.submit("a", server.add_artifact(minimal_elf()), **LINES)
    late = hold(agent, "a", "true", options=["--wait", "300 ms"])
    assert late.wait(20) == 1 and held in late.stderr.read()
    assert server.runs[run]["starts"] == 0 and not bench.begun.exists()
    bench.go.touch()
    one.send_signal(signal.SIGKILL)
    one.wait()
    assert server.wait_result(run, 30)["outcome"] == "infrastructure"
    assert len(bench.begun.read_text().split()) == 1


def test_it_waits_for_the_job_and_says_for_whom(server, bench):  # noqa: F811
    agent = bench.agent("a")
    first = server.submit("a", server.add_artifact(minimal_elf()), **LINES)
    wait_for(bench.begun.exists)
    one = hold(agent, "a", "sh", "-c", "echo mine; exit 7")
    assert f"waiting: probe a in use by hilda-agent, pid {agent.process.pid}" in one.stderr.readline()
    # The next job waits for the person, who waits for this one.
    second = server.submit("a", server.add_artifact(minimal_elf()), **LINES)
    assert one.poll() is None
    bench.go.touch()
    assert server.wait_result(first)["outcome"] == "infrastructure"
    assert one.wait(20) == 7 and one.stdout.read() == "mine\n"
    assert server.wait_result(second, 30)["outcome"] == "infrastructure"


def test_what_it_started_keeps_the_board(server, bench):  # noqa: F811
    agent = bench.agent("a")
    server.wait(lambda s: s.boards.get("a", {}).get("online"))
    one = hold(agent, "a", "sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!")
    left = int(one.stdout.readline())
    assert one.wait(20) == 0
    server.wait(lambda s: s.boards["a"]["online"] is False and "in use on the host: sh -c" in s.boards["a"]["detail"])
    assert alive(left)
    os.kill(left, signal.SIGKILL)
    server.wait(lambda s: s.boards["a"]["online"], 20)


def test_what_cannot_be(server, bench):  # noqa: F811
    agent = bench.agent("a")
    for board, command, said in (("nobody", "true", "has no board 'nobody'; it has: a"),
                                 ("a", "no-such-command-here", "cannot start no-such-command-here")):
        one = hold(agent, board, command)
        assert one.wait(20) == 1
        assert said in one.stderr.read()
    no_command = subprocess.run([program("hilda-agent"), "hold", "a"], capture_output=True, text=True)
    assert no_command.returncode == 2 and "behind --" in no_command.stderr


def test_a_stranger_at_the_console_is_named(server, bench):  # noqa: F811
    bench.agent("a")
    server.wait(lambda s: s.boards.get("a", {}).get("online"))
    bench.go.touch()
    with open(bench.console) as terminal:
        reader = subprocess.Popen(["sleep", "600"], stdin=terminal)
    try:
        result = server.wait_result(server.submit("a", server.add_artifact(minimal_elf()), **LINES))
        assert result["outcome"] == "infrastructure" and not bench.begun.exists()
        assert f"console {bench.console} in use by sleep, pid {reader.pid}" in result["detail"]
    finally:
        reader.kill()
        reader.wait()


@pytest.fixture
def lab(tmp_path):
    need("openocd")
    one = VirtualLab(tmp_path, "mps2-an386")
    yield one
    one.close()


def test_openocd_by_hand_on_a_virtual_board(lab):
    """The environment is what OpenOCD needs; the console is the board's."""
    one = hold(lab.agent, "v1", "sh", "-c",
               'echo "$HILDA_BOARD $HILDA_PROBE $HILDA_CONSOLE"; '
               'openocd $HILDA_OPENOCD -c "init; reset halt; shutdown" 2>&1')
    out, err = one.communicate(timeout=60)
    assert one.returncode == 0, out + err
    board, serial, console = out.splitlines()[0].split()
    assert board == "v1" and serial == lab.server.boards["v1"]["probe_serial"] and pathlib.Path(console).exists()
    assert "pc: 0x" in out, out
    wrong = hold(lab.agent, "v1", *shlex.split("sh -c 'openocd $HILDA_OPENOCD -c \"init; no_such_command\" 2>&1'"))
    out, err = wrong.communicate(timeout=60)
    assert wrong.returncode != 0 and "no_such_command" in out
