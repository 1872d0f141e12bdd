"""Firmware that crashes, hangs, is reset or babbles: what leaves the board, and that it comes back."""

import pytest

from firmware_device import MACHINES, QEMU, Run, open_board

BOARDS = ["host", *MACHINES]


@pytest.fixture(params=BOARDS)
def device(request, build):
    if request.param != "host" and QEMU is None:
        pytest.skip("qemu-system-arm is not installed")
    image = build / "firmware" / request.param / "full-nano-int8.elf"
    with open_board(request.param, image) as opened:
        opened.board = request.param
        opened.banner()
        yield opened


def last_words(device, kind):
    """Everything up to the banner that follows the fault."""
    device.send("lab fault " + kind)
    run = Run(device.until("m-timestamp-mode-performance"))
    device.until()
    return run.values("X")


def test_hardfault_names_where_it_was(device):
    x = last_words(device, "hardfault")
    assert x["kind"] == "hardfault"
    assert int(x["pc"], 16) > 0x100
    if device.board.startswith("mps"):
        assert int(x["cfsr"], 16) == 0x10000  # undefined instruction
        assert int(x["hfsr"], 16) & 1 << 30  # forced
    assert device.lab("id").values("H")["reset"] == "soft"


def test_a_stack_overflow_is_a_fault(device):
    x = last_words(device, "overflow")
    assert x["kind"] == "hardfault"
    if device.board != "host":
        assert x["msg"] == "stack overflow: the frame is lost"
    assert device.lab("memory").end["status"] == "ok"


def test_a_hang_ends_by_the_watchdog(device):
    x = last_words(device, "hang")
    assert x["kind"] == "watchdog"
    assert x["msg"] == "the watchdog was not fed"
    assert device.lab("id").values("H")["reset"] == "watchdog"


def test_an_assertion_says_what_failed(device):
    x = last_words(device, "assert")
    assert (x["kind"], x["msg"]) == ("assert", "fault injected: assert")


def test_a_reset_in_mid_run_shows_as_a_banner(device):
    device.send("lab fault reset")
    assert device.line() == ""
    assert device.line() == "m-timestamp-mode-performance"
    device.until()
    assert device.lab("id").values("H")["reset"] == "soft"


def test_the_watchdog_leaves_an_idle_board_alone(device):
    for _ in range(3):
        assert device.lab("warm 2 0").end["status"] == "ok"
        assert device.ask("name") == ["m-name-dut-[hilda]"]
    assert device.lab("id").values("H")["reset"] == "power"


def test_babble_is_binary(device):
    device.send("lab fault babble")
    assert any(byte > 126 for byte in device.bytes(600))


def test_a_missing_line_can_be_had_again(device):
    run = device.lab("accuracy 8")
    for wanted in (0, 3, len(run.records) - 1):
        assert device.ask("lab resend %d" % wanted) == [run.records[wanted].line]
    assert device.ask("lab resend 999") == ["e-[The last run has no line 999]"]


def test_cold_is_reported_unasked(device):
    device.send("lab cold")
    device.banner()
    run = Run(device.until())
    assert run.values("R")["phase"] == "cold" and run.values("R")["kind"] == "reset"
    c = {k: int(v) for k, v in run.values("C").items()}
    assert c["boot"] > 0 and c["load"] > 0 and c["first"] > 0
    if device.board != "host":
        assert c["first"] > c["load"]  # counts of instructions; a host's are times
    assert device.lab("id").values("H")["reset"] == "soft"


def test_a_damaged_model_is_not_run(build, tmp_path):
    data = bytearray((build / "firmware/host/full-nano-int8.elf").read_bytes())
    data[data.index(b"HLDM\x02\x00\x80\x00") + 5000] ^= 1
    image = tmp_path / "damaged.elf"
    image.write_bytes(data)
    image.chmod(0o755)
    with open_board("host", image) as opened:
        opened.banner()
        for verb in ("warm 3 1", "accuracy 3", "memory"):
            assert opened.ask("lab " + verb) == ["e-[Model is damaged: wrong CRC-32]"]
        opened.send("lab cold")
        opened.banner()
        run = Run(opened.until())
        assert run.end["status"] == "model"
        assert run.end["msg"] == "Model is damaged: wrong CRC-32"


def test_the_console_may_close_in_mid_command(build):
    with open_board("host", build / "firmware/host/full-nano-int8.elf") as opened:
        opened.banner()
        opened.process.stdin.write(b"lab wa")
        opened.process.stdin.close()
        assert opened.process.wait(10) == 0
