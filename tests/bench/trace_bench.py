"""What a page waits for at a capture of 6 M samples: tiles and selections, sending it, making its pyramid again."""

import contextlib
import pathlib
import random
import statistics
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "daemon"))

SAMPLES = 6_000_000
PIECE = 1 << 20
ROUNDS = 400


def p95_ms(server, paths):
    """Of GETs one after another over one connection."""
    took = []
    with contextlib.closing(server.connect()) as connection:
        for path in paths:
            begin = time.perf_counter()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            took.append((time.perf_counter() - begin) * 1000)
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status}")
    return statistics.quantiles(took, n=20)[18], statistics.median(took)


def views(run, choose):
    """As a user looks: all of it, then closer and closer, at any place."""
    for _ in range(ROUNDS):
        span = int(SAMPLES * 10 / 2 ** choose.uniform(0, 15))
        t0 = choose.randrange(0, SAMPLES * 10 - span)
        yield f"/api/v1/runs/{run}/trace/tile?t0={t0}&t1={t0 + span}&px=1600"


def run(folder, row):
    from conftest import BUILD
    from server_kit import SHORT, Agent, Server
    folder = pathlib.Path(folder)
    made = folder / "made.capture"
    shape = map(str, (SAMPLES, 1, 400_000, 1_000_000, 72, 57_000))
    subprocess.run([BUILD / "tests/make_capture", *shape, made, "-"], check=True)
    data = made.read_bytes()
    server = Server(folder, **SHORT).start()
    try:
        agent = Agent(server)
        agent.register()
        server.submit()
        offer = agent.offer()
        agent.start(offer)
        begin = time.perf_counter()
        for at in range(0, len(data), PIECE):
            reply = agent.call("PUT", f"/runs/{offer['run']}/capture?offset={at}", data[at:at + PIECE],
                               epoch=offer["epoch"])
            if reply.status != 200:
                raise RuntimeError(reply.body)
        sent = SAMPLES / (time.perf_counter() - begin)
        choose = random.Random(1)
        bare, _ = p95_ms(server, ["/healthz"] * ROUNDS)
        tile, middle = p95_ms(server, list(views(offer["run"], choose)))
        whole, _ = p95_ms(server, [f"/api/v1/runs/{offer['run']}/trace/tile?px=1600"] * 100)
        picked, _ = p95_ms(server, [f"/api/v1/runs/{offer['run']}/trace/selection?t0={a}&t1={a + b}" for a, b in
                                    ((choose.randrange(30_000_000), choose.randrange(1, 30_000_000))
                                     for _ in range(ROUNDS))])
        beside = server.data / "captures" / f"{offer['run']}.pyramid"
        bytes_each = beside.stat().st_size / SAMPLES
        server.stop()
        beside.unlink()
        server.start()
        begin = time.perf_counter()
        assert server.get(f"/api/v1/runs/{offer['run']}/trace").status == 200
        again = time.perf_counter() - begin
    finally:
        server.stop()
    row("tile of a 6 M-sample capture, 1,600 px, p95", f"{tile:.1f} ms", f"{bare:.1f} ms",
        f"median {middle:.1f} ms, the whole {whole:.1f} ms", "< 15 ms", max(tile, whole) < 15)
    row("selection of it, p95", f"{picked:.1f} ms", f"{bare:.1f} ms", f"{picked:.1f} ms", "< 15 ms", picked < 15)
    row("capture sent and indexed, durable", f"{sent / 1e6:.2f} M samples/s", "0.10 M samples/s of a PPK2",
        f"ratio {sent / 1e5:.0f}", ">= 10", sent >= 1e6)
    row("its pyramid made again", f"{again:.2f} s", "-", f"{bytes_each:.2f} bytes a sample", "< 1.5 bytes",
        bytes_each < 1.5)
