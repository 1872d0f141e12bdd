/* The live log: a hundred thousand lines, following, search, addresses of lines, hostile bytes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MODULES, ROOT, missing, openBrowser, openPage } from "./browser.mjs";
import { startFake } from "./fake-server.mjs";
import { longLog, makeLab } from "./fixtures.mjs";

const LINES = 100000;
const SHORT = 3000;
const skip = missing() ?? false;
let browser, fake;

before(async () => {
	if (skip)
		return;
	const lab = makeLab();
	lab.logs.set(958, longLog(SHORT));
	fake = await startFake({ web: join(ROOT, "web"), modules: MODULES, lab });
	browser = await openBrowser();
});
after(async () => {
	await browser?.close();
	await fake?.close();
});

function onPage(name, body) {
	test(name, { skip, timeout: 120000 }, async () => {
		const { page, wrong, close } = await openPage(browser, fake.url);
		try {
			await body(page);
			assert.deepEqual(wrong, []);
		} finally {
			await close();
		}
	});
}

const texts = (page) => page.locator(".log-line .x").allInnerTexts();
const atEnd = () => {
	const box = document.querySelector(".log");
	return box.scrollHeight - box.scrollTop - box.clientHeight < 40;
};

onPage("100,000 lines: none is lost, those in sight are drawn, and it follows", async (page) => {
	const short = fake.lab.logs.get(958);
	fake.lab.logs.set(958, longLog(LINES));
	await page.goto("/jobs/58");
	await page.getByText(`${LINES.toLocaleString("en-US")} lines, live`).waitFor({ timeout: 60000 });
	fake.lab.logs.set(958, short);
	await page.getByText(`line ${LINES}`, { exact: false }).last().waitFor();
	assert.ok(await page.locator(".log-line").count() < 200);
	assert.equal(await page.evaluate(atEnd), true);

	const seen = await page.evaluate(async (lines) => {
		const box = document.querySelector(".log"), found = new Set();
		const frame = () => new Promise((done) => requestAnimationFrame(() =>
			requestAnimationFrame(done)));
		for (let top = 0; top < 40; top++) {
			box.scrollTop = Math.floor(top / 39 * (lines * 18 - box.clientHeight));
			await frame();
			const first = Math.ceil(box.scrollTop / 18),
				count = Math.floor(box.clientHeight / 18) - 1;
			const drawn = new Map([...document.querySelectorAll(".log-line")].map((l) =>
				[Number(l.querySelector(".ln").textContent),
				l.querySelector(".x").textContent]));
			for (let n = first + 1; n <= first + count; n++)
				if (!drawn.get(n)?.endsWith(`line ${n}`))
					return { missing: n, at: box.scrollTop };
			drawn.forEach((_, n) => found.add(n));
		}
		return { found: found.size };
	}, LINES);
	assert.equal(seen.missing, undefined, `line ${seen.missing} was not drawn at ${seen.at}`);
	assert.ok(seen.found > 2000);
});

onPage("follow: new lines come into sight; scrolling up stops it, f starts it again",
	async (page) => {
	await page.goto("/jobs/58");
	await page.getByText("lines, live").waitFor();
	await page.waitForFunction(atEnd);
	const follow = page.getByRole("button", { name: /Follow/ });
	const until = Date.now() + 20000;
	while (fake.followers(958) < 1 && Date.now() < until)
		await page.waitForTimeout(20);
	fake.append(958, [[1e7, "console", "a fresh line\r\n"]]);
	await page.getByText("a fresh line").waitFor();
	await page.waitForFunction(atEnd);
	await page.locator(".log").hover();
	await page.mouse.wheel(0, -3000);
	await page.waitForFunction(() =>
		document.querySelector(".log-bar [aria-pressed]").getAttribute("aria-pressed") === "false");
	const top = await page.evaluate(() => document.querySelector(".log").scrollTop);
	fake.append(958, [[1.1e7, "console", "half a li"], [1.2e7, "agent", "something between\n"],
		[1.3e7, "console", "ne\r\n"]]);
	await page.getByText("3,003 lines, live").waitFor();
	assert.equal(await page.evaluate(() => document.querySelector(".log").scrollTop), top);
	await page.keyboard.press("f");
	await page.getByText("half a line").waitFor();
	assert.equal(await follow.getAttribute("aria-pressed"), "true");
	await page.waitForFunction(atEnd);
	fake.end(958);
	await page.getByText("lines, complete").waitFor();
});

onPage("search: how many, one after the other, in the address", async (page) => {
	await page.goto("/jobs/58");
	await page.getByText("lines, live").waitFor();
	await page.keyboard.press("/");
	await page.keyboard.type("LINE 299");
	await page.getByText("11 matches").waitFor();
	assert.match(page.url(), /q=LINE\+299/);
	await page.keyboard.press("Enter");
	await page.getByText("1 of 11 matches").waitFor();
	await page.locator(".log-line.current", { hasText: "line 299" }).waitFor();
	await page.keyboard.press("Escape");
	await page.keyboard.press("n");
	await page.getByText("2 of 11 matches").waitFor();
	await page.locator(".log-line.current mark", { hasText: "line 299" }).waitFor();
	await page.keyboard.press("N");
	await page.getByText("1 of 11 matches").waitFor();
});

onPage("lines have addresses: #L120-L140 opens there, a click makes one", async (page) => {
	await page.goto("/jobs/58#L2120-L2140");
	await page.locator(".log-line.chosen", { hasText: "line 2120" }).waitFor();
	assert.equal(await page.locator(".log-line.chosen").count(), 21);
	await page.locator(".log-line", { hasText: "line 2125" }).locator(".ln").click();
	await page.waitForURL(/#L2125$/);
	await page.locator(".log-line", { hasText: "line 2128" }).locator(".ln").click({ modifiers:
		["Shift"] });
	await page.waitForURL(/#L2125-L2128$/);
	assert.equal(await page.locator(".log-line.chosen").count(), 4);
});

onPage("hostile bytes are shown, not obeyed; streams can be told apart", async (page) => {
	await page.goto("/jobs/51");
	await page.getByText("<img src=x onerror=").waitFor();
	assert.equal(await page.locator(".log img, .log script").count(), 0);
	assert.equal(await page.evaluate(() =>
		/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/.test(document.querySelector(".log").textContent)), false);
	assert.ok((await texts(page)).some((t) => t.includes("\\u{202e}gnp.exe") &&
		t.includes("\\x1b[31m")));
	assert.ok((await texts(page)).includes("m-init-done"),
		"a line cut by another stream is one line");
	await page.getByLabel("Stream").selectOption("device");
	await page.waitForURL(/stream=device/);
	await page.waitForFunction(() => document.querySelectorAll(".log-line").length === 1);
	assert.deepEqual(await texts(page), ["lab cold%"]);
	const href = await page.getByRole("link", { name: "Plain text" }).getAttribute("href");
	assert.equal(href, "/api/v1/runs/951/log");
});
