"""The agent against a server made of a dictionary, which fails on demand. Exec boards only."""

import fcntl
import subprocess

import time

import pytest

from agent_process import LINES, QUICK, Agent, alive, script
from conftest import wait_for
from fake_agent_server import FakeServer


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture
def make_agent(tmp_path, server):
    agents = []

    def make(**options):
        folder = tmp_path / f"agent{len(agents)}"
        agents.append(Agent(folder, server.url, **options))
        return agents[-1]

    yield make
    for agent in agents:
        agent.stop()


def test_a_job_passes_and_leaves_nothing(server, make_agent):
    image = server.add_artifact(QUICK)
    run = server.submit("host-1", image, **LINES)
    agent = make_agent().start()
    result = server.wait_result(run)
    assert result["outcome"] == "passed", result
    assert result["lines"][0]["values"] == [1.5]
    assert result["provenance"]["image_sha256"] == image
    assert result["provenance"]["exec"] is True and result["provenance"]["virtual"] is False
    assert [s["stage"] for s in result["stages"]][0] == "flash"
    assert "latency: 1.5 us" in server.text(run)
    agent.wait_spool_empty()
    wait_for(lambda: not agent.left_in_work(), message="a work folder stays")
    assert agent.stop() == 0


def test_a_server_that_vanished_without_a_word_is_noticed(server, make_agent):
    """A machine that was switched off sends no end of a connection: the kernel has to ask."""
    agent = make_agent().start()

    def waiting():
        out = subprocess.run(["ss", "-tnopH"], stdout=subprocess.PIPE, text=True, check=True).stdout
        mine = [line for line in out.splitlines() if f"pid={agent.process.pid}," in line]
        return mine and all("timer:(keepalive," in line for line in mine)

    wait_for(waiting, message="connections without keepalive")


def test_the_same_image_is_fetched_once(server, make_agent):
    image = server.add_artifact(QUICK)
    runs = [server.submit("host-1", image, **LINES) for _ in range(3)]
    agent = make_agent().start()
    for run in runs:
        assert server.wait_result(run)["outcome"] == "passed"
    agent.stop()
    again = server.submit("host-1", image, **LINES)
    agent.start()
    assert server.wait_result(again)["outcome"] == "passed"
    assert server.fetched == [image]


def test_a_damaged_cached_image_is_fetched_again(server, make_agent):
    image = server.add_artifact(QUICK)
    agent = make_agent()
    cached = agent.data / "cache" / image
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half of it")
    run = server.submit("host-1", image, **LINES)
    agent.start()
    assert server.wait_result(run)["outcome"] == "passed"
    assert cached.read_bytes() == QUICK


def test_an_image_that_the_server_has_not_is_configuration(server, make_agent):
    run = server.submit("host-1", "a" * 64, **LINES)
    make_agent().start()
    result = server.wait_result(run)
    assert result["outcome"] == "configuration"
    assert "a" * 64 in result["detail"]


def test_a_document_that_cannot_be_read_is_configuration(server, make_agent):
    image = server.add_artifact(QUICK)
    run = server.submit("host-1", image, surprise=1, **LINES)
    make_agent().start()
    result = server.wait_result(run)
    assert result["outcome"] == "configuration"
    assert "surprise" in result["detail"]


def test_an_artifact_with_another_hash_is_infrastructure(server, make_agent):
    image = server.add_artifact(QUICK)
    server.artifacts[image] = b"something else"
    run = server.submit("host-1", image, **LINES)
    agent = make_agent().start()
    result = server.wait_result(run)
    assert result["outcome"] == "infrastructure"
    assert image in result["detail"]
    assert not (agent.data / "cache" / image).exists()


def slow(folder, text="echo 'latency: 2 us'"):
    """An image that says that it has begun, and goes on when it may."""
    return script(f"touch {folder}/begun\nwhile ! [ -e {folder}/go ]; do sleep 0.02; done\n{text}")


def test_server_away_while_measuring(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    agent = make_agent().start()
    wait_for((tmp_path / "begun").exists)
    server.down = True
    (tmp_path / "go").touch()
    wait_for(lambda: any(n.endswith(".json") for n in agent.spool()), message="nothing spooled")
    assert server.runs[run]["result"] is None
    server.down = False
    assert server.wait_result(run, 40)["outcome"] == "passed"
    assert "latency: 2 us" in server.text(run)
    agent.wait_spool_empty()


def test_a_spooled_result_survives_the_agent(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    agent = make_agent().start()
    wait_for((tmp_path / "begun").exists)
    server.down = True
    (tmp_path / "go").touch()
    wait_for(lambda: any(n.endswith(".json") for n in agent.spool()))
    agent.kill()
    server.down = False
    agent.start()
    assert server.wait_result(run)["outcome"] == "passed"
    # It was named as still held, so the server did not give it up.
    assert server.registers[-1]["runs"] == [{"run": run, "epoch": 1}]
    assert server.runs[run]["state"] == "done"
    assert "latency: 2 us" in server.text(run)
    agent.wait_spool_empty()


def test_agent_killed_while_measuring_leaves_nothing_stuck(server, make_agent, tmp_path):
    pid_file = tmp_path / "pid"
    image = script(f"echo begun; echo $$ >{pid_file}.new; mv {pid_file}.new {pid_file}; sleep 600")
    run = server.submit("host-1", server.add_artifact(image), **LINES)
    agent = make_agent().start()
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text()))
    wait_for(lambda: any(b"begun" in p.read_bytes() for p in agent.data.glob("spool/spare/logs")))
    agent.kill()
    wait_for(lambda: not alive(pid), message="the program outlives the agent")
    agent.start()
    server.wait(lambda s: s.runs[run]["state"] == "lost")
    # The board comes back once its lock is attested as free.
    server.wait(lambda s: "host-1" in s.attested)
    after = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    assert server.wait_result(after)["outcome"] == "passed"
    assert server.runs[after]["epoch"] == 2
    wait_for(lambda: "begun" in server.text(run), message="the log of the cut run is not sent")
    agent.wait_spool_empty()


def test_a_lost_reply_to_the_result_is_a_replay(server, make_agent):
    server.fault("PUT .*/result", "lose")
    run = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    agent = make_agent().start()
    server.wait(lambda s: s.runs[run]["results"] == 2)
    agent.wait_spool_empty()
    assert server.runs[run]["result"]["outcome"] == "passed"


def test_a_lost_reply_to_acquire_and_start_does_no_harm(server, make_agent):
    server.fault("POST /agent/v1/acquire", "lose")
    server.fault("POST .*/start", "lose")
    server.fault("PUT .*/log", "lose")
    run = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    make_agent().start()
    assert server.wait_result(run)["outcome"] == "passed"
    assert server.runs[run]["starts"] == 2
    assert server.text(run).count("latency: 1.5 us") == 1


def test_a_refused_result_goes_to_rejected_and_is_told(server, make_agent):
    server.fault("PUT .*/result", 422)
    run = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    agent = make_agent().start()
    server.wait(lambda s: s.rejected)
    assert server.rejected[0]["run"] == run and server.rejected[0]["status"] == 422
    assert "the test wants 422" in server.rejected[0]["detail"]
    names = sorted(p.suffix for p in (agent.data / "spool" / "rejected").iterdir())
    assert names == [".json", ".log"]
    assert agent.spool() == []


def test_one_result_that_never_goes_does_not_hold_up_the_others(server, make_agent):
    image = server.add_artifact(QUICK)
    server.fault("PUT .*/runs/1/result", 500, times=10**6)
    first = server.submit("host-1", image, **LINES)
    agent = make_agent(boards=["host-1", "host-2"]).start()
    server.wait(lambda s: sum("runs/1/result" in c for c in s.calls) >= 2)
    server.fault("PUT .*/runs/2/result", 500)  # so that the sender has to bring it
    second = server.submit("host-2", image, **LINES)
    assert server.wait_result(second)["outcome"] == "passed"
    assert server.runs[first]["result"] is None
    server.faults.clear()
    server.wait_result(first, 30)
    agent.wait_spool_empty()


def test_a_result_of_an_old_epoch_is_refused_once(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    agent = make_agent().start()
    wait_for((tmp_path / "begun").exists)
    with server.lock:
        server.runs[run]["epoch"] += 7
    (tmp_path / "go").touch()
    server.wait(lambda s: s.rejected)
    assert server.rejected[0]["run"] == run and server.rejected[0]["status"] == 409
    assert sum("/result" in call for call in server.calls) == 1
    assert agent.spool() == []


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_may_pass_is_tried_again(server, make_agent, status):
    server.fault("PUT .*/result", status, times=2)
    run = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    make_agent().start()
    assert server.wait_result(run)["outcome"] == "passed"


def test_a_result_of_another_database_is_not_sent(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    agent = make_agent().start()
    wait_for((tmp_path / "begun").exists)
    server.down = True
    (tmp_path / "go").touch()
    wait_for(lambda: any(n.endswith(".json") for n in agent.spool()))
    agent.kill()
    server.lineage = "feed"
    server.down = False
    agent.start()
    server.wait(lambda s: s.rejected)
    assert server.runs[run]["results"] == 0
    assert len(list((agent.data / "spool" / "rejected").glob("*.json"))) == 1


def test_a_stale_session_registers_anew_and_keeps_the_run(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    make_agent().start()
    wait_for((tmp_path / "begun").exists)
    with server.lock:
        server.session += 10
        server.lock.notify_all()
    server.wait(lambda s: len(s.registers) == 2)
    assert server.registers[1]["runs"] == [{"run": run, "epoch": 1}]
    (tmp_path / "go").touch()
    assert server.wait_result(run)["outcome"] == "passed"


def test_an_old_epoch_is_refused_also_after_a_restart(server, make_agent):
    image = server.add_artifact(QUICK)
    first = server.submit("host-1", image, epoch=7, **LINES)
    agent = make_agent().start()
    server.wait_result(first)
    agent.stop()
    assert "host-1 7" in (agent.data / "epochs").read_text()
    stale = server.submit("host-1", image, epoch=7, **LINES)
    agent.start()
    wait_for(lambda: "epoch is not above" in agent.log())
    assert server.runs[stale]["starts"] == 0
    assert server.registers[-1]["boards"][0]["epoch"] == 7


def test_no_start_no_touch(server, make_agent, tmp_path):
    server.fault("POST .*/start", 409)
    image = server.add_artifact(script(f"echo ran >>{tmp_path}/ran\necho 'latency: 1 us'"))
    run = server.submit("host-1", image, **LINES)
    make_agent().start()
    server.wait_result(run)
    # The offer was repeated, and started the second time: run once.
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_lost_run_is_no_longer_driven(server, make_agent, tmp_path):
    pid_file = tmp_path / "pid"
    image = script(f"echo $$ >{pid_file}.new; mv {pid_file}.new {pid_file}; sleep 600")
    run = server.submit("host-1", server.add_artifact(image), **LINES)
    make_agent().start()
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text()))
    with server.lock:
        server.lost.add(run)
        server.runs[run]["state"] = "lost"
    wait_for(lambda: not alive(pid), message="a lost run is still driven")
    result = server.wait_result(run)
    assert result["late"] is True and result["outcome"] == "infrastructure"


def test_cancel_while_it_runs(server, make_agent, tmp_path):
    pid_file = tmp_path / "pid"
    image = script(f"echo $$ >{pid_file}.new; mv {pid_file}.new {pid_file}; sleep 600")
    run = server.submit("host-1", server.add_artifact(image), **LINES)
    make_agent().start()
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text()))
    server.cancel(run)
    result = server.wait_result(run)
    assert result["outcome"] == "canceled" and result["detail"] == "canceled by the user"
    wait_for(lambda: not alive(pid), message="the program outlives its run")
    server.wait(lambda s: not s.cancels, message="the cancel is not acknowledged")


def test_cancel_of_an_unknown_run_is_acknowledged(server, make_agent):
    server.cancel(4711)
    make_agent().start()
    server.wait(lambda s: not s.cancels, message="the cancel is not acknowledged")


def test_two_agents_on_one_data_folder(server, make_agent, tmp_path):
    first = make_agent().start()
    server.wait(lambda s: s.registers)
    second = Agent(tmp_path / "second", server.url)
    second.data = first.data
    second.write(["host-2"])
    second.start()
    assert second.process.wait(10) == 1
    assert f"pid {first.process.pid}" in second.log()


def test_a_lock_that_a_dying_child_holds_a_moment_longer(server, make_agent):
    agent = make_agent()
    agent.data.mkdir(parents=True)
    with open(agent.data / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        agent.start()
        with pytest.raises(subprocess.TimeoutExpired):
            agent.process.wait(0.5)
    server.wait(lambda s: s.registers)
    assert agent.process.poll() is None


def test_reload_adds_changes_and_removes(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    agent = make_agent(boards=["host-1", "host-2"]).start()
    wait_for((tmp_path / "begun").exists)
    agent.write(["host-3"], "[board host-2]\ntype = host\nexec = local\ntags = fast\n")
    agent.reload()

    def names():
        return {b["name"]: b for b in server.registers[-1]["boards"]}

    server.wait(lambda s: "host-3" in names() and names()["host-2"]["tags"] == ["fast"])
    # host-1 is at work: its run ends as it would have.
    (tmp_path / "go").touch()
    assert server.wait_result(run)["outcome"] == "passed"
    assert "host-1" not in names()
    after = server.submit("host-3", server.add_artifact(QUICK), **LINES)
    assert server.wait_result(after)["outcome"] == "passed"


def test_a_bad_reload_changes_nothing(server, make_agent):
    agent = make_agent().start()
    server.wait(lambda s: s.registers)
    agent.config.write_text(agent.config.read_text() + "[board host-9]\nexec = local\n")
    agent.reload()
    wait_for(lambda: "the old one goes on" in agent.log())
    run = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    assert server.wait_result(run)["outcome"] == "passed"


def test_stopping_ends_runs_as_infrastructure(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    agent = make_agent(agent_lines="stop-grace = 100 ms").start()
    wait_for((tmp_path / "begun").exists)
    assert agent.stop() == 0
    result = server.wait_result(run)
    assert result["outcome"] == "infrastructure" and "stopped" in result["detail"]


def test_a_server_that_comes_later(server, make_agent):
    server.down = True
    run = server.submit("host-1", server.add_artifact(QUICK), **LINES)
    agent = make_agent().start()
    wait_for(lambda: "the server does not answer" in agent.log())
    server.down = False
    assert server.wait_result(run, 30)["outcome"] == "passed"


def test_stopping_without_a_server(server, make_agent):
    agent = make_agent().start()
    server.wait(lambda s: s.registers)
    server.down = True
    assert agent.stop(10) == 0


def test_an_agent_of_the_wrong_version_says_what_to_do(server, make_agent):
    server.fault("POST /agent/v1/register", 426, times=1000)
    agent = make_agent().start()
    wait_for(lambda: "install the one of the server" in agent.log())


def test_a_session_that_is_stale_for_everything(server, make_agent):
    """Each kind of call may be the first to notice; the job passes all the same."""
    image = server.add_artifact(QUICK)
    make_agent().start()
    server.wait(lambda s: s.registers)
    for _ in range(5):
        with server.lock:
            server.session += 1
        run = server.submit("host-1", image, **LINES)
        assert server.wait_result(run, 30)["outcome"] == "passed"


class Usurped(FakeServer):
    """Another agent of the same name registers after each register."""

    def register(self, doc):
        reply = super().register(doc)
        self.session += 1
        return reply


def test_agents_of_one_name_do_not_fight_at_full_speed(tmp_path):
    server = Usurped(heartbeat_ms=60000)
    agent = Agent(tmp_path / "agent", server.url)
    begin = time.monotonic()
    try:
        agent.start()
        server.wait(lambda s: len(s.registers) >= 7)
        assert time.monotonic() - begin > 0.3  # at full speed a tenth of it
        assert agent.log().count("does another agent use this name") == 1
    finally:
        agent.stop()
        server.close()


class Forgetful(FakeServer):
    """What it confirmed of a log is gone at the next call."""

    def log(self, run, offset, body):
        reply = super().log(run, offset, body)
        run["log"] = b""
        return reply


def test_a_log_that_the_server_loses_is_not_sent_at_full_speed(tmp_path):
    server = Forgetful()
    agent = Agent(tmp_path / "agent", server.url)
    image = server.add_artifact(script("head -c 400000 /dev/zero\necho 'latency: 1 us'"))
    run = server.submit("host-1", image, **LINES)
    begin = time.monotonic()
    try:
        agent.start()
        server.wait(lambda s: sum("/log" in c for c in s.calls) >= 40 or s.runs[run]["result"], 30)
        assert server.runs[run]["result"] or time.monotonic() - begin > 0.5
    finally:
        agent.stop()
        server.close()


def test_stopping_takes_the_boards_offline(server, make_agent):
    agent = make_agent().start()
    server.wait(lambda s: s.heartbeats and s.boards["host-1"]["online"])
    assert agent.stop() == 0
    assert server.boards["host-1"]["online"] is False


def test_stopping_lets_runs_end(server, make_agent, tmp_path):
    image = script(f"touch {tmp_path}/begun; sleep 0.5; echo 'latency: 1 us'")
    run = server.submit("host-1", server.add_artifact(image), **LINES)
    agent = make_agent().start()
    wait_for((tmp_path / "begun").exists)
    assert agent.stop() == 0
    assert server.runs[run]["result"]["outcome"] == "passed"


def test_the_log_is_live(server, make_agent, tmp_path):
    image = script(f"echo 'first words'\nwhile ! [ -e {tmp_path}/go ]; do sleep 0.02; done\n"
                   "echo 'latency: 1 us'")
    run = server.submit("host-1", server.add_artifact(image), **LINES)
    make_agent().start()
    server.wait(lambda s: "first words" in s.text(run), message="the log is not shipped live")
    assert server.runs[run]["result"] is None
    # The server falls back behind what it had, as after a crash: it is sent again.
    with server.lock:
        server.runs[run]["log"] = b""
    (tmp_path / "go").touch()
    server.wait_result(run)
    assert server.text(run).startswith("first words")


def test_a_babbling_board_is_cut(server, make_agent):
    run = server.submit("host-1", server.add_artifact(script(
        "head -c 20000000 /dev/zero\necho 'latency: 1 us'")), **LINES)
    make_agent().start()
    server.wait_result(run, 60)
    assert len(server.runs[run]["log"]) <= 16 * 1024 * 1024
    assert server.text(run, 2).count("cut here") == 1
    assert "are not in this log" in server.text(run, 2)


def test_heartbeats_tell_the_stage(server, make_agent, tmp_path):
    run = server.submit("host-1", server.add_artifact(slow(tmp_path)), **LINES)
    make_agent().start()
    wait_for((tmp_path / "begun").exists)
    server.wait(lambda s: any(r["run"] == run and r["stage"] for h in s.heartbeats
                              for r in h["runs"]))
    (tmp_path / "go").touch()
    server.wait_result(run)
    server.wait(lambda s: not s.heartbeats[-1]["runs"])


@pytest.mark.parametrize("text, words", [
    ("[agent]\ncolour = red\n", ["colour"]),
    ("[bord x]\ntype = y\n", ["bord"]),
    ("[board x]\nexec = local\n", ["type", "[board x]"]),
    ("[board x]\ntype = y\nexec = maybe\n", ["exec", "local"]),
    ("[board x]\ntype = y\nopenocd = a.cfg\nconsole = /dev/x\nmemory = ram 16K\n", ["memory"]),
    ("[board x]\ntype = y\nopenocd = a.cfg\nconsole = /dev/x\npower = wind\n", ["power", "ppk2"]),
    ("[agent]\nserver = ftp://x\n", ["server", "http://"]),
])
def test_a_wrong_configuration_is_named(make_agent, text, words):
    agent = make_agent()
    agent.config.write_text(text)
    agent.start()
    assert agent.process.wait(10) == 1
    for word in words:
        assert word in agent.log()
    assert "agent.ini" in agent.log()
