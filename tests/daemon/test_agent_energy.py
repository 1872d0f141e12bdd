"""Energy per inference, the agent's part: virtual boards with their PPK2, a server of the test's own."""

import json
import re
import struct

import pytest

from agent_process import alive
from conftest import need, wait_for
from steps_lab import WARM, firmware, phases, stages
from virtual_lab import VirtualLab

MACHINES = ["mps3-an547", "mps2-an386", "mps2-an500", "microbit"]
BATCHES = 12
ENERGY = phases(energy={"iterations": BATCHES})


class Lab(VirtualLab):
    """The image is the machine's own, with the markers that its meter needs."""

    def submit(self, **document):
        markers = "semihosting" if self.machine == "microbit" else None
        return super().submit(firmware(self.machine, markers=markers), **document)

    def run(self, seconds=180, **document):
        return self.finish(self.submit(**document), seconds)


def capture_records(data):
    """(kind, body) of each record; nothing may be left over."""
    out = []
    while data:
        kind, n = struct.unpack_from("<II", data)
        assert len(data) >= 16 + n, "a record is cut"
        out.append((kind, data[16:16 + n]))
        data = data[16 + n:]
    return out


def check_capture(result):
    records = capture_records(result["shipped"])
    assert [k for k, _ in records] == [1] + [2] * (len(records) - 2) + [3]
    head = json.loads(records[0][1])
    assert head["virtual"] is True and head["voltage_mV"] == 3300 and head["mode"] == "source"
    assert head["metadata"].rstrip().endswith("END")
    samples, lost, invalid, _ = struct.unpack("<QQQq", records[-1][1])
    told = result["energy"]["capture"]
    assert told["bytes"] == len(result["shipped"]) and told["dropped"] == ""
    assert told["lost"] == lost and told["invalid"] == invalid
    return samples


@pytest.fixture(scope="module", params=MACHINES)
def lab(request, tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    one = Lab(tmp_path_factory.mktemp(request.param), request.param)
    yield one
    one.close()


@pytest.fixture
def small(tmp_path):
    """A lab of its own, for a test that breaks it."""
    need("qemu-system-arm")
    need("openocd")
    one = Lab(tmp_path, "mps2-an386")
    yield one
    one.close()


def test_a_window_as_the_unit_made_it(lab):
    result = lab.run(**ENERGY)
    assert result["outcome"] == "passed", (result["detail"], result["log"])
    assert stages(result) == ["flash", "boot", "energy", "collect"]
    energy = result["energy"]
    window = energy["window"]
    assert window["valid"] is True and window["why"] == "", (window, result["log"])
    assert energy["source"] == "modelled" and energy["sync"] == "logic"
    assert energy["debug"] == "detached"
    assert energy["instrument"]["kind"] == "ppk2" and energy["instrument"]["voltage_mV"] == 3300
    assert re.fullmatch("[0-9a-f]{64}", energy["instrument"]["calibration_sha256"])
    assert energy["n"] == BATCHES * energy["batch"] and window["edges"] == BATCHES
    assert abs((window["end"] - window["start"]) * 10 - energy["device_window_us"]) <= 20
    # The unit's own sum of the currents that it encoded, over the same samples.
    reply = lab.control(f"energy {window['start']} {window['end']}")
    exact = float(re.search(r"charge_C=(\S+)", reply)[1]) * 1e6
    print(f"{lab.machine}: {window['charge_uC']:.6g} uC, exactly {exact:.6g} uC, "
          f"{(window['charge_uC'] / exact - 1) * 1e6:.0f} ppm apart")
    assert abs(window["charge_uC"] / exact - 1) < 1e-3
    assert sum(energy["batches"]["charge_uC"]) <= window["charge_uC"]
    assert all(energy["batches"]["complete"]) and len(energy["batches"]["start"]) == BATCHES
    assert energy["idle"]["complete"] and energy["idle"]["samples"] == 100000
    assert 0 < energy["idle"]["current_uA"] < window["charge_uC"] / window["samples"] * 1e5
    assert abs(energy["host_rate_ratio"] - 1) < 0.01
    check_capture(result)


def test_boards_say_that_they_can(lab):
    board = lab.server.registers[-1]["boards"][0]
    assert "energy" in board["phases"] and board["ppk2_serial"].startswith("VP-")


def lost_within(window):
    return window["lost"] or window["invalid"]


@pytest.mark.parametrize("fault", ["ppk2-lost 10", "ppk2-damage 10", "ppk2-slip 5000"])
def test_what_is_missing_is_said(small, fault):
    """None is silently wrong: a window with a loss is not valid, a valid one is exact."""
    small.control(f"fault {fault}")
    result = small.run(**ENERGY)
    assert result["outcome"] == "passed", (result["detail"], result["log"])
    energy, window = result["energy"], result["energy"]["window"]
    capture = energy["capture"]
    assert capture["lost"] + capture["invalid"] > 100, capture
    assert lost_within(window) and not window["complete"], window
    assert window["valid"] is False and "samples are lost" in window["why"], window
    assert not all(energy["batches"]["complete"])
    assert not energy["idle"]["complete"]
    check_capture(result)


def test_a_stale_stream_is_stopped(small):
    small.control("fault ppk2-stale")
    result = small.run(**ENERGY)
    assert result["outcome"] == "passed", (result["detail"], result["log"])
    assert result["energy"]["window"]["valid"] is True, result["energy"]["window"]


@pytest.mark.parametrize("fault,words", [
    ("ppk2-silent", "does not answer when asked for its calibration"),
    ("ppk2-metadata", "PPK2"),
    ("ppk2-unplug 50000", "went away"),
])
def test_a_unit_that_fails_is_infrastructure(small, fault, words):
    small.control(f"fault {fault}")
    result = small.run(**ENERGY)
    assert result["outcome"] == "infrastructure", (result["outcome"], result["detail"])
    assert result["stage"] == "energy" and words in result["detail"], result["detail"]
    assert "energy" not in result
    # Healed, the next attempt is as good as any.
    small.control("fault none")
    again = small.run(**ENERGY)
    assert again["energy"]["window"]["valid"] is True, (again["energy"]["window"], again["log"])


def test_killed_in_mid_capture_it_leaves_nothing(small):
    number = small.submit(**phases(energy={"iterations": 400}))
    small.server.wait(lambda s: s.runs[number]["capture"], 120, "no capture is shipped")
    emulator = json.loads(next(small.agent.data.rglob("v1/ready.json")).read_text())["pid"]
    small.agent.kill()
    wait_for(lambda: not alive(emulator), message="the virtual board outlives its agent")
    assert any(name.endswith(".capture") for name in small.agent.spool())
    small.start()
    wait_for(lambda: not [name for name in small.agent.spool() if name.endswith(".capture")],
             message="half a capture stays in the spool")
    small.server.wait(lambda s: "v1" not in s.checks and s.boards["v1"]["online"], 60)
    again = small.run(**ENERGY)
    assert again["outcome"] == "passed" and again["energy"]["window"]["valid"] is True
    check_capture(again)
    small.agent.wait_spool_empty()


def test_canceled_in_mid_capture_the_board_has_power_again(small):
    number = small.submit(**phases(energy={"iterations": 400}))
    small.server.wait(lambda s: s.runs[number]["capture"], 120, "no capture is shipped")
    small.server.cancel(number)
    result = small.finish(number)
    assert result["outcome"] == "canceled" and result["detail"] == "canceled by the user"
    assert result["stage"] == "energy"
    print("canceled after", [s for s in result["stages"] if s["stage"] == "energy"])
    again = small.run(**ENERGY)
    assert again["outcome"] == "passed" and again["energy"]["window"]["valid"] is True
    check_capture(again)
    small.agent.wait_spool_empty()


def test_the_server_is_away_during_the_capture(small):
    number = small.submit(**phases(energy={"iterations": 200}))
    small.server.wait(lambda s: s.runs[number]["capture"], 120, "no capture is shipped")
    part = len(small.server.runs[number]["capture"])
    small.server.down = True
    wait_for(lambda: any(n.endswith(".json") for n in small.agent.spool()), seconds=120,
             message="the run does not go on without the server")
    assert len(small.server.runs[number]["capture"]) <= part + 300000
    small.server.down = False
    result = small.finish(number)
    assert result["outcome"] == "passed" and result["energy"]["window"]["valid"] is True
    check_capture(result)
    small.agent.wait_spool_empty()


@pytest.mark.parametrize("status", [413, 422])
def test_a_capture_that_is_refused_holds_up_nothing(small, status):
    small.server.fault("/capture", status, times=100)
    result = small.run(**ENERGY)
    assert result["outcome"] == "passed" and result["energy"]["window"]["valid"] is True
    assert f"the test wants {status}" in result["energy"]["capture"]["dropped"]
    assert "the capture is dropped" in result["log"][2]
    assert not result["shipped"]
    small.agent.wait_spool_empty()


def test_refused_at_its_very_end(small):
    """After the result is written down: it is written anew."""
    small.server.fault("PUT /agent/v1/runs/1/capture", "drop", times=1000)
    number = small.submit(**ENERGY)
    wait_for(lambda: any(n.endswith(".json") for n in small.agent.spool()), seconds=120,
             message="no result is spooled")
    with small.server.lock:  # no piece may come between
        small.server.faults.clear()
        small.server.fault("/capture", 413, times=1000)
    result = small.finish(number)
    assert "the test wants 413" in result["energy"]["capture"]["dropped"]
    assert "the capture is dropped: " in result["log"][2]
    small.agent.wait_spool_empty()


def test_what_was_given_up_after_the_result_is_said(small):
    """The shipper's refusal takes the file away; the result must not tell of it as there."""
    small.server.fault("PUT /agent/v1/runs/1/capture", "drop", times=1000)
    number = small.submit(**ENERGY)
    wait_for(lambda: any(n.endswith(".json") for n in small.agent.spool()), seconds=120,
             message="no result is spooled")
    for file in (small.agent.data / "spool").glob("*capture*"):
        file.unlink()
    small.server.faults.clear()
    result = small.finish(number)
    assert "its file is gone" in result["energy"]["capture"]["dropped"]
    assert "the capture is dropped: " in result["log"][2]
    small.agent.wait_spool_empty()


def test_without_energy_nothing_is_opened(small):
    result = small.run(**phases(warm=WARM))
    assert result["outcome"] == "passed" and "energy" not in result
    assert "power by" not in result["log"][2]


@pytest.mark.parametrize("machine,kind", [("microbit", "power-on"), ("mps2-an386", "first")])
def test_cold_by_power(tmp_path, machine, kind):
    need("qemu-system-arm")
    need("openocd")
    one = Lab(tmp_path, machine)
    try:
        by_power = one.run(**phases(cold={"boots": 2, "by": "power"}))
        by_reset = one.run(**phases(cold={"boots": 1, "by": "reset"}))
    finally:
        one.close()
    assert by_power["outcome"] == "passed", (by_power["detail"], by_power["log"])
    cold = by_power["phases"]
    assert [(c["boot"], c["kind"]) for c in cold] == [(0, kind), (1, kind)]
    assert by_reset["phases"][0]["kind"] == "reset"
    # The same code, counted: the first inference takes what it takes after a reset.
    assert {c["first_ticks"] for c in cold} == {by_reset["phases"][0]["first_ticks"]}


def test_two_boards_with_one_unit(tmp_path):
    """Never at once; the one that waits says for what."""
    need("qemu-system-arm")
    need("openocd")
    unit = tmp_path / "agent" / "data" / "virtual" / "v1" / "ppk2"
    one = Lab(tmp_path, "mps2-an386", extra=f"[board v2]\nvirtual = mps2-an386\n"
                                            f"power = ppk2:{unit}, source, 3300 mV\n")
    try:
        one.server.wait(lambda s: s.boards.get("v2", {}).get("online"), 60)
        image = one.server.add_artifact(firmware("mps2-an386"))
        runs = [one.server.submit(board, image, **ENERGY) for board in ("v1", "v2") * 2]
        results = [one.server.wait_result(r, 240) for r in runs]
    finally:
        one.close()
    spans = sorted((r["started_at"], r["finished_at"]) for r in results)
    assert all(r["outcome"] == "passed" for r in results), [r["detail"] for r in results]
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), spans
    details = {b["detail"] for h in one.server.heartbeats for b in h["boards"]}
    assert any(re.match("waits for PPK2 .*, which board v[12] uses", d) for d in details), details
