"""The virtual board's Power Profiler Kit II on its wire: session, samples, the windows of a real `lab energy`
run with exact widths and charges, power, and every fault."""

import contextlib
import os
import signal
import time

import pytest
from conftest import BUILD, wait_for
from firmware_device import Record
from ppk2_kit import AMPERE, RATE, RESET, SOURCE, START, STOP, Lost, Ppk2, counters, edges, jumps, windows
from vlab_kit import MACHINES, board, needs  # noqa: F401 (fixture)

MACHINE = "mps2-an500"
# What virtual-lab/load.c says of it, in amperes.
SLEEP, RUN, MAC = 95e-6, 6.9e-3, 8.5e-3


def firmware(machine):
    return BUILD / "firmware" / machine / f"full-nano-int8{'-semihosting' * (machine == 'microbit')}.elf"


def open_ppk2(b):
    return Ppk2(b.ready["ppk2"])


def mean(values):
    return sum(values) / len(values)


def collect(ppk2, seconds):
    """Words of a capture of about so many seconds."""
    with ppk2.capture() as capture:
        wait_for(lambda: capture.samples() >= seconds * RATE, 30, message="too few samples came")
    return capture.words()


def truth(b, start, end):
    """The exact charge of these samples, in coulombs."""
    words = b.tell(f"energy {start} {end}").split()
    assert words[2] == f"samples={end - start}"
    return float(words[1].split("=")[1])


def start_firmware(b, console):
    """The image is on the board, and the core asleep until a command comes."""
    b.put_well(firmware(b.machine))
    console.wait(b"m-ready")


def lab_energy(console, batches, batch):
    console.send(b"lab energy %d %d%%" % (batches, batch))
    text = console.wait(b"m-ready", 60).decode()
    records = [Record(line) for line in text.splitlines() if line.startswith("$")]
    assert [r.type for r in records] == ["R", "E"], text
    return records[0].values


def test_a_session_begins_as_with_a_real_unit(board):
    b = board(MACHINE)
    ready = b.ready
    assert ready["ppk2"] == f"{b.folder}/ppk2" and os.readlink(ready["ppk2"]).startswith("/dev/pts/")
    assert ready["ppk2_serial"].startswith("VP-") and len(ready["ppk2_serial"]) == 11
    assert b.status()["ppk2"] == "idle"
    with open_ppk2(b) as ppk2:
        ppk2.send(STOP)
        assert ppk2.drain() == b""
        first = ppk2.metadata()
        assert 900 < len(first.text) < 1500
        for key in ("R", "GS", "GI", "O", "S", "I", "UG"):
            assert all(f"{key}{r}" in first.values for r in range(5))
        assert first.values["mode"] == "1" and first.values["IA"] and first.values["HW"]
        defaults = [1031.64, 101.65, 10.15, 0.94, 0.043]
        assert all(0 < abs(first.number(f"R{r}") / d - 1) < 0.4 for r, d in enumerate(defaults))
        # Opcodes that are not known do nothing, whatever follows them.
        ppk2.send(b"\x25\xff\x01\x0d\x00\x01\x11\x07\xaa")
        assert ppk2.metadata().text == first.text
        told = ppk2.connect(SOURCE, 3300)
        assert told.values["VDD"] == "3300" and told.values["mode"] == "2"
        same = [k for k in first.values if k not in ("VDD", "mode")]
        assert [told.values[k] for k in same] == [first.values[k] for k in same]


def test_samples_come_by_the_clock_and_in_sequence(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        calibration = ppk2.connect()
        wait_for(lambda: b.state() == "running")
        began = time.monotonic()
        with ppk2.capture() as capture:
            wait_for(lambda: time.monotonic() - began > 2.0)
            # At once, before the STOP that the capture ends with.
            ppk2.send(STOP)
            lasted = time.monotonic() - began
        words = capture.words()
        assert len(capture.data) % 4 == 0
        assert jumps(words) == [] and len(set(counters(words[:64]))) == 64
        assert abs(len(words) / (lasted * RATE) - 1) < 0.01
        assert {w >> 14 & 7 for w in words} == {1} and {w >> 24 for w in words} == {0}
        currents = calibration.currents(words)
        assert abs(mean(currents) / SLEEP - 1) < 0.001
        assert abs(sum(currents) / RATE / truth(b, 0, len(words)) - 1) < 0.001
        spread = (sum((a - SLEEP) ** 2 for a in currents) / len(currents)) ** 0.5
        step = 4 * 1.8 / 163840 / calibration.number("R1")
        assert spread > 0.6 * step
        assert b.ask("energy 0 999999999").startswith("error ")
        assert b.ask("energy 5 x").startswith("error ")
        assert b.status()["ppk2"] == "idle"


def test_the_noise_is_the_seed_s(board, tmp_path):
    """The same seed gives the same codes, another one others."""
    seen = []
    for seed in ("7", "7", "8"):
        b = board(MACHINE, options=["--ppk2-seed", seed])
        with open_ppk2(b) as ppk2:
            ppk2.mode(AMPERE)
            ppk2.running(1)
            seen.append([w & 0x1FFFF for w in collect(ppk2, 0.1)[:5000]])
        b.stop()
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize("machine", MACHINES)
def test_windows_of_lab_energy(machine, board):
    b = board(machine)
    hz = b.ready["hz"]
    batches, batch = 3, 1
    with b.console() as console, open_ppk2(b) as ppk2:
        calibration = ppk2.connect()
        start_firmware(b, console)
        with ppk2.capture() as capture:
            wait_for(lambda: capture.samples() > 20000, 30)
            values = lab_energy(console, batches, batch)
            ticks = int(values["window"])
            whole = ticks / hz * RATE
            # The window is played when the guest has finished it, and then the core sleeps.
            wait_for(lambda: capture.samples() > whole and len(windows(capture.words()[-1000:])) == 0 and
                     windows(capture.words()), 60, every=0.5, message="no window came")
            end = windows(capture.words())[0][1]
            wait_for(lambda: capture.samples() > end + 10000, 30)
        words = capture.words()
    assert jumps(words) == []
    (start, end), = windows(words)
    assert abs((end - start) - whole) <= 2
    assert edges(words, 1, start, end) == batches and edges(words, 1, 0, len(words)) == batches
    assert edges(words, 2, 0, len(words)) == 1
    # The last edge of D1 stands in the window for at least three samples.
    assert edges(words, 1, end - 3, end) == 0
    currents = calibration.currents(words)
    exact = truth(b, start, end)
    charge = sum(currents[start:end]) / RATE
    print(f"{machine}: window {end - start} samples, device {whole:.2f}, charge {charge:.9g} C, exact {exact:.9g} C, "
          f"off by {charge / exact - 1:+.2e}")
    assert (end - start) > 0.03 * RATE and abs(charge / exact - 1) < 0.001
    # The same in the quiet before and behind it, where the unit is in its most sensitive ranges.
    for first, last in ((0, start - 100), (end + 100, len(words))):
        assert last - first > 5000
        assert abs(sum(currents[first:last]) / RATE / truth(b, first, last) - 1) < 0.002
    assert mean(currents[start:end]) > 10 * mean(currents[:start - 100])


def test_two_windows_do_not_run_into_each_other(board):
    """The guest is far ahead of the clock: the second window waits for the end of the first."""
    b = board("mps3-an547")
    with b.console() as console, open_ppk2(b) as ppk2:
        ppk2.connect()
        start_firmware(b, console)
        with ppk2.capture() as capture:
            # Three inferences of the guest are soon done, twelve of the clock are not.
            ticks = [int(lab_energy(console, n, 1)["window"]) for n in (12, 1)]
            whole = [t / b.ready["hz"] * RATE for t in ticks]
            wait_for(lambda: capture.samples() > sum(whole) and len(windows(capture.words())) == 2, 60, every=0.5,
                     message="no two windows came")
        words = capture.words()
    found = windows(words)
    assert all(abs((end - start) - w) <= 2 for (start, end), w in zip(found, whole))
    assert found[1][0] - found[0][1] >= 100
    assert edges(words, 1, 0, len(words)) == 13


def test_what_nobody_watches_is_over_at_once(board):
    b = board("mps3-an547")
    with b.console() as console, open_ppk2(b) as ppk2:
        ppk2.connect()
        start_firmware(b, console)
        before = int(b.status()["windows"])
        lab_energy(console, 1, 1)
        wait_for(lambda: int(b.status()["windows"]) == before + 1)
        words = collect(ppk2, 0.3)
        # The window has passed; the level that it has left behind on D1 is there.
        assert {w >> 24 & 1 for w in words} == {0} and {w >> 25 & 1 for w in words} == {1}


def test_source_mode_switches_the_board_s_power(board):
    b = board(MACHINE)
    with b.console() as console, open_ppk2(b) as ppk2:
        b.put_well(firmware(MACHINE))
        console.wait(b"m-ready")
        cycles = int(b.status()["cycles"])
        ppk2.mode(SOURCE)
        ppk2.metadata()
        # A session that has not spoken of power leaves the board to its own supply.
        assert b.state() == "running" and int(b.status()["cycles"]) == cycles
        ppk2.running(0)
        wait_for(lambda: b.state() == "off")
        words = collect(ppk2, 0.2)
        assert {w >> 24 for w in words} == {0} and truth(b, 0, 20000) == 0
        ppk2.running(1)
        wait_for(lambda: b.state() == "running" and int(b.status()["cycles"]) == cycles + 1)
        # RAM is scrambled: the image is gone.
        console.read(0.1)
        console.data = b""
        console.send(b"name%")
        assert console.read(1.0) == b""
        b.put_well(firmware(MACHINE))
        console.wait(b"m-ready")
        # Off and on in one breath is a power cycle too.
        ppk2.send(b"\x0c\x00\x0c\x01")
        wait_for(lambda: int(b.status()["cycles"]) == cycles + 2 and b.state() == "running")
        ppk2.running(0)
        wait_for(lambda: b.state() == "off")
    # The port is closed: the board's own supply is back.
    wait_for(lambda: b.state() == "running" and int(b.status()["cycles"]) == cycles + 3)


def test_power_off_drops_what_was_to_come(board):
    b = board("mps3-an547")
    with b.console() as console, open_ppk2(b) as ppk2:
        ppk2.connect()
        start_firmware(b, console)
        with ppk2.capture() as capture:
            whole = int(lab_energy(console, 20, 1)["window"]) / b.ready["hz"] * RATE
            wait_for(lambda: len(capture.data) >= 4 and capture.words()[-1] >> 24 & 1, 30, every=0.05)
            ppk2.send(b"\x0c\x00\x0c\x01")
            wait_for(lambda: not capture.words()[-1] >> 24 & 1, 30, every=0.05)
            at = capture.samples()
            wait_for(lambda: capture.samples() > at + RATE // 2, 30)
        words = capture.words()
        assert {w >> 24 for w in words[at:]} == {0}
        (start, end), = windows(words)
        assert end - start < whole - RATE / 10, "the window was played to its end"


def test_ampere_mode_leaves_the_power_alone(board):
    b = board(MACHINE)
    cycles = b.status()["cycles"]
    with open_ppk2(b) as ppk2:
        calibration = ppk2.connect(AMPERE)
        assert mean(calibration.currents(collect(ppk2, 0.2))) == pytest.approx(SLEEP, rel=0.01)
        ppk2.running(0)
        words = collect(ppk2, 0.2)
        assert abs(mean(calibration.currents(words))) < 1e-8 and truth(b, 0, len(words)) == 0
        ppk2.running(1)
        assert mean(calibration.currents(collect(ppk2, 0.2))) == pytest.approx(SLEEP, rel=0.01)
    assert b.state() == "running" and b.status()["cycles"] == cycles


def test_a_board_switched_off_elsewhere_draws_nothing(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        calibration = ppk2.connect()
        b.tell("power off")
        assert abs(mean(calibration.currents(collect(ppk2, 0.2)))) < 1e-8
        b.tell("power on")
        assert mean(calibration.currents(collect(ppk2, 0.2))) == pytest.approx(SLEEP, rel=0.01)


def test_reset_leaves_the_bus_for_a_moment(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        ppk2.connect()
        ppk2.running(0)
        wait_for(lambda: b.state() == "off")
        ppk2.send(RESET)
        with pytest.raises(Lost):
            while ppk2.read(5):
                pass
    wait_for(lambda: b.status()["ppk2"] == "idle" and os.path.exists(b.ready["ppk2"]))
    # It has forgotten what it was told.
    wait_for(lambda: b.state() == "running")
    with open_ppk2(b) as ppk2:
        assert ppk2.metadata().values["mode"] == "1"


def test_a_slow_reader_loses_samples_and_delays_nobody(board):
    b = board(MACHINE)
    with b.console() as console, open_ppk2(b) as ppk2:
        ppk2.connect()
        ppk2.send(START)
        began = time.monotonic()
        # Nobody reads; probe, console and control go on.
        start_firmware(b, console)
        console.send(b"name%")
        console.wait(b"m-name")
        wait_for(lambda: time.monotonic() - began > 4)
        ppk2.send(STOP)
        data = ppk2.drain()
    words = [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data) - 3, 4)]
    # Four seconds were to be kept, and there is room for less than two: what came first is whole.
    assert len(data) % 4 == 0 and RATE < len(words) < 2 * RATE
    assert jumps(words[:RATE]) == []


def test_a_stream_goes_on_after_its_reader_was_killed(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        ppk2.send(START)
        assert ppk2.read(5)
        assert b.status()["ppk2"] == "streaming"
    wait_for(lambda: b.status()["ppk2"] == "idle")
    with open_ppk2(b) as ppk2:
        assert ppk2.read(5), "a unit that was not told to stop has stopped"
        ppk2.send(STOP)
        ppk2.drain()
        assert b.status()["ppk2"] == "idle"
        assert ppk2.metadata().values["R0"]


def test_fault_silent(board):
    b = board(MACHINE)
    b.tell("fault ppk2-silent")
    with open_ppk2(b) as ppk2:
        with pytest.raises(TimeoutError):
            ppk2.metadata(0.5)
        ppk2.send(START)
        assert ppk2.read(0.5) == b""
        b.tell("fault none")
        assert ppk2.read(5)


def test_fault_lost(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        b.tell("fault ppk2-lost 20")
        words = collect(ppk2, 1)
    missing = sum(n for _, n in jumps(words))
    assert 0.01 < missing / len(words) < 0.03


def test_fault_slip(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        b.tell("fault ppk2-slip 20000")
        with ppk2.capture() as capture:
            wait_for(lambda: len(capture.data) > 300000, 30)
        data = bytes(capture.data)
    # The sample whose first byte has not come, and then each byte is one place early.
    first = [int.from_bytes(data[i:i + 4], "little") for i in range(0, 79996, 4)]
    assert len(first) == 19999 and jumps(first) == []
    second = [int.from_bytes(data[i:i + 4], "little") for i in range(79999, 79999 + 79996, 4)]
    assert jumps(second) == [] and (counters(second)[0] - counters(first)[-1]) & 63 == 2


def test_fault_damage(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        b.tell("fault ppk2-damage 10")
        words = collect(ppk2, 1)
    count = counters(words)
    # Damage passes: each word by itself, and the counter of the others is right.
    wrong = sum(c != (count[0] + i) & 63 for i, c in enumerate(count))
    assert 0.005 < wrong / len(words) < 0.015


def test_fault_stale(board):
    b = board(MACHINE, "ppk2-stale")
    with open_ppk2(b) as ppk2:
        assert ppk2.read(5), "it does not stream"
        ppk2.send(STOP)
        ppk2.drain()
        assert ppk2.read(0.3) == b""


def test_fault_metadata(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        good = ppk2.metadata()
        b.tell("fault ppk2-metadata")
        bad = ppk2.metadata()
        assert [k for k in good.values if good.values[k] != bad.values[k]] == ["R1"]
        with pytest.raises(ValueError):
            bad.number("R1")


def test_fault_unplug(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        ppk2.connect()
        b.tell("fault ppk2-unplug 30000")
        with ppk2.capture() as capture:
            wait_for(lambda: capture.lost, 30, message="it is still there")
        assert 0 < capture.samples() <= 31000
        assert b.status()["ppk2"] == "absent" and not os.path.lexists(b.ready["ppk2"])
    # The board has its own supply then.
    assert b.state() == "running"
    b.tell("fault none")
    wait_for(lambda: b.status()["ppk2"] == "idle")
    with open_ppk2(b) as ppk2:
        ppk2.connect()
        assert jumps(collect(ppk2, 0.5)) == []


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid):
    """But sockets: a control client's is closed whenever the board comes to it."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return len([target for target in found if not target.startswith("socket:")])


def spent_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_sessions_leave_nothing_behind_and_idleness_costs_nothing(board):
    b = board(MACHINE)
    pid = b.process.pid
    with open_ppk2(b) as ppk2:
        collect(ppk2, 0.05)
    wait_for(lambda: b.status()["ppk2"] == "idle")
    before = threads(pid), descriptors(pid)
    for _ in range(10):
        with open_ppk2(b) as ppk2:
            ppk2.connect(AMPERE)
            collect(ppk2, 0.05)
        b.tell("fault ppk2-unplug 1")
        with open_ppk2(b) as ppk2:
            ppk2.send(START)
            wait_for(lambda: b.status()["ppk2"] == "absent")
        b.tell("fault none")
        wait_for(lambda: b.status()["ppk2"] == "idle")
    wait_for(lambda: (threads(pid), descriptors(pid)) == before, message="threads or descriptors are left")
    with open_ppk2(b):
        ticks = spent_ticks(pid)
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 1, every=0.2)
        # Ticks of 10 ms.
        assert spent_ticks(pid) - ticks < 5


def test_a_killed_board_ends_the_session(board):
    b = board(MACHINE)
    with open_ppk2(b) as ppk2:
        ppk2.send(START)
        assert ppk2.read(5)
        os.kill(b.process.pid, signal.SIGKILL)
        b.process.wait()
        with pytest.raises(Lost):
            while True:
                ppk2.read(5)
    again = board(MACHINE, folder=b.folder)
    with open_ppk2(again) as ppk2:
        assert ppk2.metadata().values["R0"]
