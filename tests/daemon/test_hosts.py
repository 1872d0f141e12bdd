"""One server, agents on hosts of their own, and links that fail: nothing accepted is lost, no board is
driven twice, nothing stays stuck. Each test ends with the question to the disks (scenario/history.py)."""

import pytest
from conftest import wait_for
from hosts_kit import SHORT, field  # noqa: F401

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


# ---- names


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
