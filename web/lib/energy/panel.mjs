/*
 * The energy of one run: per inference, currents, what a duty cycle makes of it, and everything
 * that says how far to trust it. Modelled energy shows its median alone and carries its mark.
 */
import { html } from "../dom.mjs";
import { useResource } from "../api.mjs";
import { between, integer, number, quantity, scaleFor, shortHash, visible } from "../format.mjs";
import { METRICS } from "../metrics.mjs";
import { Facts, Panel } from "../parts.mjs";
import { ApproximateMark, HOST_TIME, InvalidWindow, isModelled, ModelledMark,
	ModelledNotice } from "./marks.mjs";

const SERIES = ["energy_uJ", "energy_net_uJ", "charge_uC", "current_uA"];
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
	return ["p50", "p95"].map((q) => html`<${Tile} key=${q} title=${`${title}, ${q}`} help=${help}
		unit=${scale.unit} text=${known(m[q]) ? number(m[q] / scale.divide) : null}
		small=${known(m[q]) ? intervalOf(m, q, scale) : m.blank?.[q] ?
			`needs n ≥ ${integer(m.blank[q])}, has ${integer(m.n)}` : "not computed"} />`);
}

/* One value without a spread: a sum over a span, an idle current, a day. */
function SingleTile({ m, modelled }) {
	const q = quantity(m.value ?? m.p50 ?? m.mean, m.unit);
	return html`<${Tile} title=${METRICS[m.metric]?.title ?? visible(m.metric)} text=${q.text}
		unit=${q.unit} help=${METRICS[m.metric]?.help} modelled=${modelled}
		small=${m.note ? visible(m.note) : null} />`;
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
		${currents.length ? html`<${Row} title="currents">${currents.map(single)}</${Row}>` : null}
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

/* What was asked of whom, and how: one list of facts, whatever document a fact stands in. */
function Trust({ energy, trace, windows, batch }) {
	const instrument = energy.instrument ?? trace?.instrument ?? {};
	const w = energy.window ?? windows?.window;
	const sync = energy.sync ?? windows?.sync;
	const voltage = instrument.voltage_mV ?? trace?.voltage_mV;
	const defaulted = instrument.defaulted ?? [];
	return html`<div class="trust"><${Facts} rows=${[
		["Instrument", instrument.kind?.toUpperCase()], ["Serial", instrument.serial],
		["Mode", instrument.mode && `${instrument.mode} meter`],
		["Voltage", voltage && `${number(voltage / 1000)} V`],
		["Path", instrument.path], ["Calibration", hash(instrument.calibration_sha256)],
		["Defaulted", defaulted.length ? html`<span class="warn">${defaulted.map((d) =>
			visible(d)).join(", ")}: the unit's memory holds no number for them</span>` :
			instrument.kind === "ppk2" ? "no coefficient" : null],
		["Error", instrument.kind === "ppk2" ? "±10 % (±15 % in range 4) of the instrument " +
			"itself; repeatability is the interval" : null]]} />
		<${Facts} rows=${[
		["Window", w && html`<${Validity} window=${w} />`],
		["Samples", w && known(w.samples) ? `${integer(w.samples)}; ${counts(w)}` : null],
		["Batch", batch ? `${integer(batch)} ${batch === 1 ? "inference" : "inferences"}` : null],
		["Sync", sync === "host-time" ? html`<${ApproximateMark} /> ${HOST_TIME}` :
			SYNC_WORDS[sync] ?? sync],
		["Debug", DEBUG_WORDS[energy.debug] ?? energy.debug],
		["Capture", trace ? html`${integer(trace.samples)} samples; ${counts(trace)}.${" "}
			<a href=${`/traces/${trace.run}`}>Trace</a>` : null]]} /></div>`;
}

export function EnergyPanel({ run }) {
	const mine = (e) => e.name === "run" && e.data.id === run.id;
	const metrics = (run.metrics ?? []).filter((m) => m.phase === "energy");
	const has = Boolean(run.energy_source);
	const { data: windows } = useResource(has ? `/runs/${run.id}/windows` : null, mine);
	const metered = has && run.energy?.instrument?.kind !== "sysfs";
	const { data: trace } = useResource(metered ? `/runs/${run.id}/trace` : null, mine);
	const energy = run.energy ?? {};
	const modelled = has && isModelled(run);
	const batch = metrics.find((m) => m.metric === "energy_batch")?.value ?? energy.batch;
	const sync = energy.sync ?? windows?.sync;
	if (!has)
		return null;
	return html`<${Panel} title=${html`Energy ${modelled ? html`<${ModelledMark} />` : ""} ${
		sync === "host-time" ? html`<${ApproximateMark} />` : ""}`} id="energy">
		${modelled ? html`<${ModelledNotice} />` : null}
		<${InvalidWindow} window=${energy.window ?? windows?.window} />
		<${Tiles} metrics=${metrics} batch=${batch} modelled=${modelled} />
		<${Trust} energy=${energy} trace=${trace} windows=${windows} batch=${batch} />
		</${Panel}>`;
}
