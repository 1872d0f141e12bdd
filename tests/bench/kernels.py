"""Instructions for a multiply-accumulate: a linear layer of 49 tokens, 64 in, 64 out, on the virtual boards."""

import pathlib
import subprocess
import sys

from measure import BUILD, row

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/daemon"))
from firmware_device import SHIFT, open_board  # noqa: E402

# (board, the most instructions for one, in words): silicon's clock is another matter.
BARS = {"mps2-an386": (2.14, "<= 2.14 instructions"), "mps3-an547": (1 / 2.5, ">= 2.5 for an instruction")}


def instructions(board, **options):
    """{"int8": ..., "int4": ...}: instructions for each multiply-accumulate."""
    folder = BUILD / "firmware"
    subprocess.run(["make", "-s", "-C", ROOT / "firmware-stub", f"BOARD={board}", f"BUILD={folder}",
                    "MAIN=../tests/bench/kernels.c", *(f"{k}={v}" for k, v in options.items())], check=True,
                   stdout=subprocess.DEVNULL)
    kernel = f"-{options['KERNEL']}" if options else ""
    with open_board(board, folder / board / f"kernels{kernel}.elf") as device:
        lines = [line[2:].rpartition("-") for line in device.until() if line.startswith("m-")]
    said = {name: int(value) for name, _, value in lines}
    # The emulator's clock: 2^shift nanoseconds an instruction.
    each = 1e9 / said["hz"] / 2 ** SHIFT[board] / said["macs"]
    return {name: said[name] * each for name in ("int8", "int4")}


def bench_kernels(folder):
    for board, (most, bar) in BARS.items():
        ours, plain = instructions(board), instructions(board, KERNEL="plain")
        for quant in ours:
            row(f"a multiply-accumulate, {quant}, {board}", f"{ours[quant]:.2f} instructions",
                f"{plain[quant]:.2f} (plain C)", f"{1 / ours[quant]:.2f} an instruction",
                bar if quant == "int8" else "none", quant != "int8" or ours[quant] <= most)
