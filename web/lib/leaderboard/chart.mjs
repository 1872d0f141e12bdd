/*
 * Points and lines as SVG: few enough to be looked at one by one. A series has a colour and a shape of
 * its own, the same numbers stand below as a table. Marks are vertical lines with words.
 */
import { html } from "../dom.mjs";
import { number, visible } from "../format.mjs";

const W = 640, H = 340, LEFT = 66, RIGHT = 16, TOP = 14, BOTTOM = 46;
const INKS = ["blue", "orange", "green", "purple"];
const SHAPES = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-4-4h8v8h-8z", "M0-5l5 9h-10z", "M0-5.5l5 5.5l-5 5.5l-5-5.5z"];
const LABEL_HEIGHT = 13, LABEL_WIDTH = 6.4, FACTOR_OF_LOG = 12;

const known = (v) => typeof v === "number" && Number.isFinite(v);

/* 1, 2, 5 and their tens, about `most` of them. */
function ticksOf(low, high, log, most = 6) {
	if (log) {
		const all = [];
		for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
			for (const m of [1, 2, 5])
				all.push(m * 10 ** e);
		const inside = all.filter((v) => v >= low && v <= high);
		return inside.length > 7 ? inside.filter((v) => /^1(e|0*$)|^0?\.0*1$/.test(String(v))) : inside;
	}
	const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 5, 10].find((m) => m * size >= rough) * size;
	const ticks = [];
	for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step)
		ticks.push(Math.abs(v) < step / 1e6 ? 0 : v);
	return ticks;
}

/* Logarithmic where values lie far apart and none is 0; a little room at both ends. */
function scaleOf(values, size, from, wanted) {
	const lowest = Math.min(...values), highest = Math.max(...values);
	const log = wanted ?? (lowest > 0 && highest / lowest > FACTOR_OF_LOG);
	const f = log ? Math.log10 : (v) => v, back = log ? (v) => 10 ** v : (v) => v;
	let a = f(lowest), b = f(highest);
	const room = (b - a) * 0.07 || Math.abs(b) * 0.1 || 1;
	a -= room;
	b += room;
	return { at: (v) => from + (f(v) - a) / (b - a) * size, ticks: ticksOf(back(a), back(b), log) };
}

const plain = (v) => v.toLocaleString("en-US", { maximumSignificantDigits: 4 });
const short = (v) => Math.abs(v) >= 1e6 ? `${plain(v / 1e6)} M` : Math.abs(v) >= 1e4 ? `${plain(v / 1e3)} k` : plain(v);

/* Labels that would lie on each other move down, one after the other. */
function placed(points) {
	const taken = [];
	return [...points].sort((a, b) => a.py - b.py).map((p) => {
		const width = p.label.length * LABEL_WIDTH;
		const left = p.px + 8 + width > W - 2;
		const x0 = left ? p.px - 8 - width : p.px + 8;
		let y = p.py + 4;
		while (taken.some((t) => Math.abs(t.y - y) < LABEL_HEIGHT && t.x0 < x0 + width && x0 < t.x0 + t.width))
			y += 3;
		taken.push({ y, x0, width });
		return { ...p, lx: left ? p.px - 8 : p.px + 8, ly: y, anchor: left ? "end" : "start" };
	});
}

function Axes({ x, y, sx, sy }) {
	return html`<g class="chart-axes">
		${sx.ticks.map((v) => html`<g key=${`x${v}`}><line x1=${sx.at(v)} x2=${sx.at(v)} y1=${TOP}
			y2=${H - BOTTOM} /><text x=${sx.at(v)} y=${H - BOTTOM + 16}
			text-anchor="middle">${short(v)}</text></g>`)}
		${sy.ticks.map((v) => html`<g key=${`y${v}`}><line x1=${LEFT} x2=${W - RIGHT} y1=${sy.at(v)}
			y2=${sy.at(v)} /><text x=${LEFT - 8} y=${sy.at(v) + 4}
			text-anchor="end">${short(v)}</text></g>`)}
		<text class="chart-name" x=${(LEFT + W - RIGHT) / 2} y=${H - 8} text-anchor="middle">${x}</text>
		<text class="chart-name" transform=${`translate(14 ${(TOP + H - BOTTOM) / 2}) rotate(-90)`}
			text-anchor="middle">${y}</text></g>`;
}

function Marker({ index, p }) {
	const d = SHAPES[index % SHAPES.length];
	const cls = p.faded ? "chart-faded" : `ink-${INKS[index % INKS.length]}`;
	const mark = html`<path d=${d} transform=${`translate(${p.px} ${p.py})`} class=${`${cls} chart-marker`}>
		<title>${p.title}</title></path>`;
	return p.href ? html`<a href=${p.href} aria-label=${p.title}>${mark}</a>` : mark;
}

function Series({ index, points, line }) {
	const ink = `ink-${INKS[index % INKS.length]}`;
	return html`<g>${line && points.length > 1 ? html`<polyline class=${`${ink} chart-line`}
			points=${points.map((p) => `${p.px},${p.py}`).join(" ")} />` : null}
		${points.map((p, i) => html`<${Marker} key=${i} index=${index} p=${p} />`)}</g>`;
}

function Legend({ series }) {
	return html`<ul class="chart-legend">${series.map((s, i) => html`<li key=${s.name}><svg
		viewBox="-7 -7 14 14" aria-hidden="true"><path d=${SHAPES[i % SHAPES.length]}
		class=${`ink-${INKS[i % INKS.length]} chart-marker`} /></svg>${visible(s.name)}</li>`)}</ul>`;
}

function Numbers({ title, x, y, series }) {
	return html`<details class="more"><summary>The same as a table</summary><div class="table-wrap tall"
		tabindex="0" role="region" aria-label=${title}><table><thead><tr><th scope="col">Series</th>
		<th scope="col" class="num">${x}</th><th scope="col" class="num">${y}</th><th scope="col">Point</th></tr>
		</thead><tbody>${series.flatMap((s) => s.points.map((p, i) => html`<tr key=${`${s.name}${i}`}>
			<td>${visible(s.name)}</td><td class="num">${number(p.x)}</td><td class="num">${number(p.y)}</td>
			<td>${visible(p.title ?? "")}</td></tr>`))}</tbody></table></div></details>`;
}

/*
 * series: [{name, line, points: [{x, y, label, title, href, faded}]}]; x, y: names with units; logX, logY:
 * true, false, or left to the values. Nothing is drawn without points.
 */
export function Chart({ title, summary, x, y, series, marks = [], logX, logY }) {
	const drawn = series.map((s) => ({ ...s, points: s.points.filter((p) => known(p.x) && known(p.y)) }));
	const all = drawn.flatMap((s) => s.points);
	if (!all.length)
		return null;
	const sx = scaleOf([...all.map((p) => p.x), ...marks.map((m) => m.x)], W - LEFT - RIGHT, LEFT, logX);
	const down = scaleOf(all.map((p) => p.y), H - TOP - BOTTOM, 0, logY);
	const sy = { ...down, at: (v) => H - BOTTOM - down.at(v) };
	const put = drawn.map((s) => ({ ...s, points: s.points.map((p) => ({ ...p, px: sx.at(p.x), py: sy.at(p.y) })) }));
	const labelled = placed(put.flatMap((s) => s.points).filter((p) => p.label));
	return html`<figure class="plot chart"><figcaption><strong>${title}</strong>${" "}
		<span class="muted">${summary}</span></figcaption>
		<${Legend} series=${drawn} />
		<svg viewBox=${`0 0 ${W} ${H}`} role="group" aria-label=${`${title}. ${summary}`}>
			<${Axes} x=${x} y=${y} sx=${sx} sy=${sy} />
			${marks.map((m, i) => html`<g key=${i} class="chart-mark"><line x1=${sx.at(m.x)}
				x2=${sx.at(m.x)} y1=${TOP} y2=${H - BOTTOM} /><text x=${sx.at(m.x) + 4}
				y=${TOP + 10 + LABEL_HEIGHT * i}>${visible(m.label)}</text></g>`)}
			${put.map((s, i) => html`<${Series} key=${s.name} index=${i} points=${s.points}
				line=${s.line} />`)}
			<g aria-hidden="true">${labelled.map((p, i) => html`<text key=${i} class=${p.faded ?
				"chart-label chart-faded" : "chart-label"} x=${p.lx} y=${p.ly}
				text-anchor=${p.anchor}>${visible(p.label)}</text>`)}</g></svg>
		<${Numbers} title=${title} x=${x} y=${y} series=${drawn} /></figure>`;
}
