/*
 * The leaderboard on the real server: full-nano on an emulated board and on this host, and programs
 * that print numbers that a test knows.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, missing, openBrowser, openPage, violations } from "./browser.mjs";
import { firmware, missingLab, startLab } from "./lab.mjs";

const skip = missing() ?? missingLab(["hildad", "hilda-agent", "hilda-shim", "hilda-vboard"]) ?? false;
const BOARDS = "[board host-1]\ntype = host\nexec = local\n[board m55-1]\nvirtual = mps3-an547\n";
let lab, browser;

/* A program that prints its numbers, several of one name where a list is given. */
async function program(labels, numbers) {
	const text = Object.entries(numbers).flatMap(([name, v]) => [v].flat().map((x) => `${name} ${x}`)).join("\n");
	const image = await lab.upload(Buffer.from(`#!/bin/sh\ncat <<'END'\n${text}\nEND\n`));
	return lab.submit({ name: `numbers of ${labels.model}`, board: { type: "host" }, image, protocol: "lines", labels,
		lines: { patterns: Object.keys(numbers).map((name) => ({ metric: name, unit: name === "latency_us" ? "us" : "",
			regex: `^${name} ([0-9.]+)` })) } });
}

async function bench(board, labels) {
	return lab.submit({ name: `full-nano on ${board}`, board: { type: board }, labels, protocol: "uart-bench", image:
		await lab.upload(readFileSync(firmware(board))), phases: { cold: { boots: 2 }, warm: { iterations: 80, warmup: 2 },
		energy: board === "host" ? false : { iterations: 72 }, memory: true } });
}

const full = { model: "full-nano", quant: "int8", task: "fashion", attention: "full" };
const around = (us) => Array.from({ length: 80 }, (_, i) => us + i / 10);

before(async () => {
	if (skip)
		return;
	[lab, browser] = await Promise.all([startLab(BOARDS), openBrowser()]);
	await lab.online(["host-1", "m55-1"]);
	const jobs = [await bench("host", full), await bench("mps3-an547", full)];
	const scored = (labels, accuracy, weights_bytes, us, more = {}) => program(labels, { accuracy, samples: 10000,
		weights_bytes, arena_bytes: weights_bytes / 5, sram_peak_bytes: weights_bytes / 4, latency_us: around(us), ...more });
	jobs.push(await scored({ ...full, quant: "float32" }, 0.867, 280000, 900, { seed_accuracy: [0.865, 0.867, 0.869] }),
		await scored({ ...full, model: "linformer-nano", attention: "linformer" }, 0.871, 71000, 300),
		await scored({ ...full, model: "linformer-nano", attention: "linformer", quant: "int4" }, 0.87, 41000, 330),
		await scored({ ...full, model: "reformer-nano", attention: "reformer" }, 0.854, 75000, 400),
		await scored({ ...full, model: "linformer-nano-heads4", attention: "linformer", base: "linformer-nano",
			heads: "4" }, 0.861, 60000, 250));
	for (const tokens of [32, 128, 512])
		for (const [attention, us] of [["full", tokens * tokens / 50], ["linformer", 2 * tokens]])
			jobs.push(await program({ model: `${attention}-t${tokens}`, quant: "int8", task: "sequence", attention,
				tokens: String(tokens) }, { latency_us: around(us), arena_bytes: us * 100 }));
	for (const id of jobs)
		assert.equal((await lab.ended(id, 120)).state, "succeeded", `job ${id}`);
});
after(async () => {
	await browser?.close();
	await lab?.close();
});

function onPage(name, body, options = {}) {
	test(name, { skip, timeout: 180000 }, async () => {
		const { page, wrong, close } = await openPage(browser, lab.url, options);
		try {
			await body(page);
			assert.deepEqual(wrong, []);
		} finally {
			await close();
		}
	});
}

const open = async (page, path = "/leaderboard") => {
	await page.goto(path);
	await page.getByRole("heading", { name: "Accuracy", exact: true }).waitFor();
};
const table = (page, title) => page.getByRole("region", { name: `${title}: models and boards`, exact: true });
const row = (page, caption, text) => table(page, caption).locator("tbody tr", { hasText: text });

onPage("four tables: each cell says what it is, a virtual one is a count and no quantile", async (page) => {
	await open(page);
	assert.match(await page.locator(".notice.virtual").innerText(), /no time of any silicon/);
	const all = await lab.get("/leaderboard");
	const at = all.boards.findIndex((b) => b.board === "mps3-an547");
	const cell = all.rows.find((r) => r.title === "full-nano int8").cells[at];
	const time = row(page, "Latency and throughput", /full-nano\s+int8/);
	assert.ok((await time.innerText()).includes(cell.warm.instructions.toLocaleString("en-US")));
	const heads = await table(page, "Latency and throughput").locator("th").allInnerTexts();
	assert.ok(heads.some((h) => /mps3-an547 \(virtual\)\s+instructions/.test(h)) && heads.some((h) => /host p95\s+ms/.test(h)));
	assert.ok(!heads.some((h) => /mps3-an547 p/.test(h)));
	assert.match(await row(page, "Latency and throughput", "reformer-nano").innerText(), /not run/);
	assert.match(await row(page, "Energy of one inference", /full-nano\s+int8/).innerText(), /not run.*modelled/s);
	assert.match(await row(page, "Memory", /full-nano\s+int8/).innerText(), /273\.4/, "float32 stands beside int8");
	const score = await row(page, "Accuracy", /linformer-nano\s+int8/).innerText();
	assert.match(score, /87\.10/);
	assert.match(score, /-0\.40/);
	assert.deepEqual(await violations(page), []);
});

onPage("rows are sorted; modelled energy has no order", async (page) => {
	await open(page);
	const models = async () => (await table(page, "Accuracy").locator("tbody td.name").allInnerTexts()).map((t) =>
		t.replace(/\s+/g, " ").trim());
	await table(page, "Accuracy").getByRole("button", { name: /Accuracy or F1/ }).click();
	const known = (await models()).filter((m) => !/^full-nano int8/.test(m));
	assert.deepEqual(known.slice(0, 2), ["reformer-nano int8", "linformer-nano-heads4 int8"]);
	assert.match(page.url(), /accuracy-sort=value/);
	assert.equal(await table(page, "Energy of one inference").getByRole("button", { name: /mps3-an547/ }).count(), 0);
});

onPage("filters and cold stand in the address", async (page) => {
	await open(page);
	await page.getByRole("combobox", { name: /^Quantisation/ }).selectOption("int4");
	await page.waitForURL(/quant=int4/);
	await row(page, "Accuracy", "reformer-nano").waitFor({ state: "detached" });
	/* Between the two answers there is no table at all. */
	await table(page, "Accuracy").locator("tbody tr").first().waitFor();
	assert.equal(await table(page, "Accuracy").locator("tbody tr").count(), 1);
	await page.getByRole("combobox", { name: /^Quantisation/ }).selectOption("");
	await page.getByRole("button", { name: "cold", exact: true }).click();
	await page.getByRole("heading", { name: "Latency of the first inference" }).waitFor();
	assert.match(page.url(), /phase=cold/);
	assert.match(await page.getByRole("link", { name: "Markdown" }).getAttribute("href"), /leaderboard\.md\?phase=cold/);
	await page.getByRole("combobox", { name: /^Task/ }).selectOption("sequence");
	await row(page, "Memory", "linformer-t512").waitFor();
});

onPage("the guidance is computed, and the plots mark where the lines cross", async (page) => {
	await open(page);
	const said = await page.locator(".guidance").innerText();
	assert.match(said, /linformer int8 on host needs less time than full attention from 128 tokens on: 2\.79 times/);
	assert.match(said, /int4 instead of int8 on host, 1 model: time \+[89]\.\d %, weights -42\.3 %/);
	assert.match(said, /4 attention heads pruned \(int8\) on host, 1 model: .*accuracy or F1 -1\.00 points/);
	const sweep = page.locator(".panel", { has: page.locator("#sequence") });
	assert.match(await sweep.locator("figure").first().innerText(), /linformer crosses at (9\d|10\d)/);
	const pareto = page.locator(".panel", { has: page.locator("#pareto-measured") });
	assert.match(await pareto.innerText(), /not dominated: .*linformer-nano int8/);
	assert.match(await page.locator(".panel", { has: page.locator("#pareto-virtual") }).innerText(), /mps3-an547 \(virtual\)/);
	await page.locator(".panel", { has: page.locator("#quantisation") }).getByText("The same as a table").click();
	assert.deepEqual(await violations(page), []);
});

onPage("on a phone and in the dark nothing overflows", async (page) => {
	await page.emulateMedia({ colorScheme: "dark" });
	await page.setViewportSize({ width: 400, height: 800 });
	await open(page);
	assert.deepEqual(await violations(page), []);
	const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
	assert.ok(over <= 0, `${over} px wider than a phone`);
});
