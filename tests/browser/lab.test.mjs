/*
 * The pages on the real server, with an agent that runs programs and emulated boards. With
 * HILDA_SCREENSHOTS=1 the pictures of the README are taken anew into docs/screenshots/.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, missing, openBrowser, openPage, violations } from "./browser.mjs";
import { firmware, missingLab, startLab, until } from "./lab.mjs";

const PROGRAMS = ["hildad", "hilda-agent", "hilda-shim", "hilda-vboard"];
const skip = missing() ?? missingLab(PROGRAMS) ?? false;
const SHOTS = join(ROOT, "docs/screenshots");
const SHOT_MAX_BYTES = 200 * 1024;
const VIRTUAL = [["m55-1", "mps3-an547"], ["m4-1", "mps2-an386"], ["m7-1", "mps2-an500"],
	["micro-1", "microbit"]];
const SECTIONS = [...["host-1", "host-2"].map((name) =>
	`[board ${name}]\ntype = host\nexec = local\ntags = x86\n`),
	...VIRTUAL.map(([name, machine]) => `[board ${name}]\nvirtual = ${machine}\n`)];

const HOSTILE = "#!/bin/sh\nprintf '<b>bold</b> \\033[31mred \\342\\200\\256backwards\\r\\nlatency: 2.5 us\\r\\n'\n";
const SLOW = "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10; do echo \"warming up $i\"; done\necho 'latency: 1.5 us'\nexec sleep 600\n";
const LONG = "#!/bin/sh\nseq -f 'line %.0f of the log' 1 100000\necho 'latency: 1.5 us'\n";
const BROKEN = "#!/bin/sh\necho 'self-test: weights do not match'\nexit 3\n";
const LINES = { protocol: "lines", lines:
	{ patterns: [{ metric: "latency_us", unit: "us", regex: "latency: ([0-9.]+) us" }] } };

let lab, browser, images = {};

before(async () => {
	if (skip)
		return;
	[lab, browser] = await Promise.all([startLab(SECTIONS.join("")), openBrowser()]);
	await lab.online(["host-1", "host-2", ...VIRTUAL.map(([name]) => name)]);
	for (const board of ["host", "mps3-an547"])
		images[board] = await lab.upload(readFileSync(firmware(board)));
	for (const [name, text] of Object.entries({ HOSTILE, SLOW, LONG, BROKEN }))
		images[name] = await lab.upload(Buffer.from(text));
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

const badge = (page, words) => page.locator(".page-head .badge",
	{ hasText: words }).waitFor({ timeout: 90000 });
const bench = (board, image, more = {}) => ({
	name: `full-nano int8 on ${board}`, board: { type: board }, image, protocol: "uart-bench",
		labels: { model: "full-nano", quant: "int8" },
	phases: { cold: { boots: 8 }, warm: { iterations: 400, warmup: 5 }, memory: true }, ...more,
});

onPage("from the form to the numbers: a program's distribution", async (page) => {
	await page.goto("/submit?type=host&name=full-nano+int8+on+the+host&labels=model%3Dfull-nano+quant%3Dint8");
	await page.locator("input[type=file]").setInputFiles(firmware("host"));
	await page.getByText(/full-nano-int8\.elf, [0-9a-f]{12}/).waitFor();
	await page.getByRole("button", { name: "Submit job" }).click();
	await page.waitForURL(/\/jobs\/\d+$/);
	await badge(page, "passed");
	await page.locator(".log-line", { hasText: "m-ready" }).first().waitFor();
	assert.deepEqual(await violations(page), []);
	await page.getByRole("link", { name: /Results of run/ }).click();
	await page.getByText("In the order of iterations").waitFor();
	const id = Number(/runs\/(\d+)/.exec(page.url())[1]);
	const run = await lab.get(`/runs/${id}`);
	const p95 = run.metrics.find((m) => m.phase === "warm" && m.metric === "latency_us" &&
		m.boot === null).p95;
	const { boots } = await lab.get(`/runs/${id}/samples?phase=warm&metric=latency_us`);
	const values = boots.flatMap((b) => b.values).sort((a, b) => a - b);
	assert.equal(values.length, 400);
	assert.ok(p95 >= values[370] && p95 <= values[390]);
	const warm = page.locator(".tile-row", { hasText: "warm latency" });
	assert.match(await warm.innerText(), /95 %: [\d.,]+ to [\d.,]+/);
	assert.match(await page.locator("tr", { hasText: "cold latency" }).innerText(),
		/needs n ≥ 72, has 8/);
	await page.waitForFunction(() =>
		document.querySelectorAll(".plot-box canvas").length === 2);
	assert.deepEqual(await violations(page), []);
});

onPage("a virtual board: the log while it runs, then one exact count", async (page) => {
	const id = await lab.submit(bench("mps3-an547", images["mps3-an547"],
		{ phases: { cold: { boots: 2 }, warm: { iterations: 20, warmup: 1 }, memory:
		true } }));
	await page.goto(`/jobs/${id}`);
	await badge(page, "passed");
	await page.locator(".log-line.s-tool").first().waitFor();
	await page.getByText("virtual", { exact: true }).first().waitFor();
	const job = await lab.get(`/jobs/${id}`);
	const { boots } = await lab.get(`/runs/${job.run}/samples?phase=warm&metric=instructions`);
	const counts = new Set(boots.flatMap((b) => b.values));
	await page.goto(`/runs/${job.run}`);
	await page.getByText("at 1 instruction per tick").first().waitFor();
	/* The iterations come after the rest of the page. */
	await page.getByText([...counts][0].toLocaleString("en-US")).first().waitFor();
	const text = await page.locator("main").innerText();
	assert.doesNotMatch(text, /\bp50\b|\bp95\b|\bp99\b/);
	assert.match(text, /GCC/);
	assert.deepEqual(await violations(page), []);
	await page.goto("/results");
	await page.getByRole("heading", { name: /Virtual/ }).waitFor();
	await page.getByRole("heading", { name: /Measured/ }).waitFor();
});

/* What a number on the page says, in the unit that it names: "1.234 mJ" -> 1234. */
const UNITS = { nA: 1e-3, "µA": 1, mA: 1e3, A: 1e6, nC: 1e-3, "µC": 1, mC: 1e3, nJ: 1e-3, "µJ": 1, mJ: 1e3, J: 1e6 };
const shown = (text) => {
	const [, digits, unit] = /^(-?[\d.,]+)\s+(\S+)/.exec(text.trim());
	return Number(digits.replaceAll(",", "")) * UNITS[unit];
};

onPage("modelled energy of a virtual board: its tiles, its windows, the exact numbers of one",
	async (page) => {
	const id = await lab.submit(bench("mps3-an547", images["mps3-an547"],
		{ phases: { energy: { iterations: 6 } } }));
	const job = await lab.ended(id, 120);
	assert.equal(job.outcome, "passed", job.detail);
	const run = await lab.get(`/runs/${job.run}`);
	assert.equal(run.energy_source, "modelled");
	await page.goto(`/runs/${job.run}`);
	const energy = page.locator("section:has(#energy)");
	await energy.getByText("Modelled energy.").waitFor();
	await energy.locator(".tile .mark.modelled").first().waitFor();
	assert.match(await energy.innerText(), /n = 6\b/);
	assert.doesNotMatch(await energy.innerText(), /\bp50\b|\bp95\b/);
	assert.deepEqual(await violations(page), []);

	const { batches, worst } = await lab.get(`/runs/${job.run}/windows`);
	assert.equal(batches.length, 6);
	await page.goto(`/traces/${job.run}`);
	await page.locator('.trace-box[data-kind="band"] canvas').waitFor();
	await page.locator("section:has(#windows) tbody tr").nth(5).waitFor();
	assert.equal(await page.locator("section:has(#windows) tbody tr").count(), 6);
	await page.keyboard.press("w");
	const { t0_us: t0, t1_us: t1 } = batches[worst - 1];
	await page.waitForURL(new RegExp(`sel=${t0}-${t1}`));
	const exact = await lab.get(`/runs/${job.run}/trace/selection?t0=${t0}&t1=${t1}`);
	assert.equal(exact.complete, true);
	const number = (name) => page.locator(`dd[data-number=${name}]`).innerText();
	await page.locator("dd[data-number=energy]").waitFor();
	assert.equal(await number("samples"), exact.samples.toLocaleString("en-US"));
	for (const [name, want] of [["min", exact.min_uA], ["mean", exact.mean_uA],
		["max", exact.max_uA], ["charge", exact.charge_uC], ["energy", exact.energy_uJ],
		["filtered", exact.filtered_energy_uJ]])
		assert.ok(Math.abs(shown(await number(name)) / want - 1) < 1e-2,
			`${name}: ${await number(name)}, the server says ${want}`);
	for (const name of ["energy", "filtered"])
		assert.match(await number(name), /modelled/);
	/* None runs into the next. */
	assert.deepEqual(await page.locator(".numbers > div").evaluateAll((all) =>
		all.filter((d) => d.scrollWidth > d.clientWidth).map((d) => d.innerText)), []);
	/* What the agent summed while it measured is what the file still holds. */
	const { batch } = run.energy;
	assert.ok(Math.abs(exact.energy_uJ / batch / batches[worst - 1].energy_uJ - 1) < 1e-6);
	assert.deepEqual(await violations(page), []);
});

onPage("a running job: its log follows, it is canceled from the page, its board is free again",
	async (page) => {
	const id = await lab.submit({ name: "endless", board: { type: "host" }, image: images.SLOW,
		...LINES });
	await page.goto(`/jobs/${id}`);
	await page.locator(".log-line", { hasText: "warming up 10" }).waitFor({ timeout: 30000 });
	await page.getByText("lines, live").waitFor();
	await page.getByRole("button", { name: "Cancel job" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
	await badge(page, "canceled");
	await page.getByText("lines, complete").waitFor();
	await lab.online(["host-1", "host-2"]);
	await page.getByRole("button", { name: "Run again" }).click();
	await page.waitForURL((u) => /\/jobs\/\d+$/.test(u.pathname) &&
		!u.pathname.endsWith(`/${id}`));
	const again = Number(page.url().split("/").at(-1));
	await page.locator(".log-line", { hasText: "warming up 10" }).waitFor({ timeout: 30000 });
	await page.getByRole("button", { name: "Cancel job" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
	await lab.ended(again);
});

onPage("a hundred thousand lines of a program arrive while it runs, none is lost", async (page) => {
	const id = await lab.submit({ name: "long log", board: { type: "host" }, image: images.LONG,
		...LINES });
	await page.goto(`/jobs/${id}`);
	await badge(page, "passed");
	await page.getByText("lines, complete").waitFor();
	await page.getByLabel("Search the log").fill("of the log");
	await page.getByText("100,000 matches").waitFor();
	await page.getByLabel("Search the log").fill("line 100000 of");
	await page.getByText("1 match", { exact: true }).waitFor();
	await page.getByRole("button", { name: "Next match" }).click();
	await page.locator(".log-line.current", { hasText: "line 100000 of the log" }).waitFor();
});

onPage("bytes of a device are text, a failure says why", async (page) => {
	const hostile = await lab.submit({ name: "<i>name</i>", board: { type: "host" }, image:
		images.HOSTILE, ...LINES });
	await page.goto(`/jobs/${hostile}`);
	const line = page.locator(".log-line", { hasText: "<b>bold</b>" });
	await line.waitFor({ timeout: 30000 });
	assert.match(await line.innerText(),
		/\\x1b\[31mred \\xe2\\x80\\xaebackwards$|\\x1b\[31mred .*202e.*backwards$/);
	await page.getByRole("heading", { name: "<i>name</i>" }).waitFor();
	assert.equal(await page.locator(".log b, h1 i").count(), 0);
	const broken = await lab.submit({ name: "self-test", board: { type: "host" }, image:
		images.BROKEN, attempts: 1, ...LINES });
	const job = await lab.ended(broken);
	assert.notEqual(job.state, "succeeded");
	await page.goto(`/jobs/${broken}`);
	await page.getByText(job.detail).first().waitFor();
	await page.goto("/");
	await page.getByRole("heading", { name: /Not passed/ }).waitFor();
	await page.getByText("self-test").first().waitFor();
	assert.deepEqual(await violations(page), []);
});

onPage("a drained board stands still and the job says so", async (page) => {
	await page.goto("/boards");
	await page.getByRole("button", { name: "Drain micro-1" }).click();
	const dialog = page.getByRole("dialog", { name: "Drain micro-1" });
	await dialog.getByRole("textbox").fill("the antenna is being soldered");
	await dialog.getByRole("button", { name: "Drain" }).click();
	await page.getByRole("button", { name: "Release micro-1" }).waitFor();
	const id = await lab.submit(bench("microbit", images["mps3-an547"], { name: "waits" }));
	await until(async () => (await lab.get(`/jobs/${id}`)).waits_for, 10,
		"the job does not say why it waits");
	await page.goto(`/jobs/${id}`);
	await page.getByText("Waiting").first().waitFor();
	await page.getByText((await lab.get(`/jobs/${id}`)).waits_for).first().waitFor();
	await page.getByRole("button", { name: "Cancel job" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
	await badge(page, "canceled");
	await page.goto("/boards");
	await page.getByRole("button", { name: "Release micro-1" }).click();
	await page.getByRole("button", { name: "Drain micro-1" }).waitFor();
	assert.deepEqual(await violations(page), []);
});

/* The whole window with a little beside it, one batch in its middle selected. */
function traceOf(run, batches, window) {
	const from = 10 * window.start, to = 10 * window.end, beside = Math.round((to - from) / 20);
	const { t0_us: t0, t1_us: t1 } = batches[batches.length >> 1];
	return `/traces/${run}?t0=${from - beside}&t1=${to + beside}&sel=${t0}-${t1}`;
}

/* A lab of their own, so that the pictures show no debris of the tests above. */
async function pictures(lab) {
	const upload = (board) => lab.upload(readFileSync(firmware(board)));
	const host = await upload("host"), ids = [];
	await lab.online(["host-1", ...VIRTUAL.map(([name]) => name)]);
	for (const [, machine] of VIRTUAL)
		ids.push(await lab.submit(bench(machine, await upload(machine))));
	for (const id of ids)
		await lab.ended(id, 400);
	for (let i = 0; i < 4; i++)
		ids.push(await lab.submit(bench("host", host)));
	const broken = await lab.submit({ name: "self-test", board: { type: "host" }, attempts: 1,
		...LINES, image: await lab.upload(Buffer.from(BROKEN)) });
	await lab.ended(broken);
	const [virtual, measured] = [await lab.ended(ids[0]), await lab.ended(ids.at(-1))];
	const current = await lab.ended(await lab.submit(bench("mps3-an547",
		await upload("mps3-an547"), { phases: { energy: { iterations: 24 } } })), 120);
	const { batches, window } = await lab.get(`/runs/${current.run}/windows`);
	await lab.submit({ name: "endurance", board: { type: "host" }, ...LINES, image:
		await lab.upload(Buffer.from(SLOW)) });
	await lab.submit(bench("nucleo-f446re", host, { name: "full-nano int8 on nucleo-f446re" }));
	const shots = [["home", "/", "endurance"], ["job", `/jobs/${virtual.id}`, "complete"],
		["run", `/runs/${measured.run}`, "In the order of iterations"],
		["run-virtual", `/runs/${virtual.run}`, "at 1 instruction per tick"],
			["boards", "/boards", "Last ten"], ["results", "/results", "Virtual"],
		["leaderboard", "/leaderboard", "Energy of one inference"],
		["trace", traceOf(current.run, batches, window), "energy"],
		["job-dark", `/jobs/${virtual.id}`, "complete", "dark"]];
	for (const [name, path, text, theme] of shots) {
		const { page, wrong, close } = await openPage(browser, lab.url,
			{ theme, height: ["run", "trace"].includes(name) ? 1080 : 800 });
		await page.goto(path);
		await page.getByText(text).first().waitFor();
		await page.getByText("live", { exact: true }).waitFor();
		if (name === "trace")
			await page.locator("dd[data-number=energy]").waitFor();
		if (name === "run")
			await page.waitForFunction(() =>
				document.querySelectorAll(".plot-box canvas").length === 2);
		const file = join(SHOTS, `${name}.png`);
		await page.screenshot({ path: file });
		assert.ok(statSync(file).size < SHOT_MAX_BYTES, `${file} is too large`);
		assert.deepEqual(wrong, []);
		await close();
	}
}

async function screenshots() {
	mkdirSync(SHOTS, { recursive: true });
	const own = await startLab(SECTIONS.filter((text) => !text.includes("host-2")).join(""));
	try {
		await pictures(own);
	} finally {
		await own.close();
	}
}

if (process.env.HILDA_SCREENSHOTS)
	test("screenshots for the README", { skip, timeout: 900000 }, screenshots);
