/*
 * One run: what was measured, with intervals; the samples behind it; where it all comes from. A
 * virtual run shows instruction counts, never quantiles of a time that no clock has measured.
 */
import { html, useMemo, useState } from "../lib/dom.mjs";
import { useResource } from "../lib/api.mjs";
import { EnergyPanel } from "../lib/energy/panel.mjs";
import { between, bytes, duration, integer, number, quantity, quantityText, scaleFor, shortHash,
	since, stamp, visible } from "../lib/format.mjs";
import { InputCounts, inputCount, overInputs } from "../lib/inputs.mjs";
import { useKeys } from "../lib/keys.mjs";
import { LAG_1, METRICS } from "../lib/metrics.mjs";
import { Ago, Empty, Facts, Loaded, Page, Panel, VirtualMark } from "../lib/parts.mjs";
import { histogram, Plot } from "../lib/plot.mjs";
import { ProfilePanel } from "../lib/profile.mjs";
import { SocPanel } from "../lib/soc.mjs";
import { Badge, runState, stateWord } from "../lib/states.mjs";
import { Table } from "../lib/table.mjs";
import { mayHaveTrace, TracePanel } from "../lib/trace/later.mjs";
import { setQuery } from "../lib/url.mjs";

const RUNNING = ["offered", "running", "finishing"];
const QUANTILES = ["p50", "p95", "p99"];

/* A series has its extremes; a single number has only its value. */
function isSeries(m) {
	return m.n > 1 && m.min !== null && m.min !== undefined;
}

/* A sample that is right or wrong, a part of an inference: no distribution of anything. */
function isDistribution(m) {
	return isSeries(m) && !["accuracy", "profile"].includes(m.phase);
}

function overall(metrics, phase, metric) {
	return metrics.find((m) => m.phase === phase && m.metric === metric &&
		(m.boot === null || m.boot === undefined)) ??
		metrics.find((m) => m.phase === phase && m.metric === metric);
}

function Tile({ title, value, unit, scale, small, note, blank, help }) {
	const q = scale ? { text: number(value / scale.divide), unit: scale.unit } :
		quantity(value, unit);
	return html`<div class="tile" title=${help ?? null}><span class="tile-title">${title}</span>
		<span class=${blank ? "tile-value blank" : "tile-value"}>
			${blank ? "–" : q.text}${!blank && q.unit ? html` <span class="unit">
			${q.unit}</span>` : null}</span>
		${small ? html`<span class="tile-small">${small}</span>` : null}${note ?
			html`<span class="tile-small">${note}</span>` : null}</div>`;
}

function absent(value) {
	return value === null || value === undefined;
}

function interval(m, q, scale) {
	const lo = m[`${q}_lo`], hi = m[`${q}_hi`];
	if (absent(lo) || absent(hi))
		return null;
	return `95 %: ${between(lo / scale.divide, hi / scale.divide)} ${scale.unit}`;
}

function seriesTitle(m) {
	const title = METRICS[m.metric]?.title.toLowerCase() ?? visible(m.metric);
	return m.phase === "energy" ? title : `${m.phase} ${title}`;
}

/* What the server says of a series in short, with the meaning for those who point at it. */
function Remarks({ m }) {
	const lag = absent(m.lag1) ? null : m.lag1.toFixed(2).replace("-", "−");
	const note = m.note && visible(m.note).replace(/^cold_kind: /, "cold by ");
	return html`${note || null}${note && lag ? ", " : ""}${lag ? html`<abbr title=${LAG_1}>
		lag-1 ${lag}</abbr>` : null}`;
}

function needs(m, q) {
	return m.blank?.[q] ? `needs n ≥ ${integer(m.blank[q])}, has ${integer(m.n)}` :
		"not computed";
}

/* The series that the run is about: p50, p95, p99 and the largest, in one unit. */
function Headline({ run, m }) {
	const scale = scaleFor(m.unit, m.max);
	const remarks = m.note || !absent(m.lag1);
	return html`<div class="tile-row"><h3>${seriesTitle(m)} <span class="muted">
		n = ${integer(m.n)}${remarks ? html`, <${Remarks} m=${m} />` : null}</span></h3>
		<div class="tiles">${
		QUANTILES.map((q) => html`<${Tile} key=${q} title=${q} value=${m[q]} scale=${scale}
			blank=${absent(m[q])} small=${absent(m[q]) ? needs(m, q) :
			interval(m, q, scale)} />`)}
		<${Tile} title="max" value=${m.max} scale=${scale}
			small=${`max observed over ${overInputs(run, m)}`} />
		${absent(m.mean) ? null : html`<${Tile} title="mean" value=${m.mean} scale=${scale}
			small=${absent(m.sd) ? null :
			`± ${quantityText(m.sd, m.unit)} deviation`} />`}</div></div>`;
}

/* The other series, one row each. */
function SeriesTable({ series }) {
	const cell = (q) => (m) => {
		const scale = scaleFor(m.unit, m.max);
		return absent(m[q]) ? html`<span class="muted small">${needs(m, q)}</span>`
			: html`${number(m[q] / scale.divide)} ${scale.unit}<span class="under">
				${interval(m, q, scale)}</span>`;
	};
	return html`<div class="tile-row"><h3>other series</h3><${Table} caption="Other series"
		rows=${series} rowKey=${(m) => m.phase + m.metric} columns=${[
		{ key: "series", title: "Series", cls: "name", cell: (m) =>
			html`<span title=${METRICS[m.metric]?.help ?? null}>${seriesTitle(m)}</span>
			<span class="under"><${Remarks} m=${m} /></span>` },
		{ key: "n", title: "n", num: true, cell: (m) => integer(m.n) },
		...QUANTILES.map((q) => ({ key: q, title: q, num: true, cell: cell(q) })),
		{ key: "max", title: "Max observed", num: true, cell: (m) =>
			quantityText(m.max, m.unit) },
		{ key: "mean", title: "Mean ± deviation", num: true, min: 2, cell: (m) =>
			html`${quantityText(m.mean, m.unit)}<span class="under">
			${absent(m.sd) ? "" : `± ${quantityText(m.sd, m.unit)}`}
			</span>` }]} /></div>`;
}

const PHASES = ["warm", "lines", "cold", "energy", "sustained"];

/* Warm latency first, then by phase. */
function bySeries(a, b) {
	const rank = (m) => (PHASES.indexOf(m.phase) + 1 || 9) * 10 + (m.metric === "latency_us" ?
		0 : 1);
	return rank(a) - rank(b) || a.metric.localeCompare(b.metric);
}

function Single({ m }) {
	const unknown = m.value === null || m.value === undefined;
	return html`<${Tile} title=${`${METRICS[m.metric]?.title ??
		m.metric}${["memory", "footprint", "warm"].includes(m.phase) ? "" :
		`, ${m.phase}`}`}
		value=${m.value} unit=${m.unit} blank=${unknown} help=${METRICS[m.metric]?.help}
			note=${m.note ? visible(m.note) : m.n > 1 ? `n = ${integer(m.n)}` :
			null} />`;
}

/* What firmware on a virtual board says of itself: as it stands, without statistics. */
function Printed({ m }) {
	const same = m.min === m.max || !isSeries(m);
	const scale = scaleFor(m.unit, m.max ?? m.value);
	return html`<div class="tile"><span class="tile-title">${visible(m.metric)}</span>
		<span class="tile-value">${same ? number((oneValue(m) ?? m.max) / scale.divide)
		: between(m.min / scale.divide, m.max / scale.divide)} <span class="unit">
			${scale.unit}</span></span>
			<span class="tile-small">n = ${integer(m.n)}, in emulated time</span>
			</div>`;
}

function oneValue(m) {
	return m ? m.value ?? m.p50 ?? (m.min === m.max ? m.min : null) : null;
}

/* The one number of a virtual board, the labelled convenience, and how many distinct counts. */
function VirtualTiles({ run, phase }) {
	const count = overall(run.metrics, phase, "instructions");
	const time = overall(run.metrics, phase, "latency_us");
	if (!count)
		return null;
	const value = oneValue(count);
	const distinct = count.distinct;
	const varies = count.min !== count.max && !absent(count.min);
	const us = oneValue(time) ?? time?.mean;
	const before = ["boot_us", "load_us"].map((name) => overall(run.metrics, phase,
		name)).filter((m) => m && !absent(oneValue(m) ?? m.mean));
	return html`<div class="tile-row"><h3>
		${phase} inference <span class="muted">n = ${integer(count.n)}</span></h3>
		<div class="tiles">
		<div class="tile wide" title=${METRICS.instructions.help}>
			<span class="tile-title">instructions</span><span class="tile-value">${
			absent(value) ? `${integer(count.min)} to ${integer(count.max)}` :
				integer(value)}</span>
			<span class="tile-small">counted exactly, the same in every run${varies &&
				!absent(value) ? `; ${integer(count.min)} to ${integer(count.max)} over the inputs` : ""}</span></div>
		${us !== null && us !== undefined ? html`<div class="tile convenience">
			<span class="tile-title">for convenience</span><span class="tile-value">${
			number(us / 1000)} <span class="unit">ms</span></span>
				<span class="tile-small">at 1 instruction per tick; not a time on silicon</span></div>` : null}
		${distinct !== null && distinct !== undefined ?
			html`<div class="tile"><span class="tile-title">distinct counts</span>
			<span class="tile-value">${integer(distinct)}</span>
			<span class="tile-small">over ${inputCount(run, count) !== null ?
				overInputs(run, count) : `${integer(count.n)} ${count.n === 1 ?
				"inference" : "inferences"}`}</span></div>` : null}
		${before.map((m) => html`<div class="tile convenience" key=${m.metric}
			title=${METRICS[m.metric].help}><span class="tile-title">
			${METRICS[m.metric].title.toLowerCase()}</span><span
			class="tile-value">${quantity(oneValue(m) ?? m.mean, m.unit).text} <span
				class="unit">${quantity(oneValue(m) ?? m.mean, m.unit).unit}</span>
				</span><span class="tile-small">at 1 instruction per tick</span>
				</div>`)}</div></div>`;
}

function Tiles({ run }) {
	/* Energy has a panel of its own. */
	const metrics = (run.metrics ?? []).filter((m) => absent(m.boot) && m.phase !== "energy");
	if (!metrics.length && (run.metrics ?? []).length)
		return html`<p class="muted">Nothing but energy was measured.</p>`;
	if (!metrics.length)
		return html`<${Empty} title="This run measured nothing."><p>
			${run.outcome ? `It ended as ${stateWord(run.outcome)}${run.stage ?
			` in ${run.stage}` : ""}. ` : RUNNING.includes(run.state) ?
			"It has not ended. " : `It was ${stateWord(run.state)}. `}<a
			href=${`/jobs/${run.job}?run=${run.id}`}>Its log</a> says how far it came.</p></${Empty}>`;
	if (run.virtual) {
		const phases = [...new Set([...metrics].sort(bySeries).filter((m) =>
			m.metric === "instructions").map((m) => m.phase))];
		const rest = metrics.filter((m) => m.unit === "bytes" ||
			m.phase === "accuracy" && !isSeries(m));
		const printed = metrics.filter((m) => m.phase === "lines");
		return html`${printed.length ? html`<div class="tile-row">
			<h3>printed by the firmware</h3><div class="tiles">
			${printed.map((m) => html`<${Printed} key=${m.metric} m=${m} />`)}</div>
			</div>` : null}
			${phases.map((p) => html`<${VirtualTiles} key=${p} run=${run}
				phase=${p} />`)}
			<${InputCounts} metrics=${metrics} />
			${rest.length ? html`<div class="tile-row"><h3>memory and accuracy</h3>
				<div class="tiles">${rest.map((m) =>
				html`<${Single} key=${m.phase + m.metric} m=${m} />`)}</div>
				</div>` : null}`;
	}
	const many = metrics.filter((m) => isDistribution(m));
	const single = metrics.filter((m) => !isSeries(m) && m.metric !== "instructions" &&
		m.metric !== "correct");
	many.sort(bySeries);
	return html`${many.length ? html`<${Headline} run=${run} m=${many[0]} />` : null}${many.length > 1 ?
		html`<${SeriesTable} series=${many.slice(1)} />` : null}
		${single.length ? html`<div class="tile-row"><h3>single values</h3>
			<div class="tiles">${single.map((m) =>
			html`<${Single} key=${m.phase + m.metric} m=${m} />`)}</div></div>` :
			null}`;
}

/* value -> how often, most frequent first; for counts, which take few values. */
function tally(values) {
	const seen = new Map();
	for (const v of values)
		seen.set(v, (seen.get(v) ?? 0) + 1);
	return [...seen].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

const TALLY_ROWS = 50;

function DistinctCounts({ samples, phase }) {
	const values = samples.boots.flatMap((b) => b.values);
	const rows = tally(values);
	if (rows.length === 1)
		return html`<p>All ${integer(values.length)} ${phase} inferences executed exactly ${integer(rows[0][0])} instructions: the count does not depend on the input.</p>`;
	return html`<p>${integer(rows.length)} distinct counts over ${integer(values.length)} ${phase} inferences, from ${integer(Math.min(...rows.map((r) => r[0])))} to ${
		integer(Math.max(...rows.map((r) =>
			r[0])))} instructions.${rows.length > TALLY_ROWS ?
			` The ${TALLY_ROWS} most frequent:` : ""}</p>
		<div class="compact"><${Table} caption="Distinct instruction counts"
			rowKey=${(r) => r[0]} rows=${rows.slice(0, TALLY_ROWS)} columns=${[
			{ key: "count", title: "Instructions", num: true, cell: (r) =>
				integer(r[0]) },
			{ key: "times", title: "Times seen", num: true, cell: (r) =>
				integer(r[1]) },
			{ key: "share", title: "Share", num: true, cell: (r) =>
				`${(100 * r[1] / values.length).toFixed(1)} %` }]} /></div>`;
}

function useShapes(samples) {
	return useMemo(() => {
		const values = samples.boots.flatMap((b) => b.values);
		const largest = values.reduce((a, b) => Math.max(a, b), 0);
		const scale = scaleFor(samples.unit, largest);
		const scaled = values.map((v) => v / scale.divide);
		const h = histogram(scaled);
		let at = 0;
		const order = [values.map((_, i) => i), ...samples.boots.map((b) => {
			const column = new Array(values.length).fill(null);
			for (const v of b.values)
				column[at++] = v / scale.divide;
			return column;
		})];
		return { values: scaled, h, unit: scale.unit, order, bars: [h.edges, h.counts] };
	}, [samples]);
}

function SampleTable({ samples, unit, values }) {
	let i = -1;
	const rows = samples.boots.flatMap((b) =>
		b.values.map((_, k) => ({ boot: b.boot, k, value: values[++i] })));
	return html`<div class="tall"><${Table} caption="Samples in the order they were taken"
		rows=${rows} rowKey=${(r) => `${r.boot}-${r.k}`} columns=${[
		{ key: "boot", title: "Boot", num: true, cell: (r) => r.boot },
		{ key: "k", title: "Iteration", num: true, cell: (r) => r.k },
		{ key: "v", title: `Value, ${unit}`, num: true, cell: (r) => number(r.value) }]} />
			</div>`;
}

function Plots({ samples, asTable }) {
	const s = useShapes(samples);
	const n = s.values.length;
	const sorted = [...s.values].sort((a, b) => a - b);
	const range = `${integer(n)} values from ${number(sorted[0])} to ${number(sorted[n - 1])} ${s.unit}`;
	const top = s.h.counts.indexOf(Math.max(...s.h.counts));
	const bin = (i) => s.h.width ?
		`${number(s.h.edges[i])} to ${number(s.h.edges[i] + s.h.width)} ${s.unit}` :
		`${number(s.h.edges[i])} ${s.unit}`;
	if (!n)
		return html`<p class="muted">No samples were kept.</p>`;
	if (asTable)
		return html`<div class="plots"><div class="tall">
			<${Table} caption="Histogram as a table"
			rows=${s.h.counts.map((c, i) => [i, c])} rowKey=${(r) => r[0]} columns=${[
			{ key: "bin", title: "From, to", cell: (r) => bin(r[0]) },
				{ key: "n", title: "Iterations", num: true, cell: (r) =>
				integer(r[1]) }]} /></div>
			<${SampleTable} samples=${samples} unit=${s.unit} values=${s.values} />
				</div>`;
	const title = METRICS[samples.metric]?.title ?? samples.metric;
	return html`<div class="plots">
		${s.h.width ? html`<${Plot} kind="histogram" title="Distribution"
			summary=${`${range}; most often ${bin(top)} (${integer(s.h.counts[top])} times).`} x=${`${title}, ${s.unit}`} y="Iterations"
			series=${["iterations"]} data=${s.bars}
				say=${(i) => `${bin(i)}: ${integer(s.h.counts[i])} iterations`} />` : html`<p>All ${integer(n)} values are ${number(sorted[0])} ${s.unit}.</p>`}
		<${Plot} kind="points" title="In the order of iterations"
			summary=${`${range}${samples.boots.length > 1 ?
			`, ${samples.boots.length} boots, each in its own colour` : ", one boot"}.`}
			x="Iteration" y=${`${title}, ${s.unit}`}
				series=${samples.boots.map((b) => `boot ${b.boot}`)} data=${s.order}
			say=${(i) => `iteration ${i}: ${number(s.values[i])} ${s.unit}`} /></div>`;
}

function Samples({ run, query }) {
	const kept = [...run.metrics ?? []].sort(bySeries).filter((m) => run.virtual ?
		m.metric === "instructions" && m.n > 0 : isDistribution(m));
	const choices = [...new Map(kept.map((m) => [`${m.phase}.${m.metric}`, m])).values()];
	const asked = choices.find((m) => m.phase === query.get("phase") &&
		(!query.get("metric") || m.metric === query.get("metric")));
	const { phase, metric } = asked ?? choices[0] ?? {};
	const asTable = query.get("view") === "table";
	const toggle = () => setQuery({ view: asTable ? null : "table" }, { replace: true });
	useKeys(run.virtual ? {} : { t: toggle });
	const resource = useResource(phase ?
		`/runs/${run.id}/samples?phase=${encodeURIComponent(phase)}&metric=${encodeURIComponent(metric)}` : null);
	if (!phase)
		return null;
	return html`<${Panel} title=${run.virtual ? "Counts" : "Samples"} id="samples"
		aside=${html`${choices.length > 1 ?
		html`<div class="segments" role="group" aria-label="Which samples">${
		choices.map((m) => html`<button type="button" key=${m.phase + m.metric}
			aria-pressed=${m.phase === phase && m.metric === metric ? "true" : "false"}
		onClick=${() => setQuery({ phase: m.phase, metric: m.metric })}>
			${seriesTitle(m)}</button>`)}</div>` : null}${
		run.virtual ? null : html`<button type="button" aria-pressed=${asTable ? "true" :
			"false"} onClick=${toggle}>Table <kbd>t</kbd></button>`}<a
		href=${`/api/v1/runs/${run.id}/samples?phase=${encodeURIComponent(phase)}&metric=${encodeURIComponent(metric)}`}>JSON</a>`}>
		<${Loaded} resource=${resource} what="Loading the samples">
			${(samples) => run.virtual
			? html`<${DistinctCounts} samples=${samples} phase=${phase} />`
			: html`<${Plots} samples=${samples} asTable=${asTable} />`}</${Loaded}>
				</${Panel}>`;
}

function Fault({ fault }) {
	if (!fault)
		return null;
	const registers = Object.entries(fault.registers ?? {});
	return html`<${Panel} title=${html`Fault: ${visible(fault.kind)}`} id="fault">
		<${Facts} rows=${[
		["PC", html`<code>${visible(fault.pc ?? "–")}
			</code> ${visible(fault.pc_symbol ?? "")}`],
		["LR", html`<code>${visible(fault.lr ?? "–")}
			</code> ${visible(fault.lr_symbol ?? "")}`],
		["Message", fault.msg]]} />
		${registers.length ? html`<dl class="registers">
			${registers.map(([name, value]) => html`<div key=${name}><dt>
			${visible(name)}</dt><dd><code>${visible(value)}</code></dd></div>`)}
			</dl>` : null}</${Panel}>`;
}

const SECTIONS_SHOWN = 10;
const SECTION_COLUMNS = (largest) => [
	{ key: "name", title: "Section", cell: (s) => html`<code>${visible(s.name)}</code>` },
	{ key: "kind", title: "Kind", cell: (s) => visible(s.kind ?? "") },
	{ key: "address", title: "Address", num: true, min: 4, cell: (s) =>
		html`<code>0x${Number(s.address).toString(16).padStart(8, "0")}</code>` },
	{ key: "bytes", title: "Bytes", num: true, cell: (s) => integer(s.bytes) },
	{ key: "bar", title: html`<span class="sr-only">Share</span>`, min: 2, cls: "bar-cell", cell:
		(s) => html`<span class="bar" style=${{ width: `${100 * s.bytes / largest}%` }}></span>` },
];

function Footprint({ footprint }) {
	if (!footprint)
		return null;
	const sections = [...footprint.sections ?? []].sort((a, b) => b.bytes - a.bytes);
	const largest = Math.max(1, ...sections.map((s) => s.bytes));
	const table = (rows, caption) => html`<${Table} caption=${caption} rows=${rows}
		rowKey=${(s) => s.name + s.address} columns=${SECTION_COLUMNS(largest)} />`;
	return html`<${Panel} title="Footprint of the image" id="footprint"><${Facts} rows=${[
		["Flash", footprint.flash_bytes !== undefined && bytes(footprint.flash_bytes)],
			["Static RAM", footprint.ram_static_bytes !== undefined &&
			bytes(footprint.ram_static_bytes)],
		["Weights", footprint.weights_bytes !== undefined &&
			bytes(footprint.weights_bytes)]].map(([k, v]) => [k, v || null])} />
		${sections.length ? table(sections.slice(0, SECTIONS_SHOWN), "Largest sections") : null}
		${sections.length > SECTIONS_SHOWN ? html`<details class="more"><summary>
		${integer(sections.length - SECTIONS_SHOWN)} smaller sections</summary>
		${table(sections.slice(SECTIONS_SHOWN), "Smaller sections")}</details>` : null}
				</${Panel}>`;
}

const PROVENANCE = [["image_sha256", "Image"], ["code_sha256", "Code"], ["compiler", "Compiler"],
	["flags", "Flags"], ["machine", "Machine"], ["board_type", "Board type"], ["mcu", "MCU"],
	["probe", "Probe"], ["probe_serial", "Probe serial"], ["ppk2_serial", "PPK2 serial"],
		["openocd", "OpenOCD"], ["agent", "Agent"], ["host", "Host"], ["qemu", "QEMU"]];

function Provenance({ run }) {
	const p = run.provenance;
	if (!p)
		return null;
	const known = PROVENANCE.map(([key]) => key).concat("virtual", "exec");
	const others = Object.entries(p).filter(([key, v]) => !known.includes(key) &&
		typeof v !== "object").map(([key, v]) => [key, String(v)]);
	return html`<${Panel} title="Provenance" id="provenance">
		<p class="small muted">Read from the image and the instruments, not from the job.</p><${Facts} rows=${[
		...PROVENANCE.map(([key, title]) => [title, key.endsWith("sha256") && p[key] ?
			html`<code title=${p[key]}>${shortHash(p[key])}</code>` : p[key]]),
			...others]} /></${Panel}>`;
}

function Device({ run }) {
	const d = run.device, m = run.model, c = run.clock, t = run.timer;
	if (!d && !m && !t)
		return null;
	return html`<${Panel} title="Device and model" id="device"><${Facts} rows=${[
		["Model", m && [m.model, m.variant, m.quant].filter(Boolean).join(" ")],
			["Model size", m?.bytes && bytes(Number(m.bytes))],
		["Model hash", m?.sha256 && html`<code title=${m.sha256}>${shortHash(m.sha256)}
			</code>`], ["Firmware", d?.fw], ["Git", d?.git], ["UID", d?.uid],
			["Reset", d?.reset],
		["Timer", t && `${t.kind}, ${quantityFrequency(t.hz)}`],
		["Clock", c && (c.checked ?
			`${number(c.ratio)} device / host (tolerance ${number(100 * (c.tolerance ??
			0))} %)` : c.detail || "not checked")]]} /></${Panel}>`;
}

function quantityFrequency(hz) {
	return hz >= 1e6 ? `${number(hz / 1e6)} MHz` : hz >= 1e3 ? `${number(hz / 1e3)} kHz` :
		`${hz} Hz`;
}

function View({ run, query }) {
	return html`<${Page} title=${html`<span class="muted">Run ${run.id}
		</span> ${visible(run.board ?? "")}`}
		lead=${html`<${Badge} state=${runState(run)}
			note=${run.outcome && run.outcome !== "passed" && run.stage ?
			`in ${run.stage}` : null} /> <${VirtualMark} virtual=${run.virtual} />${
			run.exec ? html`<span class="mark">runs as a program</span>` :
				null}${run.late ? html`<span class="mark">late</span>` : null}
			<span class="muted">attempt ${run.attempt} of <a
				href=${`/jobs/${run.job}`}>job ${run.job}
				</a> on ${visible(run.board_type ?? "")}, <${Ago}
				when=${run.finished_at ?? run.created_at} />${
			run.started_at && run.finished_at ?
				`, took ${duration(since(run.started_at, run.finished_at))}` : ""}
				</span>`}
		aside=${html`<a class="button"
			href=${`/jobs/${run.job}?run=${run.id}`}>Job and log</a>
			<a class="button" href=${`/api/v1/runs/${run.id}`}>JSON</a>`}>
		${run.virtual ? html`<div class="notice virtual"><p>
			${run.exec ? html`<strong>An emulated program.</strong> Nothing counts its instructions, and its times are those of the emulator on its host: neither is shown as a result. What it computed is what a board would.` : html`<strong>A virtual board.</strong> It counts instructions, exactly and the same every time. Rankings by time between kernels with
			and without vector instructions are no claims about silicon.`}</p></div>` :
				null}
		${run.outcome && run.outcome !== "passed" ? html`<div class="notice bad">
			<p class="notice-title">${stateWord(run.outcome)}${run.stage ?
			` in ${run.stage}` : ""}</p><p>
			${visible(run.detail || "No reason was recorded.")}</p></div>` : null}
		<${Fault} fault=${run.fault} />
		<section class="panel" aria-labelledby="results"><header>
			<h2 id="results">Results</h2></header><${Tiles} run=${run} /></section>
		<${ProfilePanel} run=${run} />
		<${EnergyPanel} run=${run} />
		<${SocPanel} run=${run} />
		${mayHaveTrace(run, RUNNING.includes(run.state)) ? html`<${TracePanel} run=${run.id}
			query=${query} live=${RUNNING.includes(run.state)} />` : null}
		<${Samples} run=${run} query=${query} />
		<div class="thirds"><${Provenance} run=${run} /><${Device} run=${run} />
			<${Footprint} footprint=${run.footprint} /></div></${Page}>`;
}

export default function Run({ params, query }) {
	const id = Number(params.id);
	const resource = useResource(`/runs/${id}`, (e) => e.name === "run" && e.data.id === id);
	return html`<${Loaded} resource=${resource} what=${`Loading run ${id}`}>
		${(run) => html`<${View} run=${run} query=${query} />`}</${Loaded}>`;
}
