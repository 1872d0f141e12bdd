/* Every page in a real browser, in both themes, on documents with all the states that a lab can show. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MODULES, ROOT, missing, openBrowser, openPage, violations } from "./browser.mjs";
import { startFake } from "./fake-server.mjs";
import { HOSTILE, makeLab } from "./fixtures.mjs";

const skip = missing() ?? false;
let browser, fake;

before(async () => {
	if (skip)
		return;
	fake = await startFake({ web: join(ROOT, "web"), modules: MODULES, lab: makeLab() });
	browser = await openBrowser();
});
after(async () => {
	await browser?.close();
	await fake?.close();
});

/* A page for one test; at its end nothing may have gone wrong on it. */
function onPage(name, options, body) {
	test(name, { skip, timeout: 300000 }, async () => {
		const { page, wrong, close } = await openPage(browser, fake.url, options);
		try {
			await body(page);
			assert.deepEqual(wrong, []);
		} finally {
			await close();
		}
	});
}

const visit = async (page, path, text) => {
	await page.goto(path);
	await page.getByText(text).first().waitFor();
};

/* [address, a text that only the drawn page holds] */
const PAGES = [
	["/", "Not passed"], ["/jobs", "nucleo-f446re"], ["/jobs/51", "m-timestamp-mode"],
		["/jobs/58", "16 lines, live"], ["/jobs/59", "Waiting"],
	["/runs/939", "In the order of iterations"], ["/runs/939?view=table&phase=cold", "From, to"],
		["/runs/948", "distinct counts over"],
		["/runs/950", "does not depend on the input"],
	["/runs/951", "Fault: hardfault"], ["/results", "Measured"], ["/boards", "quarantined"],
		["/boards/m55-1", "Last ten outcomes"],
		["/suites", "Runs"], ["/suites?suite=nightly", "the 30 newest finished runs, for 90 days"], ["/suite-runs/12", "wrong answer"],
		["/suite-runs/12?metric=warm.latency_us", "61"], ["/schedules", "was still at work"],
		["/submit", "The same with curl"], ["/help", "Keyboard"],
		["/nothing", "No such page"],
];

/* What can change with the theme or the width; everything else is asked once. */
const BY_THEME_AND_WIDTH = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"];

onPage("no rule of axe-core is broken: both themes, a wide screen and a phone, which no page overflows", {}, async (page) => {
	for (const [path, text] of PAGES) {
		await visit(page, path, text);
		assert.deepEqual(await violations(page), [], path);
		await page.emulateMedia({ colorScheme: "dark" });
		await page.setViewportSize({ width: 400, height: 800 });
		assert.deepEqual(await violations(page, BY_THEME_AND_WIDTH), [],
			`${path}, dark and narrow`);
		const over = await page.evaluate(() =>
			document.documentElement.scrollWidth - window.innerWidth);
		assert.ok(over <= 0, `${path} is ${over} px wider than a phone`);
		await page.setViewportSize({ width: 1280, height: 800 });
		await page.emulateMedia({ colorScheme: "light" });
	}
});

onPage("overview: what failed comes first, boards that are down before the others", {},
	async (page) => {
	await visit(page, "/", "Not passed");
	const titles = await page.locator(".main-column h2").allInnerTexts();
	assert.deepEqual(titles.map((t) => t.split(" ")[0]), ["Not", "Running", "Waiting",
		"Passed"]);
	const boards = await page.locator(".board-list li > a").allInnerTexts();
	assert.deepEqual(new Set(boards.slice(0, 2)), new Set(["micro-1", "host-1"]));
	await page.getByText("agent bench-4 has not been heard of since 06:12").waitFor();
	assert.equal(await page.locator(".board-list .last").first().locator("svg[aria-label]").count() > 3, true);
});

onPage("jobs: filters stand in the address, survive reload and back", {}, async (page) => {
	await visit(page, "/jobs", "nucleo-f446re");
	await page.getByRole("group", { name: "State" }).getByRole("button",
		{ name: "failed" }).click();
	await page.waitForURL(/state=failed/);
	await page.locator("tbody tr").nth(3).waitFor();
	await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 4);
	await page.getByLabel("Name contains").fill("tinybert");
	await page.waitForURL(/q=tinybert/);
	assert.equal(await page.locator("tbody tr").count(), 1);
	await page.getByLabel("Add a label filter, key=value").fill("quant=int4");
	await page.getByLabel("Add a label filter, key=value").press("Enter");
	await page.waitForURL(/label\.quant=int4/);
	await page.reload();
	await page.getByText("unable to open CMSIS-DAP").waitFor();
	assert.equal(await page.locator("tbody tr").count(), 1);
	assert.ok(fake.requests.some((r) => r.path.includes("state=failed") &&
		r.path.includes("label.quant=int4")));
	await page.getByLabel("Remove the filter label.quant=int4").click();
	await page.goBack();
	await page.waitForURL(/label\.quant=int4/);
	await page.getByLabel("Name contains").fill("nobody");
	await page.getByText("No job matches these filters").waitFor();
	await page.goto("/jobs?state=queued");
	await page.getByText("board m55-1 is busy with job 58").waitFor();
});

onPage("the keys: rows, opening, filter, places, help; not while typing", {}, async (page) => {
	await visit(page, "/jobs", "nucleo-f446re");
	await page.keyboard.press("j");
	await page.keyboard.press("j");
	await page.keyboard.press("j");
	await page.keyboard.press("k");
	assert.equal(await page.evaluate(() => document.activeElement.textContent), "59");
	await page.keyboard.press("Enter");
	await page.waitForURL(/\/jobs\/59$/);
	await page.keyboard.press("g");
	await page.keyboard.press("b");
	await page.waitForURL(/\/boards$/);
	await page.getByText("quarantined").first().waitFor();
	await page.keyboard.press("/");
	await page.keyboard.type("jgj?m55");
	assert.equal(await page.getByLabel("Name, type, tag or agent").inputValue(), "jgj?m55");
	assert.match(page.url(), /\/boards\?q=jgj/);
	await page.keyboard.press("Escape");
	await page.keyboard.press("?");
	await page.waitForURL(/\/help$/);
	await page.keyboard.press("g");
	await page.keyboard.press("h");
	await page.waitForURL((u) => u.pathname === "/");
});

onPage("the theme: the system's, then the button's, kept over a reload", { theme: "light" },
	async (page) => {
	await visit(page, "/help", "Keyboard");
	const background = () =>
		page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const light = await background();
	await page.emulateMedia({ colorScheme: "dark" });
	const dark = await background();
	assert.notEqual(dark, light);
	const button = page.locator("[data-theme-button]");
	await button.click();
	assert.equal(await button.innerText(), "Light");
	assert.equal(await background(), light);
	await button.click();
	assert.equal(await background(), dark);
	await page.emulateMedia({ colorScheme: "light" });
	await page.reload();
	await page.getByText("Keyboard").first().waitFor();
	assert.equal(await background(), dark);
	await button.click();
	assert.equal(await button.innerText(), "Auto");
	assert.equal(await background(), light);
});

onPage("a measured run: quantiles with intervals, blank ones with the n they need, plots and their table", {}, async (page) => {
	await visit(page, "/runs/939", "In the order of iterations");
	const cold = page.locator("tr", { hasText: "cold latency" });
	assert.match(await cold.locator("td").nth(3).innerText(), /^needs n ≥ 72, has 8$/);
	assert.match(await cold.locator("td").nth(4).innerText(), /^needs n ≥ 368, has 8$/);
	const warm = page.locator(".tile-row", { hasText: "warm latency" });
	assert.match(await warm.locator(".tile").nth(0).innerText(),
		/p50\s*[\d.]+ ms\s*95 %: [\d.]+ to [\d.]+ ms/);
	assert.match(await warm.innerText(), /max observed over 100 inputs, 400 inferences/);
	assert.equal(await page.locator("tr", { hasText: "profile" }).count(), 0);
	const parts = page.getByRole("region", { name: "Parts of an inference" }).locator("tbody tr");
	assert.match(await parts.nth(0).innerText(), /Embedding\s+–\s+9 ms\s+9 ms\s+15\.0 %/);
	assert.match(await parts.nth(1).innerText(), /Attention\s+1\s+51 ms\s+51 ms\s+85\.0 %/);
	const bars = await parts.locator(".bar").evaluateAll((all) => all.map((b) => b.style.width));
	assert.deepEqual(bars.map((b) => Math.round(parseFloat(b))), [18, 100]);
	await page.waitForFunction(() =>
		document.querySelectorAll(".plot-box canvas").length === 2);
	const inked = await page.evaluate(() =>
		[...document.querySelectorAll(".plot-box canvas")].map((canvas) => {
		const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width,
			canvas.height);
		let n = 0;
		for (let i = 0; i < data.length; i += 4)
			n += data[i + 3] > 200 && data[i + 2] > data[i] + 60 ? 1 : 0;
		return n;
	}));
	assert.ok(inked.every((n) => n > 500), `blue pixels: ${inked}`);
	assert.match(await page.locator(".plot-box").first().getAttribute("aria-label"),
		/400 values from/);
	await page.keyboard.press("t");
	await page.waitForURL(/view=table/);
	await page.getByText("From, to").waitFor();
	assert.equal(await page.locator("canvas").count(), 0);
	const counted = await page.getByRole("region",
		{ name: "Histogram as a table" }).locator("tbody td:last-child").allInnerTexts();
	assert.equal(counted.reduce((a, t) => a + Number(t), 0), 400);
	await page.getByRole("button", { name: "cold latency" }).click();
	await page.waitForURL(/phase=cold/);
	await page.waitForFunction(() =>
		document.querySelectorAll("[aria-label^='Samples in the order'] tbody tr").length === 8);
});

onPage("a run on a machine with an operating system: what it said of itself", {}, async (page) => {
	await visit(page, "/runs/939", "In the order of iterations");
	const text = await page.locator("section", { has: page.locator("#soc") }).innerText();
	assert.match(text, /The machine throttled or cooled itself/);
	assert.match(text, /45.10 °C\s+45.10 °C to 71.25 °C\s+70 °C/);
	assert.match(text, /2,400 MHz\s+1,500 MHz to 2,400 MHz\s+1,500 MHz\s+2,400 MHz/);
	assert.match(text, /Runtime\s+onnxruntime-1.16\s+Accelerator\s+npu\s+Accelerated\s+11 of 12 operators/);
	assert.match(text, /3 minor, 0 major/);
	assert.match(text, /Not counted here\s+cycles, cache misses/);
	await visit(page, "/runs/938", "Results");
	assert.equal(await page.locator("#soc").count(), 0);
});

onPage("a virtual run: one count, no quantile of a time", {}, async (page) => {
	await visit(page, "/runs/950", "does not depend on the input");
	const text = await page.locator("main").innerText();
	assert.match(text, /1,953,001/);
	assert.match(text, /at 1 instruction per tick; not a time on silicon/);
	assert.match(text, /no claims about\s+silicon/);
	assert.match(text, /over 4 inputs, 400 inferences/);
	assert.match(text, /Slowest input found\s+input 17, the slowest of 40 tried, seed 1\s+2\s+1,953,091/);
	assert.match(text, /87 of 100 right; 95 %: 79\.0 to 92\.2 % \(Wilson\)/);
	assert.match(text, /Attention\s+1\s+1,632,000\s+85\.0 %/);
	assert.doesNotMatch(text, /\bp50\b|\bp95\b|\bp99\b|throughput/i);
	await visit(page, "/runs/948", "distinct counts over");
	assert.equal(await page.getByRole("region",
		{ name: "Distinct instruction counts" }).locator("tbody tr").count(), 4);
});

onPage("a fault: where it was, by symbol, and the registers", {}, async (page) => {
	await visit(page, "/jobs/51", "Failed in warm");
	await page.getByRole("link",
		{ name: "hardfault at dequantize+0x3e (dequantize.c:41)" }).click();
	await page.waitForURL(/runs\/951#fault/);
	await page.getByText("encoder_block+0x1f2 (encoder.c:210)").last().waitFor();
	await page.getByText("0x00008200").waitFor();
	await page.getByText("This run measured nothing").waitFor();
});

onPage("results: virtual rows are never ranked with measured ones; order and filters in the address", {}, async (page) => {
	await visit(page, "/results", "Measured");
	assert.deepEqual(await page.locator("h2").allInnerTexts().then((t) =>
		t.map((x) => x.split(" ")[0])), ["Measured", "Virtual"]);
	const measured = page.getByRole("region", { name: "Measured", exact: true }).last();
	await measured.getByRole("button", { name: /Latency p50/ }).click();
	await page.waitForURL(/sort=warm\.latency_us\.p50/);
	const values = async () => (await measured.locator("tbody tr").evaluateAll((rows) =>
		rows.map((r) => Number(r.querySelectorAll("td.num")[1].textContent))));
	const up = await values();
	assert.deepEqual(up, [...up].sort((a, b) => a - b));
	await measured.getByRole("button", { name: /Latency p50/ }).click();
	await page.waitForURL(/sort=-warm/);
	const down = await values();
	assert.deepEqual(down, [...down].sort((a, b) => b - a));
	await page.getByRole("button", { name: "virtual" }).click();
	await page.waitForURL(/virtual=true/);
	await page.waitForFunction(() => document.querySelectorAll("h2").length === 1);
	assert.match(await page.getByRole("link", { name: "CSV" }).getAttribute("href"),
		/^\/api\/v1\/results\.csv\?.*virtual=true/);
	assert.ok(fake.requests.some((r) => /results\?.*virtual=true/.test(r.path)));
});

onPage("a board has a page with its jobs; an unknown one is named", {}, async (page) => {
	await visit(page, "/boards", "quarantined");
	await page.getByRole("link", { name: "m55-1", exact: true }).click();
	await page.waitForURL(/\/boards\/m55-1$/);
	await page.getByRole("heading", { name: "Board m55-1" }).waitFor();
	await page.locator("tbody a[href^='/jobs/']").first().waitFor();
	assert.ok(fake.requests.some((r) => /\/jobs\?.*board=m55-1/.test(r.path)));
	assert.equal(await page.title(), "Board m55-1 · Hilda");
	await page.goto("/jobs");
	await page.locator("tbody a[href^='/jobs/']").first().waitFor();
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
		"the list of jobs fits its page");
	await visit(page, "/boards/m55-l", "No board is called m55-l.");
});

onPage("a job that failed says why before anything else", {}, async (page) => {
	await visit(page, "/jobs/51", "m-timestamp-mode");
	assert.equal(await page.evaluate(() => {
		const why = document.querySelector("main .notice.bad"),
			stages = document.querySelector(".stages");
		return Boolean(why.compareDocumentPosition(stages) & Node.DOCUMENT_POSITION_FOLLOWING);
	}), true);
});

onPage("a job's page has the last ten outcomes of its board, newest on the right", {}, async (page) => {
	const boards = await (await fetch(`${fake.url}/api/v1/boards`)).json();
	const job = await (await fetch(`${fake.url}/api/v1/jobs/51`)).json();
	const run = await (await fetch(`${fake.url}/api/v1/runs/${job.run?.id ?? job.run}`)).json();
	const last = boards.items.find((b) => b.name === run.board).last;
	assert.ok(last.length > 1 && last.length <= 10);
	await visit(page, "/jobs/51", "Last ten outcomes");
	const panel = page.getByRole("region", { name: "This board" });
	await panel.locator(".last a").nth(last.length - 1).waitFor();
	assert.deepEqual(await panel.locator(".last a").evaluateAll((all) => all.map((a) => a.getAttribute("href"))),
		last.map((one) => `/jobs/${one.job}?run=${one.run}`).reverse());
});

onPage("boards: drained with a reason, released again", {}, async (page) => {
	await visit(page, "/boards", "quarantined");
	await page.getByRole("button", { name: "Drain m4-1" }).click();
	const dialog = page.getByRole("dialog", { name: "Drain m4-1" });
	await dialog.getByRole("button", { name: "Drain" }).click();
	assert.equal(await dialog.isVisible(), true, "a reason is required");
	await dialog.getByRole("textbox").fill("the cable is loose");
	await dialog.getByRole("button", { name: "Drain" }).click();
	await page.getByRole("button", { name: "Release m4-1" }).waitFor();
	const sent = fake.requests.filter((r) => r.method === "PATCH").at(-1);
	assert.equal(JSON.parse(sent.body).reason, "the cable is loose");
	await page.getByText("the cable is loose").waitFor();
	await page.getByRole("button", { name: "Release m4-1" }).click();
	await page.getByRole("button", { name: "Drain m4-1" }).waitFor();
});

onPage("a job is canceled after a question, the page follows by events", {}, async (page) => {
	await visit(page, "/jobs/60", "Waiting");
	await page.getByRole("button", { name: "Cancel job" }).click();
	await page.getByRole("button", { name: "Keep it" }).click();
	assert.equal(fake.requests.some((r) => r.method === "DELETE"), false);
	await page.getByRole("button", { name: "Cancel job" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
	await page.locator(".lead .badge", { hasText: "canceled" }).waitFor();
	assert.equal(await page.getByRole("button", { name: "Cancel job" }).count(), 0);
});

onPage("an event fetches what it is about; a tab shares one stream with the others", {},
	async (page) => {
	await visit(page, "/jobs/59", "Waiting");
	await page.getByText("live", { exact: true }).waitFor();
	const other = await page.context().newPage();
	await visit(other, "/jobs", "nucleo-f446re");
	await other.getByText("live", { exact: true }).waitFor();
	assert.equal(fake.streams.size, 1);
	const job = fake.lab.jobs.find((j) => j.id === 59);
	job.waits_for = "the probe of m55-1 is being looked at";
	fake.emit("job", { id: 59, state: "queued" });
	await page.getByText("the probe of m55-1 is being looked at").waitFor();
	await other.getByText("the probe of m55-1 is being looked at").waitFor();
	job.waits_for = "nothing at all";
	fake.emit("reset", {});
	await page.getByText("nothing at all").waitFor();
});

onPage("hostile names are text", {}, async (page) => {
	for (const path of ["/jobs", "/jobs/57", "/results", "/"]) {
		await page.goto(path);
		await page.getByText("<img src=x").first().waitFor();
		assert.notEqual(await page.title(), "owned");
		assert.equal(await page.locator("main img, main script").count(), 0);
		assert.equal(await page.evaluate(() =>
			/[\u202e\u001b]/.test(document.querySelector("main").textContent)), false);
	}
	assert.ok(HOSTILE.includes("\u202e"));
});

onPage("errors name the remedy, and the page comes back",
	{ expected: [/status of (404|503)/, /ERR_|Failed to load/] }, async (page) => {
	await visit(page, "/jobs/123456", "It may have been pruned, or the number is wrong");
	fake.fail("/boards", 503, "busy", "The store is busy",
		"The disk is full: free some space under the data folder and try again.");
	await visit(page, "/boards", "free some space under the data folder");
	assert.deepEqual(await violations(page), []);
	fake.mend("/boards");
	await page.getByRole("button", { name: "Try again" }).click();
	await page.getByText("quarantined").first().waitFor();
	await page.route("**/api/v1/results*", (route) => route.abort());
	await visit(page, "/results", "Look whether hildad runs");
});

onPage("an empty lab says what to do first", {}, async (page) => {
	const empty = await startFake({ web: join(ROOT, "web"), modules: MODULES, lab:
		{ jobs: [], runs: new Map(), logs: new Map(), samples: new Map(), boards: [],
		results: [] } });
	try {
		await visit(page, `${empty.url}/`, "hilda submit job.json");
		await page.getByText("hilda-agent discover").waitFor();
		assert.deepEqual(await violations(page), []);
		await visit(page, `${empty.url}/jobs`, "hilda submit job.json");
		await visit(page, `${empty.url}/boards`, "hilda-agent discover");
		await visit(page, `${empty.url}/results`, "No run has ended yet");
	} finally {
		await empty.close();
	}
});

onPage("submit: checked before it is sent, the same as curl, refused with the server's words",
	{ expected: [/status of 422/] }, async (page) => {
	await visit(page, "/submit?type=mps3-an547&labels=model%3Dtiny", "The same with curl");
	assert.match(await page.locator("#curl ~ *, section:has(#curl) pre").last().innerText(),
		/"labels":\{"model":"tiny"\}/);
	await page.getByRole("button", { name: "Submit job" }).click();
	await page.getByText("Choose a file, or give the hash").waitFor();
	assert.deepEqual(await violations(page), []);
	await page.locator("input[type=file]").setInputFiles({ name: "fw.elf", mimeType:
		"application/octet-stream", buffer: Buffer.from("hello") });
	await page.getByText("fw.elf, 2cf24dba5fb0").waitFor();
	await page.getByRole("textbox", { name: "Board type" }).or(page.getByRole("combobox",
		{ name: "Board type" })).fill("");
	await page.getByRole("combobox", { name: "This board only" }).fill("m55-1");
	await page.getByRole("button", { name: "Submit job" }).click();
	await page.getByText("board.type is missing: name the type of board it needs").waitFor();
	await page.getByText("Known: mps3-an547").waitFor();
	await page.getByRole("combobox", { name: "Board type" }).fill("mps3-an547");
	await page.getByRole("button", { name: "Submit job" }).click();
	await page.waitForURL(/\/jobs\/60$/);
	const put = fake.requests.find((r) => r.method === "PUT");
	assert.equal(put.path, "/artifacts/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	assert.equal(put.body.toString(), "hello");
});

onPage("a suite's run: boards across, the rest down, numbers by choice, what failed again", {},
	async (page) => {
	await visit(page, "/suite-runs/12", "wrong answer");
	const heads = await page.locator("thead").first().locator("th").allInnerTexts();
	assert.deepEqual(heads, ["model", "quant \\ board", "m55-1", "nucleo-1"]);
	const rows = page.locator("tbody").first().locator("tr");
	assert.equal(await rows.count(), 2);
	assert.match(await rows.nth(1).innerText(), /int4.*failed.*not in the suite/s);
	assert.match(await page.locator(".lead").innerText(),
		/2 of 3 cells passed\. Begun .* UTC, took 2 h[^,]*, by schedule 1\./);
	const shown = page.getByRole("group", { name: "Shown" }).getByRole("button");
	assert.deepEqual(await shown.allInnerTexts(), ["Outcome", "Latency"]);
	await page.getByRole("button", { name: "Latency" }).click();
	await page.waitForURL(/metric=warm\.latency_us/);
	assert.match(await rows.nth(0).innerText(), /62\.46 ms virtual.*61 ms/s);
	const files = await page.locator("a[download]").evaluateAll((all) => all.map((a) =>
		a.getAttribute("href")));
	assert.deepEqual(files.map((f) => f.split(".").at(-1)), ["csv", "xml", "md", "json"]);
	await page.getByRole("button", { name: "Run what did not pass again" }).click();
	await page.waitForFunction(() => !document.querySelector("button[disabled]"));
	assert.ok(fake.requests.some((r) => r.method === "POST" &&
		r.path === "/suite-runs/12/retry"));
});

onPage("a suite's run is canceled after a question, and then has nothing to cancel",
	{ expected: [/status of 403/] },
	async (page) => {
	const asked = () => fake.requests.filter((r) => r.path === "/suite-runs/13/cancel");
	await visit(page, "/suite-runs/12", "wrong answer");
	assert.equal(await page.getByRole("button", { name: "Cancel run" }).count(), 0);
	await visit(page, "/suite-runs/13", "queued");
	await page.getByRole("button", { name: "Cancel run" }).click();
	await page.getByRole("button", { name: "Keep it" }).click();
	assert.equal(asked().length, 0);
	await page.getByRole("button", { name: "Cancel run" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Cancel run" }).click();
	await page.getByRole("button", { name: "Run what did not pass again" }).waitFor();
	assert.equal(await page.getByRole("button", { name: "Cancel run" }).count(), 0);
	assert.deepEqual(asked().map((r) => r.method), ["POST"]);
	assert.match(await page.locator("#failed").locator("..").locator("..").innerText(), /canceled/);
	/* A refusal is told, and the run stays as it was. */
	fake.lab.suiteRuns[1].state = "active";
	fake.fail("/suite-runs/13/cancel", 403, "forbidden", "No", "suite run 13 is bob's");
	await visit(page, "/suite-runs/13", "canceled");
	await page.getByRole("button", { name: "Cancel run" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Cancel run" }).click();
	await page.getByText("suite run 13 is bob's").waitFor();
});

onPage("schedules: paused and resumed, run now, what is at work says so",
	{ expected: [/status of 409/] }, async (page) => {
	await visit(page, "/schedules", "was still at work");
	await page.getByText("2026-07-02 00:30:00 UTC").first().waitFor();
	await page.getByRole("button", { name: "Pause schedule 1" }).click();
	await page.getByRole("button", { name: "Resume schedule 1" }).waitFor();
	assert.ok(fake.requests.some((r) => r.method === "PATCH" &&
		JSON.parse(r.body).action === "pause"));
	await page.getByRole("button", { name: "Resume schedule 1" }).click();
	await page.getByRole("button", { name: "Pause schedule 1" }).waitFor();
	await page.getByRole("button", { name: "Run now: schedule 2" }).click();
	await page.getByText("suite run 12 is still at work").waitFor();
	await page.getByRole("button", { name: "Run now: schedule 1" }).click();
	await page.waitForURL(/\/suite-runs\/12$/);
});
