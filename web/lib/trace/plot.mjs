/*
 * The plot of a trace: uPlot gives axes, scales and sharp pixels, draw.mjs the curve. The pointer
 * selects by drag, pans with Shift or the middle button, zooms by wheel.
 */
import { html, useEffect, useLayoutEffect, useRef, useState } from "../dom.mjs";
import { scaleFor } from "../format.mjs";
import { uPlotReady } from "../plot.mjs";
import { colours, onTheme } from "../theme.mjs";
import { drawBand, drawGaps, drawSamples, drawSelection, drawWindows, LOG_FLOOR_UA,
	yRange } from "./draw.mjs";
import { extremes, highSpans } from "./tiles.mjs";
import { tickTexts } from "./view.mjs";

const HEIGHT = 320;
/* style.css sets the strip of the whole under the plot by the same two. */
const AXIS_PX = 72;
const RIGHT_PX = 38;
const DRAG_LEAST_PX = 4;
export const INKS = ["blue", "orange", "green", "purple", "muted", "line", "ink", "panel"];

/* "0", "5 mA", "10 mA": one unit for all, on a logarithmic axis each its own. */
function currentTexts(ticks, log) {
	const known = ticks.filter((v) => v !== null);
	const common = scaleFor("uA", Math.max(0, ...known.map(Math.abs)));
	return ticks.map((v) => {
		if (v === null)
			return "";
		const scale = log ? scaleFor("uA", v) : common;
		const text = (v / scale.divide).toLocaleString("en-US",
			{ maximumFractionDigits: 4 });
		return `${text} ${scale.unit}`;
	});
}

function axes(ink, log) {
	const common = { stroke: ink.muted, font: "12px system-ui, sans-serif", gap: 5,
		grid: { stroke: ink.line, width: 1 },
		ticks: { stroke: ink.line, width: 1, size: 5 } };
	return [
		{ ...common, space: 96, size: 32, values: (u, ticks) => tickTexts(ticks) },
		{ ...common, size: AXIS_PX, space: log ? 24 : 36, values: (u, ticks) =>
			currentTexts(ticks, log) },
	];
}

function frameOf(u, ink) {
	const { left, top, width, height } = u.bbox;
	const floor = u.scales.y.distr === 3 ? u.scales.y.min : -Infinity;
	return { ctx: u.ctx, left, top, width, height, ink, dpr: devicePixelRatio,
		x: (t) => u.valToPos(t, "x", true),
		y: (v) => u.valToPos(Math.max(floor, v), "y", true) };
}

function paint(u, ink, { tile, windows, measured, worst, selection }) {
	if (!tile)
		return;
	const f = frameOf(u, ink);
	const spans = measured ? [measured] : windows.length ? [] : highSpans(tile);
	drawWindows(f, { windows, spans, worst });
	if (tile.kind === "samples")
		drawSamples(f, tile);
	else
		drawBand(f, tile);
	drawGaps(f, tile.gaps, ink.panel);
	drawSelection(f, selection);
}

function options(ink, { log, width, draw, hover }) {
	return {
		width, height: HEIGHT, padding: [8, RIGHT_PX, 0, 0], legend: { show: false },
		cursor: { drag: { setScale: false, x: false, y: false }, points: { show: false },
			y: false },
		scales: {
			x: { time: false, auto: false, min: 0, max: 1 },
			y: { auto: false, distr: log ? 3 : 1, min: log ? LOG_FLOOR_UA : 0, max: 1 },
		},
		axes: axes(ink, log),
		series: [{}, { paths: () => null, points: { show: false } }],
		hooks: { draw: [draw], setCursor: [(u) => hover(u.cursor.left >= 0 ?
			u.posToVal(u.cursor.left, "x") : null)] },
	};
}

/* Where the wheel may zoom: always on the trace's own page, elsewhere only with Ctrl or focus. */
function mayZoom(event, always, box) {
	return always || event.ctrlKey || box.contains(document.activeElement);
}

function listen(over, box, latest) {
	let from = null;
	const rect = () => over.getBoundingClientRect();
	const timeAt = (event) => {
		const view = latest.current.on.view(), { left, width } = rect();
		const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
		return view.t0 + share * (view.t1 - view.t0);
	};
	const down = (event) => {
		if (event.button > 1)
			return;
		const pan = event.shiftKey || event.button === 1;
		from = { x: event.clientX, t: timeAt(event), view: latest.current.on.view(), pan };
		over.setPointerCapture(event.pointerId);
		box.focus({ preventScroll: true });
		event.preventDefault();
	};
	const move = (event) => {
		if (!from)
			return;
		const dx = event.clientX - from.x;
		if (Math.abs(dx) < DRAG_LEAST_PX && !from.moved)
			return;
		from.moved = true;
		const { t0, t1 } = from.view;
		if (from.pan)
			latest.current.on.moveTo(from.view, -dx * (t1 - t0) / rect().width);
		else
			latest.current.on.select(from.t, timeAt(event));
	};
	const up = (event) => {
		if (from && !from.moved && !from.pan && event.type === "pointerup")
			latest.current.on.click(from.t);
		from = null;
	};
	const wheel = (event) => {
		const { on, wheel: always } = latest.current, view = on.view();
		if (!mayZoom(event, always, box))
			return;
		event.preventDefault();
		const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
		if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
			on.moveTo(view, (view.t1 - view.t0) * Math.sign(sideways) * 0.1);
		else
			on.zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event));
	};
	over.addEventListener("pointerdown", down);
	over.addEventListener("pointermove", move);
	over.addEventListener("pointerup", up);
	over.addEventListener("pointercancel", up);
	over.addEventListener("wheel", wheel, { passive: false });
	over.addEventListener("dblclick", (event) => latest.current.on.zoom(0.25, timeAt(event)));
}

/*
 * on: {view(), zoom(factor, t), moveTo(view, by), select(a, b), click(t), size(px),
 * hover(t or null)}
 */
export function TracePlot(props) {
	const { view, tile, log, label, describedBy } = props;
	const box = useRef(null), plot = useRef(null), latest = useRef(props);
	const [error, setError] = useState(null);
	latest.current = props;

	const refresh = () => {
		const u = plot.current, now = latest.current;
		if (!u || !now.tile)
			return;
		const [low, high] = yRange(extremes(now.tile, now.view), now.log);
		u.batch(() => {
			u.setData([[now.view.t0, now.view.t1], [null, null]], false);
			u.setScale("x", { min: now.view.t0, max: now.view.t1 });
			u.setScale("y", { min: low, max: high });
		});
		u.redraw(false);
	};

	useEffect(() => {
		let gone = false;
		const width = () => Math.max(240, box.current.clientWidth);
		const create = async () => {
			const uPlot = await uPlotReady();
			if (gone)
				return;
			plot.current?.destroy();
			const ink = colours(INKS);
			const u = plot.current = new uPlot(options(ink, { log, width: width(),
				draw: (self) => paint(self, ink, latest.current),
				hover: (t) => latest.current.on.hover(t) }), [[0, 1], [null, null]],
			box.current);
			listen(u.over, box.current, latest);
			refresh();
		};
		const tryCreate = () => create().catch((e) => gone || setError(e));
		const resized = new ResizeObserver(() => {
			latest.current.on.size(width() - AXIS_PX - RIGHT_PX);
			if (plot.current && plot.current.width !== width()) {
				plot.current.setSize({ width: width(), height: HEIGHT });
				refresh();
			}
		});
		resized.observe(box.current);
		tryCreate();
		const undo = onTheme(tryCreate);
		return () => {
			gone = true;
			undo();
			resized.disconnect();
			plot.current?.destroy();
			plot.current = null;
		};
	}, [log]);
	useLayoutEffect(refresh, [tile, view.t0, view.t1, log, props.windows, props.worst,
		props.measured?.[0], props.measured?.[1],
		props.selection?.[0], props.selection?.[1]]);

	return html`${error ? html`<p class="muted">${error.message}</p>` : null}
		<div class="trace-box" ref=${box} tabindex="0" role="application"
		aria-roledescription="trace" aria-label=${label} aria-describedby=${describedBy}
		data-kind=${tile?.kind ?? ""} data-t0=${view.t0} data-t1=${view.t1}
		data-log=${log ? "1" : "0"} style=${{ height: `${HEIGHT}px` }}></div>`;
}
