/* What the pages compute without a page: numbers in words, lines of a log, addresses of lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, between, duration, number, quantityText, scaleFor,
	visible } from "../../web/lib/format.mjs";
import { Log, parseRange, search, shown, streamName } from "../../web/lib/log.mjs";
import { address, METRICS } from "../../web/lib/metrics.mjs";
import { yRange } from "../../web/lib/trace/draw.mjs";
import { around, panned, queryOf, selectionOf, span, spanText, tickTexts, timeText, viewOf, within,
	zoomed } from "../../web/lib/trace/view.mjs";
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

test("a trace's view: zoom keeps its place, nothing leaves the capture, links are read back", () => {
	const end = 4000000;
	const near = zoomed({ t0: 0, t1: end }, 0.5, 1000000, end);
	assert.deepEqual(near, { t0: 500000, t1: 2500000 });
	assert.equal(zoomed(near, 4, 1000000, end), null, "farther than the whole is the whole");
	assert.deepEqual(zoomed({ t0: 50, t1: 150 }, 0.1, 100, end), { t0: 50, t1: 150 });
	assert.deepEqual(within({ t0: -500, t1: 500 }, end), { t0: 0, t1: 1000 });
	assert.deepEqual(within({ t0: 3999900, t1: 4000400 }, end), { t0: 3999500, t1: end });
	assert.deepEqual(panned({ t0: 0, t1: 1000 }, -500, end), { t0: 0, t1: 1000 });
	assert.deepEqual(around({ t0_us: 100, t1_us: 5100 }, end), { t0: 0, t1: 15000 });
	assert.deepEqual(span(1204, 1196, end), [1200, 1210], "never less than a sample");
	assert.deepEqual(span(3999999, 5000000, end), [3999990, end]);
	const query = new URLSearchParams(queryOf({ t0: 10, t1: 20 }, [10, 20]));
	assert.deepEqual([viewOf(query), selectionOf(query)], [{ t0: 10, t1: 20 }, [10, 20]]);
	for (const bad of ["t0=1", "t0=5&t1=5", "t0=-1&t1=5", "t0=a&t1=5", "sel=9-3", "sel=1-2-3"])
		assert.deepEqual([viewOf(new URLSearchParams(bad)),
			selectionOf(new URLSearchParams(bad))], [null, null], bad);
});

test("ticks of a time axis say what they stand at", () => {
	assert.deepEqual(tickTexts([0, 500000, 1000000]), ["0.0 s", "0.5 s", "1.0 s"]);
	assert.deepEqual(tickTexts([1490000, 1492500]), ["1,490.0 ms", "1,492.5 ms"]);
	assert.deepEqual(tickTexts([617600, 617610]), ["617.60 ms", "617.61 ms"]);
	assert.deepEqual(tickTexts([10000, 20000]), ["10 ms", "20 ms"]);
	assert.equal(spanText(5720), "5.72 ms");
	assert.equal(spanText(10), "10 µs");
	assert.equal(timeText(1331440), "1,331.44 ms");
});

test("the current's axis begins at zero unless the curve is far from it; decades when log", () => {
	assert.deepEqual(yRange({ min: 1, max: 100 }, false), [0, 105.94]);
	assert.deepEqual(yRange({ min: -2, max: 100 }, false)[0], -2);
	const [low, high] = yRange({ min: 900, max: 1000 }, false);
	assert.ok(low > 890 && low < 900 && high > 1000 && high < 1010);
	assert.deepEqual(yRange({ min: 1.4, max: 86421 }, true), [1, 100000]);
	assert.deepEqual(yRange({ min: -3, max: 5 }, true), [0.1, 10]);
	assert.deepEqual(yRange(null, true), [0.1, 1]);
});
