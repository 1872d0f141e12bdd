"""The real agent with the real server: nothing that is reported gets lost, nothing stays stuck."""

import signal

import pytest

from agent_process import LINES, QUICK, Agent, alive, script
from conftest import wait_for
from server_kit import Server


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    one = Server(folder, heartbeat="300 ms", lease="3s", grace="500 ms", acquire="2s")
    one.start()
    yield one
    one.stop()


@pytest.fixture
def agent(tmp_path, server):
    one = Agent(tmp_path / "agent", f"http://127.0.0.1:{server.port}",
                boards=["host-1", "host-2"])
    yield one.start()
    one.stop()


def submit(server, program=QUICK, **more):
    image = server.put_blob(program)
    return server.submit({"name": "a job", "board": {"type": "host"}, "image": f"sha256:{image}",
                          **LINES, **more})


ENDED = ("succeeded", "failed", "canceled", "lost")


def test_a_job_end_to_end(server, agent):
    job = server.wait_job(submit(server), *ENDED)
    assert (job["state"], job["outcome"]) == ("succeeded", "passed"), job
    log = server.get(f"/api/v1/jobs/{job['id']}/log").body.decode()
    assert "latency: 1.5 us" in log and "stage" in log
    run = server.api(f"/runs/{job['run']}")
    assert run["exec"] is True and run["virtual"] is False
    assert run["provenance"]["agent"]
    agent.wait_spool_empty()


def test_many_jobs_over_two_boards(server, agent):
    jobs = [submit(server, name=f"job {n}") for n in range(40)]
    for job in jobs:
        assert server.wait_job(job, *ENDED, seconds=60)["state"] == "succeeded"
    boards = {server.api(f"/jobs/{job}")["board"]["name"] or
              server.api(f"/runs/{server.api(f'/jobs/{job}')['run']}")["board"] for job in jobs}
    assert boards == {"host-1", "host-2"}


def waiting(folder):
    return script(f"touch {folder}/begun\nwhile ! [ -e {folder}/go ]; do sleep 0.02; done\n"
                  "echo 'latency: 3 us'")


def test_the_server_dies_while_the_agent_measures(server, agent, tmp_path):
    job = submit(server, waiting(tmp_path))
    wait_for((tmp_path / "begun").exists)
    server.stop(signal.SIGKILL)
    (tmp_path / "go").touch()
    wait_for(lambda: any(n.endswith(".json") for n in agent.spool()))
    server.settings["listen"] = f"127.0.0.1:{server.port}"
    server.start()
    done = server.wait_job(job, *ENDED, seconds=60)
    assert done["state"] == "succeeded", done
    assert "latency: 3 us" in server.get(f"/api/v1/jobs/{job}/log").body.decode()
    agent.wait_spool_empty()


def test_the_agent_dies_and_the_job_runs_again(server, agent, tmp_path):
    pids = tmp_path / "pids"
    program = script(f"echo $$ >>{pids}\n"
                     f"if [ $(wc -l <{pids}) -lt 2 ]; then sleep 600; fi\necho 'latency: 3 us'")
    job = submit(server, program)
    first = int(wait_for(lambda: pids.exists() and pids.read_text().strip()))
    agent.kill()
    wait_for(lambda: not alive(first))
    agent.start()
    done = server.wait_job(job, *ENDED, seconds=60)
    assert done["state"] == "succeeded" and done["attempts"] == 2, done
    wait_for(lambda: all(b["state"] == "ready" for b in server.api("/boards")["items"]), 20)


def test_cancel(server, agent, tmp_path):
    job = submit(server, waiting(tmp_path))
    wait_for((tmp_path / "begun").exists)
    assert server.call("DELETE", f"/api/v1/jobs/{job}").status == 200
    done = server.wait_job(job, *ENDED)
    assert done["state"] == "canceled"
    wait_for(lambda: all(b["state"] == "ready" for b in server.api("/boards")["items"]), 20)
    assert server.wait_job(submit(server), *ENDED)["state"] == "succeeded"


def test_a_second_agent_with_the_same_board_is_told(server, agent, tmp_path):
    wait_for(lambda: len(server.api("/boards")["items"]) == 2)
    other = Agent(tmp_path / "other", f"http://127.0.0.1:{server.port}", boards=["host-1"],
                  name="other")
    other.start()
    try:
        wait_for(lambda: "the server does not take a board" in other.log())
        assert "bench" in other.log()
    finally:
        other.stop()


def test_an_agent_that_slept_past_its_lease_stops_driving(server, agent, tmp_path):
    pids = tmp_path / "pids"
    program = script(f"echo $$ >>{pids}\n"
                     f"if [ $(wc -l <{pids}) -lt 2 ]; then sleep 600; fi\necho 'latency: 3 us'")
    job = submit(server, program)
    first = int(wait_for(lambda: pids.exists() and pids.read_text().strip()))
    lost = server.api(f"/jobs/{job}")["run"]
    agent.process.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: server.api(f"/runs/{lost}")["state"] == "lost", 30)
    finally:
        agent.process.send_signal(signal.SIGCONT)
    wait_for(lambda: not alive(first), message="the lost run is still driven")
    assert server.wait_job(job, *ENDED, seconds=60)["state"] == "succeeded"
    late = wait_for(lambda: (lambda r: r if r["late"] else None)(server.api(f"/runs/{lost}")),
                    20, message="the late result is not taken")
    assert late["state"] == "late"
    wait_for(lambda: all(b["state"] == "ready" for b in server.api("/boards")["items"]), 20)
    agent.wait_spool_empty()


@pytest.mark.parametrize("point", ["agent.offer.taken", "agent.offer.started", "agent.flash.checked",
                                   "agent.measure.read", "agent.spool.synced",
                                   "agent.result.acknowledged"])
@pytest.mark.parametrize("comes_back", [True, False], ids=["same-agent", "another-agent"])
def test_the_agent_dies_at_any_point(tmp_path, point, comes_back):
    """The job ends well, on the board or on another one, and nothing is left behind."""
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder, heartbeat="200 ms", lease="1s", grace="200 ms", offer="1s", acquire="1s")
    server.start()
    url = f"http://127.0.0.1:{server.port}"
    dying = Agent(tmp_path / "dying", url, boards=["host-1"]).start(HILDA_FAILPOINTS=f"{point}=kill:1")
    other = Agent(tmp_path / "other", url, boards=["host-2"], name="other")
    try:
        job = submit(server)
        wait_for(lambda: dying.process.poll() is not None, 30, message=f"{point} was never reached")
        one = (dying if comes_back else other).start()
        done = server.wait_job(job, *ENDED, seconds=30)
        assert done["state"] == "succeeded", done
        assert done["attempts"] <= 2, done
        assert server.wait_job(submit(server), *ENDED, seconds=30)["state"] == "succeeded"
        if not comes_back:
            dying.start()
        wait_for(lambda: all(b["state"] == "ready" and b["online"] for b in server.api("/boards")["items"]), 20)
        one.wait_spool_empty()
        dying.wait_spool_empty()
        wait_for(lambda: not dying.left_in_work())
    finally:
        dying.stop()
        other.stop()
        server.stop()
