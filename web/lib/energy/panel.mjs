/*
 * The energy of one run: per inference, currents, what a duty cycle makes of it, and everything
 * that says how far to trust it. Modelled energy shows its median alone and carries its mark.
 */
import { html } from "../dom.mjs";
import { between, integer, number, quantity, scaleFor, shortHash, visible } from "../format.mjs";
import { METRICS } from "../metrics.mjs";
import { Facts, Panel } from "../parts.mjs";
import { hasCapture } from "../trace/later.mjs";
import { ApproximateMark, HOST_TIME, InvalidWindow, isModelled, ModelledMark,
	ModelledNotice } from "./marks.mjs";

const SERIES = ["energy_uJ", "energy_net_uJ", "energy_filtered_uJ", "charge_uC", "current_uA"];
const CURRENTS = ["current_peak_uA", "current_peak_1ms_uA", "idle_uA"];
const DUTY = ["energy_per_day_mJ", "battery_days"];

function known(value) {
	return value !== null && value !== undefined;
}

function Tile({ title, text, unit, small, help, modelled }) {
	return html`<div class="tile" title=${help ?? null}><span class="tile-title">${title}</span>
		<span class=${text === null ? "tile-value blank" : "tile-value"}>${text ?? "–"}${
			unit && text !== null ? html` <span class="unit">${unit}</span>` : null}</span>
		${small ? html`<span class="tile-small">${small}</span>` : null}
		${modelled ? html`<${ModelledMark} />` : null}</div>`;
}

function intervalOf(m, q, scale) {
	const lo = m[`${q}_lo`], hi = m[`${q}_hi`];
	return known(lo) && known(hi) ?
		`95 %: ${between(lo / scale.divide, hi / scale.divide)} ${scale.unit}` : null;
}

function SeriesTiles({ m, modelled }) {
	const { title, help } = METRICS[m.metric];
	const scale = scaleFor(m.unit, m.max);
	if (modelled) {
		const value = m.p50 ?? m.value ?? m.mean;
		return html`<${Tile} title=${title} help=${help} unit=${scale.unit} modelled
			text=${known(value) ? number(value / scale.divide) : null}
			small=${known(m.min) && known(m.max) ? `${between(m.min / scale.divide,
				m.max / scale.divide)} ${scale.unit} over ${integer(m.n)}` : null} />`;
	}
	return ["p50", "p95"].map((q) => html`<${Tile} key=${q} title=${`${title}, ${q}`}
		help=${help} unit=${scale.unit} text=${known(m[q]) ? number(m[q] / scale.divide) : null}
		small=${known(m[q]) ? intervalOf(m, q, scale) : m.blank?.[q] ?
			`needs n ≥ ${integer(m.blank[q])}, has ${integer(m.n)}` : "not computed"} />`);
}

/* Without what the mark and the row's title say already. */
const SAID = /^(modelled|means of batches of \d+, one window|within one window)$/;

function noteOf(m) {
	return (m.note ?? "").split("; ").filter((part) => part && !SAID.test(part))
		.map(visible).join("; ");
}

/* One value without a spread: a sum over a span, an idle current, a day. */
function SingleTile({ m, modelled }) {
	const q = quantity(m.value ?? m.p50 ?? m.mean, m.unit);
	return html`<${Tile} title=${METRICS[m.metric]?.title ?? visible(m.metric)} text=${q.text}
		unit=${q.unit} help=${METRICS[m.metric]?.help} modelled=${modelled}
		small=${noteOf(m)} />`;
}

function Row({ title, note, children }) {
	return html`<div class="tile-row"><h3>${title} ${note ? html`<span class="muted">${note}
		</span>` : null}</h3><div class="tiles">${children}</div></div>`;
}

function Tiles({ metrics, batch, modelled }) {
	const of = (names) => names.map((name) => metrics.find((m) => m.metric === name &&
		!known(m.boot))).filter(Boolean);
	const series = of(SERIES), currents = of(CURRENTS), duty = of(DUTY);
	const one = (m) => m.n > 1 && known(m.min) ?
		html`<${SeriesTiles} key=${m.metric} m=${m} modelled=${modelled} />` :
		html`<${SingleTile} key=${m.metric} m=${m} modelled=${modelled} />`;
	const single = (m) => html`<${SingleTile} key=${m.metric} m=${m} modelled=${modelled} />`;
	const size = batch > 1 ? `, each a mean over a batch of ${integer(batch)} inferences` : "";
	return html`${series.length ? html`<${Row} title="per inference"
		note=${`n = ${integer(series[0].n)}${size}`}>${series.map(one)}</${Row}>` : null}
		${currents.length ? html`<${Row} title="currents">${currents.map(single)}
			</${Row}>` : null}
		${duty.length ? html`<${Row} title="at the job's duty cycle">${duty.map(single)}
			</${Row}>` : null}`;
}

const DEBUG_WORDS = {
	detached: "detached, as a ranked number needs it",
	attached: "attached: the debugger's own current is in the numbers; not ranked",
	unknown: "unknown; not ranked",
};
const SYNC_WORDS = { logic: "logic: the board's own pins mark the window" };

function Validity({ window: w }) {
	const good = w.valid !== false;
	return html`<span class=${good ? "tone-good" : "warn"}>${good ? "✓ valid" : "✗ not valid"}
		</span>${w.why ? `: ${visible(w.why)}` : ""}`;
}

function hash(text) {
	return text ? html`<code title=${text}>${shortHash(text)}</code>` : null;
}

function counts(w) {
	return ["lost", "invalid", "clipped"].filter((key) => known(w[key]))
		.map((key) => `${integer(w[key])} ${key}`).join(", ");
}

/* What measured, and what says how far to trust it. */
function Trust({ run, energy, batch }) {
	const { instrument = {}, window: w, capture, sync, debug } = energy;
	const defaulted = instrument.defaulted ?? [];
	const kept = capture && known(capture.samples) ? `${integer(capture.samples)} samples; ${
		counts(capture)}` : "";
	return html`<div class="trust"><${Facts} rows=${[
		["Instrument", instrument.kind === "ppk2" ? "PPK2" : instrument.kind],
		["Serial", instrument.serial],
		["Mode", instrument.mode && `${instrument.mode} meter`],
		["Voltage", instrument.voltage_mV && `${number(instrument.voltage_mV / 1000)} V`],
		["Path", instrument.path], ["Calibration", hash(instrument.calibration_sha256)],
		["Defaulted", defaulted.length ? html`<span class="warn">${defaulted.map((d) =>
			visible(d)).join(", ")}: the unit's memory holds no number for them</span>` :
			instrument.kind === "ppk2" ? "no coefficient" : null],
		["Error", instrument.kind === "ppk2" ? "±10 % (±15 % in range 4) of the instrument " +
			"itself; repeatability is the interval" : null]]} />
		<${Facts} rows=${[
		["Window", w && html`<${Validity} window=${w} />`],
		["Samples", w && known(w.samples) ? `${integer(w.samples)}; ${counts(w)}` : null],
		["Batch", batch ? `${integer(batch)} ${batch === 1 ? "inference" :
			"inferences"}` : null],
		["Sync", sync === "host-time" ? html`<${ApproximateMark} /> ${HOST_TIME}` :
			SYNC_WORDS[sync] ?? sync],
		["Debug", DEBUG_WORDS[debug] ?? debug],
		["Capture", capture?.dropped ? html`<span class="warn">not kept: ${
			visible(capture.dropped)}</span>` : hasCapture(run) ? html`${kept} ${" "}
			<a href=${`/traces/${run.id}`}>Trace</a>` : kept]]} /></div>`;
}

export function EnergyPanel({ run }) {
	if (!run.energy_source)
		return null;
	const metrics = (run.metrics ?? []).filter((m) => m.phase === "energy");
	const energy = run.energy ?? {};
	const modelled = isModelled(run);
	const batch = metrics.find((m) => m.metric === "energy_batch")?.value ?? energy.batch;
	const silent = !metrics.length && energy.window?.valid !== false;
	return html`<${Panel} title=${html`Energy ${modelled ? html`<${ModelledMark} />` : ""} ${
		energy.sync === "host-time" ? html`<${ApproximateMark} />` : ""}`} id="energy">
		${modelled ? html`<${ModelledNotice} />` : null}
		<${InvalidWindow} window=${energy.window} />
		${silent ? html`<p class="warn">No number came of it${run.detail ?
			`: ${visible(run.detail)}` : ""}.</p>` : null}
		<${Tiles} metrics=${metrics} batch=${batch} modelled=${modelled} />
		<${Trust} run=${run} energy=${energy} batch=${batch} /></${Panel}>`;
}
