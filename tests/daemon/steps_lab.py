"""What the tests of the job steps share: firmware images, also misbehaving ones, and job parts."""

import contextlib
import functools

from agent_process import Agent
from conftest import BUILD
from fake_agent_server import FakeServer
from firmware_models import make_image

MODEL = "full-nano"


@functools.cache
def firmware(board, fault=None, markers=None, model=MODEL):
    """The image's bytes; made up to date once in each process, one process after the other."""
    return make_image(BUILD, board, model, "int8", FAULT=fault, MARKERS=markers).read_bytes()


def phases(**asked):
    """Only these phases, small enough for a test."""
    return {"protocol": "uart-bench", "phases": asked}


WARM = {"iterations": 8, "warmup": 2, "boots": 1}


def stages(result):
    return [s["stage"] for s in result["stages"]]


def of_phase(result, name):
    return [p for p in result["phases"] if p["phase"] == name]


@contextlib.contextmanager
def exec_board(folder):
    """Runs one job on an exec board; gives its result and its log's texts by stream."""
    server = FakeServer()
    agent = Agent(folder / "agent", server.url)

    def one(image, files=(), **document):
        if files:
            document["files"] = [{"name": name, "artifact": f"sha256:{server.add_artifact(data)}"}
                                 for name, data in files.items()]
        number = server.submit("host-1", server.add_artifact(image), **document)
        if agent.process is None:
            agent.start()
        result = server.wait_result(number, 60)
        result["log"] = {n: server.text(number, n) for n in range(4)}
        return result

    yield one
    agent.stop()
    server.close()
