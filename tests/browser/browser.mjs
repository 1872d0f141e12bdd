/*
 * One chromium for a test file. A page that logs an error, throws, or breaks the content security
 * policy fails its test: that is checked at every close().
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const BUILD = resolve(process.env.HILDA_BUILD ?? join(ROOT, "build"));
export const MODULES = join(BUILD, "npm/node_modules");
const CHROMIUM = process.env.HILDA_CHROMIUM ?? "/usr/bin/chromium";
const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--force-color-profile=srgb"];

const require = createRequire(join(MODULES, "package.json"));

/* Why browser tests cannot run here, or null. */
export function missing() {
	if (!existsSync(join(MODULES, "playwright-core")))
		return `playwright-core is not in ${MODULES}: run make node-modules`;
	if (!existsSync(CHROMIUM))
		return `no browser at ${CHROMIUM}: install chromium or set HILDA_CHROMIUM`;
	return null;
}

export async function openBrowser() {
	const { chromium } = require("playwright-core");
	return chromium.launch({ executablePath: CHROMIUM, args: ARGS, headless: true });
}

/* A page in a context of its own; close() gives what went wrong on it. */
export async function openPage(browser, base, { theme = "light", width = 1280, height = 800,
	expected = [] } = {}) {
	const context = await browser.newContext({ baseURL: base, colorScheme: theme, viewport:
		{ width, height }, bypassCSP: false });
	const page = await context.newPage();
	const wrong = [];
	page.setDefaultTimeout(20000);
	page.on("console", (m) => m.type() === "error" && !expected.some((e) => e.test(m.text())) &&
		wrong.push(`console: ${m.text()}`));
	page.on("pageerror", (e) => wrong.push(`error: ${e.message}`));
	await page.addInitScript(() => document.addEventListener("securitypolicyviolation",
		(e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)));
	return { page, wrong, close: () => context.close() };
}

/* Rules (all, or those named) that are broken on the page, as words. axe is put in by the debugger, which no policy of the page holds back. */
export async function violations(page, rules) {
	if (!await page.evaluate(() => Boolean(window.axe)))
		await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
	const result = await page.evaluate((only) =>
		window.axe.run(document, { resultTypes: ["violations"],
		...(only ? { runOnly: only } : {}) }), rules);
	return result.violations.map((v) =>
		`${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) =>
		`${n.target} ${n.any?.[0]?.message ?? n.all?.[0]?.message ?? n.none?.[0]?.message ??
		""}`).join(" | ")}`);
}
