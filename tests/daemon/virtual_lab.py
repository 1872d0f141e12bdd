"""One agent with a virtual board, v1, its control socket, and a server of the test's own."""

import json
import socket

from agent_process import Agent
from fake_agent_server import FakeServer


class VirtualLab:
    def __init__(self, folder, machine, extra=""):
        self.machine = machine
        self.server = FakeServer()
        self.agent = Agent(folder / "agent", self.server.url, boards=(),
                           extra=f"[board v1]\nvirtual = {machine}\n{extra}")
        self.start()

    def start(self):
        self.agent.start()
        self.server.wait(lambda s: s.boards.get("v1", {}).get("online"), 60,
                         "the virtual board does not come up: " + self.agent.log())

    def close(self):
        self.agent.stop()
        self.server.close()

    def submit(self, image, **document):
        return self.server.submit("v1", self.server.add_artifact(image), **document)

    def finish(self, number, seconds=180):
        """The result, with log and capture in it."""
        result = dict(self.server.wait_result(number, seconds))
        result["log"] = {n: self.server.text(number, n) for n in range(4)}
        result["shipped"] = self.server.runs[number]["capture"]
        return result

    def run(self, image, seconds=120, **document):
        return self.finish(self.submit(image, **document), seconds)

    def control(self, command):
        ready = next(self.agent.data.rglob("v1/ready.json"))
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(json.loads(ready.read_text())["control"])
            s.sendall(command.encode() + b"\n")
            reply = s.makefile().readline()
        assert reply.startswith("ok"), reply
        return reply
