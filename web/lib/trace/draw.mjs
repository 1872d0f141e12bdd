/*
 * What a trace looks like on a canvas. A frame: {ctx, left, top, width, height, dpr, x(t_us),
 * y(uA), ink}, all in pixels of the device. Nothing is drawn where nothing was received.
 */
import { SAMPLE_US } from "./view.mjs";

function clipped(f, paint) {
	f.ctx.save();
	f.ctx.beginPath();
	f.ctx.rect(f.left, f.top, f.width, f.height);
	f.ctx.clip();
	paint(f.ctx);
	f.ctx.restore();
}

function seen(f, from, to) {
	return f.x(to) >= f.left && f.x(from) <= f.left + f.width;
}

/* A box over the whole height, never narrower than `least` pixels. */
function box(f, from, to, least = 1) {
	const x0 = f.x(from), w = Math.max(least * f.dpr, f.x(to) - x0);
	return [x0, f.top, w, f.height];
}

/* Windows behind the curve: every second one darker once they are wide enough to be told apart. */
export function drawWindows(f, { windows, spans, worst }) {
	clipped(f, (ctx) => {
		ctx.fillStyle = f.ink.green;
		for (const [from, to] of spans) {
			if (!seen(f, from, to))
				continue;
			ctx.globalAlpha = 0.1;
			ctx.fillRect(...box(f, from, to));
			ctx.globalAlpha = 1;
			const [x0, top, w] = box(f, from, to);
			ctx.fillRect(x0, top, w, 3 * f.dpr);
		}
		windows.forEach((w, i) => {
			const wide = f.x(w.t1_us) - f.x(w.t0_us) > 5 * f.dpr;
			if (!wide || !seen(f, w.t0_us, w.t1_us))
				return;
			if (i % 2) {
				ctx.globalAlpha = 0.1;
				ctx.fillRect(...box(f, w.t0_us, w.t1_us));
			}
			if (!w.complete)
				hatch(f, w.t0_us, w.t1_us, f.ink.orange, 10 * f.dpr);
		});
		if (worst && seen(f, worst.t0_us, worst.t1_us))
			flag(f, worst);
	});
}

/* The worst window has a bar and, where there is room, its name. */
function flag(f, w) {
	const { ctx, dpr } = f;
	ctx.globalAlpha = 1;
	ctx.fillStyle = f.ink.purple;
	ctx.fillRect(f.x(w.t0_us), f.top, Math.max(3 * dpr, f.x(w.t1_us) - f.x(w.t0_us)), 5 * dpr);
	ctx.font = `600 ${11 * dpr}px system-ui, sans-serif`;
	ctx.textBaseline = "top";
	ctx.textAlign = "left";
	ctx.fillText("worst", Math.max(f.left + 2 * dpr, f.x(w.t0_us) + dpr), f.top + 7 * dpr);
}

function hatch(f, from, to, colour, height = f.height) {
	const { ctx, dpr } = f;
	const [x0, top, w] = box(f, from, to, 3);
	ctx.save();
	ctx.beginPath();
	ctx.rect(x0, top, w, height);
	ctx.clip();
	ctx.strokeStyle = colour;
	ctx.lineWidth = dpr;
	ctx.globalAlpha = 0.9;
	ctx.beginPath();
	const from_px = Math.max(x0, f.left) - height, to_px = Math.min(x0 + w, f.left + f.width);
	const step = 6 * dpr;
	for (let x = Math.floor(from_px / step) * step; x < to_px; x += step) {
		ctx.moveTo(x, top + height);
		ctx.lineTo(x + height, top);
	}
	ctx.stroke();
	ctx.restore();
}

/* With more narrow gaps than this in view, their bars would hide the curve: short ticks remain. */
const NARROW_BARS_MAX = 40;
const TICK_PX = 12;

/* Lost samples: hatched from top to bottom over an empty ground, with lines at both ends. */
export function drawGaps(f, gaps, paper) {
	const inside = gaps.filter(([from, to]) => seen(f, from, to));
	clipped(f, (ctx) => {
		for (const [from, to] of inside) {
			const [x0, top, w, height] = box(f, from, to, 3);
			ctx.globalAlpha = 1;
			if (inside.length > NARROW_BARS_MAX && f.x(to) - f.x(from) < 3 * f.dpr) {
				ctx.fillStyle = f.ink.orange;
				const tick = TICK_PX * f.dpr;
				ctx.fillRect(x0, top + height - tick, f.dpr, tick);
				continue;
			}
			ctx.fillStyle = paper;
			ctx.fillRect(x0, top, w, height);
			hatch(f, from, to, f.ink.orange);
			ctx.fillStyle = f.ink.orange;
			ctx.fillRect(x0, top, f.dpr, height);
			ctx.fillRect(x0 + w - f.dpr, top, f.dpr, height);
		}
	});
}

/* One column of the band is one rectangle, so that a spike of one sample keeps its full height. */
export function drawBand(f, tile, { line = true } = {}) {
	clipped(f, (ctx) => {
		const { min, max, mean, t0_us: start, step_us: step } = tile;
		ctx.fillStyle = f.ink.blue;
		ctx.globalAlpha = line ? 0.45 : 0.8;
		/* One path, so that columns which share a pixel do not darken it. */
		ctx.beginPath();
		for (let i = 0; i < min.length; i++) {
			const from = start + i * step;
			if (min[i] === null || !seen(f, from, from + step))
				continue;
			const x0 = Math.floor(f.x(from)), x1 = Math.ceil(f.x(from + step));
			const high = f.y(max[i]), low = f.y(min[i]);
			ctx.rect(x0, high, Math.max(f.dpr, x1 - x0), Math.max(f.dpr, low - high));
		}
		ctx.fill();
		if (!line)
			return;
		ctx.globalAlpha = 1;
		ctx.strokeStyle = f.ink.blue;
		ctx.lineWidth = 1.5 * f.dpr;
		ctx.lineJoin = "round";
		ctx.beginPath();
		for (let i = 0, broken = true; i < mean.length; i++) {
			if (mean[i] === null) {
				broken = true;
				continue;
			}
			const x = f.x(start + (i + 0.5) * step), y = f.y(mean[i]);
			if (broken)
				ctx.moveTo(x, y);
			else
				ctx.lineTo(x, y);
			broken = false;
		}
		ctx.stroke();
	});
}

/* Samples are held for 10 µs each, as the energy counts them; dots once there is room for them. */
export function drawSamples(f, tile) {
	clipped(f, (ctx) => {
		const { t_us: t, uA } = tile;
		ctx.strokeStyle = ctx.fillStyle = f.ink.blue;
		ctx.lineWidth = 1.5 * f.dpr;
		ctx.lineJoin = "round";
		ctx.beginPath();
		for (let i = 0; i < t.length; i++) {
			if (uA[i] === null || !seen(f, t[i] - SAMPLE_US, t[i] + 2 * SAMPLE_US))
				continue;
			const y = f.y(uA[i]);
			if (i && uA[i - 1] !== null && t[i] - t[i - 1] < 1.5 * SAMPLE_US)
				ctx.lineTo(f.x(t[i]), y);
			else
				ctx.moveTo(f.x(t[i]), y);
			ctx.lineTo(f.x(t[i] + SAMPLE_US), y);
		}
		ctx.stroke();
		if (f.x(SAMPLE_US) - f.x(0) < 7 * f.dpr)
			return;
		for (let i = 0; i < t.length; i++) {
			if (uA[i] === null || !seen(f, t[i], t[i] + SAMPLE_US))
				continue;
			ctx.beginPath();
			ctx.arc(f.x(t[i] + SAMPLE_US / 2), f.y(uA[i]), 2.5 * f.dpr, 0, 7);
			ctx.fill();
		}
	});
}

export function drawSelection(f, selection) {
	if (!selection)
		return;
	clipped(f, (ctx) => {
		const [x0, top, w, height] = box(f, ...selection, 1);
		ctx.fillStyle = ctx.strokeStyle = f.ink.ink;
		ctx.globalAlpha = 0.1;
		ctx.fillRect(x0, top, w, height);
		ctx.globalAlpha = 1;
		ctx.lineWidth = f.dpr;
		ctx.setLineDash([5 * f.dpr, 3 * f.dpr]);
		ctx.beginPath();
		for (const x of [x0, x0 + w]) {
			ctx.moveTo(Math.round(x) + 0.5, top);
			ctx.lineTo(Math.round(x) + 0.5, top + height);
		}
		ctx.stroke();
	});
}

/* Below this nothing is told apart on a logarithmic scale: the meter's own noise. */
export const LOG_FLOOR_UA = 0.1;

/* The y axis for what is in view: from zero unless the curve lies far from it. */
export function yRange(seenNow, log) {
	if (!seenNow)
		return log ? [LOG_FLOOR_UA, 1] : [0, 1];
	const { min, max } = seenNow;
	if (log) {
		const low = 10 ** Math.floor(Math.log10(Math.max(LOG_FLOOR_UA, min)) + 1e-9);
		const high = 10 ** Math.ceil(Math.log10(Math.max(low * 10, max * 1.02)) - 1e-9);
		return [low, high];
	}
	const above = Math.max(max - min, Math.abs(max) * 0.02, 0.1) * 0.06;
	return [min > 0.7 * max && min > 0 ? min - above : Math.min(0, min), max + above];
}
