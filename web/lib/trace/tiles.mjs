/*
 * Tiles of one capture for one view: the last ones are kept, at most one request is under way, and
 * one that is no longer wanted is aborted. A tile is asked for wider than the view, so that a short
 * pan needs none.
 */
import { useEffect, useRef, useState } from "../dom.mjs";
import { get } from "../api.mjs";
import { SAMPLE_US } from "./view.mjs";

const KEPT = 48;
const PX_MAX = 4000;
/* Between the starts of two requests: a wheel turns faster than anybody looks. */
const PAUSE_MS = 40;
const BESIDE = 0.4;

/* What to ask for so that `view` is drawn in `px` columns, with a margin where there is room. */
export function wanted(view, px, end, margin) {
	const span = view.t1 - view.t0;
	const beside = Math.min(margin, Math.max(0, (PX_MAX / px - 1) / 2)) * span;
	const t0 = Math.max(0, Math.floor((view.t0 - beside) / SAMPLE_US) * SAMPLE_US);
	const last = Math.ceil((view.t1 + beside) / SAMPLE_US) * SAMPLE_US;
	const t1 = Math.max(t0 + SAMPLE_US, Math.min(Math.ceil(end), last));
	return { t0, t1, px: Math.min(PX_MAX, Math.max(1, Math.ceil(px * (t1 - t0) / span))) };
}

/* Whether a kept tile shows the view as well as a new one would. */
function serves({ tile, asked, end: then }, view, px, end) {
	const to = Math.min(view.t1, end);
	if (asked.t0 > view.t0 || asked.t1 < to || (then < end && to > then))
		return false;
	if (tile.kind === "samples")
		return true;
	const step = (view.t1 - view.t0) / px;
	return tile.step_us <= 1.05 * step && tile.step_us >= 0.45 * step;
}

export class Tiles {
	constructor(run, fetch = get) {
		this.run = run;
		this.fetch = fetch;
		this.kept = [];
		this.last = -Infinity;
	}

	find(view, px, end) {
		const i = this.kept.findIndex((k) => serves(k, view, px, end));
		if (i < 0)
			return null;
		this.kept.unshift(...this.kept.splice(i, 1));
		return this.kept[0].tile;
	}

	/* Replaces what was asked for before; give(tile) and fail(error) come at most once. */
	ask(view, px, end, { margin = BESIDE, give, fail }) {
		this.cancel();
		const own = this.abort = new AbortController();
		const wait = Math.max(0, this.last + PAUSE_MS - performance.now());
		this.timer = setTimeout(async () => {
			this.last = performance.now();
			const asked = wanted(view, px, end, margin);
			try {
				const tile = await this.fetch(`/runs/${this.run}/trace/tile?` +
					new URLSearchParams(asked), { signal: own.signal });
				if (own.signal.aborted)
					return;
				this.kept.unshift({ tile, asked, end });
				this.kept.length = Math.min(this.kept.length, KEPT);
				give(tile);
			} catch (error) {
				if (error.name !== "AbortError" && !own.signal.aborted)
					fail(error);
			}
		}, wait);
	}

	cancel() {
		clearTimeout(this.timer);
		this.abort?.abort();
	}
}

/* The tile to draw now: the last one until the one for this view is here. */
export function useTile(run, view, px, end, margin) {
	const [state, set] = useState({ tile: null, error: null });
	const [round, setRound] = useState(0);
	const tiles = useRef(null);

	useEffect(() => {
		const own = tiles.current = new Tiles(run);
		set({ tile: null, error: null });
		return () => own.cancel();
	}, [run]);
	useEffect(() => {
		const own = tiles.current;
		if (!px || !(end > 0))
			return;
		const found = own.find(view, px, end);
		if (found) {
			own.cancel();
			set({ tile: found, error: null });
			return;
		}
		own.ask(view, px, end, { margin, give: (tile) => set({ tile, error: null }),
			fail: (error) => set((old) => ({ ...old, error })) });
	}, [run, view.t0, view.t1, px, end, margin, round]);
	return { ...state, again: () => setRound(round + 1) };
}

/* [from, to) of the tile's columns or samples that lie in the view. */
export function inView(tile, { t0, t1 }) {
	if (tile.kind === "samples") {
		const from = tile.t_us.findIndex((t) => t + SAMPLE_US > t0);
		const to = tile.t_us.findIndex((t) => t >= t1);
		return [from < 0 ? tile.t_us.length : from, to < 0 ? tile.t_us.length : to];
	}
	const n = tile.min.length;
	const from = Math.max(0, Math.floor((t0 - tile.t0_us) / tile.step_us));
	return [Math.min(n, from), Math.min(n, Math.ceil((t1 - tile.t0_us) / tile.step_us))];
}

/* Extremes of what is in view: {min, max} in uA, null where nothing was received. */
export function extremes(tile, view) {
	const [from, to] = inView(tile, view);
	const low = tile.kind === "samples" ? tile.uA : tile.min;
	const high = tile.kind === "samples" ? tile.uA : tile.max;
	let min = Infinity, max = -Infinity;
	for (let i = from; i < to; i++) {
		if (low[i] === null)
			continue;
		min = Math.min(min, low[i]);
		max = Math.max(max, high[i]);
	}
	return min > max ? null : { min, max };
}

/* Where D0 is high by the tile's own logic, for captures whose windows are not known (yet). */
export function highSpans(tile) {
	const start = (i) => tile.kind === "samples" ? tile.t_us[i] : tile.t0_us + i * tile.step_us;
	const step = tile.kind === "samples" ? SAMPLE_US : tile.step_us;
	const spans = [];
	let from = null;
	tile.logic.forEach((bits, i) => {
		if (bits & 1)
			from ??= start(i);
		else if (from !== null) {
			spans.push([from, start(i)]);
			from = null;
		}
	});
	if (from !== null)
		spans.push([from, start(tile.logic.length - 1) + step]);
	return spans;
}
