"""One server, agents on hosts of their own, and links that fail: nothing accepted is lost, no board is
driven twice, nothing stays stuck. Each test ends with the question to the disks (scenario/history.py)."""

import os
import pty
import random
import threading
import tty

import pytest
from agent_process import minimal_elf
from conftest import wait_for
from fault_proxy import FAULTS, KINDS
from hosts_kit import BUILD, SANITIZED, SHORT, clocks_can_jump, field  # noqa: F401
from hosts_storm import Storm
from lab import Refused

ENDED = ("succeeded", "failed", "canceled", "lost")


# ---- the link is cut


@pytest.mark.parametrize("direction", ["both", "up", "down"])
def test_a_cut_that_is_shorter_than_the_lease(field, direction):
    """The result is made while nobody can be told: it waits in the spool, and there is one attempt."""
    f = field(1)
    agent = f.agent("a", n=1)
    agent.hold()
    job = f.submit()
    agent.wait_driven(f.wait_run(job, 0, "running")["id"])
    f.cut(0, direction)
    agent.hold(False)
    wait_for(agent.spooled, message="no result is in the spool")
    assert f.job(job)["state"] == "active"  # the log goes first, and waits for its answer
    f.heal(0)
    assert f.wait_state(job, *ENDED)["attempts"] == 1
    f.rest(1)


@pytest.mark.parametrize("direction", ["both", "up", "down"])
def test_a_cut_that_is_longer_than_the_lease(field, direction):
    """The run is lost, another host's board does the job; what the first one says afterwards is late."""
    f = field(2, **SHORT)
    one = f.agent("a", n=1)
    one.hold()
    job = f.submit()
    lost = f.wait_run(job, 0, "running")
    one.wait_driven(lost["id"])
    two = f.agent("b", host=1, n=1)
    f.cut(0, direction)
    f.wait_run(job, 0, "lost")
    assert f.wait_state(job, *ENDED)["state"] == "succeeded"
    assert f.job(job)["on_board"] == "b-1" and f.job(job)["attempts"] == 2
    one.hold(False)
    wait_for(one.spooled, message="no result is in the spool")
    f.heal(0)
    late = f.wait_run(job, 0, "late")
    assert late["late"] and f.job(job)["run"] != late["id"]
    f.wait_online("a", 1)
    again = f.submit(board={"name": "a-1"})
    assert f.wait_state(again, *ENDED)["state"] == "succeeded"
    assert two.driven().count("start ") == 1
    f.rest(2)


def test_a_late_result_stands_for_a_job_that_still_waits(field):
    f = field(1, **SHORT)
    agent = f.agent("a", n=1)
    agent.hold()
    job = f.submit()
    agent.wait_driven(f.wait_run(job, 0, "running")["id"])
    f.cut(0)
    f.wait_run(job, 0, "lost")
    # The board has to wait, so that the result is there before the next attempt.
    f.lab.call("PATCH", "/api/v1/boards/a-1", {"action": "drain", "reason": "until the result is here"})
    agent.hold(False)
    wait_for(agent.spooled)
    f.heal(0)
    done = f.wait_state(job, *ENDED)
    assert done["state"] == "succeeded" and done["attempts"] == 1
    assert [r["state"] for r in f.runs(job)] == ["late"]
    f.lab.call("PATCH", "/api/v1/boards/a-1", {"action": "release"})
    f.rest(1)


def test_an_offer_into_the_void_costs_no_attempt(field):
    """The agent's question was there before the cut; the offer to it never arrives."""
    f = field(1, **{**SHORT, "offer": "600 ms", "acquire": "10s", "lease": "20s"})
    f.agent("a", n=1)
    f.cut(0)
    job = f.submit(attempts=1)
    f.wait_run(job, 0, "released")
    f.heal(0)
    done = f.wait_state(job, *ENDED)
    assert done["state"] == "succeeded" and done["attempts"] == 1
    f.rest(1)


# ---- the agent is paused, or its host goes away


def test_an_agent_that_was_paused_past_its_lease(field):
    """Its board is given up, the job goes to another host; awake again, it lets go and tells late."""
    f = field(2, **SHORT)
    one = f.agent("a", n=1)
    one.hold()
    job = f.submit()
    lost = f.wait_run(job, 0, "running")
    one.wait_driven(lost["id"])
    f.agent("b", host=1, n=1)
    one.stop_for(lambda: f.wait_state(job, *ENDED))
    assert f.job(job)["state"] == "succeeded" and f.job(job)["on_board"] == "b-1"
    assert f.wait_run(job, 0, "late")["outcome"] != "passed"
    one.hold(False)
    assert f"end {lost['id']} " not in one.driven()
    f.rest(2)


@pytest.mark.parametrize("point", ["agent.offer.taken", "agent.offer.started"])
def test_an_agent_that_was_paused_before_it_drove(field, point):
    """Between offer and start, and between start and the board: it never touches what is not its own."""
    f = field(2, **{**SHORT, "offer": "600 ms"})
    one = f.agent("a", n=1, start=False).start(HILDA_FAILPOINTS=f"{point}=stop:1")
    f.wait_online("a", 1)
    job = f.submit()
    wait_for(one.stopped, message=f"{point} was not reached")
    run = f.runs(job)[0]["id"]
    f.agent("b", host=1, n=1)
    done = one.stop_for(lambda: f.wait_state(job, *ENDED))
    assert done["state"] == "succeeded" and done["on_board"] == "b-1"
    f.wait_online("a", 1)
    if point == "agent.offer.taken":
        assert f"start {run} " not in one.driven() and f.wait_run(job, 0, "released")
        assert done["attempts"] == 1
    else:
        f.wait_run(job, 0, "late")
    f.rest(2)


@pytest.mark.parametrize("comes_back", ["at once", "after the lease"])
def test_a_host_that_loses_its_power(field, comes_back):
    """No packet says so. Whoever comes back holds no run; the job is done, by it or by another host."""
    f = field(2, **({**SHORT} if comes_back == "after the lease" else {}))
    one = f.agent("a", n=2)
    one.hold()
    job = f.submit(attempts=2)
    lost = f.wait_run(job, 0, "running")
    one.wait_driven(lost["id"])
    one.host.power_off()
    one.process.wait()
    f.counts["power cuts"] += 1
    one.hold(False)
    if comes_back == "after the lease":
        f.wait_run(job, 0, "lost")
        f.agent("b", host=1, n=1)
        assert f.wait_state(job, *ENDED)["on_board"] == "b-1"
    one.host.power_on()
    one.start()
    done = f.wait_state(job, *ENDED)
    assert done["state"] == "succeeded" and done["attempts"] == 2
    assert f.runs(job)[0]["state"] == "lost"
    f.rest(3 if comes_back == "after the lease" else 2)


OPENOCD = """#!/bin/sh
exec 9>>'{log}.lock'
flock -n 9 || echo "overlap $$ $$ 0" >>'{log}'
echo "start $$ $$ 0" >>'{log}'
while [ -e '{hold}' ]; do sleep 0.02; done
echo 'hilda: adapter fake'
echo started >'{fifo}'
echo "end $$ $$ 0" >>'{log}'
echo 'hilda: done'
"""


class Probe:
    """A board behind a pty and a program named openocd, which notes when it drives: for agents of one host."""

    def __init__(self, folder):
        self.folder = folder / "probe"
        self.folder.mkdir()
        self.hold, fifo = self.folder / "hold", self.folder / "fifo"
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.mkfifo(fifo)
        self.log = folder / "a" / "driven" / "probe.log"
        (self.folder / "openocd").write_text(OPENOCD.format(log=self.log, hold=self.hold, fifo=fifo))
        (self.folder / "openocd").chmod(0o755)
        self.path = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        self.section = f"[board probe]\ntype = nucleo\nopenocd = board.cfg\nconsole = {os.ttyname(self.slave)}\n"
        threading.Thread(target=self.speak, args=(fifo,), daemon=True).start()

    def speak(self, fifo):
        while True:
            with open(fifo) as started:
                if started.read():
                    os.write(self.master, b"latency: 5 us\r\ndone\r\n")

    def driven(self, what):
        return self.log.read_text().count(what + " ") if self.log.exists() else 0


def test_a_paused_agent_and_a_second_one_at_the_same_probe(field, tmp_path):
    """The server gives the board away; the host's lock, which OpenOCD holds, keeps the second agent out until
    the first is awake, has heard that its run is lost, and has let go."""
    f = field(1, **SHORT)
    probe = Probe(tmp_path)
    shared = {"run": tmp_path / "locks"}
    one = f.agent("a", boards=probe.section, settings=shared, start=False).start(**probe.path)
    f.wait_online("a", 1)
    probe.hold.touch()
    image = f.client.upload(minimal_elf())
    job = f.submit(value=5, image=f"sha256:{image}", files=[], board={"name": "probe"}, attempts=4)
    f.wait_run(job, 0, "running")
    wait_for(lambda: probe.driven("start") == 1, 20)

    def given_away():
        f.wait_run(job, 0, "lost")
        wait_for(lambda: not f.lab.get("/api/v1/agents")["items"][0]["online"], 20)
        f.agent("b", boards=probe.section, settings=shared, start=False).start(**probe.path)
        wait_for(lambda: f"in use by hilda-agent, pid {one.process.pid}" in f.detail("probe"), 20,
                 message="nobody says who holds the lock")
        assert probe.driven("start") == 1

    one.stop_for(given_away)
    assert f.wait_run(job, 0, "late")["outcome"] == "infrastructure"
    wait_for(lambda: probe.driven("start") == 2, 30, message="the second agent does not drive")
    probe.hold.unlink()
    assert f.wait_state(job, *ENDED)["state"] == "succeeded"
    assert probe.driven("overlap") == 0 and probe.driven("end") == 1
    f.rest(1)


# ---- names


def test_an_insecure_server_answers_to_no_foreign_name(field, tmp_path):
    """Its address and its own name will do; a page that came by a rebound DNS name is told so."""
    f = field(1)
    there = f.lab_of(f.hosts[0])
    for name in (f"{there.address}:{there.port}", f"server:{there.port}", "localhost"):
        assert there.call("GET", "/api/v1/jobs", headers={"Host": name})["items"] == []
    with pytest.raises(Refused) as no:
        there.call("GET", "/api/v1/jobs", headers={"Host": "rebound.example"})
    assert no.value.status == 421
    assert "insecure: whoever reaches this port" in (tmp_path / "server.log").read_text()


def test_two_agents_of_one_name(field):
    """The second is told which host has it, the first works on; when that one is gone the name is free."""
    f = field(2, **SHORT)
    one = f.agent("a", n=1)
    two = f.agent("b", host=1, n=1, online=False, settings={"name": "a"})
    wait_for(lambda: "is online on host host-1" in two.log(), 20, message="it is not told")
    assert "this one is on host-2" in two.log()
    assert f.wait_state(f.submit(), *ENDED)["on_board"] == "a-1"
    f.agents.remove(one)
    f.wrong += one.end()
    wait_for(lambda: any(b["name"] == "b-1" and b["online"] for b in f.boards()), 20)
    assert f.wait_state(f.submit(), *ENDED)["on_board"] == "b-1"
    f.agents.append(one)
    f.rest(1)


def test_two_boards_of_one_name(field):
    f = field(2, **SHORT)
    one = f.agent("a", boards="[board shared]\ntype = torture\nexec = local\n")
    two = f.agent("b", host=1, online=False, boards="[board shared]\ntype = torture\nexec = local\n"
                  "[board own]\ntype = torture\nexec = local\n")
    wait_for(lambda: "the name is taken by agent a on host-1" in two.log(), 20, message="it is not told")
    f.wait_online("b", 1)
    jobs = [f.submit(board={"name": "shared"}) for _ in range(3)]
    assert all(f.wait_state(j, *ENDED)["state"] == "succeeded" for j in jobs)
    assert one.driven().count("start ") == 3 and not two.driven()
    f.rest(2)


# ---- connections that break in the middle


@pytest.mark.parametrize("faults", [FAULTS[0:3], FAULTS[3:6], FAULTS[6:8]], ids="-".join)
def test_connections_that_break(field, faults):
    """Each kind of call is broken in each way, twice. No job notices: one attempt each, one result."""
    f = field(1)
    wanted = {(kind, fault): 1 if kind == "register" else 2 for kind, _ in KINDS for fault in faults}

    def missing():
        return [what for what in wanted if proxy.injected[what] < wanted[what]]

    def choose(kind):
        left = [fault for k, fault in missing() if k == kind]
        return f.random.choice(left) if left and f.random.random() < 0.7 else None

    proxy = f.proxy(f.hosts[0])
    proxy.chooser = choose
    url = f"http://127.0.0.1:{proxy.port}"
    f.client.lab = f.lab_of(f.hosts[0], "127.0.0.1", proxy.port)
    agent = f.agent("a", n=3, url=url)
    jobs = []

    def all_done():
        while len(f.lab.get("/api/v1/jobs?state=queued&limit=50")["items"]) < 3:
            jobs.append(f.submit(sleep_ms=150, pad=f.random.choice([0, 70000])))
        if any(kind == "register" for kind, _ in missing()):
            f.wait_state(jobs[-1], *ENDED)
            f.wrong += agent.end()
            agent.start()
            agent.wait_registered()
            f.wait_online("a", 3)
        return not missing()

    wait_for(all_done, 180, message=lambda: f"not reached: {missing()}")
    for job in jobs:
        done = f.wait_state(job, *ENDED)
        assert (done["state"], done["attempts"]) == ("succeeded", 1), done
    f.counts["resets"] += sum(n for (_, fault), n in proxy.injected.items() if fault in FAULTS[:4])
    f.rest(3)


def test_a_result_whose_answer_is_lost(field):
    """It was taken; sent again it gets the same answer, byte for byte, and is not adopted again."""
    f = field(1)
    lose = ["lost reply"] * 3  # libcurl itself asks again once
    proxy = f.proxy(f.hosts[0], lambda kind: lose.pop() if kind == "result" and lose else None)
    f.agent("a", n=1, url=f"http://127.0.0.1:{proxy.port}")
    job = f.submit()
    assert f.wait_state(job, *ENDED)["attempts"] == 1
    wait_for(lambda: len([s for s in proxy.seen if "/result" in s[0]]) == 4, 20, message="it is not sent again")

    def essence(reply):
        head, _, body = reply.partition(b"\r\n\r\n")
        return head.split(b"\r\n")[0], body

    calls = [(request.partition(b"\r\n\r\n")[2], essence(reply)) for head, request, reply in proxy.seen
             if "/result" in head]
    assert len(set(calls)) == 1 and calls[0][1] == (b"HTTP/1.1 200 OK", b'{"adopted":true}')
    f.rest(1)


def test_a_slow_line(field):
    """64 kbit/s for an image, a plan and a log, with heartbeats that must not wait behind them."""
    f = field(1, lease="4s", grace="200 ms", heartbeat="500 ms")
    f.hosts[0].slow("64kbit")
    f.client.lab = f.lab_of(f.hosts[0])
    f.agent("a", n=1)
    job = f.submit(sleep_ms=500, lines=300, pad=20000)
    done = f.wait_state(job, *ENDED, seconds=60)
    assert (done["state"], done["attempts"]) == ("succeeded", 1), done
    f.rest(1, seconds=60)


# ---- clocks that jump


def need_faketime():
    if not clocks_can_jump():
        pytest.skip("libfaketime is not installed" if BUILD.name not in SANITIZED else
                    "libfaketime and a sanitizer both want to be the first library")


@pytest.mark.parametrize("offset", ["-3600", "+86400"], ids=["an hour back", "a day forward"])
@pytest.mark.parametrize("whose", [("server",), ("a",), ("server", "a")], ids="-".join)
def test_clocks_that_jump(field, tmp_path, whose, offset):
    """Nothing that lasts is measured by the wall clock: no lease ends, no offer, no wait in the queue."""
    need_faketime()
    f = field(1, clocks=True, lease="20s")
    agent = f.agent("a", n=1)
    agent.hold()
    first = f.submit()
    run = f.wait_run(first, 0, "running")
    agent.wait_driven(run["id"])
    queued = f.submit(timeouts_s={"queue": 600})
    waits_2s = f.submit(board={"type": "nobody-has-it"}, timeouts_s={"queue": 2})
    for name in whose:
        f.set_clock(name, offset)
    f.counts["clock jumps"] += len(whose)
    if "server" in whose:
        wait_for(lambda: "the wall clock was set" in (tmp_path / "server.log").read_text(), 20)
    after = f.submit(timeouts_s={"queue": 600})
    # By then everything that looks at clocks has looked; set back, it would wait for an hour.
    assert f.wait_state(waits_2s, *ENDED)["outcome"] == "timeout"
    assert [f.job(j)["state"] for j in (first, queued, after)] == ["active", "queued", "queued"]
    agent.hold(False)
    for job in (first, queued, after):
        done = f.wait_state(job, *ENDED)
        assert (done["state"], done["attempts"]) == ("succeeded", 1), done
        run = f.runs(job)[0]
        assert run["created_at"] <= run["started_at"] <= run["finished_at"], run
        assert done["created_at"] <= done["started_at"] <= done["finished_at"], done
        assert all(0 <= s["start_ms"] <= s["end_ms"] < 60000 for s in f.lab.get(f"/api/v1/runs/{run['id']}")["stages"])
    f.rest(1)


# ---- everything at once


def test_a_storm(field):
    """HILDA_STORM_SEED makes the same choices again, HILDA_STORM_SECONDS a longer storm."""
    seed = os.environ.get("HILDA_STORM_SEED") or str(random.SystemRandom().randrange(1, 10 ** 6))
    seconds = float(os.environ.get("HILDA_STORM_SECONDS") or 20)
    f = field(2, seed=seed, clocks=clocks_can_jump(), **{**SHORT, "offer": "1500 ms"})
    print(f"HILDA_STORM_SEED={seed}")
    storm = Storm(f, seed)
    storm.rage(seconds)
    storm.pass_by()
    f.rest(6, seconds=90)
    assert f.counts["partitions"] and f.counts["injected faults"]
