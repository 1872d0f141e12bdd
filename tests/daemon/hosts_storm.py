"""A storm over several hosts: what can be done to a network, to machines and to clocks, drawn by a seed,
while two clients submit. Afterwards all is healed and left alone."""

import random
import time

from fault_proxy import FAULTS
from torture import Client

CALL_FAULT_CHANCE = 0.15
LEASE_S = 1.2  # with its grace, as in hosts_kit.SHORT
JUMPS = ["-3600", "+86400", "+0", "-20", "+20"]


class Weather:
    """What befalls one agent and its host; one thing at a time."""

    def __init__(self, storm, number, agent):
        self.storm, self.number, self.agent = storm, number, agent
        self.random = random.Random(f"{storm.seed}-{agent.name}")
        self.host = agent.host
        self.until, self.mend = time.monotonic() + self.random.uniform(0, 1), None

    def turn(self):
        if time.monotonic() < self.until:
            return
        if self.mend:
            self.calm()
            self.until = time.monotonic() + self.random.uniform(0.05, 0.6)
            return
        names = ["cut", "cut", "long_cut", "resets", "resets", "pause", "power", "kill", "slow"]
        name = self.random.choice(names)
        self.storm.count(name)
        seconds, self.mend = getattr(self, name)()
        self.until = time.monotonic() + seconds

    def calm(self):
        if self.mend:
            self.mend()
        self.mend = None

    def cut(self):
        self.host.cut(self.random.choice(["both", "up", "down"]))
        return self.random.uniform(0.1, 0.8), self.host.heal

    def long_cut(self):
        self.host.cut(self.random.choice(["both", "up", "down"]))
        return self.random.uniform(LEASE_S + 0.2, LEASE_S + 1.5), self.host.heal

    def resets(self):
        self.host.reset_all()
        return self.random.uniform(0.05, 0.4), self.host.reset_no_more

    def slow(self):
        self.host.slow(self.random.choice(["64kbit", "256kbit"]))
        return self.random.uniform(0.5, 2), self.host.slow_no_more

    def pause(self):
        self.agent.pause()
        return self.random.choice([0.3, LEASE_S + self.random.uniform(0.1, 1)]), self.agent.resume

    def power(self):
        self.host.power_off()

        def on():
            self.host.power_on()
            self.start_again()

        return self.random.choice([0.1, LEASE_S + 0.5]), on

    def kill(self):
        self.agent.process.kill()
        return self.random.uniform(0, 0.5), self.start_again

    def start_again(self):
        self.agent.process.wait()
        self.agent.start(**self.storm.field.clock(self.agent.name))


class Storm:
    def __init__(self, field, seed):
        self.field, self.seed, self.random = field, seed, random.Random(f"{seed}-storm")
        self.raging = True
        urls = [f"http://127.0.0.1:{self.proxy(field.hosts[0]).port}", None, None]
        self.weather = [Weather(self, i, field.agent(name, host=i, n=3, url=urls[i], online=False))
                        for i, name in enumerate(["a", "b"])]
        self.clients = [Client(field, "client-one"), Client(field, "client-two")]
        through = self.proxy(field.server_host)
        self.clients[1].lab = field.lab_of(field.server_host, "127.0.0.1", through.port)

    def proxy(self, host):
        one = self.field.proxy(host)
        one.random = random.Random(f"{self.seed}-proxy-{host.name}")

        def choose(_):
            if self.raging and one.random.random() < CALL_FAULT_CHANCE:
                return one.random.choice(FAULTS)
            return None

        one.chooser = choose
        return one

    def count(self, name):
        if name in ("cut", "long_cut"):
            self.field.counts["partitions"] += 1
        self.field.counts[f"weather {name}"] += 1

    def jump(self):
        name = self.random.choice(["server", "a", "b"])
        self.field.set_clock(name, self.random.choice(JUMPS))
        self.field.counts["clock jumps"] += 1

    def rage(self, seconds):
        end = time.monotonic() + seconds
        next_jump = time.monotonic() + 1
        for client in self.clients:
            client.start()
        while time.monotonic() < end:
            for weather in self.weather:
                weather.turn()
            if self.field.clocks and time.monotonic() > next_jump:
                self.jump()
                next_jump = time.monotonic() + self.random.uniform(1, 4)
            time.sleep(0.005)

    def pass_by(self):
        """Nothing is hurt any more."""
        self.raging = False
        for weather in self.weather:
            weather.calm()
        self.field.enough = True
        for client in self.clients:
            client.join(60)
            self.field.counts["repeated requests"] += client.retries
