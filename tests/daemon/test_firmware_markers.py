"""Marker records and images with a fault built in: what the virtual PPK2 and the agent's tests need."""

import re
import subprocess

import pytest

from conftest import need, wait_for
from firmware_device import MACHINES, Run, host, qemu

NAME = "full-nano-int8"


def build_image(root, folder, board, **options):
    need("arm-none-eabi-gcc")
    subprocess.run(["make", "-s", "-C", root / "firmware-stub", "BOARD=" + board,
                    "BUILD=%s" % folder, *("%s=%s" % o for o in options.items())],
                   check=True, stdout=subprocess.DEVNULL)
    suffix = "".join("-fault-" + v if k == "FAULT" else "-" + v for k, v in options.items())
    return folder / board / (NAME + suffix + ".elf")


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
        # D0 is high in the window; D2 toggles with each run.
        d2 = 4 * ((index + 1) & 1)
        assert (first, second) == (d2 + 1, d2)
        assert last < opened < closed
        assert abs(closed - opened - ticks) < 1000
        last = closed


@pytest.mark.parametrize("machine", [m for m in MACHINES if m != "microbit"])
def test_markers_come_by_the_second_uart_after_the_window(build, tmp_path, machine):
    need("qemu-system-arm")
    out = tmp_path / "markers"
    with qemu(machine, build / "firmware" / machine / (NAME + ".elf"),
              "-serial", "file:%s" % out) as device:
        windows = window(device)
        wait_for(lambda: out.read_text().count("$E") == 2)
        check(out.read_text(), windows)


def test_markers_come_by_semihosting_on_microbit(root, tmp_path):
    need("qemu-system-arm")
    image = build_image(root, tmp_path, "microbit", MARKERS="semihosting")
    out = tmp_path / "markers"
    with qemu("microbit", image, "-chardev", "file,id=markers,path=%s" % out, "-semihosting-config",
              "enable=on,target=native,chardev=markers") as device:
        windows = window(device)
        wait_for(lambda: out.read_text().count("$E") == 2)
        check(out.read_text(), windows)


@pytest.mark.parametrize("kind", ["hardfault", "hang", "cut", "reset"])
def test_an_image_with_a_fault_has_it_in_the_warm_window(root, tmp_path, kind):
    image = build_image(root, tmp_path, "host", FAULT=kind)
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
