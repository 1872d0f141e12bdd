/*
 * uPlot, loaded when the first plot is drawn, behind a component that also gives the same numbers
 * in words and as a table (`t`): a canvas alone says nothing to a screen reader.
 */
import { html, useEffect, useRef, useState } from "./dom.mjs";
import { colours, onTheme } from "./theme.mjs";

let loading = null;

export function uPlotReady() {
	loading ??= new Promise((resolve, reject) => {
		const sheet = document.createElement("link");
		sheet.rel = "stylesheet";
		sheet.href = new URL("../vendor/uPlot.min.css", import.meta.url).href;
		const script = document.createElement("script");
		script.src = new URL("../vendor/uPlot.iife.min.js", import.meta.url).href;
		script.onload = () => resolve(window.uPlot);
		script.onerror = () => {
			loading = null;
			reject(new Error("The plot library did not load; the table shows the same numbers."));
		};
		document.head.append(sheet, script);
	});
	return loading;
}

const SERIES = ["blue", "orange", "green", "purple"];

function axes(ink, x, y) {
	const common = {
		stroke: ink.muted, grid: { stroke: ink.line, width: 1 }, ticks:
			{ stroke: ink.line, width: 1, size: 4 },
		font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
			labelSize: 20, gap: 4,
	};
	const values = (u, ticks) => ticks.map((v) => v === null ? "" : v.toLocaleString("en-US",
		{ maximumFractionDigits: 6 }));
	return [{ ...common, label: x, values, size: 34 }, { ...common, label: y, values, size:
		62 }];
}

function options(uPlot, kind, { x, y, series, ink, width, height, readout }) {
	const bars = kind === "histogram";
	return {
		width, height, padding: [10, 14, 0, 0],
		legend: { show: false },
		cursor: { drag: { x: !bars, y: false }, points: { size: 7 }, y: false },
		scales: { x: { time: false }, y: bars ? { range: (u, min, max) =>
			[0, Math.max(1, max * 1.05)] } : {} },
		axes: axes(ink, x, y),
		series: [{}, ...series.map((name, i) => {
			const colour = ink[SERIES[i % SERIES.length]];
			return bars
				? { label: name, stroke: colour, fill: colour, width: 0, points:
					{ show: false },
					paths: uPlot.paths.bars({ size: [1, Infinity], align: 1,
						gap: 1 }) }
				: { label: name, stroke: colour, paths: () => null,
					points: { show: true, size: 4, fill: colour, width: 0 } };
		})],
		hooks: { setCursor: [(u) => readout(u.cursor.idx ?? null)] },
	};
}

/* kind: histogram | points; data: uPlot's columns; say(idx) -> words under the cursor. */
export function Plot({ kind, title, summary, x, y, series, data, say, height = 230 }) {
	const box = useRef(null);
	const [words, setWords] = useState("");
	const [error, setError] = useState(null);

	useEffect(() => {
		let plot = null, gone = false;
		const draw = async () => {
			const uPlot = await uPlotReady();
			if (gone)
				return;
			plot?.destroy();
			const ink = colours([...SERIES, "muted", "line"]);
			const width = Math.max(240, box.current.clientWidth);
			plot = new uPlot(options(uPlot, kind, {
				x, y, series, ink, width, height,
				readout: (idx) => setWords(idx === null ? "" : say?.(idx) ?? ""),
			}), data, box.current);
		};
		const tryDraw = () => draw().catch((e) => gone || setError(e));
		const resized = new ResizeObserver(() => plot?.setSize({
			width: Math.max(240, box.current.clientWidth), height,
		}));
		resized.observe(box.current);
		tryDraw();
		const undo = onTheme(tryDraw);
		return () => {
			gone = true;
			undo();
			resized.disconnect();
			plot?.destroy();
		};
	}, [kind, data, height]);

	return html`<figure class="plot"><figcaption><strong>${title}</strong> <span class="muted">
		${summary}</span></figcaption>
		${error ? html`<p class="muted">${error.message}</p>` : null}
		<div class="plot-box" ref=${box} role="img" aria-label=${`${title}. ${summary}`}>
			</div>
		<p class="readout" aria-hidden="true">${words || " "}</p></figure>`;
}

/* Freedman-Diaconis, at least 8 and at most 60 bins; equal values are one bin. */
export function histogram(values) {
	const sorted = Float64Array.from(values).sort();
	const n = sorted.length;
	if (!n)
		return { edges: [], counts: [], width: 0 };
	const low = sorted[0], high = sorted[n - 1];
	if (low === high)
		return { edges: [low], counts: [n], width: 0 };
	const spread = sorted[Math.floor(0.75 * (n - 1))] - sorted[Math.floor(0.25 * (n - 1))];
	const ideal = spread > 0 ? (high - low) / (2 * spread / Math.cbrt(n)) : Math.sqrt(n);
	const bins = Math.min(60, Math.max(8, Math.ceil(ideal)));
	const width = (high - low) / bins;
	const counts = new Array(bins).fill(0);
	for (const v of sorted)
		counts[Math.min(bins - 1, Math.floor((v - low) / width))]++;
	return { edges: counts.map((_, i) => low + i * width), counts, width };
}
