"""The UART pty: with readers, without, slow ones, over power cycles, and with a bad line."""

import re

import pytest
from conftest import wait_for
from vlab_kit import MACHINES, board, images  # noqa: F401 (fixtures)

MACHINE = "mps2-an386"
TEXT = b"the quick brown fox jumps over the lazy dog 0123456789"


@pytest.fixture
def running(board, images):
    b = board(MACHINE)
    b.put_well(images(MACHINE))
    return b


def test_port_is_raw(running):
    everything = bytes(i for i in range(1, 256) if i not in (0x0A,))
    with running.console() as console:
        # The image's line holds 79 bytes.
        for i in range(0, len(everything), 60):
            piece = everything[i:i + 60]
            console.send(piece + b"\n")
            assert console.wait(b"echo " + piece + b"\r\n")


def test_bytes_that_nobody_reads_are_lost(running):
    """Who opens the port later finds it quiet, as with a real one."""
    with running.console() as console:
        console.send(b"first\n")
        console.wait(b"echo first\r\n")
    lost = int(running.status()["console_lost"])
    running.tell("reset")
    banner = len(f"hello from {MACHINE}\r\n")
    wait_for(lambda: int(running.status()["console_lost"]) >= lost + banner, message="the banner went nowhere")
    with running.console() as console:
        console.send(b"second\n")
        assert console.wait(b"echo second\r\n") == b"echo second\r\n"


def test_slow_reader_loses_the_oldest_and_never_blocks_the_guest(running):
    with running.console() as console:
        console.send(b"flood\n")
        # Nothing is read, and yet the guest comes to the end of it.
        wait_for(lambda: int(running.status()["console_lost"]) > 50000, 60, message="the guest was held up")
        data = console.wait(b"echo flood\r\n", 60)
    numbers = [int(n) for n in re.findall(rb"line (\d{5}) the quick brown fox jumps over the lazy dog\r\n", data)]
    assert 100 < len(numbers) < 3500
    assert numbers[-1] == 3999
    # What is missing is one piece: what had waited longest when the room ran out.
    assert sum(b - a != 1 for a, b in zip(numbers, numbers[1:])) <= 1


def test_port_stays_over_a_power_cycle(running, images):
    with running.console() as console:
        running.tell("power off")
        console.send(b"into the void\n")
        running.tell("power on")
        running.put_well(images(MACHINE))
        console.wait(b"hello from")
        console.send(b"again\n")
        console.wait(b"echo again\r\n")


def test_silent_line(running):
    with running.console() as console:
        running.tell("fault uart-silent")
        console.send(b"anybody there\n")
        assert console.read(0.5) == b""
        running.tell("fault none")
        console.send(b"here\n")
        assert b"echo here\r\n" in console.wait(b"echo here\r\n")


def test_garbled_line(running):
    sent = b"echo " + TEXT + b"\r\n"
    with running.console() as console:
        running.tell("fault uart-garble 100")
        received = b""
        for _ in range(20):
            console.send(TEXT + b"\n")
        received = wait_for(lambda: len(console.read(0.1)) >= 20 * len(sent) and console.data)
    bits = [bin(a ^ b).count("1") for a, b in zip(received, sent * 20)]
    assert len(received) == 20 * len(sent) and max(bits) == 1
    assert 0.03 < sum(bits) / len(bits) < 0.25


def test_cut_line(running):
    with running.console() as console:
        running.tell("fault uart-cut 4")
        for _ in range(8):
            console.send(TEXT + b"\n")
        console.read(0.1)
        wait_for(lambda: console.read(0.1).count(b"\n") >= 8)
        whole = console.data.count(b"echo " + TEXT + b"\r\n")
        cut = console.data.count((b"echo " + TEXT)[:12] + b"\r\n")
    assert (whole, cut) == (6, 2)


def test_babbling_line(running):
    with running.console() as console:
        running.tell("fault uart-babble 64")
        noise = wait_for(lambda: len(console.read(0.2)) > 300 and console.data, message="no noise")
        assert len(set(noise)) > 60, "that is no binary noise"
        console.send(TEXT + b"\n")
        console.wait(b"echo " + TEXT + b"\r\n")


@pytest.mark.parametrize("machine", MACHINES)
def test_markers_come_by_their_own_channel_and_the_host_is_closed(machine, board, images):
    """An image is a stranger's: what semihosting would give it of the host's files is refused."""
    b = board(machine)
    b.put_well(images(machine))
    with b.console() as console:
        console.send(b"host\n")
        said = console.wait(b"echo host\r\n")
        wait_for(lambda: b.status()["markers"] == str(len("a marker\n")), message="no marker came")
    if machine == "microbit":
        assert b"open refused\r\n" in said and b"system refused\r\n" in said
    assert b.status()["cycles"] == "1"


@pytest.mark.parametrize("machine", MACHINES)
def test_idle_board_needs_no_processor(machine, board, images):
    """A guest in WFI sleeps: no host time is spent on it."""
    b = board(machine)
    with b.console() as console:
        b.put_well(images(machine))
        console.wait(b"hello from")
        def spent():
            ticks = 0
            for pid in (b.process.pid, b.qemu_pid()):
                with open(f"/proc/{pid}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
            return ticks

        before = spent()
        assert console.read(1.0) == b""
    # Ticks of 10 ms: under a tenth of one core.
    assert spent() - before < 10
