/* The trace of a run in a real browser, on captures that are computed: what is drawn, said, linked. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MODULES, ROOT, missing, openBrowser, openPage, violations } from "./browser.mjs";
import { startFake } from "./fake-server.mjs";
import { makeLab } from "./fixtures.mjs";
import { addTrace, makeTrace, selection, SPIKE, windows } from "./traces.mjs";

const skip = missing() ?? false;
const [GOOD, BROKEN, HOST, VIRTUAL, TORN, LIVE, JOB] = [947, 943, 939, 944, 948, 958, 47];
let browser, fake, good;

before(async () => {
	if (skip)
		return;
	const lab = makeLab();
	good = addTrace(lab, GOOD, makeTrace());
	addTrace(lab, BROKEN, makeTrace({ seed: 5, gaps: [[150000, 150040], [160000, 160063]] }));
	addTrace(lab, HOST, makeTrace({ seed: 6, gaps: [], sync: "host-time" }));
	addTrace(lab, VIRTUAL, makeTrace({ seed: 7, gaps: [], source: "modelled", virtual: true,
		high: 6200 }));
	addTrace(lab, TORN, makeTrace({ seed: 9, virtual: true, source: "modelled", gaps:
		Array.from({ length: 399 }, (_, i) => [1000 * i + 500, 1000 * i + 503]) }));
	addTrace(lab, LIVE, makeTrace({ seed: 8, gaps: [], samples: 150000, live: true }));
	lab.boards.find((b) => b.name === "nucleo-1").ppk2_serial = "C0FFEE5EED42";
	fake = await startFake({ web: join(ROOT, "web"), modules: MODULES, lab });
	browser = await openBrowser();
});
after(async () => {
	await browser?.close();
	await fake?.close();
});

function onPage(name, options, body) {
	test(name, { skip, timeout: 120000 }, async () => {
		const { page, wrong, close } = await openPage(browser, fake.url, options);
		try {
			await body(page);
			assert.deepEqual(wrong, []);
		} finally {
			await close();
		}
	});
}

const plot = (page) => page.locator(".trace-box");
const drawn = (page, kind) => page.locator(`.trace-box[data-kind='${kind}'] canvas`).waitFor();
const open = async (page, path, kind = "band") => {
	await page.goto(path);
	await drawn(page, kind);
	await page.waitForFunction(() => document.querySelector(".minimap").width > 300);
};
const until = async (test) => {
	const deadline = performance.now() + 20000;
	while (!test()) {
		assert.ok(performance.now() < deadline, String(test));
		await new Promise((done) => setImmediate(done));
	}
};
const viewOf = (page) => plot(page).evaluate((box) => [Number(box.dataset.t0), Number(box.dataset.t1)]);
const settled = (page, test) => page.waitForFunction(test);
const number = (page, name) => page.locator(`[data-number='${name}']`).innerText();

/* Highest pixel of the curve's blue within columns around a time, as a share of the plot's height. */
const top = (page, t_us) => plot(page).evaluate((box, t) => {
	const canvas = box.querySelector("canvas"), over = box.querySelector(".u-over");
	const scale = canvas.width / canvas.clientWidth, ctx = canvas.getContext("2d");
	const { t0, t1 } = box.dataset;
	const at = (t - t0) / (t1 - t0) * over.clientWidth + over.offsetLeft;
	const x = Math.round((at - 2) * scale), y = Math.round(over.offsetTop * scale);
	const height = Math.round(over.clientHeight * scale), width = Math.round(5 * scale);
	const { data } = ctx.getImageData(x, y, width, height);
	for (let row = 0; row < height; row++)
		for (let i = row * width * 4; i < (row + 1) * width * 4; i += 4)
			if (data[i + 3] > 40 && data[i + 2] > data[i] + 40 && data[i + 2] > data[i + 1] + 20)
				return 1 - row / height;
	return 0;
}, t_us);

/* How many pixels of the plot have the orange of hatched gaps. */
const orange = (page) => plot(page).evaluate((box) => {
	const canvas = box.querySelector("canvas");
	const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
	let n = 0;
	for (let i = 0; i < data.length; i += 4)
		n += data[i + 3] > 200 && data[i] > data[i + 2] + 80 ? 1 : 0;
	return n;
});

onPage("the whole capture: a spike of one sample stands out, gaps are hatched and counted", {},
	async (page) => {
	await open(page, `/traces/${GOOD}`);
	assert.deepEqual(await viewOf(page), [0, 4000000]);
	assert.ok(await top(page, SPIKE.at * 10) > 0.9, "the spike reaches the top");
	assert.ok(await top(page, 900000) < 0.05, "idle lies at the bottom");
	const window_top = await top(page, 1500000);
	assert.ok(window_top > 0.08 && window_top < 0.2, `the window's band ends at ${window_top}`);
	assert.ok(await orange(page) > 300, "gaps are hatched");
	const text = await page.locator(".trace").innerText();
	assert.match(text, /398,640 samples at 100 kHz/);
	assert.match(text, /1,360 samples lost in gaps/);
	assert.match(text, /2 gaps \(hatched\), where samples are missing/);
	assert.match(text, /72 of 72 inference windows/);
	assert.match(await plot(page).getAttribute("aria-label"), /^Current over time\..*86\.42 mA/);
	assert.deepEqual(await violations(page), []);
});

onPage("hundreds of short gaps are ticks on the edge and leave the curve in sight", {},
	async (page) => {
	await open(page, `/traces/${TORN}`);
	await page.getByText("399 gaps (hatched)").waitFor();
	const window_top = await top(page, 1500000);
	assert.ok(window_top > 0.08 && window_top < 0.2, `the window's band ends at ${window_top}`);
	assert.ok(await orange(page) > 2000, "each gap has its tick");
	await open(page, `/traces/${TORN}?t0=1504900&t1=1505130`, "samples");
	assert.equal(await top(page, 1505015), 0, "near enough it is a gap");
});

onPage("zoom by wheel down to samples: the spike is one sample of 10 µs", {}, async (page) => {
	await open(page, `/traces/${GOOD}`);
	const over = await page.locator(".u-over").boundingBox();
	for (let i = 0; i < 60; i++) {
		const [t0, t1] = await viewOf(page);
		if (t1 - t0 < 1000)
			break;
		const at = (SPIKE.at * 10 + 5 - t0) / (t1 - t0) * over.width;
		await page.mouse.move(over.x + at, over.y + 100);
		await page.mouse.wheel(0, -100);
		await page.waitForFunction((before) =>
			Number(document.querySelector(".trace-box").dataset.t1) -
			Number(document.querySelector(".trace-box").dataset.t0) < before, t1 - t0);
	}
	await drawn(page, "samples");
	assert.ok(await top(page, SPIKE.at * 10 + 5) > 0.9);
	assert.ok(await top(page, SPIKE.at * 10 - 60) < 0.05);
	assert.ok(await top(page, SPIKE.at * 10 + 70) < 0.05);
	await page.keyboard.press("t");
	const rows = page.getByRole("region", { name: "Samples in view" }).locator("tbody tr");
	await rows.first().waitFor();
	const high = await rows.evaluateAll((all) => all.map((r) => [r.cells[0].textContent,
		Number(r.cells[1].textContent.replaceAll(",", ""))]).filter(([, v]) => v > 100));
	assert.deepEqual(high, [["618.03", 86421]]);
	assert.equal(await page.locator(".trace-box").count(), 0);
	assert.match(page.url(), /trace=table/);
	assert.deepEqual(await violations(page), []);
});

onPage("a selection by drag has the server's numbers, exactly, and its exports", {}, async (page) => {
	await open(page, `/traces/${GOOD}`);
	const over = await page.locator(".u-over").boundingBox();
	await page.mouse.move(over.x + 0.3 * over.width, over.y + 90);
	await page.mouse.down();
	await page.mouse.move(over.x + 0.5 * over.width, over.y + 90, { steps: 5 });
	await page.mouse.up();
	await page.waitForURL(/sel=1[12]\d+-(199|200)\d+/);
	const [t0, t1] = new URL(page.url()).searchParams.get("sel").split("-").map(Number);
	assert.ok(Math.abs(t0 - 1200000) < 8000 && Math.abs(t1 - 2000000) < 8000, `${t0} ${t1}`);
	await page.locator("[data-number=energy]").waitFor();
	const s = selection(good, t0, t1);
	assert.equal(await number(page, "samples"), s.samples.toLocaleString("en-US"));
	assert.equal(await number(page, "energy"), `${(s.energy_uJ / 1000).toFixed(2)} mJ`);
	assert.equal(await number(page, "charge"), `${(s.charge_uC / 1000).toFixed(3)} mC`);
	assert.equal(await number(page, "max"), `${(s.max_uA / 1000).toFixed(2)} mA`);
	assert.equal(await number(page, "mean"), `${(s.mean_uA / 1000).toFixed(3)} mA`);
	assert.equal(await number(page, "min"), `${s.min_uA.toFixed(3)} µA`);
	assert.equal(await page.getByText("Incomplete:").count(), 0);
	assert.equal(await page.getByRole("link", { name: "CSV of the selection" })
		.getAttribute("href"), `/api/v1/runs/${GOOD}/trace.csv?t0=${t0}&t1=${t1}`);
	await page.getByRole("link", { name: ".ppk2" }).waitFor();
	await page.keyboard.press("z");
	await page.waitForURL(/t0=1[12]\d+/);
	const [from, to] = await viewOf(page);
	assert.ok(from < t0 && to > t1 && to - from < 1.2 * (t1 - t0), `${from} ${to}`);
	assert.deepEqual(await violations(page), []);
});

onPage("a selection over a gap is incomplete and says what is missing", {}, async (page) => {
	await open(page, `/traces/${GOOD}?t0=2400000&t1=2600000&sel=2490000-2520000&log=1`);
	await page.getByText("1,300 lost").waitFor();
	const s = selection(good, 2490000, 2520000);
	assert.equal(s.complete, false);
	assert.equal(await number(page, "samples"), s.samples.toLocaleString("en-US"));
	assert.ok(await orange(page) > 1000);
	assert.ok(await top(page, 2495000) > 0.2, "what arrived is drawn");
	assert.equal(await top(page, 2506000), 0, "nothing is drawn in the gap");
});

onPage("a link restores the view, its selection, its scale; back and forward follow", {},
	async (page) => {
	await open(page, `/traces/${GOOD}?t0=1320000&t1=1380000&sel=1325720-1331440&log=1`);
	assert.deepEqual(await viewOf(page), [1320000, 1380000]);
	assert.equal(await plot(page).getAttribute("data-log"), "1");
	await page.getByRole("heading", { name: "Selection, 1,325.72 ms to 1,331.44 ms" }).waitFor();
	assert.equal(await page.getByLabel("Go to window, 1 to 72").inputValue(), "2");
	await page.keyboard.press("w");
	await page.waitForURL(/sel=1548800-1554520/);
	await page.goBack();
	await page.waitForURL(/sel=1325720-1331440/);
	await settled(page, () => document.querySelector(".trace-box").dataset.t0 === "1320000");
	await page.goForward();
	await settled(page, () => document.querySelector(".trace-box").dataset.t0 === "1543080");
	await page.reload();
	await drawn(page, "samples");
	assert.deepEqual(await viewOf(page), [1543080, 1560240]);
	await open(page, `/traces/${GOOD}?t0=99&t1=12&sel=x-1`);
	assert.deepEqual(await viewOf(page), [0, 4000000], "what makes no sense is the whole");
});

onPage("the keys do everything: zoom, pan, ends, windows, scale, table, selection", {},
	async (page) => {
	await open(page, `/traces/${GOOD}`);
	const key = async (name, test) => {
		await page.keyboard.press(name);
		await settled(page, test);
	};
	await key("+", () => document.querySelector(".trace-box").dataset.t0 === "1000000");
	await key("+", () => document.querySelector(".trace-box").dataset.t0 === "1500000");
	await key("ArrowRight", () => document.querySelector(".trace-box").dataset.t0 === "1600000");
	await key("ArrowLeft", () => document.querySelector(".trace-box").dataset.t0 === "1500000");
	await key("End", () => document.querySelector(".trace-box").dataset.t1 === "4000000");
	await key("Home", () => document.querySelector(".trace-box").dataset.t0 === "0");
	await key("-", () => document.querySelector(".trace-box").dataset.t1 === "2000000");
	await key("0", () => document.querySelector(".trace-box").dataset.t1 === "4000000");
	await key("w", () => document.querySelector(".trace-box").dataset.t0 === "1543080");
	assert.equal(windows(good, GOOD).worst, 41);
	const window = (n) => page.waitForFunction((want) =>
		document.querySelector(".trace-bar input").value === want, String(n));
	await window(41);
	await page.keyboard.press("n");
	await window(42);
	await page.keyboard.press("p");
	await page.keyboard.press("p");
	await window(40);
	await page.getByRole("heading", { name: "Selection, 1,543.08 ms to 1,548.8 ms" }).waitFor();
	await page.keyboard.press("Shift+ArrowRight");
	await page.getByRole("heading", { name: "Selection, 1,543.08 ms to 1,548.82 ms" }).waitFor();
	await key("l", () => document.querySelector(".trace-box").dataset.log === "1");
	await page.waitForURL(/log=1/);
	await page.keyboard.press("t");
	await page.getByRole("region", { name: "Columns in view" }).locator("tbody tr").nth(150)
		.waitFor();
	await page.keyboard.press("t");
	await drawn(page, "samples");
	await page.keyboard.press("Escape");
	await page.getByRole("heading", { name: "No selection" }).waitFor();
	await page.keyboard.press("s");
	await page.getByRole("heading", { name: /Selection, 1,537\.36 ms/ }).waitFor();
	await page.keyboard.press("Escape");
	await key("Escape", () => document.querySelector(".trace-box").dataset.t1 === "4000000");
	await page.keyboard.press("?");
	await page.getByRole("heading", { name: "Keyboard: a trace" }).waitFor();
	await page.getByText("the worst window: most energy").waitFor();
});

onPage("the window's number is typed; a click takes a window; Shift and drag pans", {},
	async (page) => {
	await open(page, `/traces/${GOOD}`);
	await page.getByLabel("Go to window, 1 to 72").fill("7");
	await page.getByLabel("Go to window, 1 to 72").press("Enter");
	await settled(page, () => document.querySelector(".trace-box").dataset.t0 === "1348600");
	const over = await page.locator(".u-over").boundingBox();
	await page.mouse.click(over.x + 0.8 * over.width, over.y + 120);
	await page.waitForURL(/sel=1360040-1365760/);
	await page.keyboard.down("Shift");
	await page.mouse.move(over.x + 600, over.y + 120);
	await page.mouse.down();
	await page.mouse.move(over.x + 300, over.y + 120, { steps: 4 });
	await page.mouse.up();
	await page.keyboard.up("Shift");
	const [t0] = await viewOf(page);
	assert.ok(Math.abs(t0 - (1348600 + 300 / over.width * 17160)) < 100, String(t0));
	const map = await page.locator(".minimap").boundingBox();
	await page.mouse.click(map.x + 0.75 * map.width, map.y + 20);
	const [a, b] = await viewOf(page);
	assert.ok(Math.abs((a + b) / 2 - 3000000) < 9000, `${a} ${b}`);
});

onPage("a logarithmic scale: idle and inference are both in sight", {}, async (page) => {
	await open(page, `/traces/${GOOD}`);
	await page.getByRole("button", { name: /Log scale/ }).click();
	await settled(page, () => document.querySelector(".trace-box").dataset.log === "1");
	const idle = await top(page, 900000), busy = await top(page, 1500000);
	assert.ok(idle > 0.02 && idle < 0.2, `idle at ${idle}`);
	assert.ok(busy > 0.6 && busy < 0.9, `inference at ${busy}`);
});

onPage("a wheel that turns: one tile under way, what is superseded is aborted, the last one counts",
	{}, async (page) => {
	await open(page, `/traces/${GOOD}`);
	const over = await page.locator(".u-over").boundingBox();
	const tiles = { now: 0, most: 0, answered: 0, aborted: 0 };
	const count = (event, fn) => page.on(event, (r) => r.url().includes("/tile?") && fn());
	count("request", () => {
		tiles.most = Math.max(tiles.most, ++tiles.now);
	});
	count("requestfinished", () => [tiles.now--, tiles.answered++]);
	count("requestfailed", () => [tiles.now--, tiles.aborted++]);
	fake.slow(400);
	await page.mouse.move(over.x + 500, over.y + 50);
	for (let i = 0; i < 12; i++)
		await page.mouse.wheel(0, -100);
	await page.waitForURL(/t0=/);
	await until(() => tiles.answered && !tiles.now);
	fake.slow(0);
	assert.equal(tiles.most, 1, JSON.stringify(tiles));
	assert.ok(tiles.aborted >= 1, JSON.stringify(tiles));
	const last = fake.requests.findLast((r) => r.path.includes("tile")).path;
	const [t0, t1] = await viewOf(page);
	const sent = new URLSearchParams(last.slice(last.indexOf("?")));
	assert.ok(Number(sent.get("t0")) <= t0 && Number(sent.get("t1")) >= t1, last);
	const asked = fake.requests.length;
	await page.keyboard.press("ArrowRight");
	await page.keyboard.press("ArrowLeft");
	await page.keyboard.press("s");
	await page.locator("[data-number=energy]").waitFor();
	assert.equal(fake.requests.slice(asked).filter((r) => r.path.includes("tile")).length, 0,
		"a short pan is drawn from what is kept");
});

onPage("a capture that grows is followed until it ends", {}, async (page) => {
	await page.goto("/jobs/58");
	await page.getByRole("heading", { name: "Current", exact: true }).waitFor();
	await drawn(page, "band");
	await page.locator(".trace-about", { hasText: "live" }).waitFor();
	assert.deepEqual(await viewOf(page), [0, 1500000]);
	const more = makeTrace({ seed: 8, gaps: [], live: true });
	fake.lab.traces.set(LIVE, more);
	await settled(page, () => document.querySelector(".trace-box").dataset.t1 === "4000000");
	more.live = false;
	fake.lab.runs.get(LIVE).energy_source = "modelled";
	fake.emit("run", { id: LIVE, job: 58, state: "done" });
	await page.getByLabel("Go to window, 1 to 72").waitFor();
	await page.waitForFunction(() => !document.querySelector(".trace-about .running"));
	assert.deepEqual(await violations(page), []);
});

onPage("a run's energy: intervals, the instrument, why a window is not valid, host-time", {},
	async (page) => {
	await page.goto(`/runs/${GOOD}`);
	await page.getByText("Energy per day").first().waitFor();
	await page.getByText("source meter").waitFor();
	const text = await page.locator("section:has(#energy)").innerText();
	assert.match(text, /Energy, p50\s*[\d.]+ µJ\s*95 %: [\d.]+ to [\d.]+ µJ/);
	assert.match(text, /Energy, p95\s*[\d.]+ µJ\s*95 %: /);
	assert.match(text, /Net energy, p50\s*[\d.]+ µJ/);
	assert.match(text, /Peak over 10 µs\s*[\d.]+ mA/);
	assert.match(text, /Energy per day\s*[\d.]+ mJ\s*60 an hour, idle between/);
	assert.match(text, /Battery\s*[\d,.]+ days/);
	assert.match(text, /a batch of 4 inferences/);
	assert.match(text, /C0FFEE5EED42/);
	assert.match(text, /9b1f6d0c2e4a/);
	assert.match(text, /R2, GI4: the unit's memory holds no number/);
	assert.match(text, /detached/);
	assert.match(text, /✓ valid/);
	assert.doesNotMatch(text, /modelled/i);
	const results = await page.locator("section:has(#results)").innerText();
	assert.doesNotMatch(results, /energy/i, "energy stands in its own panel");
	await drawn(page, "band");
	assert.deepEqual(await violations(page), []);
	await page.goto(`/runs/${BROKEN}`);
	await page.getByText("103 samples were lost within it").first().waitFor();
	const broken = await page.locator("section:has(#energy)").innerText();
	assert.match(broken, /✗ not valid/);
	assert.doesNotMatch(broken, /p50/);
	await page.goto(`/runs/${HOST}`);
	await page.getByText("approximate: host-time").first().waitFor();
	assert.deepEqual(await violations(page), []);
});

onPage("on a run's page the keys need the focus, and leave the page's own alone", {}, async (page) => {
	await page.goto(`/runs/${GOOD}`);
	await drawn(page, "band");
	await page.keyboard.press("t");
	await page.waitForURL(/view=table/);
	assert.deepEqual(await viewOf(page), [0, 4000000]);
	await plot(page).focus();
	await page.keyboard.press("+");
	await page.waitForURL(/t0=1000000/);
	await page.keyboard.press("t");
	await page.waitForURL(/trace=table/);
	assert.match(page.url(), /view=table/);
	await page.getByRole("link", { name: "On a page of its own" }).click();
	await page.waitForURL(/\/traces\/947/);
	await drawn(page, "band");
});

onPage("modelled energy is marked wherever it stands and is never ranked", {}, async (page) => {
	await page.goto(`/runs/${VIRTUAL}`);
	await page.getByText("Modelled energy.").waitFor();
	await drawn(page, "band");
	const text = await page.locator("section:has(#energy)").innerText();
	assert.doesNotMatch(text, /p50|p95/);
	assert.ok(await page.locator(".tile .mark.modelled svg").count() >= 6);
	assert.equal(await page.locator(".trace-about .mark.modelled").getAttribute("title"),
		"modelled: restates time, tests the pipeline; never ranked");
	assert.deepEqual(await violations(page), []);
	await page.goto("/results?sort=-energy.energy_uJ.p50");
	const virtual = page.getByRole("region", { name: "Virtual", exact: true }).last();
	await virtual.locator(".mark.modelled").first().waitFor();
	assert.equal(await virtual.getByRole("button", { name: /Energy/ }).count(), 0);
	const measured = page.getByRole("region", { name: "Measured", exact: true }).last();
	assert.equal(await measured.locator(".mark.modelled").count(), 0);
	await measured.getByRole("button", { name: /^Energy p50/ }).waitFor();
	fake.lab.results.find((r) => r.run === HOST).energy_source = "modelled";
	await page.reload();
	await measured.locator(".mark.modelled").first().waitFor();
	const first = await measured.locator("tbody tr").first().innerText();
	assert.doesNotMatch(first, /modelled/, "a modelled row is not first by energy");
	fake.lab.results.find((r) => r.run === HOST).energy_source = "measured";
});

onPage("dark, on a phone: no rule is broken and nothing overflows", { theme: "dark" },
	async (page) => {
	for (const [path, text] of [[`/traces/${GOOD}?sel=1320000-1400000`, "energy"],
		[`/traces/${BROKEN}?t0=1500000&t1=1650000`, "not valid"], [`/runs/${VIRTUAL}`, "Modelled"],
		[`/jobs/${JOB}`, "Whole"], [`/traces/${GOOD}?trace=table`, "Mean, "], ["/boards", "C0FFEE5EED42"],
		["/submit?energy=1&duty.per_hour=60", "Battery, mWh"], ["/help", "Keyboard: a trace"]]) {
		await page.setViewportSize({ width: 1280, height: 800 });
		await page.goto(path);
		await page.getByText(text).first().waitFor();
		assert.deepEqual(await violations(page), [], path);
		await page.setViewportSize({ width: 400, height: 800 });
		assert.deepEqual(await violations(page, ["color-contrast",
			"scrollable-region-focusable"]), [], `${path}, narrow`);
		const over = await page.evaluate(() =>
			document.documentElement.scrollWidth - window.innerWidth);
		assert.ok(over <= 0, `${path} is ${over} px wider than a phone`);
	}
});

onPage("a change of theme and of size redraws", {}, async (page) => {
	await open(page, `/traces/${GOOD}`);
	const sum = () => plot(page).evaluate((box) => {
		const c = box.querySelector("canvas");
		const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
		let n = 0;
		for (let i = 0; i < data.length; i += 4)
			n += data[i + 3] ? data[i] + data[i + 1] : 0;
		return n / data.length;
	});
	const light = await sum();
	await page.emulateMedia({ colorScheme: "dark" });
	await drawn(page, "band");
	assert.notEqual(await sum(), light);
	await page.setViewportSize({ width: 900, height: 800 });
	await page.waitForFunction(() => document.querySelector(".trace-box canvas").clientWidth < 880);
	assert.ok(await top(page, SPIKE.at * 10) > 0.9);
});

onPage("a run without a capture says so", { expected: [/status of 404/] }, async (page) => {
	await page.goto("/traces/936");
	await page.getByText("Run 936 has no capture.").waitFor();
	assert.deepEqual(await violations(page), []);
});

onPage("submit: the energy phase with its duty cycle", {}, async (page) => {
	await page.goto("/submit?type=nucleo-f446re");
	await page.getByRole("checkbox", { name: /^energy/ }).check();
	await page.getByLabel("energy: iterations").fill("144");
	await page.getByLabel("Battery, mWh").fill("675");
	await page.getByRole("button", { name: "Submit job" }).click();
	await page.getByText("A battery's days need inferences per hour.").waitFor();
	await page.getByLabel(/inferences per hour/).fill("60");
	await page.waitForFunction(() => /"battery_mWh": 675/.test(
		document.querySelector("section[aria-labelledby=document] code").textContent));
	const text = await page.locator("section[aria-labelledby=document] code").innerText();
	assert.deepEqual(JSON.parse(text).phases.energy, { iterations: 144, duty_cycle:
		{ inferences_per_hour: 60, battery_mWh: 675 } });
});
