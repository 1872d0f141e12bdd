#!/usr/bin/python3
"""A random search over architectures: draws encoders whose working memory fits, has each built untrained, run and
measured as the suite search.json, and prints those that no other one beats in time, memory and tokens together."""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "firmware-stub/convert"))
sys.dont_write_bytecode = True
from arena import arena_bytes  # noqa: E402
from untrained import config_of  # noqa: E402


def draw(chance):
    kind, tokens = chance.choice(["full", "linformer", "performer", "reformer"]), 8 * chance.randint(2, 64)
    tail = {"linformer": f"-k{chance.choice([8, 12, 16, 24])}", "performer": f"-m{chance.choice([16, 32, 48])}"}
    return f"{kind}-t{tokens}{tail.get(kind, '')}"


def front(found):
    """Less time, less memory and more tokens are better."""
    return sorted(a for a in found if not any(b[1:] != a[1:] and all(x <= y for x, y in zip(b[1:], a[1:]))
                                              for b in found))


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--draws", type=int, default=12)
    ask.add_argument("--budget", type=int, default=24576, help="bytes of working memory")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--server", default="http://127.0.0.1:8080")
    ask.add_argument("--set", action="append", default=[], help="as of hilda suite run")
    args, names = ask.parse_args(), set()
    chance = random.Random(args.seed)
    for _ in range(1000 * args.draws):
        name = draw(chance)
        if len(names) < args.draws and arena_bytes(config_of(name)) <= args.budget:
            names.add(name)
    suite = json.loads((ROOT / "suites/search.json").read_text())
    suite["matrix"]["model"] = sorted(names)
    hilda = [ROOT / "build/bin/hilda", "--server", args.server]
    sets = [word for pair in args.set for word in ("--set", pair)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(suite, file)
        file.flush()
        subprocess.run([*hilda, "suite", "run", file.name, *sets], cwd=ROOT, check=True)
    shown = subprocess.run([*hilda, "leaderboard", "--task", "search", "--json"], check=True, capture_output=True)
    rows = json.loads(shown.stdout)["rows"]
    found = [(r["title"], c["warm"]["instructions"], c["memory"]["sram_peak_bytes"], -config_of(r["model"])["tokens"])
             for r in rows if r["model"] in names for c in r["cells"] if c["warm"]["state"] == "virtual"]
    for title, instructions, sram, tokens in front(found):
        print(f"{title:28} {instructions:12.0f} instructions {sram / 1024:7.1f} KB {-tokens:5} tokens")


main()
