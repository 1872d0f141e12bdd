/*
 * The whole capture in a strip, with a frame around what is in view: a click or drag moves it.
 * Keys do the same on the plot, so this is hidden from those who do not see it.
 */
import { html, useEffect, useLayoutEffect, useRef, useState } from "../dom.mjs";
import { colours, onTheme } from "../theme.mjs";
import { drawBand, drawGaps, drawSamples, drawSelection, yRange } from "./draw.mjs";
import { INKS } from "./plot.mjs";
import { extremes, useTile } from "./tiles.mjs";

const HEIGHT = 44;

function frameOf(canvas, ink, end, [low, high], log) {
	const dpr = devicePixelRatio, { width, height } = canvas;
	const bend = (v) => log ? Math.log10(Math.max(low, v)) : v;
	const share = (v) => (bend(v) - bend(low)) / (bend(high) - bend(low));
	return { ctx: canvas.getContext("2d"), left: 0, top: 0, width, height, dpr, ink,
		x: (t) => t / end * width, y: (v) => height - share(v) * (height - 2 * dpr) };
}

/* What is not in view lies in a shade; the frame stays visible however small the view is. */
function drawView({ ctx, x, width, height, dpr, ink }, { t0, t1 }) {
	const from = Math.min(x(t0), width - 6 * dpr), to = Math.max(x(t1), from + 6 * dpr);
	ctx.fillStyle = ink.muted;
	ctx.globalAlpha = 0.22;
	ctx.fillRect(0, 0, from, height);
	ctx.fillRect(to, 0, width - to, height);
	ctx.globalAlpha = 1;
	ctx.strokeStyle = ink.ink;
	ctx.lineWidth = 1.5 * dpr;
	ctx.strokeRect(from + dpr, dpr, to - from - 2 * dpr, height - 2 * dpr);
}

export function Minimap({ run, end, view, measured, selection, log, onMove }) {
	const canvas = useRef(null);
	const [px, setPx] = useState(0);
	const [theme, setTheme] = useState(0);
	const { tile } = useTile(run, { t0: 0, t1: end }, px, end, 0);

	useEffect(() => {
		const size = new ResizeObserver(() => setPx(canvas.current?.clientWidth ?? 0));
		size.observe(canvas.current);
		const undo = onTheme(() => setTheme((n) => n + 1));
		return () => {
			size.disconnect();
			undo();
		};
	}, []);
	useLayoutEffect(() => {
		const c = canvas.current;
		c.width = Math.round(px * devicePixelRatio);
		c.height = Math.round(HEIGHT * devicePixelRatio);
		if (!tile || !px)
			return;
		const ink = colours(INKS);
		const range = yRange(extremes(tile, { t0: 0, t1: end }), log);
		const f = frameOf(c, ink, end, range, log);
		if (measured) {
			f.ctx.fillStyle = ink.green;
			f.ctx.globalAlpha = 0.18;
			const [from, to] = measured.map(f.x);
			f.ctx.fillRect(from, 0, to - from, c.height);
		}
		if (tile.kind === "samples")
			drawSamples(f, tile);
		else
			drawBand(f, tile, { line: false });
		drawGaps(f, tile.gaps, ink.panel);
		drawSelection(f, selection);
		drawView(f, view);
	}, [tile, px, end, view.t0, view.t1, selection?.[0], selection?.[1], log, theme,
		measured?.[0], measured?.[1]]);

	const move = (event) => {
		if (event.type === "pointerdown")
			event.currentTarget.setPointerCapture(event.pointerId);
		else if (!event.buttons)
			return;
		const { left, width } = canvas.current.getBoundingClientRect();
		const at = (event.clientX - left) / width * end;
		onMove({ t0: at - (view.t1 - view.t0) / 2, t1: at + (view.t1 - view.t0) / 2 });
	};
	return html`<canvas class="minimap" ref=${canvas} aria-hidden="true"
		style=${{ height: `${HEIGHT}px` }}
		title="The whole capture: click or drag to move there"
		onPointerDown=${move} onPointerMove=${move}></canvas>`;
}
