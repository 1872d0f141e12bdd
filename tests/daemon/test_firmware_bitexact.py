"""The same model gives the same logits on every machine, and the same ticks every time."""

import pytest

from firmware_device import MACHINES, QEMU, open_board

SAMPLES = 8
needs_qemu = pytest.mark.skipif(QEMU is None, reason="qemu-system-arm is not installed")


def logits(build, board, name):
    with open_board(board, build / "firmware" / board / name) as device:
        device.banner()
        run = device.lab("accuracy %d" % SAMPLES)
    assert run.end["status"] == "ok"
    return run.logits()


@needs_qemu
@pytest.mark.parametrize("machine", MACHINES)
def test_logits_are_those_of_the_host(build, machine):
    host = logits(build, "host", "full-nano-int8.elf")
    assert len(host) == SAMPLES
    assert len(set(host)) > 1, "the logits do not depend on the input"
    assert logits(build, machine, "full-nano-int8.elf") == host


@needs_qemu
@pytest.mark.parametrize("machine", MACHINES)
def test_two_runs_count_the_same_ticks(build, machine):
    image = build / "firmware" / machine / "full-nano-int8.elf"
    seen = []
    for _ in range(2):
        with open_board(machine, image) as device:
            device.banner()
            device.send("lab cold")
            device.banner()
            cold = device.until()
            warm = device.lab("warm 12 2")
            again = device.lab("warm 12 2")
            first = device.lab("warm 4 1 fixed")
        assert len(warm.ticks()) == 12 and min(warm.ticks()) > 1000000
        # An iteration starts at a fixed phase of the timer: the same input counts the same.
        assert warm.ticks() == again.ticks()
        assert first.ticks() == 4 * warm.ticks()[:1]
        seen.append((cold, warm.ticks(), warm.values("R")["window"]))
    assert seen[0] == seen[1]


@needs_qemu
@pytest.mark.parametrize("machine", MACHINES)
def test_window_holds_its_iterations(build, machine):
    with open_board(machine, build / "firmware" / machine / "full-nano-int8.elf") as device:
        device.banner()
        run = device.lab("warm 20 1")
    r, ticks = run.values("R"), run.ticks()
    assert (r["n"], r["warmup"], r["irq"], r["inputs"]) == ("20", "1", "masked", "rotate")
    whole = sum(ticks) + 20 * int(r["overhead"])
    assert whole <= int(r["window"]) < whole * 1.001


@needs_qemu
@pytest.mark.parametrize("machine", MACHINES)
def test_memory_is_within_the_board(build, machine):
    with open_board(machine, build / "firmware" / machine / "full-nano-int8.elf") as device:
        device.banner()
        run = device.lab("memory")
        model = device.lab("id").values("M")
    s = {k: int(v) for k, v in run.values("S").items()}
    assert run.end["status"] == "ok"
    assert 0 < s["stack_used"] < s["stack_size"]
    assert 0 < s["arena_used"] <= s["arena_size"] <= s["bss"]
    assert s["heap_used"] == s["heap_size"] == 0
    assert s["weights"] == int(model["bytes"])
    # Code without weights.
    assert s["text"] + s["rodata"] + s["data"] <= 40 * 1024
