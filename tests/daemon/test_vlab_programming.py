"""Images go onto every virtual board by the stock openocd, and run."""

import pytest
from vlab_kit import FLASHED, LOADED, MACHINES, board, images  # noqa: F401 (fixtures)


@pytest.mark.parametrize("machine", MACHINES)
def test_image_is_put_verified_and_started(machine, board, images):
    b = board(machine)
    with b.console() as console:
        done = b.put_well(images(machine))
        console.wait(b"hello from " + machine.encode() + b"\r\n")
        console.send(b"one line\n")
        console.wait(b"echo one line\r\n")
    if machine in FLASHED:
        assert "** Programming Finished **" in done.text and "** Verified OK **" in done.text
        assert "nRF51822-QFAA" in done.text and "256kB Flash" in done.text


@pytest.mark.parametrize("machine", MACHINES)
def test_reset_starts_the_image_again(machine, board, images):
    b = board(machine)
    b.put_well(images(machine))
    with b.console() as console:
        for how in ("openocd", "control", "guest"):
            if how == "openocd":
                assert b.openocd("init; reset run; shutdown").code == 0
            elif how == "control":
                b.tell("reset")
            else:
                console.send(b"reset\n")
            console.wait(b"hello from " + machine.encode())
    assert b.state() == "running"


@pytest.mark.parametrize("machine", LOADED)
def test_a_large_image_is_loaded_whole(machine, board, images):
    b = board(machine)
    elf = images(machine, 448 * 1024)
    with b.console() as console:
        b.put_well(elf)
        console.wait(b"hello from")


def test_a_large_image_is_programmed_whole(board, images):
    b = board("microbit")
    elf = images("microbit", 64 * 1024)
    with b.console() as console:
        b.put_well(elf)
        console.wait(b"hello from")


def test_a_smaller_image_after_a_larger_one(board, images):
    b = board("microbit")
    b.put_well(images("microbit", 64 * 1024))
    b.put_well(images("microbit"))
    with b.console() as console:
        b.tell("reset")
        console.wait(b"hello from microbit")


def test_flash_survives_power_off_and_a_new_process(board, images):
    b = board("microbit")
    b.put_well(images("microbit"))
    with b.console() as console:
        b.tell("power off")
        assert b.state() == "off" and b.qemu_pid() is None
        b.tell("power on")
        console.wait(b"hello from microbit")
    b.stop()
    again = board("microbit", folder=b.folder)
    with again.console() as console:
        again.tell("reset")
        console.wait(b"hello from microbit")


@pytest.mark.parametrize("machine", LOADED)
def test_ram_does_not_survive_power_off(machine, board, images):
    b = board(machine)
    b.put_well(images(machine))
    script = 'init; halt; echo "word=[read_memory 0x20000000 32 1]"; shutdown'
    assert b.openocd(script).number("word") >= 0x11223344
    b.tell("power off")
    b.tell("power on")
    first = b.openocd(script).number("word")
    assert first not in (0, 0x11223344)
    b.tell("power off")
    b.tell("power on")
    assert b.openocd(script).number("word") != first
