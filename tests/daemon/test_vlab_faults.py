"""Every fault that the virtual board plays: the exit code and the words of the stock openocd, and that
`fault none` heals it. Where openocd 0.12 differs between its commands, both are asked."""

import os
import signal

import pytest
from conftest import wait_for
from vlab_kit import board, images  # noqa: F401 (fixtures)

# One board that is loaded, one that is flashed: their scripts fail in other words.
BOTH = ["mps2-an386", "microbit"]


def heal(b, elf):
    """Everything is as it was: an image goes on and says hello."""
    b.tell("fault none")
    assert b.status()["faults"] == "none"
    with b.console() as console:
        b.put_well(elf)
        console.wait(b"hello from")


@pytest.mark.parametrize("machine", BOTH)
def test_probe_absent(machine, board, images):
    b = board(machine)
    b.tell("fault probe-absent")
    assert b.status()["probe"] == "absent" and not (b.folder / "probe").is_symlink()
    done = b.put(images(machine))
    assert done.code == 1
    assert "Error: Could not open serial port" in done.text
    assert ("** OpenOCD init failed **" in done.text) == (machine == "microbit")
    heal(b, images(machine))


@pytest.mark.parametrize("machine", BOTH)
def test_wait_forever(machine, board, images):
    b = board(machine)
    b.tell("fault wait-forever")
    done = b.put(images(machine))
    assert done.code == 1
    assert "Error: Timeout during WAIT recovery" in done.text
    heal(b, images(machine))


@pytest.mark.parametrize("machine", BOTH)
def test_memory_fault(machine, board, images):
    b = board(machine)
    b.tell("fault memory-fault")
    done = b.put(images(machine))
    assert done.code == 1
    assert "Error: JTAG-DP STICKY ERROR" in done.text and "Error: Failed to write memory at" in done.text
    assert ("** Programming Failed **" in done.text) == (machine == "microbit")
    heal(b, images(machine))


@pytest.mark.parametrize("machine", BOTH)
def test_verify_mismatch(machine, board, images):
    b = board(machine)
    b.tell("fault verify-mismatch")
    done = b.put(images(machine))
    assert done.code == 1
    assert "Error: checksum mismatch" in done.text
    if machine == "microbit":
        assert "** Verify Failed **" in done.text
    else:
        assert "diff 0 address 0x00000004" in done.text
    heal(b, images(machine))


@pytest.mark.parametrize("machine", BOTH)
def test_image_missing(machine, board):
    b = board(machine)
    done = b.put("no-such-file.elf")
    assert done.code == 1
    assert "couldn't open no-such-file.elf" in done.text


@pytest.mark.parametrize("machine", BOTH)
def test_probe_drops_in_mid_flash(machine, board, images):
    b = board(machine)
    b.tell("fault probe-drop 300")
    done = b.put(images(machine))
    assert done.code == 255
    assert "Error: Error sending data" in done.text
    assert "processor detected" in done.text, "it dropped before the download began"
    assert b.status()["probe"] == "absent"
    heal(b, images(machine))


def test_probe_hangs_from_the_start(board, images):
    b = board("mps2-an386")
    b.tell("fault probe-hang")
    done = b.put(images("mps2-an386"))
    assert done.code == 255 and done.seconds > 8
    assert "Error: Buspirate error. Is binary/OpenOCD support enabled?" in done.text
    heal(b, images("mps2-an386"))


def test_probe_hangs_in_mid_flash(board, images):
    """openocd does not come back in any useful time: only a deadline of one's own helps."""
    b = board("mps2-an386")
    b.tell("fault probe-hang 300")
    done = b.put(images("mps2-an386"), seconds=12)
    assert done.code is None, done.text
    heal(b, images("mps2-an386"))


@pytest.mark.parametrize("machine", BOTH)
def test_board_dies_in_mid_flash(machine, board, images):
    b = board(machine)
    b.tell("fault qemu-kill 300")
    done = b.put(images(machine))
    assert done.code == 1
    assert "Error: JTAG-DP STICKY ERROR" in done.text
    assert ("** Programming Failed **" in done.text) == (machine == "microbit")
    assert b.state() == "dead" and b.qemu_pid() is None
    assert b.ask("reset").startswith("error the board is dead")
    b.tell("power off")
    b.tell("power on")
    assert b.state() in ("running", "lockup")
    heal(b, images(machine))


@pytest.mark.parametrize("machine", BOTH)
def test_wrong_tapid_is_no_error_to_openocd(machine, board, images):
    b = board(machine)
    b.tell("fault wrong-tapid")
    done = b.put(images(machine))
    assert done.code == 0
    assert "UNEXPECTED:" in done.text and "expected 1 of 1:" in done.text
    heal(b, images(machine))


def test_no_power(board, images):
    b = board("mps2-an386")
    b.tell("power off")
    done = b.put(images("mps2-an386"))
    assert done.code == 1
    assert "JTAG scan chain interrogation failed: all zeroes" in done.text
    assert b.ask("reset").startswith("error the board has no power")
    b.tell("power on")
    heal(b, images("mps2-an386"))


def test_fault_from_the_start(board, images):
    b = board("mps2-an386", "probe-absent", "uart-silent")
    assert b.status()["faults"] == "probe-absent,uart-silent"
    assert b.put(images("mps2-an386")).code == 1
    heal(b, images("mps2-an386"))


@pytest.mark.parametrize("line, word", [("fault nonsense", "probe-absent"), ("fault probe-drop x", "not a number"),
                                        ("power up", "on or off"), ("", "known ones"), ("halt", "power off")])
def test_bad_control_lines_say_what_would_do(line, word, board):
    b = board("mps2-an386")
    reply = b.ask(line)
    assert reply.startswith("error ") and word in reply
    assert b.state() == "running"


def test_killed_emulator_is_seen(board, images):
    b = board("mps2-an386")
    os.kill(b.qemu_pid(), signal.SIGKILL)
    wait_for(lambda: b.state() == "dead", message="nobody noticed")
    done = b.put(images("mps2-an386"))
    assert done.code == 1 and "JTAG-DP STICKY ERROR" in done.text
    heal(b, images("mps2-an386"))
