"""What is in an image: reproducible bytes, recorded compiler, nothing of the host's protocols."""

import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from firmware_device import host, MACHINES

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware-stub"
FREESTANDING = {"hilda_report.h", "crc.h", "sha256.h"}

needs_gcc = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None,
                               reason="arm-none-eabi-gcc is not installed")


def test_only_freestanding_files_of_the_protocols_are_included():
    seen = set()
    for path in FIRMWARE.rglob("*.[ch]"):
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            assert name.split("/")[0] in ("core", "nn", "port", "protocols"), (path, name)
            if name.startswith("protocols/"):
                assert re.fullmatch(r"protocols/uart-bench/\w+\.h", name), (path, name)
                assert pathlib.Path(name).name in FREESTANDING, (path, name)
                seen.add(pathlib.Path(name).name)
    assert seen == FREESTANDING


def test_the_freestanding_files_include_nothing_of_the_host():
    for name in FREESTANDING:
        for path in (ROOT / "protocols/uart-bench" / name).with_suffix(".c"), \
                ROOT / "protocols/uart-bench" / name:
            for include in re.findall(r'^#include (\S+)', path.read_text(), re.M):
                assert include.strip('"') in FREESTANDING or include in \
                    ("<stddef.h>", "<stdint.h>"), (path, include)


@needs_gcc
@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_encoder_is_strict_c99_and_good_cplusplus(tmp_path, language):
    compiler = ["g++", "-x", "c++", "-std=c++11"] if language == "c++" else \
        ["arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m0", "-ffreestanding"]
    for name in FREESTANDING:
        source = (ROOT / "protocols/uart-bench" / name).with_suffix(".c")
        subprocess.run([*compiler, "-pedantic", "-Wall", "-Wextra", "-Werror", "-c", source,
                        "-o", tmp_path / "x.o"], check=True)


def test_the_committed_model_is_what_the_generator_makes(tmp_path):
    out = tmp_path / "model.c"
    subprocess.run(["/usr/bin/python3", FIRMWARE / "models/generate.py", out], check=True)
    assert out.read_bytes() == (FIRMWARE / "models/full-nano-int8.c").read_bytes()


def test_the_device_hashes_the_bytes_that_the_generator_wrote(build):
    text = (FIRMWARE / "models/full-nano-int8.c").read_text()
    blob = bytes(map(int, re.search(r"blob\[\d+\][^{]*\{([^}]*)\}", text).group(1)
                     .replace("\n", "").rstrip(",\t ").split(",")))
    with host(build / "firmware/host/full-nano-int8.elf") as device:
        device.banner()
        m = device.lab("id").values("M")
    assert m["sha256"] == hashlib.sha256(blob).hexdigest()
    assert m["sha256"] in text
    assert int(m["bytes"]) == len(blob)


def test_integer_logits_follow_the_float_network(build):
    """End to end: every logit within a few steps of the double-precision network's."""
    sys.path.insert(0, str(FIRMWARE / "models"))
    sys.dont_write_bytecode = True
    import generate
    draw = generate.Draw(generate.SEED)
    net = generate.Network(draw)
    samples = [[[generate.clamp(generate.rounded(v / generate.INPUT_SCALE)) * generate.INPUT_SCALE
                 for v in patch] for patch in generate.patches(generate.image(draw, i))]
               for i in range(generate.SAMPLES)]
    expected = net.calibrate(samples)
    with host(build / "firmware/host/full-nano-int8.elf") as device:
        device.banner()
        got = [list(map(int, row.split(":"))) for row in device.lab("accuracy 8").logits()]
    errors = [abs(q - v / net.r_logits.scale) for row, real in zip(got, expected)
              for q, v in zip(row, real)]
    assert max(errors) <= 12
    assert sum(errors) / len(errors) <= 4


@needs_gcc
def test_the_same_source_gives_the_same_image(build, tmp_path):
    for board in MACHINES[:1]:
        made = tmp_path / board
        subprocess.run(["make", "-s", "-C", FIRMWARE, "BOARD=" + board, "BUILD=%s" % tmp_path],
                       check=True, stdout=subprocess.DEVNULL)
        name = "full-nano-int8.elf"
        for section in (".text", ".rodata", "hilda_model", ".vectors"):
            parts = []
            for elf in (made / name, build / "firmware" / board / name):
                out = tmp_path / "section.bin"
                subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", section, elf, out],
                               check=True)
                parts.append(out.read_bytes())
            assert parts[0] == parts[1] and parts[0], section


@needs_gcc
@pytest.mark.parametrize("board", MACHINES)
def test_compiler_and_flags_are_recorded_and_identity_stands_apart(build, board):
    elf = build / "firmware" / board / "full-nano-int8.elf"
    info = subprocess.run(["arm-none-eabi-readelf", "--debug-dump=info", elf], check=True,
                          capture_output=True, text=True).stdout
    producer = re.search(r"DW_AT_producer.*(GNU C11 .*)", info).group(1)
    assert "-O2" in producer and "-mcpu=cortex-m" in producer
    assert str(ROOT) not in info
    sections = subprocess.run(["arm-none-eabi-readelf", "-S", "-W", elf], check=True,
                              capture_output=True, text=True).stdout
    for name in (".identity", "hilda_model", ".comment"):
        assert name in sections
    assert not re.search(r"\.(data|bss|text)\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+WAX", sections)


@needs_gcc
@pytest.mark.parametrize("board, flash, ram, flash_bytes, ram_bytes", [
    ("nrf52840dk", 0, 0x20000000, 1 << 20, 256 << 10),
    ("nucleo-f446re", 0x08000000, 0x20000000, 512 << 10, 128 << 10)])
def test_images_for_real_boards_start_where_the_chip_looks(build, tmp_path, board, flash, ram,
                                                          flash_bytes, ram_bytes):
    elf = build / "firmware" / board / "full-nano-int8.elf"
    out = tmp_path / "image.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, out], check=True)
    image = out.read_bytes()
    stack, reset = (int.from_bytes(image[i:i + 4], "little") for i in (0, 4))
    assert ram < stack <= ram + ram_bytes and stack % 8 == 0
    assert reset & 1 and flash < reset < flash + len(image)
    assert len(image) < flash_bytes
    symbols = subprocess.run(["arm-none-eabi-nm", elf], check=True, capture_output=True,
                             text=True).stdout
    assert int(re.search(r"(\w+) \w vectors\n", symbols).group(1), 16) == flash
    # One handler of the table is the watchdog's: the fault handler, not the common one.
    handlers = [int.from_bytes(image[i:i + 4], "little") for i in range(64, 64 + 4 * 64, 4)]
    fault = int.from_bytes(image[12:16], "little")
    assert handlers.count(fault) == 1
