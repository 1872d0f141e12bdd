/* First contentful paint of a page, in ms, the median of ten loads: paint.mjs URL. One number. */
import { createRequire } from "node:module";

const require = createRequire(`${process.env.HILDA_BUILD}/npm/`);
const { chromium } = require("playwright-core");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox",
	"--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"] });
const page = await browser.newPage();
const paints = [];

for (let i = 0; i < 11; i++) {
	await page.goto(process.argv[2]);
	const ms = await page.waitForFunction(() =>
		performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
	if (i > 0)
		paints.push(await ms.jsonValue());
}
await browser.close();
paints.sort((a, b) => a - b);
console.log(paints[5].toFixed(1));
