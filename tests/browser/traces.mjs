/*
 * Captures for the pages, computed from a seed: an idle board, a window of batches between pins,
 * spikes of one sample, gaps. Tiles, sums and windows are taken from those samples on each request,
 * in the shapes of docs/wire.md section 6.
 */
import { random } from "./fixtures.mjs";

const US = 10;
export const SPIKE = { at: 61803, uA: 86421 };
const SERIAL = "C0FFEE5EED42";
const HASH = "9b1f6d0c2e4a8f7715c3d2e1b0a99887766554433221100ffeeddccbbaa99887";

/* gaps: [first lost, behind the last lost], by index; indices count lost samples. */
export function makeTrace({ samples = 400000, start = 132000, batches = 72, long = 572, worst = 41,
	gaps = [[250000, 251300], [300000, 300060]], high = 9000, voltage_mV = 3300, seed = 11,
	...more } = {}) {
	const rand = random(seed);
	const uA = new Float32Array(samples), logic = new Uint8Array(samples);
	const end = start + batches * long;
	for (let i = 0; i < samples; i++) {
		uA[i] = 1.6 + 0.8 * (rand() - 0.5);
		if (i < start || i >= end)
			continue;
		const batch = Math.floor((i - start) / long), phase = (i - start) % long / long;
		const level = high * (phase < 0.75 ? 1 : 0.42) * (batch === worst - 1 ? 1.31 : 1);
		uA[i] = level * (1 + 0.05 * Math.sin(i / 3) + 0.04 * (rand() - 0.5));
		logic[i] = 1 | (batch & 1) << 1;
	}
	uA[SPIKE.at] = SPIKE.uA;
	const lost = new Uint8Array(samples);
	for (const [from, to] of gaps)
		lost.fill(1, from, to);
	return { samples, uA, logic, lost, gaps, start, end, batches, long, worst, voltage_mV, batch: 4,
		live: false, source: "measured", sync: "logic", virtual: false, why: "", ...more };
}

/* Sums over what arrived of [from, to). */
function sum(t, from, to) {
	const s = { samples: 0, lost: 0, min: Infinity, max: -Infinity, total: 0 };
	for (let i = Math.max(0, from); i < Math.min(to, t.samples); i++) {
		if (t.lost[i]) {
			s.lost++;
			continue;
		}
		s.samples++;
		s.min = Math.min(s.min, t.uA[i]);
		s.max = Math.max(s.max, t.uA[i]);
		s.total += t.uA[i];
	}
	return s;
}

function gapsIn(t, t0, t1) {
	return t.gaps.map(([a, b]) => [a * US, b * US]).filter(([a, b]) => b > t0 && a < t1);
}

export function tile(t, t0, t1, px) {
	const from = Math.floor(t0 / US), to = Math.min(t.samples, Math.ceil(t1 / US));
	const base = { t0_us: t0, t1_us: t1, px, gaps: gapsIn(t, t0, t1) };
	if ((to - from) / px <= 2) {
		const at = [];
		for (let i = from; i < to; i++)
			if (!t.lost[i])
				at.push(i);
		return { ...base, kind: "samples", step_us: US, t_us: at.map((i) => i * US),
			uA: at.map((i) => t.uA[i]), logic: at.map((i) => t.logic[i]) };
	}
	const step = (t1 - t0) / px;
	const out = { ...base, kind: "band", step_us: step, min: [], max: [], mean: [], logic: [] };
	for (let c = 0; c < px; c++) {
		const a = Math.floor((t0 + c * step) / US), b = Math.floor((t0 + (c + 1) * step) / US);
		const s = sum(t, a, Math.max(a + 1, b));
		let bits = 0;
		for (let i = a; i < b; i++)
			bits |= t.logic[i] ?? 0;
		out.min.push(s.samples ? s.min : null);
		out.max.push(s.samples ? s.max : null);
		out.mean.push(s.samples ? s.total / s.samples : null);
		out.logic.push(bits);
	}
	return out;
}

export function selection(t, t0, t1) {
	const s = sum(t, Math.round(t0 / US), Math.round(t1 / US));
	const charge_uC = s.total * US / 1e6;
	const energy_uJ = charge_uC * t.voltage_mV / 1000;
	return { t0_us: t0, t1_us: t1, samples: s.samples, lost: s.lost, invalid: 0, clipped: 0,
		min_uA: s.min, mean_uA: s.samples ? s.total / s.samples : null, max_uA: s.max, charge_uC,
		energy_uJ, filtered_energy_uJ: energy_uJ * 0.998, complete: s.lost === 0 };
}

function instrument(t) {
	return { kind: "ppk2", serial: t.virtual ? "VP-1" : SERIAL, mode: "source", voltage_mV:
		t.voltage_mV, calibration_sha256: HASH, defaulted: t.virtual ? [] : ["R2", "GI4"], path: "" };
}

export function info(t, run) {
	const all = sum(t, 0, t.samples);
	return { run, virtual: t.virtual, energy_source: t.live ? null : t.source, live: t.live,
		instrument: instrument(t), voltage_mV: t.voltage_mV, started_at: "2026-03-01T02:00:00.000Z",
		rate_hz: 100000, samples: all.samples, lost: all.lost, invalid: 0, clipped: 0,
		end_us: t.samples * US };
}

export function windows(t, run) {
	const rows = [];
	for (let b = 0; b < t.batches; b++) {
		const from = t.start + b * t.long, s = sum(t, from, from + t.long);
		rows.push({ n: b + 1, t0_us: from * US, t1_us: (from + t.long) * US, energy_uJ:
			s.total * US / 1e6 * t.voltage_mV / 1000 / t.batch, mean_uA: s.total / s.samples,
		complete: s.lost === 0 });
	}
	const whole = sum(t, t.start, t.end);
	const valid = whole.lost === 0 && !t.why;
	return { run, energy_source: t.source, sync: t.sync, window: { start: t.start, end: t.end,
		samples: whole.samples, lost: whole.lost, invalid: 0, clipped: 0, charge_uC:
			whole.total * US / 1e6, edges: t.batches, complete: whole.lost === 0, valid, why: valid ?
			"" : t.why || `${whole.lost} samples were lost within it` },
	batches: rows, worst: rows.filter((r) => r.complete).reduce((most, r) =>
		r.energy_uJ > most.energy_uJ ? r : most).n };
}

/* GET /runs/{id}/... -> a document, or undefined for what is no path of a trace. */
export function traceAnswer(t, run, path, query) {
	const number = (key) => Number(query.get(key));
	switch (path) {
	case "trace": return info(t, run);
	case "trace/tile": return tile(t, number("t0"), number("t1"), number("px"));
	case "trace/selection": return selection(t, number("t0"), number("t1"));
	case "windows": return windows(t, run);
	default: return undefined;
	}
}

function order(sorted, q) {
	return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

function series(name, unit, values) {
	const s = [...values].sort((a, b) => a - b), n = s.length;
	return { phase: "energy", metric: name, unit, boot: null, n, value: null, min: s[0], max: s[n - 1],
		mean: s.reduce((a, b) => a + b, 0) / n, sd: null, distinct: null, lag1: 0.02, note: null,
		p50: order(s, 0.5), p50_lo: order(s, 0.39), p50_hi: order(s, 0.62), p95: order(s, 0.95),
		p95_lo: order(s, 0.88), p95_hi: s[n - 1], p99: null, p99_lo: null, p99_hi: null,
		blank: { p99: 368 } };
}

function value(name, unit, v, note = null) {
	return { phase: "energy", metric: name, unit, boot: null, n: 1, value: v, min: null, max: null,
		p50: null, p95: null, p99: null, blank: {}, note };
}

function metricsOf(t, w) {
	const good = w.batches.filter((b) => b.complete);
	const gross = good.map((b) => b.energy_uJ);
	const idle = 1.6 * t.long * US / 1e6 * t.voltage_mV / 1000 / t.batch;
	const day = gross[0] * 60 * 24 / 1000 + 1.6 * t.voltage_mV / 1000 * 86400 / 1000;
	return [series("energy_uJ", "uJ", gross), series("energy_net_uJ", "uJ", gross.map((e) => e - idle)),
		series("charge_uC", "uC", gross.map((e) => e * 1000 / t.voltage_mV)),
		series("current_uA", "uA", good.map((b) => b.mean_uA)),
		value("current_peak_uA", "uA", sum(t, t.start, t.end).max),
		value("current_peak_1ms_uA", "uA", 11790), value("idle_uA", "uA", 1.6),
		value("energy_batch", "", t.batch), value("energy_filtered_uJ", "uJ", gross[0] * 0.998),
		value("energy_per_day_mJ", "mJ", day, "means of batches of 4, one window; 60 an hour, idle between"),
		value("battery_days", "days", 675 * 3600 / day, "60 an hour, 675 mWh")];
}

/* Gives a run of the lab a capture, and the metrics that a valid window gives. */
export function addTrace(lab, run, trace) {
	const doc = lab.runs.get(run), w = windows(trace, run);
	lab.traces ??= new Map();
	lab.traces.set(run, trace);
	if (trace.live) {
		Object.assign(doc, { stage: "energy", energy_source: null, capture_bytes: 0 });
		return trace;
	}
	const all = sum(trace, 0, trace.samples);
	Object.assign(doc, { energy_source: trace.source, capture_bytes: 2 * trace.samples,
		capture_removed_at: null, energy: { source: trace.source, sync: trace.sync, debug:
			trace.virtual ? "unknown" : "detached", instrument: instrument(trace), n:
			trace.batch * trace.batches, batch: trace.batch, window: w.window, capture: { samples:
			all.samples, lost: all.lost, invalid: 0, bytes: 2 * trace.samples, dropped: "" } } });
	const metrics = w.window.valid ? metricsOf(trace, w) : [];
	doc.metrics.push(...metrics);
	const row = lab.results.find((r) => r.run === run);
	if (row)
		row.energy_source = trace.source;
	for (const m of row ? metrics : [])
		for (const stat of ["value", "p50", "p95", "max"])
			if (m[stat] !== null && m[stat] !== undefined)
				row.metrics[`energy.${m.metric}.${stat}`] = m[stat];
	return trace;
}
