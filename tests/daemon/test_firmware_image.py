"""What is in an image: reproducible bytes, recorded compiler, nothing of the host's protocols."""

import hashlib
import pathlib
import re
import shutil
import subprocess

import pytest

from firmware_device import host, MACHINES
from firmware_models import make_image

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware-stub"
FREESTANDING = {"uart-bench/hilda_report.h", "uart-bench/crc.h", "uart-bench/sha256.h", "model/model.h"}

needs_gcc = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None,
                               reason="arm-none-eabi-gcc is not installed")


def test_only_freestanding_files_of_the_protocols_are_included():
    seen = set()
    ours = [p for p in FIRMWARE.rglob("*.[ch]") if "examples" not in p.parts and p.name != "hilda_report.c"]
    for path in ours:
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            assert name.split("/")[0] in ("core", "nn", "port", "protocols", "report"), (path, name)
            if name.startswith("protocols/"):
                assert name.removeprefix("protocols/") in FREESTANDING, (path, name)
                seen.add(name.removeprefix("protocols/"))
    assert seen == FREESTANDING


def test_the_freestanding_files_include_nothing_of_the_host():
    for name in FREESTANDING:
        for path in (ROOT / "protocols" / name).with_suffix(".c"), ROOT / "protocols" / name:
            for include in re.findall(r'^#include (\S+)', path.read_text(), re.M):
                own = include.strip('"')
                assert own.removeprefix("protocols/") in FREESTANDING or "uart-bench/" + own in FREESTANDING or \
                    include in ("<stddef.h>", "<stdint.h>"), (path, include)


@needs_gcc
@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_encoder_is_strict_c99_and_good_cplusplus(tmp_path, language):
    compiler = ["g++", "-x", "c++", "-std=c++11"] if language == "c++" else \
        ["arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m0", "-ffreestanding"]
    for name in FREESTANDING - {"model/model.h"}:
        source = (ROOT / "protocols" / name).with_suffix(".c")
        subprocess.run([*compiler, "-pedantic", "-Wall", "-Wextra", "-Werror", "-c", source,
                        "-o", tmp_path / "x.o"], check=True)


def test_the_golden_model_files_are_what_is_made(tmp_path):
    folder = ROOT / "protocols/vectors/model"
    subprocess.run(["/usr/bin/python3", folder / "make.py", tmp_path], check=True)
    names = sorted(p.name for p in folder.glob("*.hlm"))
    assert names == sorted(p.name for p in tmp_path.iterdir()) and len(names) == 6
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_device_hashes_the_bytes_of_the_model_file(build):
    made = [FIRMWARE / "models/full-nano-int8.hlm", build / "firmware/models/full-nano-int8.hlm"]
    blob = next(p for p in made if p.exists()).read_bytes()
    with host(build / "firmware/host/full-nano-int8.elf") as device:
        device.banner()
        m = device.lab("id").values("M")
    assert m["sha256"] == hashlib.sha256(blob).hexdigest()
    assert int(m["bytes"]) == len(blob)


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
def test_a_model_whose_input_is_larger_than_the_memory_for_results_is_built(build):
    assert make_image(build, "mps2-an386", "full-t512", "int8").exists()


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
