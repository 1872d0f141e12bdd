"""The whole path on virtual boards: agent, stock openocd, emulated probe, QEMU, real firmware."""

import pytest

from conftest import need, wait_for
from steps_lab import WARM, firmware, of_phase, phases, stages
from virtual_lab import VirtualLab

MACHINES = ["mps3-an547", "mps2-an386", "mps2-an500", "microbit"]


@pytest.fixture(scope="module", params=MACHINES)
def lab(request, tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    one = VirtualLab(tmp_path_factory.mktemp(request.param), request.param)
    yield one
    one.close()


def test_every_phase(lab):
    image = firmware(lab.machine)
    job = phases(cold={"boots": 3, "by": "reset"}, warm=dict(WARM, boots=2), memory=True,
                 accuracy={"samples": 4})
    first, second = [lab.run(image, **job) for _ in range(2)]
    assert first["outcome"] == "passed", first["detail"]
    assert stages(first) == ["flash", "boot", "cold", "warm", "accuracy", "memory", "collect"]
    # The same image twice on a virtual board: the same counts to the last instruction.
    assert second["outcome"] == "passed", second["detail"]
    assert [w["ticks"] for w in of_phase(first, "warm")] == \
        [w["ticks"] for w in of_phase(second, "warm")]
    assert of_phase(first, "cold") == of_phase(second, "cold")
    assert of_phase(first, "memory") == of_phase(second, "memory")
    assert of_phase(first, "accuracy") == of_phase(second, "accuracy")


def test_what_a_result_says_about_itself(lab):
    result = lab.run(firmware(lab.machine), **phases(memory=True))
    assert result["outcome"] == "passed", result["detail"]
    assert result["timer"]["hz"] > 0 and result["timer"]["icount_shift"] in (5, 6)
    assert result["device"]["board"] == lab.machine
    assert result["clock"]["checked"] is False
    provenance = result["provenance"]
    assert provenance["virtual"] is True and provenance["machine"] == "ARM"
    assert provenance["probe"] == "buspirate" and provenance["openocd"] == "0.12.0"
    assert "GCC: (" in provenance["compiler"] and "-mcpu=cortex-m" in provenance["flags"]
    assert provenance["probe_serial"].startswith("VB-")
    # The device counts its own sections; the ELF file says the same.
    values = of_phase(result, "memory")[0]["values"]
    footprint = result["footprint"]
    assert footprint["weights_bytes"] >= values["weights"] == result["model"]["bytes"]
    assert footprint["ram_static_bytes"] >= values["data"] + values["bss"]
    assert "Open On-Chip Debugger 0.12.0" in result["log"][1]
    assert "m-init-done" in result["log"][0]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    one = VirtualLab(tmp_path_factory.mktemp("faulty"), "mps3-an547")
    yield one
    one.close()


@pytest.mark.parametrize("fault, outcome, stage, words", [
    ("probe-absent", "infrastructure", "flash",
     ["probe not found", "'Could not open serial port'", "hilda-agent discover"]),
    ("wait-forever", "infrastructure", "flash", ["'Timeout during WAIT recovery'"]),
    ("memory-fault", "infrastructure", "flash", ["refuses memory", "'JTAG-DP STICKY ERROR'"]),
    ("verify-mismatch", "infrastructure", "flash", ["verify mismatch", "'checksum mismatch"]),
    ("probe-drop 2000", "infrastructure", "flash", ["probe went away", "'Error sending data'"]),
    ("probe-hang 2000", "infrastructure", "flash", ["the probe has stopped to answer"]),
    ("qemu-kill 2000", "infrastructure", "flash", ["'JTAG-DP STICKY ERROR'"]),
    ("wrong-tapid", "infrastructure", "flash", ["another chip", "UNEXPECTED: 0xfba00477"]),
    ("uart-silent", "timeout", "boot", ["the firmware is silent", "after the reset"]),
    ("uart-garble 300", "infrastructure", "boot", ["the console is disturbed", "\\x"]),
])
def test_broken_boards(faulty, fault, outcome, stage, words):
    faulty.control(f"fault {fault}")
    try:
        result = faulty.run(firmware("mps3-an547"), **phases(warm=WARM),
                            timeouts_s={"flash": 15, "boot": 4, "phase": 20})
    finally:
        faulty.control("fault none")
    assert (result["outcome"], result["stage"]) == (outcome, stage), result["detail"]
    for word in words:
        assert word in result["detail"], result["detail"]
    assert "Open On-Chip Debugger" in result["log"][1]
    # And then the board is as good as before.
    wait_for(lambda: faulty.server.boards["v1"]["online"], 30, message="the board stays offline")
    faulty.server.checks.clear()
    result = faulty.run(firmware("mps3-an547"), **phases(warm=WARM))
    assert result["outcome"] == "passed", result["detail"]


@pytest.fixture(scope="module")
def flashed(tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    one = VirtualLab(tmp_path_factory.mktemp("flashed"), "microbit")
    yield one
    one.close()


@pytest.mark.parametrize("fault, words", [
    ("probe-absent", ["probe not found", "'Could not open serial port'"]),
    ("wait-forever", ["'Timeout during WAIT recovery'"]),
    ("memory-fault", ["refuses memory", "'JTAG-DP STICKY ERROR'"]),
    ("verify-mismatch", ["verify mismatch", "'checksum mismatch"]),
    ("probe-drop 300", ["probe went away", "'Error sending data'"]),
    ("qemu-kill 300", ["'JTAG-DP STICKY ERROR'"]),
    ("wrong-tapid", ["another chip", "UNEXPECTED: 0x9ba00477"]),
])
def test_broken_boards_with_flash(flashed, fault, words):
    """`program` says the same in other words, and more of them, than the script of boards that are loaded."""
    flashed.control(f"fault {fault}")
    try:
        result = flashed.run(firmware("microbit"), **phases(memory=True), timeouts_s={"flash": 15, "boot": 4})
    finally:
        flashed.control("fault none")
    assert (result["outcome"], result["stage"]) == ("infrastructure", "flash"), result["detail"]
    for word in words:
        assert word in result["detail"], result["detail"]
    assert "Open On-Chip Debugger" in result["log"][1]
    wait_for(lambda: flashed.server.boards["v1"]["online"], 30, message="the board stays offline")
    flashed.server.checks.clear()


@pytest.mark.parametrize("fault", ["uart-garble 2", "uart-cut 6", "uart-babble 20"])
def test_a_disturbed_console_heals(faulty, fault):
    faulty.control(f"fault {fault}")
    try:
        result = faulty.run(firmware("mps3-an547"), **phases(warm=WARM, memory=True),
                            timeouts_s={"boot": 30, "phase": 60})
    finally:
        faulty.control("fault none")
    assert result["outcome"] == "passed", result["detail"]
    assert len(of_phase(result, "warm")[0]["ticks"]) == WARM["iterations"]


@pytest.mark.parametrize("kind, outcome, words", [
    ("hardfault", "failed", ["HardFault at port_crash+0x", "(startup.c:"]),
    ("assert", "failed", ["assertion at ", "(run.c:", "fault injected: assert"]),
    ("hang", "failed", ["watchdog at "]),
    ("reset", "failed", ["reset in mid-run"]),
    ("silent", "timeout", ["the firmware is silent", "after lab warm 8 2"]),
    ("cut", "timeout", ["its last words were '$C,1,i=0,t=1000:10'"]),
    ("babble", "failed", ["the firmware babbles", "\\x"]),
])
def test_firmware_that_fails(faulty, kind, outcome, words):
    result = faulty.run(firmware("mps3-an547", kind), **phases(warm=WARM, memory=True),
                        timeouts_s={"phase": 4 if kind != "cut" else 13})
    assert (result["outcome"], result["stage"]) == (outcome, "warm"), result["detail"]
    for word in words:
        assert word in result["detail"], result["detail"]
    assert stages(result) == ["flash", "boot", "warm", "collect"]
    if kind == "hardfault":
        fault = result["fault"]
        assert fault["kind"] == "hardfault" and fault["pc_symbol"] in result["detail"]
        assert fault["registers"]["hfsr"].startswith("0x")


def test_images_that_do_not_fit(faulty):
    result = faulty.run(firmware("host"), **phases(memory=True))
    assert result["outcome"] == "configuration" and result["stage"] == "flash"
    assert "the image is for " in result["detail"] and "board v1 is ARM" in result["detail"]
    assert result["log"][1] == ""  # the board was not touched
    moved = bytearray(firmware("mps3-an547"))
    # The first program header's physical address, e_phoff + 12.
    at = int.from_bytes(moved[28:32], "little") + 12
    moved[at:at + 4] = (0x90000000).to_bytes(4, "little")
    result = faulty.run(bytes(moved), **phases(memory=True))
    assert result["outcome"] == "configuration"
    assert "0x90000000" in result["detail"] and "itcm 0x00000000-0x0007ffff" in result["detail"]


def test_an_image_for_another_core(flashed):
    """Both are ARM, and all of it would find room: the core has not the instructions."""
    result = flashed.run(firmware("mps3-an547"), **phases(memory=True))
    assert (result["outcome"], result["stage"]) == ("configuration", "flash"), result["detail"]
    assert result["detail"] == ("the image is built for ARMv8.1-M Mainline, board v1 has a Cortex-M0: "
                                "build it with -mcpu=cortex-m0")
    assert result["log"][1] == ""  # the board was not touched


def test_text_firmware_on_a_board(faulty):
    """The bench firmware's banner, read as anybody's text."""
    patterns = [{"metric": "boot_us", "unit": "us", "regex": "m-lap-us-([0-9]+)"}]
    result = faulty.run(firmware("mps3-an547"), protocol="lines",
                        lines={"patterns": patterns, "end": "^m-ready"})
    assert result["outcome"] == "passed", result["detail"]
    assert result["lines"][0]["metric"] == "boot_us" and len(result["lines"][0]["values"]) == 1
    result = faulty.run(firmware("mps3-an547"), protocol="lines",
                        lines={"patterns": patterns, "fail": "init-done", "end": "^m-ready"})
    assert result["outcome"] == "failed" and "'m-init-done'" in result["detail"]


def test_a_canceled_run_ends_at_once(faulty):
    faulty.control("fault probe-hang 2000")
    try:
        server = faulty.server
        run = server.submit("v1", server.add_artifact(firmware("mps3-an547")),
                            **phases(memory=True), timeouts_s={"flash": 60})
        server.wait(lambda s: "hilda: writing" in s.text(run, 1), 30, "OpenOCD does not start")
        server.cancel(run)
        result = server.wait_result(run, 10)
    finally:
        faulty.control("fault none")
    assert result["outcome"] == "canceled" and result["stage"] == "flash"
