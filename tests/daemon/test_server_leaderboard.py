"""The leaderboard over stored runs: which run a cell shows, what a cell is, and what follows from the numbers."""

import csv
import io
import os
import sqlite3

import pytest
from conftest import ROOT
from server_kit import Agent, job_document, make_server, result_document, server  # noqa: F401

ENERGY = {"source": "modelled", "sync": "logic", "debug": "detached",
          "instrument": {"kind": "ppk2", "serial": "V", "mode": "source", "voltage_mV": 3300, "calibration_sha256": "0",
                         "defaulted": [], "path": ""},
          "idle": {"current_uA": 1.5, "samples": 1000, "complete": True}, "n": 12, "batch": 2, "device_window_us": 120.0,
          "host_rate_ratio": 1.0,
          "window": {"start": 10, "end": 70, "samples": 60, "lost": 0, "invalid": 0, "clipped": 0, "charge_uC": 6.0,
                     "filtered_charge_uC": 6.0, "peak_10us_uA": 1.0, "peak_1ms_uA": 1.0, "edges": 6, "complete": True,
                     "valid": True, "why": ""},
          "batches": {"start": [10 * i for i in range(1, 7)], "samples": [10] * 6, "charge_uC": [1.0] * 6,
                      "complete": [True] * 6},
          "capture": {"samples": 100, "lost": 0, "invalid": 0, "bytes": 100, "dropped": ""}}


def memory(weights=70000, arena=12000):
    return {"phase": "memory", "values": {"stack_used": 1000, "data": 100, "bss": 20000, "arena_used": arena,
                                          "arena_size": arena, "weights": weights}}


def warm(ticks):
    return {"phase": "warm", "boot": 0, "n": len(ticks), "warmup": 1, "overhead_ticks": 12, "window_ticks": sum(ticks),
            "irq": "masked", "inputs": "rotate", "ticks": ticks}


class Lab:
    """Boards of two kinds, and runs with the numbers that a test wants."""

    def __init__(self, server):
        self.server = server
        self.agents = {"mps3-an547": Agent(server, "emulated", boards=("m55-1",), virtual=True),
                       "host": Agent(server, "real", boards=("host-1",), board_type="host", virtual=False, exec=True)}
        for agent in self.agents.values():
            agent.register()
        self.image = server.put_blob(b"an image")

    def run(self, board, labels, phases=(), lines=(), model=None, **more):
        extra = {"labels": labels, "name": os.urandom(4).hex()}
        if lines:
            patterns = [{"metric": m, "unit": "", "regex": f"{m} ([0-9.]+)"} for m in lines]
            document = {"name": "text", "board": {"type": board}, "image": "sha256:" + self.image, "protocol": "lines",
                        "lines": {"patterns": patterns}, **extra}
        else:
            document = job_document(self.image, board, **extra)
        job = self.server.submit(document)
        agent = self.agents[board]
        offer = agent.offer()
        agent.start(offer)
        result = result_document(model={"model": model} if model else None, phases=list(phases), **more)
        if lines:
            result["lines"] = [{"phase": "lines", "metric": m, "unit": "", "values": v if isinstance(v, list) else [v]}
                               for m, v in lines.items()]
        if board == "host":
            result["timer"] = {"hz": 1000000, "kind": "monotonic"}
        for key in [k for k, v in result.items() if v is None]:
            del result[key]
        agent.result(offer, result)
        found = self.server.api(f"/jobs/{job}")
        assert found["state"] in ("succeeded", "failed"), found
        return found["run"]

    def board(self, query=""):
        return self.server.api("/leaderboard" + query)

    def cell(self, title, board, query=""):
        found = self.board(query)
        at = [b["board"] for b in found["boards"]].index(board)
        return next(r for r in found["rows"] if r["title"] == title)["cells"][at]


@pytest.fixture
def lab(server):
    return Lab(server)


INT8 = {"model": "full-nano", "quant": "int8", "task": "fashion", "attention": "full"}


def test_an_empty_leaderboard_says_so(server):
    found = server.api("/leaderboard")
    assert found["rows"] == [] and found["guidance"] == [] and found["boards"] == []
    assert "Nothing yet" in server.get("/api/v1/leaderboard.md").body.decode()
    assert server.get("/api/v1/leaderboard?tsak=x").problem == "bad-query"
    assert server.get("/api/v1/leaderboard.md?phase=hot").problem == "bad-query"


def test_a_measured_cell_has_quantiles_and_a_virtual_one_has_one_count(lab):
    real = lab.run("host", INT8, [warm([1000 + i for i in range(80)]), memory()])
    emulated = lab.run("mps3-an547", INT8, [warm([32000] * 80), memory()], energy=ENERGY)
    found = lab.board()
    assert found["boards"] == [{"board": "host", "state": "measured"}, {"board": "mps3-an547", "state": "virtual"}]
    row, = found["rows"]
    host, m55 = row["cells"]
    assert host["warm"]["state"] == "measured" and host["warm"]["run"] == real and host["warm"]["n"] == 80
    assert 1.03 <= host["warm"]["p50_ms"] <= 1.05 and 1.07 <= host["warm"]["p95_ms"] <= 1.08
    assert host["warm"]["throughput_ips"] == pytest.approx(80e6 / sum(range(1000, 1080)))
    assert host["cold"] == {"state": "not run"} and host["energy"] == {"state": "not run"}
    assert m55["warm"] == {"state": "virtual", "run": emulated, "n": 80, "instructions": 31250, "least": 31250,
                           "most": 31250, "distinct": 1, "ms_at_1_per_tick": 31250 / 32000}
    assert m55["energy"]["state"] == "modelled" and m55["energy"]["ranked"] is False
    assert m55["energy"]["energy_mJ"] == pytest.approx(3.3 * 1.0 / 2 / 1000)
    assert m55["memory"] == {"state": "virtual", "run": emulated, "weights_bytes": 70000, "arena_bytes": 12000,
                             "sram_peak_bytes": 21100, "flash_bytes": None}
    assert row["accuracy"]["state"] == "not run" and row["accuracy"]["rank"] is None


def test_few_values_leave_the_quantile_blank(lab):
    lab.run("host", INT8, [warm([1000 + i for i in range(10)])])
    cell = lab.cell("full-nano int8", "host")["warm"]
    assert cell["p50_ms"] is not None and cell["p95_ms"] is None and cell["n"] == 10
    assert "(n = 10)" in lab.server.get("/api/v1/leaderboard.md").body.decode()


def test_the_latest_passed_run_of_each_phase_is_shown(lab):
    first = lab.run("mps3-an547", INT8, [warm([32000] * 10)], energy=ENERGY)
    second = lab.run("mps3-an547", {**INT8, "suite_run": "x"}, [warm([64000] * 10), memory()])
    lab.run("mps3-an547", INT8, [warm([999] * 10), memory(arena=1)], outcome="failed")
    lab.run("mps3-an547", {**INT8, "kernel": "plain"}, [warm([128000] * 10)])
    cell = lab.cell("full-nano int8", "mps3-an547")
    assert cell["warm"]["run"] == second and cell["warm"]["instructions"] == 62500
    assert cell["energy"]["run"] == first, "a later run without energy leaves it"
    assert cell["memory"]["arena_bytes"] == 12000, "a run that failed shows nothing"
    assert lab.cell("full-nano int8 plain", "mps3-an547")["warm"]["instructions"] == 125000


def test_what_the_device_says_of_its_model_counts_before_the_label(lab):
    lab.run("mps3-an547", {**INT8, "model": "a-label"}, [warm([32000] * 10)], model="full-nano")
    lab.run("mps3-an547", {"quant": "int8"}, [warm([32000] * 10)])
    assert [r["title"] for r in lab.board()["rows"]] == ["full-nano int8"], "without a model there is no row"


def text_run(lab, labels, right, samples=10000, **more):
    return lab.run("host", labels, lines={"accuracy": right / samples, "samples": samples, **more})


def test_accuracy_has_intervals_drops_and_no_rank_within_the_seeds_spread(lab):
    text_run(lab, {**INT8, "quant": "float32"}, 8670, seed_accuracy=[0.865, 0.867, 0.869], weights_bytes=280000,
             arena_bytes=9000)
    text_run(lab, INT8, 8660)
    text_run(lab, {**INT8, "model": "linformer-nano", "attention": "linformer"}, 8710)
    text_run(lab, {**INT8, "model": "reformer-nano", "attention": "reformer"}, 8500)
    text_run(lab, {**INT8, "model": "few", "attention": "reformer"}, 99, 100)
    text_run(lab, {**INT8, "model": "other", "task": "spam"}, 9700)
    rows = {r["title"]: r for r in lab.board()["rows"]}
    score = {title: r["accuracy"] for title, r in rows.items()}
    full = score["full-nano int8"]
    assert full["state"] == "measured" and full["n"] == 10000 and full["value"] == pytest.approx(0.866)
    assert full["lo"] == pytest.approx(0.8592, abs=2e-4) and full["hi"] == pytest.approx(0.8725, abs=2e-4)
    assert full["baseline"] == pytest.approx(0.867) and full["drop_points"] == pytest.approx(0.1)
    assert full["drop_lo_points"] < 0 < full["drop_hi_points"]
    assert score["full-nano float32"]["seeds"] == 3 and score["full-nano float32"]["drop_points"] is None
    assert score["full-nano float32"]["seeds_mean"] == pytest.approx(0.867)
    # The spread is 0.4 points: linformer is more than that above int8 and within it of float32.
    assert score["linformer-nano int8"]["rank"] == 1 and score["full-nano float32"]["rank"] == 1
    assert full["rank"] == 2 and score["reformer-nano int8"]["rank"] == 4
    assert score["few int8"]["rank"] is None, "a hundred samples do not rank beside ten thousand"
    assert score["other int8"]["rank"] is None and score["other int8"]["baseline"] is None, "a task of its own, no seeds"
    full, linformer, other = (rows[t] for t in ("full-nano int8", "linformer-nano int8", "few int8"))
    assert (full["float32_state"], full["float32_weights_bytes"], full["float32_arena_bytes"]) == ("measured", 280000, 9000)
    assert linformer["float32_state"] == "modelled" and linformer["float32_weights_bytes"] == 4 * 22730
    assert other["float32_state"] == "not run" and other["float32_weights_bytes"] is None, "of an unknown shape"


def test_models_are_compared_sample_by_sample_where_both_kept_them(lab):
    right = [1] * 80 + [0] * 20
    for quant, correct in (("float32", right), ("int8", [0] * 8 + right[8:-2] + [1] * 2)):
        text_run(lab, {**INT8, "quant": quant}, sum(correct), 100, correct=correct)
    labels = list(range(2)) * 50
    said = [1 - x for x in labels[:30]] + labels[30:]
    lab.run("host", {**INT8, "quant": "int4"}, [{"phase": "accuracy", "predictions": said, "labels": labels}])
    score = {r["title"]: r["accuracy"] for r in lab.board()["rows"]}
    int8 = score["full-nano int8"]
    assert (int8["lost"], int8["won"]) == (8, 2) and int8["drop_points"] == pytest.approx(6)
    assert int8["flips_p"] == pytest.approx(2 * (1 + 10 + 45) / 1024)
    half = 1.96 * (10 - 36 / 100) ** 0.5
    assert int8["drop_lo_points"] == pytest.approx(6 - half) and int8["drop_hi_points"] == pytest.approx(6 + half)
    int4 = score["full-nano int4"]
    assert int4["n"] == 100 and int4["value"] == pytest.approx(0.7)
    assert (int4["lost"], int4["won"]) == (30, 20), "of the phase's own predictions"
    assert "8 lost, 2 won, p = 0.11" in lab.server.get("/api/v1/leaderboard.md").body.decode()


def test_runs_of_other_seeds_are_the_spread_and_no_rows(lab):
    text_run(lab, INT8, 8660)
    for seed, correct in enumerate((8650, 8660, 8700)):
        text_run(lab, {**INT8, "seed": str(seed)}, correct)
    row, = lab.board()["rows"]
    assert row["accuracy"]["seeds"] == 3 and row["accuracy"]["seeds_mean"] == pytest.approx(0.867)
    assert row["accuracy"]["value"] == pytest.approx(0.866) and row["accuracy"]["rank"] == 1


def sequence(lab, counts, board="mps3-an547"):
    for attention, by_tokens in counts.items():
        for tokens, (instructions, arena) in by_tokens.items():
            labels = {"model": f"{attention}-t{tokens}", "quant": "int8", "task": "sequence", "attention": attention,
                      "tokens": str(tokens)}
            lab.run(board, labels, [warm([instructions] * 6), memory(arena=arena)])


def test_guidance_finds_where_linear_attention_overtakes(lab):
    sequence(lab, {"full": {32: (32000, 1000), 128: (128000, 4000), 512: (2048000, 60000)},
                   "linformer": {32: (64000, 2000), 128: (128000, 3000), 512: (512000, 9000)},
                   "performer": {32: (99000, 500), 128: (999000, 900), 512: (9999000, 5000)}})
    found = lab.board()
    assert found["rows"] == [], "a sweep fills no tables"
    by = {(c["attention"], c["of"]): c for c in found["crossings"]}
    assert by["linformer", "time"]["wins_from_tokens"] == 512, "as much at 128 is no win"
    assert by["linformer", "time"]["crosses_at_tokens"] == pytest.approx(128)
    assert by["linformer", "arena_bytes"]["wins_from_tokens"] == 128
    assert 32 < by["linformer", "arena_bytes"]["crosses_at_tokens"] < 128
    assert by["performer", "time"]["wins_from_tokens"] is None
    assert by["performer", "arena_bytes"]["wins_from_tokens"] == 32
    texts = [g["text"] for g in found["guidance"]]
    assert any("linformer int8 on mps3-an547 needs fewer instructions than full attention from 512 tokens on" in t
               for t in texts), texts
    assert any("performer int8 on mps3-an547 does not need fewer instructions" in t for t in texts), texts
    assert any("performer int8 on mps3-an547 needs less activation memory than full attention at all lengths" in t
               for t in texts), texts
    assert all(g["state"] == "virtual" and g["kind"] == "sequence" for g in found["guidance"])
    assert len(found["points"]) == 9
    assert len(lab.board("?task=sequence")["rows"]) == 9
    assert lab.board("?board=host")["guidance"] == []


def test_guidance_says_what_quantisation_and_pruning_save_and_cost(lab):
    for quant, ticks, weights, right in (("int8", 32000, 70000, 8660), ("int4", 35200, 42000, 8600)):
        lab.run("mps3-an547", {**INT8, "quant": quant}, [warm([ticks] * 6), memory(weights)])
        text_run(lab, {**INT8, "quant": quant}, right)
    pruned = {**INT8, "model": "full-nano-heads4", "base": "full-nano", "heads": "4"}
    lab.run("mps3-an547", pruned, [warm([16000] * 6), memory(63000)])
    found = lab.board()
    saving = {(s["kind"], s["board"]): s for s in found["savings"]}
    quantised = saving["quantisation", "mps3-an547"]
    assert quantised["from_quant"] == "int8" and quantised["quant"] == "int4"
    assert quantised["time_ratio"] == pytest.approx(1.1) and quantised["weights_ratio"] == pytest.approx(0.6)
    assert quantised["points"] == pytest.approx(-0.6) and quantised["energy_ratio"] is None
    assert saving["pruning", "mps3-an547"]["time_ratio"] == pytest.approx(0.5)
    texts = {(g["kind"], g["board"]): g["text"] for g in found["guidance"]}
    assert texts["quantisation", "mps3-an547"] == ("int4 instead of int8 on mps3-an547, 1 model: instructions +10.0 %, "
                                                   "weights -40.0 %, activation peak +0.0 %, accuracy or F1 -0.60 points.")
    assert texts["pruning", "mps3-an547"].startswith("4 attention heads pruned (int8) on mps3-an547, 1 model: "
                                                     "instructions -50.0 %, weights -10.0 %")


def test_csv_and_markdown_hold_the_same_rows(lab):
    lab.run("mps3-an547", {**INT8, "model": "=full|nano"}, [warm([32000] * 80), memory()], energy=ENERGY)
    lab.run("host", {**INT8, "quant": "int4"}, [warm([1000 + i for i in range(80)])])
    reply = lab.server.get("/api/v1/leaderboard.csv")
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert len(rows) == 4 and all(None not in r and None not in r.values() for r in rows), "as many cells as heads"
    by = {(r["quant"], r["board_type"]): r for r in rows}
    assert by["int8", "mps3-an547"]["model"] == "'=full|nano", "no formula"
    assert by["int8", "mps3-an547"]["warm_instructions"] == "31250" and by["int8", "mps3-an547"]["warm_p50 [ms]"] == ""
    assert by["int8", "host"]["warm_state"] == "not run" and by["int8", "host"]["warm_run"] == ""
    assert by["int4", "host"]["warm_state"] == "measured" and by["int4", "host"]["warm_p95 [ms]"]
    assert by["int8", "mps3-an547"]["energy_state"] == "modelled" and by["int8", "mps3-an547"]["energy_ranked"] == "0"
    text = lab.server.get("/api/v1/leaderboard.md").body.decode()
    tables = text.split("\n## ")
    assert [t.split("\n")[0] for t in tables[1:]] == ["Latency and throughput, warm", "Memory, KB of 1024 bytes",
                                                      "Energy of one inference, mJ", "Accuracy or F1",
                                                      "What the numbers say"]
    assert "| fashion | =full\\|nano int8 | not run | 31,250; 0.9766 |" in tables[1]
    assert "modelled |" in tables[3]
    for table in tables[1:5]:
        lines = [line.replace("\\|", "") for line in table.split("\n") if line.startswith("|")]
        assert len({line.count("|") for line in lines}) == 1, "as many cells as heads"
    assert "cold" in lab.server.get("/api/v1/leaderboard.md?phase=cold").body.decode().split("\n## ")[1]


def test_filters_leave_rows_and_columns_out(lab):
    lab.run("mps3-an547", INT8, [warm([32000] * 10)])
    lab.run("host", {**INT8, "quant": "int4"}, [warm([1000] * 10)])
    assert [r["quant"] for r in lab.board("?quant=int4")["rows"]] == ["int4"]
    found = lab.board("?board=mps3-an547")
    assert [b["board"] for b in found["boards"]] == ["mps3-an547"] and [r["quant"] for r in found["rows"]] == ["int8"]
    assert [b["board"] for b in found["all_boards"]] == ["host", "mps3-an547"], "what else could be asked for"
    assert lab.board("?task=spam")["rows"] == []


def test_runs_from_before_the_leaderboard_are_on_it(make_server):
    old = make_server().start()
    lab = Lab(old)
    lab.run("mps3-an547", {**INT8, "git": "a"}, [warm([64000] * 10), memory()], energy=ENERGY)
    lab.run("mps3-an547", {**INT8, "git": "b"}, [warm([32000] * 10)], model="full-nano")
    lab.run("host", {**INT8, "task": "caf\u00e9 \"q\""}, [warm([32000] * 10)])
    before = lab.board()
    assert len(before["rows"]) == 2
    old.stop()
    with sqlite3.connect(old.data / "hilda.db") as db:
        db.executescript("DROP TABLE latest; " + (ROOT / "db/003-latest.sql").read_text())
    db.close()
    old.start()
    assert old.api("/leaderboard") == before
