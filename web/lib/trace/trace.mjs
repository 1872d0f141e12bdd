/*
 * The current of one run over time: plot or table of what is in view, a strip of the whole, the
 * inference windows, and the exact numbers of a selection. The address holds all of its state.
 */
import { html, useEffect, useRef, useState } from "../dom.mjs";
import { useResource } from "../api.mjs";
import { ApproximateMark, InvalidWindow, isModelled, MODELLED,
	ModelledMark } from "../energy/marks.mjs";
import { integer, quantityText, visible } from "../format.mjs";
import { useKeys } from "../keys.mjs";
import { Empty, Failure, Loading } from "../parts.mjs";
import { setQuery } from "../url.mjs";
import { LOG_FLOOR_UA } from "./draw.mjs";
import { Minimap } from "./minimap.mjs";
import { TracePlot } from "./plot.mjs";
import { Selection } from "./selection.mjs";
import { useAddressed } from "./state.mjs";
import { ColumnTable } from "./table.mjs";
import { extremes, inView, useTile } from "./tiles.mjs";
import { WindowTable } from "./windows.mjs";
import { around, panned, SAMPLE_US, span, spanText, timeText, within, zoomed } from "./view.mjs";

const LIVE_MS = 1000;
const STEP = 0.1;

/* /windows -> {batches, measured: [t0, t1] or null, worst: its place or -1} */
function windowsOf(doc) {
	const batches = doc?.batches ?? [];
	const w = doc?.window;
	return {
		batches, worst: batches.findIndex((b) => b.n === doc?.worst),
		measured: w && w.end > w.start ? [w.start * SAMPLE_US, w.end * SAMPLE_US] : null,
	};
}

/* Where n and p go on from: the window that is selected, otherwise the middle of the view. */
function currentWindow(batches, selection, view) {
	const chosen = selection && batches.findIndex((b) => b.t0_us === selection[0] &&
		b.t1_us === selection[1]);
	if (selection && chosen >= 0)
		return { at: chosen, exact: true };
	const middle = (view.t0 + view.t1) / 2;
	const after = batches.findIndex((b) => b.t1_us > middle);
	return { at: after < 0 ? batches.length - 1 : after, exact: false };
}

function stepFrom({ at, exact }, by, n) {
	return Math.min(n - 1, Math.max(0, exact ? at + by : by > 0 ? at : at - 1));
}

/* What the canvas shows, in words. */
function summaryOf({ tile, view, log, batches }) {
	if (!tile)
		return "Loading what is in view.";
	const [from, to] = inView(tile, view);
	const known = extremes(tile, view);
	const gaps = tile.gaps.filter(([a, b]) => b > view.t0 && a < view.t1);
	const inside = batches.filter((b) => b.t1_us > view.t0 && b.t0_us < view.t1).length;
	const n = integer(to - from);
	const what = tile.kind === "samples" ? `${n} samples, each drawn` :
		`${n} columns of ${quantityText(tile.step_us, "us")}, band from least to most, ` +
		"line at the mean";
	return [
		`${timeText(view.t0)} to ${timeText(view.t1)} (${spanText(view.t1 - view.t0)}):`,
		`${what}.`,
		known ? `From ${quantityText(known.min, "uA")} to ` +
			`${quantityText(known.max, "uA")}.` : "Nothing was received here.",
		log && known?.min < LOG_FLOOR_UA &&
			`${LOG_FLOOR_UA} µA and less lie on the lower edge.`,
		gaps.length && `${integer(gaps.length)} ${gaps.length === 1 ? "gap" : "gaps"} ` +
			"(hatched), where samples are missing.",
		batches.length && `${integer(inside)} of ${integer(batches.length)} inference ` +
			"windows.",
	].filter(Boolean).join(" ");
}

function WindowNav({ nav, batches, worst, current }) {
	if (!batches.length)
		return null;
	const at = current.exact ? String(current.at + 1) : "";
	const jump = (event) => {
		const n = Number(event.target.value);
		if (Number.isInteger(n) && n >= 1 && n <= batches.length)
			nav.window(n - 1);
		else
			event.target.value = at;
	};
	return html`<div class="group" role="group" aria-label="Inference windows">
		<button type="button" onClick=${nav.previous} title="Previous window ( p )"
			aria-label="Previous window">‹</button>
		<label class="inline">Window <input type="text" inputmode="numeric" value=${at}
			placeholder="n" aria-label=${`Go to window, 1 to ${batches.length}`}
			onChange=${jump} /> of ${integer(batches.length)}</label>
		<button type="button" onClick=${nav.next} title="Next window ( n )"
			aria-label="Next window">›</button>
		<button type="button" disabled=${worst < 0} onClick=${nav.worst}>Worst <kbd>w</kbd>
			</button></div>`;
}

function Bar({ nav, log, table, windows, current }) {
	return html`<div class="trace-bar" role="toolbar" aria-label="Trace">
		<div class="group" role="group" aria-label="Zoom">
		<button type="button" onClick=${nav.farther} title="Farther ( - )"
			aria-label="Zoom out">−</button>
		<button type="button" onClick=${nav.nearer} title="Nearer ( + )"
			aria-label="Zoom in">+</button>
		<button type="button" onClick=${nav.whole}>Whole <kbd>0</kbd></button></div>
		<${WindowNav} nav=${nav} batches=${windows.batches} worst=${windows.worst}
			current=${current} />
		<span class="grow"></span>
		<button type="button" aria-pressed=${log ? "true" : "false"} onClick=${nav.log}
			>Log scale <kbd>l</kbd></button>
		<button type="button" aria-pressed=${table ? "true" : "false"} onClick=${nav.table}
			>Table <kbd>t</kbd></button></div>`;
}

function whyNot(w) {
	return w && w.valid === false ? w.why || "no reason was recorded" : "";
}

/* What was captured, what is missing of it, and how far to trust its marks. */
function About({ info, sync, why }) {
	const missing = [info.lost && `${integer(info.lost)} samples lost in gaps`,
		info.invalid && `${integer(info.invalid)} invalid`,
		info.clipped && `${integer(info.clipped)} clipped`].filter(Boolean).join(", ");
	const meter = [info.instrument?.kind === "ppk2" ? "PPK2" : info.instrument?.kind,
		info.instrument?.serial,
		info.instrument?.mode && `${info.instrument.mode} mode`,
		info.voltage_mV && `${integer(info.voltage_mV)} mV`].filter(Boolean).join(", ");
	return html`<p class="trace-about"><span>${quantityText(info.end_us, "us")}, ${
		integer(info.samples)} samples at ${integer(info.rate_hz / 1000)} kHz</span>
		${meter ? html`<span class="muted">${visible(meter)}</span>` : null}
		<span class=${missing ? "warn" : "muted"}>${missing || "none lost"}</span>
		${info.damage ? html`<span class="warn">damaged: ${visible(info.damage)}</span>` : null}
		${info.live ? html`<span class="badge running"><svg class="glyph tone-busy filled"
			viewBox="0 0 16 16" aria-hidden="true"><path
			d="M8 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7z" /></svg>live</span>` : null}
		${isModelled(info) ? html`<${ModelledMark} />` : null}
		${sync === "host-time" ? html`<${ApproximateMark} />` : null}
		${why ? html`<span class="warn">window not valid: ${visible(why)}</span>` : null}</p>`;
}

/* The view as it is drawn: the whole, or what was chosen within what there is. */
function drawnView(view, end) {
	return view ? within(view, end) : { t0: 0, t1: Math.max(end, 100) };
}

/* What keys, buttons and the pointer do; each starts from what was set last. */
function navOf({ end, state, windows, log, table }) {
	const { set } = state;
	const at = () => {
		const { view: chosen, selection } = state.now();
		const view = drawnView(chosen, end);
		return { view, selection, middle: (view.t0 + view.t1) / 2, size: view.t1 - view.t0 };
	};
	const go = (next, push) => set({ view: next }, push);
	const window = (i) => {
		const b = windows.batches[i];
		if (b)
			set({ view: around(b, end), selection: [b.t0_us, b.t1_us] }, true);
	};
	const windowBy = (by) => {
		const { selection, view } = at();
		window(stepFrom(currentWindow(windows.batches, selection, view), by,
			windows.batches.length));
	};
	/* The selection's end moves by a pixel or so, at least by one sample. */
	const stretch = (sign) => {
		const { selection, middle, size } = at();
		const step = Math.max(1, Math.round(size / 800 / SAMPLE_US)) * SAMPLE_US;
		const [a, b] = selection ?? [middle, middle];
		set({ selection: span(a, Math.max(a + SAMPLE_US, b + sign * step), end) });
	};
	const sideways = (sign) => (event) => event?.shiftKey ? stretch(sign) :
		go(panned(at().view, sign * STEP * at().size, end));
	const zoom = (factor, t) => go(zoomed(at().view, factor, t ?? at().middle, end));
	const toSelection = () => {
		const { selection } = at();
		if (!selection)
			return;
		const beside = 0.05 * (selection[1] - selection[0]);
		go(within({ t0: selection[0] - beside, t1: selection[1] + beside }, end), true);
	};
	return {
		go, window, toSelection, zoom, view: () => at().view,
		left: sideways(-1), right: sideways(1),
		nearer: () => zoom(0.5), farther: () => zoom(2),
		whole: () => go(null, true),
		begin: () => go(within({ t0: 0, t1: at().size }, end), true),
		end: () => go(within({ t0: end - at().size, t1: end }, end), true),
		next: () => windowBy(1), previous: () => windowBy(-1),
		worst: () => window(windows.worst),
		select: (a, b) => set({ selection: span(a, b, end) }),
		selectView: () => set({ selection: span(at().view.t0, at().view.t1, end) }),
		click: (t) => {
			const b = windows.batches.find((w) => w.t0_us <= t && t < w.t1_us);
			const wide = b && (b.t1_us - b.t0_us) / at().size > 0.004;
			set({ selection: wide ? [b.t0_us, b.t1_us] : null });
		},
		escape: () => at().selection ? set({ selection: null }) : go(null, true),
		log: () => setQuery({ log: log ? null : "1" }, { replace: true }),
		table: () => setQuery({ trace: table ? null : "table" }, { replace: true }),
	};
}

function keysOf(nav) {
	return {
		ArrowLeft: nav.left, ArrowRight: nav.right, "+": nav.nearer, "=": nav.nearer,
		"-": nav.farther, Home: nav.begin, End: nav.end, 0: nav.whole, n: nav.next,
		p: nav.previous, w: nav.worst, s: nav.selectView, z: nav.toSelection, l: nav.log, t: nav.table,
		Escape: nav.escape,
	};
}

/* The value under the pointer, to the column or sample. */
function readout(tile, t) {
	if (t === null || !tile)
		return "";
	const [i] = inView(tile, { t0: t, t1: t });
	const q = (v) => v === null || v === undefined ? "missing" : quantityText(v, "uA");
	if (tile.kind === "samples") {
		const hit = tile.t_us[i] <= t;
		return `${timeText(hit ? tile.t_us[i] : t)}: ${hit ? q(tile.uA[i]) : "missing"}`;
	}
	return tile.min[i] === null || tile.min[i] === undefined ? `${timeText(t)}: missing` :
		`${timeText(t)}: ${q(tile.min[i])} to ${q(tile.max[i])}, mean ${q(tile.mean[i])}`;
}

function Body({ run, info, doc, query, own }) {
	const end = info.end_us;
	const state = useAddressed(query);
	const log = query.get("log") === "1", table = query.get("trace") === "table";
	const view = drawnView(state.view, end);
	const windows = windowsOf(doc);
	const current = currentWindow(windows.batches, state.selection, view);
	const [px, setPx] = useState(0);
	const [under, setUnder] = useState(null);
	const area = useRef(null);
	const { tile, error, again } = useTile(run, view, table ? 0 : px, end);
	const nav = navOf({ end, state, windows, log, table });
	const modelled = isModelled(info);
	const summary = summaryOf({ tile, view, log, batches: windows.batches });

	useKeys(keysOf(nav), own ? null : area);
	const onSelection = state.selection ? html`<button type="button"
		onClick=${nav.toSelection}>Zoom to it <kbd>z</kbd></button><button type="button"
		onClick=${nav.escape}>Drop <kbd>Esc</kbd></button>` : html`<button type="button"
		onClick=${nav.selectView}>Select the view <kbd>s</kbd></button>`;
	return html`${own ? html`<${InvalidWindow} window=${doc?.window} />` : null}
		<div class=${own ? "trace panel" : "trace"} ref=${area}>
		<${About} info=${info} sync=${doc?.sync} why=${own ? "" : whyNot(doc?.window)} />
		<${Bar} nav=${nav} log=${log} table=${table} windows=${windows} current=${current} />
		${error ? html`<${Failure} error=${error} retry=${again} />` : null}
		${table ? html`<${ColumnTable} run=${run} view=${view} end=${end} />` :
		html`<${TracePlot} view=${view} tile=${tile} log=${log} wheel=${own}
			selection=${state.selection} windows=${windows.batches}
			measured=${windows.measured} worst=${windows.batches[windows.worst]}
			describedBy=${`trace-words-${run}`}
			label=${`Current over time${modelled ? `, ${MODELLED}` : ""}. ${summary}`}
			on=${{ zoom: nav.zoom, view: nav.view, select: nav.select, click: nav.click, size: setPx,
				hover: setUnder, moveTo: (from, by) =>
					nav.go(panned(from, by, end)) }} />
		<p class="readout" aria-hidden="true">${readout(tile, under) || " "}</p>`}
		<${Minimap} run=${run} end=${end} view=${view} log=${log} measured=${windows.measured}
			selection=${state.selection} onMove=${(v) => nav.go(within(v, end))} />
		<p class="trace-words small muted" id=${`trace-words-${run}`} role="status">${
			table ? "" : summary}</p>
		<${Selection} run=${run} selection=${state.selection} modelled=${modelled} view=${view}
			level=${own ? "h2" : "h3"} grown=${info.live ? end : 0}
			actions=${onSelection} /></div>
		${own ? html`<${WindowTable} run=${run} windows=${windows} end=${end} log=${log}
			modelled=${modelled} />` : null}`;
}

/* own: the page is about the trace, so keys and wheel are its own; elsewhere it needs the focus. */
export function Trace({ run, query, own = false, live = false }) {
	const mine = (e) => e.name === "run" && e.data.id === run;
	const info = useResource(`/runs/${run}/trace`, mine);
	const known = Boolean(info.data?.energy_source);
	const windows = useResource(known ? `/runs/${run}/windows` : null, mine);
	const gone = info.error?.status === 410;
	const none = info.error?.status === 404 && !info.data;
	const waits = live && none;

	useEffect(() => {
		if (!info.data?.live && !waits)
			return undefined;
		const timer = setInterval(info.reload, LIVE_MS);
		return () => clearInterval(timer);
	}, [info.data?.live, waits]);

	const results = html`<a href=${`/runs/${run}`}>What the run measured</a>`;
	if (gone)
		return html`<${Empty} title=${`The capture of run ${run} was removed.`}><p>
			Retention makes room for newer ones; the numbers are kept. ${results}</p>
			</${Empty}>`;
	if (waits)
		return html`<p class="muted" role="status">No current has been captured yet; it
			appears here when the energy phase begins.</p>`;
	if (none)
		return html`<${Empty} title=${`Run ${run} has no capture.`}><p>Its job asked for no
			energy phase, or its meter keeps no samples. ${results}</p></${Empty}>`;
	if (info.error && !info.data)
		return html`<${Failure} error=${info.error} retry=${info.reload} />`;
	if (!info.data)
		return html`<div class="trace-wait"><${Loading} what="Loading the trace" /></div>`;
	return html`${windows.error ? html`<${Failure} error=${windows.error}
		retry=${windows.reload} />` : null}<${Body} run=${run} info=${info.data} own=${own}
		doc=${windows.data} query=${query} />`;
}
