"""A sustained phase on exec boards: throughput by the second, and what the machine says of itself."""

import json
import zlib

import pytest

from agent_process import Agent, script
from fake_agent_server import FakeServer
from conftest import need
from firmware_device import crc16, host
from steps_lab import WARM, firmware, of_phase, phases, stages

MACHINE = {
    "sys/class/thermal/thermal_zone0/type": "cpu thermal,1",
    "sys/class/thermal/thermal_zone0/temp": "45123",
    "sys/class/thermal/thermal_zone3/type": "gpu",
    "sys/class/thermal/thermal_zone3/temp": "-1500",
    "sys/class/thermal/cooling_device0/type": "fan",
    "sys/class/thermal/cooling_device0/cur_state": "2",
    "sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq": "1800000",
    "sys/devices/system/cpu/cpufreq/policy4/cpuinfo_max_freq": "2400000",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "7",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005",
    "proc/self/status": "Name:\tx\nVmHWM:\t    4321 kB\n",
    "proc/self/cgroup": "0::/job.slice\n",
    "sys/fs/cgroup/job.slice/memory.peak": "123456",
}


@pytest.fixture
def machine(tmp_path):
    """A /sys and /proc that the firmware is told to look at."""
    for path, text in MACHINE.items():
        (tmp_path / "root" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / path).write_text(text + "\n")
    return tmp_path / "root"


@pytest.fixture
def device(tmp_path, machine):
    elf = tmp_path / "firmware"
    elf.write_bytes(firmware("host"))
    elf.chmod(0o755)
    with host(elf, env={"HILDA_SYSROOT": str(machine)}) as d:
        d.banner()
        yield d


def vitals(run):
    return {v.get("name", v["kind"]): v for v in (r.values for r in run.records if r.type == "V")}


def test_the_machine_s_words(device):
    run = device.lab("sustained 2")
    said = vitals(run)
    zone = said["cpu thermal_1"]
    assert zone["kind"] == "temperature" and zone["before"] == zone["after"] == "45123"
    assert int(zone["reads"]) >= 4  # before, twice during, after
    assert said["gpu"]["before"] == "-1500"
    assert said["fan"]["kind"] == "cooling" and said["fan"]["max"] == "2"
    assert (said["policy4"]["before"], said["policy4"]["limit"]) == ("1800000", "2400000")
    assert said["cpu0"]["kind"] == "throttled" and said["cpu0"]["before"] == "7"
    assert said["firmware"]["before"] == str(0x50005)
    assert said["process"]["vm_hwm_kB"] == "4321"
    assert said["process"]["cgroup_peak_bytes"] == "123456"
    assert {"minor_faults", "major_faults"} <= said["process"].keys()
    counters = {"cycles", "instructions", "cache_references", "cache_misses", "branch_misses",
                "task_clock_ns", "context_switches", "migrations"}
    known, missing = said["perf"].keys() & counters, said["perf"].get("missing", "").split(":")
    assert known | (set(missing) - {""}) == counters and not known & set(missing)


def test_seconds_and_ticks(device):
    run = device.lab("sustained 2")
    r = run.values("R")
    counts = [int(c) for x in run.records if x.type == "T" for c in x.values["c"].split(":")]
    assert (r["phase"], r["seconds"], len(counts)) == ("sustained", "2", 2)
    # The one that goes past the last second is in n alone.
    assert sum(counts) in (int(r["n"]), int(r["n"]) - 1)
    assert int(r["window"]) >= 2_000_000_000
    ticks, stride = run.ticks(), int(r["stride"])
    assert len(ticks) == -(-int(r["n"]) // stride) and all(t > 0 for t in ticks)
    # The same again from RAM, the machine's words too.
    for r in (run.records[1], run.records[-2]):
        assert device.ask(f"lab resend {r.seq}") == [r.line]


def test_a_machine_without_any_of_it(tmp_path):
    elf = tmp_path / "firmware"
    elf.write_bytes(firmware("host"))
    elf.chmod(0o755)
    with host(elf, env={"HILDA_SYSROOT": str(tmp_path / "nothing")}) as d:
        d.banner()
        said = vitals(d.lab("sustained 1"))
        assert said.keys() == {"process", "perf"}
        assert said["process"].keys() == {"kind", "minor_faults", "major_faults"}


def test_seconds_have_a_limit(device):
    for word in ("0", "x", "99999999"):
        assert device.lab(f"sustained {word}").errors[0].startswith(
            "e-[Seconds: a number from 1 to 32768]")


@pytest.fixture
def run(tmp_path):
    server = FakeServer()
    agent = Agent(tmp_path / "agent", server.url)

    def one(image, **document):
        number = server.submit("host-1", server.add_artifact(image), **document)
        if agent.process is None:
            agent.start()
        return server.wait_result(number, 60)

    yield one
    agent.stop()
    server.close()


def test_the_agent_s_result(run, tmp_path, machine):
    elf = tmp_path / "firmware"
    elf.write_bytes(firmware("host"))
    elf.chmod(0o755)
    image = script(f"HILDA_SYSROOT={machine} exec {elf}")
    # The phase's own time comes on top of what a phase may take.
    result = run(image, **phases(sustained={"seconds": 3}), timeouts_s={"phase": 2})
    assert result["outcome"] == "passed", result["detail"]
    assert stages(result) == ["flash", "boot", "sustained", "collect"]
    phase, = of_phase(result, "sustained")
    assert phase["seconds"] == len(phase["counts"]) == 3 and phase["n"] >= len(phase["ticks"])
    assert phase["window_ticks"] >= 3e9 and phase["stride"] >= 1
    sensors = {s["name"]: s for s in phase["soc"]["sensors"]}
    assert sensors["gpu"]["before"] == sensors["gpu"]["min"] == -1500
    assert sensors["policy4"] == {"kind": "frequency", "name": "policy4", "before": 1800000,
                                  "min": 1800000, "max": 1800000, "after": 1800000, "reads": 5,
                                  "limit": 2400000}
    assert phase["soc"]["process"]["vm_hwm_kB"] == 4321
    assert "task_clock_ns" in json.dumps(phase["soc"]["perf"])


def talker(*replies):
    """Firmware of somebody else's: a shell script with records made here."""
    def record(body):
        return f"${body}*{crc16(body.encode()):04X}"

    def answer(bodies):
        lines = [record(b) for b in bodies]
        end = record(f"E,{len(lines)},lines={len(lines)},"
                     f"crc={zlib.crc32(''.join(lines).encode()):08X},status=ok")
        return "".join(f"printf '%s\\r\\n' '{line}'\n" for line in [*lines, end, "m-ready"])

    hello = answer(["H,0,proto=1,fw=1,board=x,hz=1000,timer=monotonic,max_n=10",
                    "M,1,model=m,quant=float32,runtime=onnxruntime-1.16,accelerator=npu,"
                    "ops_accelerated=11,ops_total=12"])
    cases = "".join(f"*{verb}*) {answer(bodies)};;\n" for verb, bodies in replies)
    return ("#!/bin/bash\nprintf '\\r\\nm-init-done\\r\\nm-ready\\r\\n'\n"
            f"while read -r -d % x; do case $x in *id*) {hello};;\n{cases}esac; done\n").encode()


def test_what_a_program_says_of_its_runtime(run):
    program = talker(("sustained", ["R,0,phase=sustained,n=5,window=1500", "C,1,i=0,t=1:2"]))
    result = run(program, **phases(sustained={"seconds": 1}))
    assert result["outcome"] == "passed", result["detail"]
    assert result["model"]["runtime"] == "onnxruntime-1.16"
    assert result["model"]["accelerator"] == "npu" and result["model"]["quant"] == "float32"
    assert (result["model"]["ops_accelerated"], result["model"]["ops_total"]) == (11, 12)
    phase, = of_phase(result, "sustained")
    # What it does not tell is unknown, not zero.
    assert "soc" not in phase and "counts" not in phase and phase["n"] == 5


@pytest.mark.parametrize("bodies, words", [
    (["R,0,phase=sustained,n=0,window=1500"], "timed no inference"),
    (["R,0,phase=sustained,n=1", "T,1,i=0,c=1:1", "C,2,i=0,t=1"], "counted 2 seconds"),
])
def test_a_program_that_did_something_else(run, bodies, words):
    result = run(talker(("sustained", bodies)), **phases(sustained={"seconds": 1}))
    assert result["outcome"] == "failed" and words in result["detail"], result["detail"]


def test_a_program_for_64_bit_arm_under_qemu_user(tmp_path):
    """Virtual: its predictions are those of any board, its times are no board's."""
    need("aarch64-linux-gnu-gcc"), need("qemu-aarch64")
    server = FakeServer()
    agent = Agent(tmp_path / "agent", server.url, extra="[board arm-1]\ntype = host-arm64\n"
                  "exec = qemu:aarch64\n").start()
    asked = phases(cold={"boots": 2}, warm=dict(WARM, boots=2), accuracy={"samples": 8},
                   sustained={"seconds": 1})
    try:
        arm = server.wait_result(server.submit(
            "arm-1", server.add_artifact(firmware("host-arm64")), **asked), 120)
        assert arm["outcome"] == "passed", arm["detail"]
        assert arm["provenance"]["virtual"] is True and arm["provenance"]["exec"] is True
        assert arm["provenance"]["machine"] == "AArch64" and "icount_shift" not in arm["timer"]
        assert "host's" in arm["clock"]["detail"] and arm["clock"]["checked"] is False
        assert [c["kind"] for c in of_phase(arm, "cold")] == ["reset", "reset"]
        assert [w["boot"] for w in of_phase(arm, "warm")] == [0, 1]
        board, = [b for b in server.registers[-1]["boards"] if b["name"] == "arm-1"]
        assert board["virtual"] is True and board["exec"] is True
        here = server.wait_result(server.submit(
            "host-1", server.add_artifact(firmware("host")), **phases(accuracy={"samples": 8})), 60)
        assert of_phase(here, "accuracy") == of_phase(arm, "accuracy")
        wrong = server.wait_result(server.submit(
            "arm-1", server.add_artifact(firmware("host")), **asked), 60)
        assert wrong["outcome"] == "configuration"
        assert "the image is for x86-64, board arm-1 is AArch64" in wrong["detail"]
    finally:
        agent.stop()
        server.close()
