/* What the pages compute without a page: numbers in words, lines of a log, addresses of lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, between, duration, number, quantityText, scaleFor,
	visible } from "../../web/lib/format.mjs";
import { Log, parseRange, search, shown, streamName } from "../../web/lib/log.mjs";
import { address, METRICS } from "../../web/lib/metrics.mjs";
import { longLog, random } from "./fixtures.mjs";

test("numbers keep four digits and their unit", () => {
	assert.equal(number(61.2234), "61.22");
	assert.equal(number(0.81234), "0.8123");
	assert.equal(number(1952001), "1,952,001");
	assert.equal(number(0.02), "0.02");
	assert.equal(number(null), "–");
	assert.equal(quantityText(61223.4, "us"), "61.22 ms");
	assert.equal(quantityText(812.4, "us"), "812.4 µs");
	assert.equal(quantityText(63488, "bytes"), "62 KiB");
	assert.equal(scaleFor("us", 2.5e6).unit, "s");
	assert.equal(between(61.22191, 61.22448), "61.222 to 61.224");
	assert.equal(between(5, 5), "5.00 to 5.00");
});

test("times are words", () => {
	assert.equal(duration(812), "812 ms");
	assert.equal(duration(61000), "1 min 1 s");
	assert.equal(duration(null), "–");
	assert.equal(ago("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:04:10Z")), "4 min ago");
});

test("hidden and direction-changing characters become visible", () => {
	assert.equal(visible("a\u001b[31mb\u202ec\u0000\u200b"),
		"a\\x1b[31mb\\u{202e}c\\x00\\u{200b}");
	assert.equal(visible("<b>ä µ</b>"), "<b>ä µ</b>");
});

test("a metric's address has a title and a unit", () => {
	assert.deepEqual(address("warm.latency_us.p95"), { phase: "warm", metric: "latency_us",
		stat: "p95", unit: "us", title: "Latency p95" });
	assert.equal(address("cold.boot_us.p50").title, "Cold boot p50");
	assert.equal(address("memory.sram_peak_bytes.value").title, "Peak SRAM");
	assert.equal(address("lines.my_number.p50").title, "Lines my_number p50");
	for (const [name, m] of Object.entries(METRICS))
		assert.ok(m.help.length > 20 && ["lower", "higher"].includes(m.better), name);
});

test("lines are put together from records cut anywhere, per stream", () => {
	const whole = [["console", "one\r\ntwo\r\n\r\nthree"], ["tool", "x\ny\n"],
		["console", " and more\r\n"]];
	const rand = random(3);
	for (let round = 0; round < 50; round++) {
		const log = new Log();
		let offset = 0;
		for (const [stream, text] of whole) {
			for (let i = 0; i < text.length;) {
				const n = 1 + Math.floor(rand() * 6);
				offset += 16 + n;
				log.add({ to: offset, t_us: offset, stream, text:
					text.slice(i, i + n) });
				i += n;
			}
		}
		assert.deepEqual(log.lines.map((l) => `${l.stream}:${shown(l)}`),
			["console:one", "console:two", "console:", "console:three and more",
				"tool:x", "tool:y"]);
		assert.deepEqual(log.lines.map((l) => l.number), [1, 2, 3, 4, 5, 6]);
	}
});

test("a record that came before is not added again", () => {
	const log = new Log();
	const records = longLog(100);
	records.forEach((r) => assert.equal(log.add(r), true));
	records.forEach((r) => assert.equal(log.add(r), false));
	assert.equal(log.lines.length, 100);
	assert.deepEqual(search(log.lines, "LINE 9\r"), []);
	assert.deepEqual(search(log.lines, "LINE 99"), [99]);
});

test("addresses of lines", () => {
	assert.deepEqual(parseRange("#L120-L140"), [120, 140]);
	assert.deepEqual(parseRange("#L140-L120"), [120, 140]);
	assert.deepEqual(parseRange("#L7"), [7, 7]);
	assert.equal(parseRange("#L0"), null);
	assert.equal(parseRange("#Lx"), null);
	assert.equal(streamName(2), "agent");
	assert.equal(streamName("tool"), "tool");
});
