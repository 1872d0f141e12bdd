"""The pair that others drop into their firmware, and firmware made with it, driven by the agent."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, need
from steps_lab import exec_board, of_phase, phases, stages
from virtual_lab import VirtualLab

REPORT = ROOT / "firmware-stub/report"
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wundef", "-Wdouble-promotion"]
ARM = ["arm-none-eabi-gcc", "-std=c99", "-ffreestanding", "-Os", "-mthumb"]
CORES = ["cortex-m0", "cortex-m4", "cortex-m7", "cortex-m55"]


def run_quietly(*argv, **more):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_pair_is_what_our_own_firmware_is_built_of(tmp_path):
    run_quietly("/usr/bin/python3", REPORT / "amalgamate.py", tmp_path)
    for name in ("hilda_report.h", "hilda_report.c"):
        assert (tmp_path / name).read_bytes() == (REPORT / name).read_bytes(), \
            f"{name} is not up to date: `make report`"


@pytest.mark.parametrize("compiler", [
    ["gcc", "-std=c99"], ["clang", "-std=c99"], ["g++", "-x", "c++", "-std=c++98"],
    ["g++", "-x", "c++", "-std=c++17"], *[[*ARM, f"-mcpu={core}"] for core in CORES]],
    ids=lambda argv: "-".join(argv[:1] + argv[-1:]))
def test_the_pair_is_strict_and_needs_nothing(tmp_path, compiler):
    """Alone in a folder: two files are all there is."""
    need(compiler[0])
    for name in ("hilda_report.h", "hilda_report.c"):
        shutil.copy(REPORT / name, tmp_path)
    out = tmp_path / "pair.o"
    run_quietly(*compiler, *STRICT, "-c", "hilda_report.c", "-o", out, cwd=tmp_path)
    undefined = [line.split()[-1] for line in run_quietly("nm", "-u", out).splitlines()]
    # The compiler's own library, and the functions that GCC demands of any program.
    allowed = r"__(aeabi_|gnu_thumb1_|stack_chk_)|_GLOBAL_OFFSET_TABLE_$|mem(cpy|set|move|cmp)$"
    assert not [n for n in undefined if not re.match(allowed, n)], undefined
    defined = re.findall(r" [TDBRC] (\S+)", run_quietly("nm", "-C", out))
    assert defined and not [n for n in defined if not n.startswith("hilda_")], defined


def test_cplusplus_can_call_it(tmp_path):
    (tmp_path / "main.cc").write_text(
        '#include "hilda_report.h"\n'
        "static void put(void *, const char *, size_t) {}\n"
        "static int get(void *) { return HILDA_CLOSED; }\n"
        "static uint64_t ticks(void *) { static uint64_t now; return now++; }\n"
        "int main() { static hilda_device d; d.put = put; d.get = get; d.ticks = ticks; d.hz = 1;\n"
        "d.infer = [](void *, uint32_t) {}; hilda_device_run(&d); return 0; }\n")
    run_quietly("gcc", "-std=c99", "-c", REPORT / "hilda_report.c", "-o", tmp_path / "pair.o")
    run_quietly("g++", "-std=c++11", *STRICT, f"-I{REPORT}", tmp_path / "main.cc", tmp_path / "pair.o",
                "-o", tmp_path / "program")
    run_quietly(tmp_path / "program")


def test_the_sizes_in_the_readme(tmp_path):
    need("arm-none-eabi-gcc")
    table = dict(re.findall(r"(?m)^\| Cortex-(M\d+) \| ([\d,]+) \|", (REPORT / "README.md").read_text()))
    assert sorted(table) == ["M0", "M4", "M55", "M7"]
    for core in CORES:
        run_quietly(*ARM, f"-mcpu={core}", "-c", REPORT / "hilda_report.c", "-o", tmp_path / "x.o")
        text = int(run_quietly("arm-none-eabi-size", tmp_path / "x.o").splitlines()[1].split()[0])
        told = int(table[core.replace("cortex-m", "M")].replace(",", ""))
        assert abs(text - told) <= told * 0.05, f"{core}: {text} bytes"


def example(name, target):
    """Built by its own Makefile, as its README says."""
    made = BUILD / "firmware" / name / str(os.getpid())
    run_quietly("make", "-C", REPORT / "examples" / name, f"BUILD={made}", f"{made}/{target}")
    image = (made / target).read_bytes()
    shutil.rmtree(made)
    return image


JOB = phases(cold={"boots": 3, "by": "reset"}, warm={"iterations": 100, "warmup": 4, "boots": 2}, memory=True,
             accuracy={"samples": 8})


def check_phases(result):
    assert result["outcome"] == "passed", result["detail"]
    assert stages(result) == ["flash", "boot", "cold", "warm", "accuracy", "memory", "collect"]
    assert result["model"]["model"] == "quarters" and result["model"]["bytes"] == 64
    assert result["device"]["max_n"] == 512
    cold = of_phase(result, "cold")
    assert [c["boot"] for c in cold] == [0, 1, 2]
    assert all(c["boot_ticks"] > 0 and c["first_ticks"] > 0 for c in cold)
    for warm in of_phase(result, "warm"):
        assert warm["n"] == len(warm["ticks"]) == 100 and warm["inputs"] == "rotate"
        assert warm["window_ticks"] > sum(warm["ticks"]) > 0
    assert of_phase(result, "accuracy")[0]["predictions"] == [0, 1, 2, 3] * 2


def test_the_plain_example_as_a_program(tmp_path):
    image = example("plain", "plain-host")
    with exec_board(tmp_path) as run:
        result = run(image, **JOB)
    check_phases(result)
    assert result["timer"] == {"hz": 1000000000, "kind": "monotonic"}
    assert "stack_used" not in of_phase(result, "memory")[0]["values"]


def test_the_plain_example_on_a_virtual_board(tmp_path):
    for tool in ("qemu-system-arm", "openocd", "arm-none-eabi-gcc"):
        need(tool)
    image = example("plain", "plain-mps2-an386.elf")
    lab = VirtualLab(tmp_path, "mps2-an386")
    try:
        result = lab.run(image, **JOB)
        refused = lab.run(image, **phases(energy=True))
    finally:
        lab.close()
    check_phases(result)
    # The same input takes the same instructions; the counter's phase may differ by a tick.
    for warm in of_phase(result, "warm"):
        assert max(warm["ticks"]) - min(warm["ticks"]) <= 1
    values = of_phase(result, "memory")[0]["values"]
    assert 256 < values["stack_used"] < values["stack_size"] == 2048
    assert values["heap_used"] == 0 and values["bss"] > 2048  # the results are in there
    assert refused["outcome"] == "configuration", refused["detail"]
    assert "cannot do 'lab energy" in refused["detail"] and "leave the phase out" in refused["detail"]
