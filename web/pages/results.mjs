/*
 * Results over runs: measured and virtual rows stand in tables of their own, so that no order ever
 * ranks one against the other. Filters and order stand in the query string.
 */
import { html } from "../lib/dom.mjs";
import { API, useResource } from "../lib/api.mjs";
import { isModelled, ModelledMark } from "../lib/energy/marks.mjs";
import { number, scaleFor, visible } from "../lib/format.mjs";
import { address, METRICS } from "../lib/metrics.mjs";
import { Ago, Empty, Loaded, Page, Panel } from "../lib/parts.mjs";
import { Badge } from "../lib/states.mjs";
import { RowLink, Table } from "../lib/table.mjs";
import { setQuery, withQuery } from "../lib/url.mjs";

const MEASURED = ["warm.latency_us.p50", "warm.latency_us.p95", "warm.latency_us.p99",
	"warm.latency_us.max", "memory.sram_peak_bytes.value", "energy.energy_uJ.p50",
	"energy.energy_net_uJ.p50"];
const VIRTUAL = ["warm.instructions.value", "memory.sram_peak_bytes.value",
	"energy.energy_uJ.p50"];
/* A row has only so much room: what energy takes, the largest of n gives. */
const WITHOUT_ENERGY = "warm.latency_us.max";
const ROOMY = ["energy.energy_net_uJ.p50"];
const USUAL_MAX = 6;
const FOOTPRINT = /\.flash_bytes\.value$/;
const ASKED = ["board", "type", "outcome", "after"];

/* Columns of one metric share a unit, so that p50 and p99 can be read side by side. */
function metricColumn(name, names, rows, asked) {
	const a = address(name);
	const family = names.filter((other) => other.startsWith(`${a.phase}.${a.metric}.`));
	const largest = Math.max(0,
		...rows.flatMap((r) => family.map((other) => Math.abs(r.metrics?.[other] ?? 0))));
	const scale = scaleFor(a.unit, largest);
	const digits = rows.every((r) =>
		Number.isInteger((r.metrics?.[name] ?? 0) / scale.divide)) ? 0 :
		a.unit === "bytes" ? 1 : 3;
	/* Modelled energy has no place in an order: its cells come last, a column of nothing else
	 * has no order at all. */
	const outside = (r) => a.phase === "energy" && isModelled(r);
	const value = (r) => outside(r) ? null : r.metrics?.[name] ?? null;
	return {
		key: name, title: a.title, unit: scale.unit, num: true, min: ROOMY.includes(name) &&
			!asked.length ? 4 : null, help:
			METRICS[a.metric]?.help, sort: rows.every(outside) ? null : value,
		cell: (r) => {
			const v = r.metrics?.[name];
			return v === null || v === undefined ? html`<span class="muted">–</span>`
				: html`${(v / scale.divide).toLocaleString("en-US",
					{ minimumFractionDigits: digits, maximumFractionDigits:
					digits })}${outside(r) ? html` <${ModelledMark} />` : null}`;
		},
	};
}

/* The usual columns where any row has them; the ones that were asked for always. */
function metricNames(rows, usual, asked) {
	const have = new Set(rows.flatMap((r) => Object.keys(r.metrics ?? {})));
	if (asked.length)
		return asked;
	const flash = [...have].find((name) => FOOTPRINT.test(name));
	const energy = [...have].some((name) => name.startsWith("energy."));
	return [...usual, flash].filter((name) => name && have.has(name) &&
		!(energy && name === WITHOUT_ENERGY));
}

function columns(rows, usual, asked) {
	const names = metricNames(rows, usual, asked);
	return [
		{ key: "run", title: "Run", num: true, sort: (r) => r.run, cell: (r) =>
			html`<${RowLink} href=${`/runs/${r.run}`}>${r.run}</${RowLink}>` },
		{ key: "model", title: "Model", cls: "name", sort: (r) => r.model || r.name, cell:
			(r) => html`<span>${visible(r.model || r.name || "–")}</span>
			${r.quant ? html` <span class="muted">${visible(r.quant)}</span>` :
			null}` },
		{ key: "board", title: "Board", cls: "fixed", sort: (r) => r.board, cell: (r) =>
			visible(r.board ?? "") },
		{ key: "type", title: "Type", min: 4, cls: "fixed", sort: (r) => r.board_type, cell:
			(r) => visible(r.board_type ?? "") },
		{ key: "outcome", title: "Outcome", min: 2, sort: (r) => r.outcome, cell: (r) =>
			html`<${Badge} state=${r.outcome} />` },
		...names.map((name) => metricColumn(name, names, rows, asked)),
		{ key: "finished", title: "Finished", num: true, min: 2, sort: (r) => r.finished_at,
			cell: (r) => html`<${Ago} when=${r.finished_at} />` },
	];
}

function Group({ title, id, note, rows, usual, asked, order, sortKey }) {
	if (!rows.length)
		return null;
	return html`<${Panel} title=${html`${title} <span class="muted">${rows.length}</span>`}
		id=${id} flush>${note ? html`<p class="panel-note">${note}</p>` : null}
		<${Table} caption=${title} columns=${columns(rows, usual, asked)} rows=${rows}
			rowKey=${(r) => r.run} order=${order}
			scroll=${metricNames(rows, usual, asked).length > USUAL_MAX}
			sortKey=${sortKey} /></${Panel}>`;
}

function Filters({ query }) {
	const field = (key, label, title) =>
		html`<input type="text" placeholder=${label} aria-label=${title ?? label}
		class=${key === "metric" ? "long" : null} value=${query.get(key) ?? ""}
		onChange=${(e) => setQuery({ [key]: e.target.value.trim(), after: null })} />`;
	const kind = query.get("virtual") ?? "";
	const pick = (value, words) =>
		html`<button type="button" aria-pressed=${kind === value ? "true" : "false"}
		onClick=${() => setQuery({ virtual: value, after: null })}>${words}</button>`;
	return html`<div class="filters" role="search" aria-label="Filter results">
		<input type="search" data-filter placeholder="Model or name contains  ( / )"
			aria-label="Model or name contains" value=${query.get("q") ?? ""}
			onInput=${(e) => setQuery({ q: e.target.value }, { replace: true })} />
		<div class="segments" role="group" aria-label="Kind of board">
			${pick("", "all")}${pick("false", "measured")}${pick("true", "virtual")}
			</div>
		${field("board", "Board", "Board name")}${field("type",
			"Board type")}${field("label.model", "Label model",
			"Value of the label model")}${field("label.quant", "Label quant",
			"Value of the label quant")}
		<label class="inline">Outcome <select value=${query.get("outcome") ?? ""}
			onChange=${(e) => setQuery({ outcome: e.target.value, after: null })}>
			<option value="">any</option>
				${["passed", "failed", "timeout", "configuration",
				"infrastructure"].map((o) => html`<option key=${o} value=${o}>${o}
				</option>`)}</select></label>
		${field("metric", "Metrics, e.g. cold.boot_us.p50",
			"Metrics to show, as phase.metric.stat, with commas between")}</div>`;
}

export default function Results({ query }) {
	const ask = new URLSearchParams({ limit: "200" });
	for (const [key, value] of query)
		if (ASKED.includes(key) || key === "virtual" || key.startsWith("label."))
			ask.set(key, value);
	const asked = (query.get("metric") ?? "").split(",").map((s) => s.trim()).filter(Boolean);
	const resource = useResource(withQuery("/results", ask), (e) => e.name === "run" &&
		Boolean(e.data.outcome));
	const words = (query.get("q") ?? "").toLowerCase();
	const exported = new URLSearchParams(ask);
	exported.delete("limit");
	if (asked.length === 1)
		exported.set("metric", asked[0]);
	const filtered = [...query].some(([key]) => !["sort", "vsort"].includes(key));

	return html`<${Page} title="Results"
		aside=${html`<a class="button"
		href=${withQuery(`${API}/results.json`, exported)}>JSON</a>
		<a class="button" href=${withQuery(`${API}/results.csv`, exported)}>CSV</a>`}>
		<${Filters} query=${query} />
		<${Loaded} resource=${resource} what="Loading the results">${({ items, next }) => {
			const rows = words ? items.filter((r) =>
				`${r.model ?? ""} ${r.name ?? ""} ${r.quant ??
				""}`.toLowerCase().includes(words)) : items;
			if (!rows.length)
				return filtered ? html`<${Empty}
					title="No result matches these filters."><p>
					<a href="/results">Show all results</a></p></${Empty}>`
					: html`<${Empty} title="No run has ended yet.">
						<p>Results appear here when the first one does. <a
						href="/jobs">See what is queued</a> or <a
						href="/submit">submit a job</a>.</p></${Empty}>`;
			return html`<${Group} title="Measured" id="measured"
				rows=${rows.filter((r) => !r.virtual)} usual=${MEASURED}
				asked=${asked} order=${query.get("sort")} sortKey="sort" />
				<${Group} title="Virtual" id="virtual"
					rows=${rows.filter((r) => r.virtual)} usual=${VIRTUAL}
					asked=${asked} order=${query.get("vsort")} sortKey="vsort"
				note="Emulated boards count instructions. An order by count between kernels with and without vector instructions is no claim about silicon." />
				<nav class="pager" aria-label="Pages of the list">
					<span class="muted">${rows.length} shown</span>
					${query.get("after") ? html`<button type="button"
					onClick=${() => setQuery({ after:
					null })}>Newest</button>` : null}${
				next ? html`<button type="button"
					onClick=${() => setQuery({ after: next })}>Older</button>` :
					null}</nav>`;
		}}</${Loaded}></${Page}>`;
}
