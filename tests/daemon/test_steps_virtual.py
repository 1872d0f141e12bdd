"""The whole path on virtual boards: agent, stock openocd, emulated probe, QEMU, real firmware."""

import json
import socket

import pytest

from agent_process import Agent
from conftest import need, wait_for
from fake_agent_server import FakeServer
from steps_lab import WARM, firmware, of_phase, phases, stages

MACHINES = ["mps3-an547", "mps2-an386", "mps2-an500", "microbit"]


class Lab:
    """One agent with one virtual board, and the board's control socket."""

    def __init__(self, folder, machine):
        self.machine = machine
        self.server = FakeServer()
        self.agent = Agent(folder / "agent", self.server.url, boards=(),
                           extra=f"[board v1]\nvirtual = {machine}\n")
        self.agent.start()
        self.server.wait(lambda s: s.boards.get("v1", {}).get("online"), 60,
                         "the virtual board does not come up: " + self.agent.log())

    def close(self):
        self.agent.stop()
        self.server.close()

    def run(self, image, seconds=120, **document):
        number = self.server.submit("v1", self.server.add_artifact(image), **document)
        result = self.server.wait_result(number, seconds)
        result["log"] = {n: self.server.text(number, n) for n in range(4)}
        return result

    def control(self, command):
        ready = next(self.agent.data.rglob("ready.json"))
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(json.loads(ready.read_text())["control"])
            s.sendall(command.encode() + b"\n")
            reply = s.makefile().readline()
        assert reply.startswith("ok"), reply
        return reply


@pytest.fixture(scope="module", params=MACHINES)
def lab(request, tmp_path_factory):
    need("qemu-system-arm")
    need("openocd")
    one = Lab(tmp_path_factory.mktemp(request.param), request.param)
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
