/*
 * What part of a capture is looked at: microseconds from its start, [t0, t1). Pure: no page, no
 * network. A view that is null is the whole capture, also while that grows.
 */
import { integer } from "../format.mjs";

export const SAMPLE_US = 10;
export const SPAN_MIN_US = 100;

/* The same span moved or shrunk until it lies within [0, end). */
export function within({ t0, t1 }, end) {
	const span = Math.min(Math.max(t1 - t0, SPAN_MIN_US), Math.max(end, SPAN_MIN_US));
	const from = Math.min(Math.max(0, t0), Math.max(0, end - span));
	return { t0: Math.round(from), t1: Math.round(from + span) };
}

/* factor < 1 goes nearer; the time `at` stays where it is. */
export function zoomed(view, factor, at, end) {
	const span = Math.max(SPAN_MIN_US, (view.t1 - view.t0) * factor);
	if (span >= end)
		return null;
	const share = (at - view.t0) / (view.t1 - view.t0);
	return within({ t0: at - share * span, t1: at + (1 - share) * span }, end);
}

export function panned(view, by, end) {
	return within({ t0: view.t0 + by, t1: view.t1 + by }, end);
}

/* A window with as much again on either side, so that its neighbours give it scale. */
export function around({ t0_us: t0, t1_us: t1 }, end) {
	return within({ t0: t0 - (t1 - t0), t1: t1 + (t1 - t0) }, end);
}

const TIME = /^\d{1,15}$/;

/* ?t0=&t1= -> a view, or null where they are not there or make no sense. */
export function viewOf(query) {
	const t0 = query.get("t0"), t1 = query.get("t1");
	if (!TIME.test(t0 ?? "") || !TIME.test(t1 ?? "") || Number(t1) <= Number(t0))
		return null;
	return { t0: Number(t0), t1: Number(t1) };
}

/* ?sel=from-to -> [from, to] or null. */
export function selectionOf(query) {
	const ends = (query.get("sel") ?? "").split("-");
	if (ends.length !== 2 || !ends.every((t) => TIME.test(t)) ||
	    Number(ends[1]) <= Number(ends[0]))
		return null;
	return ends.map(Number);
}

/* What to put into the address; null takes a key out of it. */
export function queryOf(view, selection) {
	return {
		t0: view ? String(view.t0) : null, t1: view ? String(view.t1) : null,
		sel: selection ? selection.join("-") : null,
	};
}

/* Both ends on sample bounds, in order, within the capture; at least one sample. */
export function span(a, b, end) {
	const last = Math.max(SAMPLE_US, Math.floor(end / SAMPLE_US) * SAMPLE_US);
	const snap = (t) => Math.min(last, Math.max(0, Math.round(t / SAMPLE_US) * SAMPLE_US));
	let from = snap(Math.min(a, b)), to = snap(Math.max(a, b));
	if (from === to) {
		from = Math.min(from, last - SAMPLE_US);
		to = from + SAMPLE_US;
	}
	return [from, to];
}

/* A time to the sample: 1,320.45 ms. */
export function timeText(us) {
	return `${(us / 1000).toLocaleString("en-US", { maximumFractionDigits: 2 })} ms`;
}

/* The length of a span: 10 µs, 5.72 ms, 4 s. */
export function spanText(us) {
	if (us < 1000)
		return `${integer(us)} µs`;
	const [value, unit] = us < 1e6 ? [us / 1000, "ms"] : [us / 1e6, "s"];
	return `${value.toLocaleString("en-US", { maximumSignificantDigits: 6 })} ${unit}`;
}

/* Ticks of a time axis: seconds where whole milliseconds would not help, at most two decimals. */
export function tickTexts(ticks) {
	const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1e6;
	const [divide, unit] = step >= 1e5 ? [1e6, "s"] : [1e3, "ms"];
	const exact = (d) => Math.abs(step / divide * 10 ** d % 1 - 0.5) > 0.499;
	const digits = [0, 1, 2, 3].find(exact) ?? 3;
	return ticks.map((t) => `${(t / divide).toLocaleString("en-US",
		{ minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`);
}
