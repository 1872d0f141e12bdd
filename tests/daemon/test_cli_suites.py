"""`hilda suite` and `hilda schedule` against a real server."""

import json
import os
import signal
import subprocess
import xml.etree.ElementTree

import pytest
from conftest import need, program, wait_for
from server_kit import Agent, make_server, server  # noqa: F401
from test_server_suites import work


@pytest.fixture
def hilda(server, tmp_path):
    def run(*words, code=0):
        done = subprocess.run([program("hilda"), "--server", f"http://127.0.0.1:{server.port}", *map(str, words)],
                              cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout if not code else done.stdout + done.stderr
    return run


@pytest.fixture
def suite_file(tmp_path):
    path = tmp_path / "nightly.json"
    path.write_text(json.dumps({
        "name": "nightly", "vars": {"out": "nowhere"}, "matrix": {"board": ["b1", "b2"], "quant": ["int8"]},
        "image": "${out}/${quant}.elf", "build": "sh -c 'mkdir -p made && echo ${quant} > made/${quant}.elf'",
        "job": {"name": "${quant} on ${board}", "board": {"name": "${board}"}, "attempts": 1,
                "phases": {"warm": {"iterations": 10, "warmup": 1}}}}))
    return path


def test_a_suite_from_its_file_to_its_results(hilda, server, suite_file):
    assert "2 cells" in hilda("suite", "put", suite_file, "--set", "out=made")
    stored = server.api("/suites/nightly")["document"]
    assert list(stored["artifacts"]) == ["made/int8.elf"] and stored["vars"] == {"out": "made"}
    assert "nightly" in hilda("suite", "list") and "never run" in hilda("suite", "list")
    assert json.loads(hilda("suite", "start", "nightly", "--json"))["id"] == 1
    agent = Agent(server, boards=("b1", "b2"))
    agent.register()
    work(agent, {"int8 on b2": ("failed", "wrong")})
    shown = hilda("suite", "results", 1, code=1)
    assert "int8 on b2" not in shown and "b2 int8" in shown and "1 of 2 passed" in shown and "wrong" in shown
    suites = xml.etree.ElementTree.fromstring(hilda("suite", "results", 1, "--junit", code=1))
    assert suites.find("testsuite").get("failures") == "1"
    assert hilda("suite", "results", 1, "--md", code=1).startswith("## nightly")
    assert hilda("suite", "results", 1, "--csv", code=1).startswith("cell,board,quant,")
    assert json.loads(hilda("suite", "results", 1, "--json", code=1))["cells_passed"] == 1
    assert hilda("suite", "retry", 1).startswith("1 jobs")
    work(agent, {})
    assert "2 of 2 passed" in hilda("suite", "results", 1)
    shown = hilda("suite", "show", "nightly")
    assert '"matrix"' in shown and "1: passed, 2 of 2 passed" in shown


def test_a_run_is_canceled(hilda, server, suite_file):
    hilda("suite", "put", suite_file, "--set", "out=made")
    hilda("suite", "start", "nightly")
    assert hilda("suite", "cancel", 1) == "suite run 1: 2 cells canceled, 0 being stopped on their boards, 0 had ended\n"
    assert json.loads(hilda("suite", "cancel", 1, "--json")) == {"id": 1, "canceled": 0, "asked": 0, "ended": 2}
    assert "there is no suite run 7" in hilda("suite", "cancel", 7, code=4)
    assert "hilda suite cancel 12" in hilda("suite", "cancel", "--help")
    assert "cancel" in hilda("complete", "suite").split()


def test_who_interrupts_a_watch_is_told_how_to_cancel(server, suite_file, tmp_path):
    need("jq")
    env = {**os.environ, "HILDA_SERVER": f"http://127.0.0.1:{server.port}",
           "PATH": f"{program('hilda').parent}:{os.environ['PATH']}"}
    one = subprocess.Popen(["hilda", "suite", "run", suite_file, "--set", "out=made"], cwd=tmp_path, env=env,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(server.api("/jobs?state=live")["items"]) == 2, 20)
    one.send_signal(signal.SIGINT)
    said = one.communicate(timeout=20)[1]
    assert "the jobs go on" in said and len(server.api("/jobs?state=live")["items"]) == 2
    command = said[said.index("hilda cancel"):].strip()
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and done.stdout.count("canceled") == 2, (done.stdout, done.stderr)
    assert server.api("/jobs?state=live")["items"] == []


def test_a_suite_whose_image_is_missing_or_whose_name_is_no_word(hilda, server, suite_file):
    assert "nowhere/int8.elf" in hilda("suite", "put", suite_file, code=10)
    suite_file.write_text(suite_file.read_text().replace('"nightly"', '"a/b c"'))
    assert "stands in addresses" in hilda("suite", "put", suite_file, code=2)
    assert server.api("/suites")["items"] == []
    assert "no name of a suite" in hilda("suite", "start", "../jobs", code=2)
    assert "there is no suite x" in hilda("suite", "start", "x", code=4)
    assert "there is no suite run 7" in hilda("suite", "results", 7, code=4)


def test_a_schedule_from_its_words_to_its_end(hilda, server, suite_file):
    hilda("suite", "put", suite_file, "--set", "out=made")
    shown = hilda("schedule", "add", "nightly", "30 2 * * *", "--time-zone", "Europe/Berlin")
    assert "nightly" in shown and "Europe/Berlin" in shown
    assert "Europe/Berlin" in hilda("schedule", "add", "nightly", "30 2 * * *", "-z", "Europe/Berlni", code=4)
    assert "never comes" in hilda("schedule", "add", "nightly", "0 0 30 2 *", code=4)
    assert "paused" in hilda("schedule", "pause", 1) and "paused" in hilda("schedule", "list")
    assert "paused" not in hilda("schedule", "resume", 1)
    assert "suite run 1 has begun: 2 jobs" in hilda("schedule", "run", 1)
    assert "still at work" in hilda("schedule", "run", 1, code=4)
    assert "started: by hand" in hilda("schedule", "list")
    hilda("schedule", "remove", 1)
    assert json.loads(hilda("schedule", "list", "--json")) == []
    assert "there is no schedule 1" in hilda("schedule", "remove", 1, code=4)
