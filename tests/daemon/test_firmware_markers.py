"""Marker records and images with a fault built in: what the virtual PPK2 and the agent's tests need."""

import contextlib
import re

import pytest

from conftest import need, wait_for
from firmware_device import MACHINES, Run, host, qemu
from firmware_models import make_image

NAME = "full-nano-int8"
D0, D1, D2, BUSY, MAC = 1, 2, 4, 8, 16
ROOM = 4096 // 8
# Each board's clock, so that 30 us can be told.
HZ = {"mps3-an547": 32000000, "mps2-an386": 25000000, "mps2-an500": 25000000, "microbit": 16000000}


def window(device):
    """Runs two windows; the ticks that the device counted in each."""
    device.banner()
    return [int(device.lab("warm 4 1").values("R")["window"]) for _ in range(2)]


def check(text, windows):
    blocks = [b for b in re.split(r"(?<=status=ok\*....)\r?\n", text) if b.strip()]
    assert len(blocks) == len(windows)
    last = 0
    for index, (block, ticks) in enumerate(zip(blocks, windows)):
        run = Run(block.replace("\r", "").split("\n"))
        records = [(int(r.values["s"]), int(r.values["t"])) for r in run.records if r.type == "K"]
        (first, opened), (second, closed) = records
        # D0 is high in the window, at MAC-heavy work; D2 toggles with each run.
        d2 = 4 * ((index + 1) & 1)
        assert (first, second) == (d2 + 1 + MAC, d2)
        assert last < opened < closed
        assert abs(closed - opened - ticks) < 1000
        last = closed


def blocks_of(text):
    """The (state, tick) lists of each window that was sent."""
    return [[(int(r.values["s"]), int(r.values["t"])) for r in Run(block.split("\n")).records if r.type == "K"]
            for block in re.split(r"(?<=status=ok\*....)\n", text.replace("\r", "")) if block.strip()]


def check_energy(block, ticks, batches, inferences, machine, run):
    """One window: D0 as long as the device says, an edge of D1 for each batch, activity where it fits."""
    activity = 2 * inferences + 3 <= ROOM
    assert len(block) == (2 * inferences if activity else batches) + 3
    up, last, down, asleep = block[0], block[-3], block[-2], block[-1]
    assert all(state & D0 for state, _ in block[:-2]) and not (down[0] | asleep[0]) & D0
    toggles = [tick for (a, _), (b, tick) in zip(block, block[1:]) if (a ^ b) & D1]
    assert len(toggles) == batches and toggles[-1] == last[1]
    # The last edge stands in the window for three samples at least, and no change is lost in another.
    assert (down[1] - last[1]) * 1e6 / HZ[machine] > 30
    assert {state & D2 for state, _ in block} == {D2 * (run & 1)}
    assert [state & (BUSY | MAC) for state, _ in (down, asleep)] == [BUSY, 0]
    if activity:
        assert [state & (BUSY | MAC) for state, _ in block[:-2]] == [BUSY, MAC] * inferences + [BUSY]
    else:
        assert {state & (BUSY | MAC) for state, _ in block[:-2]} == {MAC}
    assert all(a[1] <= b[1] for a, b in zip(block, block[1:]))
    assert abs(down[1] - up[1] - ticks) * 1e6 / HZ[machine] < 20


@contextlib.contextmanager
def marked_device(machine, build, tmp_path):
    """The firmware under QEMU, and the file that its markers go to."""
    need("qemu-system-arm")
    out = tmp_path / "markers"
    if machine == "microbit":
        image = make_image(build, "microbit", "full-nano", "int8", MARKERS="semihosting")
        more = ["-chardev", "file,id=markers,path=%s" % out, "-semihosting-config",
                "enable=on,target=native,chardev=markers"]
    else:
        image, more = build / "firmware" / machine / (NAME + ".elf"), ["-serial", "file:%s" % out]
    with qemu(machine, image, *more) as device:
        device.banner()
        yield device, out


@pytest.mark.parametrize("machine", MACHINES)
def test_energy_windows(build, tmp_path, machine):
    with marked_device(machine, build, tmp_path) as (device, out):
        # On the fastest one also more inferences than activity can be kept of.
        windows = [(3, 2), (3, 0)] + [(2, ROOM // 4)] * (machine == "mps2-an386")
        runs = [device.lab("energy %d %d" % w) for w in windows]
        assert device.lab("energy %d 1" % (ROOM - 2)).errors == ["e-[Batches: a number from 1 to %d]" % (ROOM - 3)]
        wait_for(lambda: out.exists() and out.read_text().count("$E") == len(windows))
    blocks = blocks_of(out.read_text())
    assert len(blocks) == len(windows)
    for index, (block, run, (batches, batch)) in enumerate(zip(blocks, runs, windows)):
        values = run.values("R")
        assert values["phase"] == "energy" and values["irq"] == "masked" and run.end["status"] == "ok"
        # An inference of this model takes more than 5 ms on each of these boards.
        assert int(values["batch"]) == (batch or 1) and int(values["n"]) == batches * (batch or 1)
        check_energy(block, int(values["window"]), batches, int(values["n"]), machine, int(values["run"]))


def test_energy_on_the_host_finds_its_batch(build):
    with host(build / "firmware/host" / (NAME + ".elf")) as device:
        device.banner()
        values = device.lab("energy 7 0").values("R")
        batch = int(values["batch"])
        assert batch & (batch - 1) == 0 and int(values["n"]) == 7 * batch and values["irq"] == "on"
        # A batch is 5 ms or more; half of it would not have been, but for what a shared machine adds.
        assert int(values["window"]) > 7 * 5e6 / 4
        assert device.lab("energy 16385 1").errors == ["e-[Batches: a number from 1 to 16384]"]


@pytest.mark.parametrize("machine", [m for m in MACHINES if m != "microbit"])
def test_markers_come_by_the_second_uart_after_the_window(build, tmp_path, machine):
    need("qemu-system-arm")
    out = tmp_path / "markers"
    with qemu(machine, build / "firmware" / machine / (NAME + ".elf"),
              "-serial", "file:%s" % out) as device:
        windows = window(device)
        wait_for(lambda: out.read_text().count("$E") == 2)
        check(out.read_text(), windows)


def test_markers_come_by_semihosting_on_microbit(build, tmp_path):
    need("arm-none-eabi-gcc")
    need("qemu-system-arm")
    image = make_image(build, "microbit", "full-nano", "int8", MARKERS="semihosting")
    out = tmp_path / "markers"
    with qemu("microbit", image, "-chardev", "file,id=markers,path=%s" % out, "-semihosting-config",
              "enable=on,target=native,chardev=markers") as device:
        windows = window(device)
        wait_for(lambda: out.read_text().count("$E") == 2)
        check(out.read_text(), windows)


@pytest.mark.parametrize("kind", ["hardfault", "hang", "cut", "reset"])
def test_an_image_with_a_fault_has_it_in_the_warm_window(build, kind):
    image = make_image(build, "host", "full-nano", "int8", FAULT=kind)
    with host(image, timeout_s=10 if kind != "cut" else 2) as device:
        device.banner()
        assert device.lab("id").end["status"] == "ok"
        device.send("lab warm 10 1")
        if kind == "cut":
            with pytest.raises(TimeoutError):
                device.line()
            assert device.pending.startswith(b"$C,1,i=0")
            return
        run = Run(device.until("m-timestamp-mode-performance"))
        expected = {"hardfault": "hardfault", "hang": "watchdog"}.get(kind)
        assert run.values("X").get("kind") == expected
