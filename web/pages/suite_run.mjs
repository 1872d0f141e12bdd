/* A suite's run as a matrix: boards across, everything else down; a cell is a job. */
import { html, useState } from "../lib/dom.mjs";
import { API, send, useResource } from "../lib/api.mjs";
import { duration, quantityText, since, stamp, visible } from "../lib/format.mjs";
import { Failure, Loaded, Page, Panel, StopButton } from "../lib/parts.mjs";
import { Badge, Glyph, isOver, jobState, stateWord } from "../lib/states.mjs";
import { RowLink, Table } from "../lib/table.mjs";
import { setQuery } from "../lib/url.mjs";
import { passedText } from "./suites.mjs";

const NUMBERS = [["", "Outcome"], ["warm.latency_us", "Latency", "us"],
	["lines.latency_us", "Latency, as printed", "us"], ["energy.energy_uJ", "Energy", "uJ"],
	["memory.sram_peak_bytes", "SRAM", "bytes"], ["accuracy.accuracy", "Accuracy", ""]];

/* What there is to look at: the numbers that a cell has, and the one that was asked for. */
export function shown(run, address) {
	return NUMBERS.filter(([key]) => !key || key === address ||
		run.cells.some((c) => key in c.metrics));
}

/* In words, how far a run is, and how long it took. */
export function standing(run) {
	const over = run.cells_ended === run.cells_total;
	const took = run.finished_at ?
		`, took ${duration(since(run.created_at, run.finished_at))}` : "";
	return `${passedText(run)} cells passed${over ? "" :
		`, ${run.cells_ended} have ended`}. Begun ${stamp(run.created_at)}${took}`;
}

/* The variable that stands across, and those that stand down. */
export function axes(variables) {
	const across = variables.includes("board") ? "board" : variables.at(-1);
	return { across, down: variables.filter((v) => v !== across) };
}

/* Rows of the matrix in the order of the cells: {values, cells: Map(column -> cell)}. */
export function matrix(run) {
	const { across, down } = axes(run.variables);
	const columns = [...new Set(run.cells.map((c) => c.values[across]))];
	const rows = new Map();
	for (const cell of run.cells) {
		const key = JSON.stringify(down.map((v) => cell.values[v]));
		if (!rows.has(key))
			rows.set(key, { key, values: cell.values, cells: new Map() });
		rows.get(key).cells.set(cell.values[across], cell);
	}
	return { across, down, columns, rows: [...rows.values()] };
}

/* A modelled energy or an emulated board's number is never shown as a measured one. */
function marked(cell, address) {
	return cell.virtual || (address.startsWith("energy.") && cell.energy_source === "modelled");
}

function Cell({ cell, address, unit }) {
	if (!cell)
		return html`<span class="muted">not in the suite</span>`;
	const state = jobState(cell), value = cell.metrics[address];
	const words = `job ${cell.job}: ${stateWord(state)}${cell.detail ? `, ${visible(cell.detail)}`
		: ""}`;
	return html`<a href=${`/jobs/${cell.job}`} title=${words}>${
		address && value !== undefined ? html`<${Glyph} state=${state}
		label=${stateWord(state)} /> ${quantityText(value, unit)}` : html`<${Badge}
		state=${state} />`}</a>${
		address && value !== undefined && marked(cell, address) ? html` <span class="mark">${
		cell.virtual ? "virtual" : "modelled"}</span>` : null}${
		cell.tries > 1 ? html` <span class="muted">try ${cell.tries}</span>` : null}`;
}

function Matrix({ run, address }) {
	const { across, down, columns, rows } = matrix(run);
	const [, title, unit] = NUMBERS.find(([a]) => a === address) ?? NUMBERS[0];
	const heads = down.map((name, i) => ({ key: `v.${name}`, title: visible(i === down.length - 1 ?
		`${name} \\ ${across}` : name), cls: "name", cell: (row) => visible(row.values[name]) }));
	const cells = columns.map((name) => ({ key: `c.${name}`, title: visible(name), cell: (row) =>
		html`<${Cell} cell=${row.cells.get(name)} address=${address} unit=${unit} />` }));
	return html`<${Table} scroll caption=${`${title} by ${visible([...down, across].join(", "))}`}
		columns=${[...heads, ...cells]} rows=${rows} rowKey=${(row) => row.key} />`;
}

const FAILED_COLUMNS = [
	{ key: "job", title: "Job", num: true, cell: (c) =>
		html`<${RowLink} href=${`/jobs/${c.job}`}>${c.job}</${RowLink}>` },
	{ key: "cell", title: "Cell", cls: "name", cell: (c) => visible(c.title) },
	{ key: "state", title: "State", cell: (c) => html`<${Badge} state=${jobState(c)}
		note=${c.stage ? `in ${c.stage}` : null} />` },
	{ key: "why", title: "Why", cls: "why-long", cell: (c) => html`<span class="clamp"
		title=${visible(c.detail)}>${visible(c.detail)}</span>` },
];

function Retry({ run, reload }) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState(null);
	const retry = () => {
		setBusy(true);
		setError(null);
		send("POST", `/suite-runs/${run.id}/retry`).then(reload, setError).finally(() =>
			setBusy(false));
	};
	return html`<button type="button" class="primary" disabled=${busy} onClick=${retry}>
		Run what did not pass again</button>
		${error ? html`<${Failure} error=${error} />` : null}`;
}

function Cancel({ run, reload }) {
	const [error, setError] = useState(null);
	return html`<${StopButton} label="Cancel run" question=${`Cancel run ${run.id}?`}
		onError=${setError} stop=${() => {
		setError(null);
		return send("POST", `/suite-runs/${run.id}/cancel`).then(reload);
	}}>Cells that wait leave the queue; those that run are stopped and their boards freed. What
		has ended stays.</${StopButton}>${error ? html`<${Failure} error=${error} />` : null}`;
}

function Files({ id }) {
	const files = [["csv", "CSV"], ["xml", "JUnit"], ["md", "Markdown"], ["json", "JSON"]];
	return html`<span class="links">${files.map(([ending, title]) => html`<a key=${ending}
		href=${`${API}/suite-runs/${id}.${ending}`} download>${title}</a> `)}</span>`;
}

export default function SuiteRun({ params, query }) {
	const resource = useResource(`/suite-runs/${params.id}`, (e) => e.name === "job");
	const address = query.get("metric") ?? "";

	return html`<${Loaded} resource=${resource} what="Loading the run">${(run) => {
		const failed = run.cells.filter((c) => isOver(c) && c.state !== "succeeded");
		return html`<${Page} title=${`${visible(run.suite)}, run ${run.id}`}
			lead=${html`<${Badge} state=${run.state} /> <span>${standing(run)}${run.schedule ?
			html`, by <a href="/schedules">schedule ${run.schedule}</a>` : ""}.</span>`}
			aside=${html`<${Files} id=${run.id} />${run.state === "active" ? html`<${Cancel}
			run=${run} reload=${resource.reload} />` : null}${failed.length ? html`<${Retry} run=${run}
			reload=${resource.reload} />` : null}`}>
			${shown(run, address).length > 1 ? html`<div class="filters"><div class="segments"
			role="group" aria-label="Shown">${shown(run, address).map(([key, title]) => html`<button
				type="button" key=${key} aria-pressed=${key === address ? "true" : "false"}
				onClick=${() => setQuery({ metric: key })}>${title}</button>`)}</div></div>` : null}
			<${Matrix} run=${run} address=${address} />
			${failed.length ? html`<${Panel} title=${html`Not passed <span class="muted">${
			failed.length}</span>`} id="failed" flush><${Table} caption="Not passed"
				columns=${FAILED_COLUMNS} rows=${failed} rowKey=${(c) => c.cell} /></${Panel}>`
			: null}</${Page}>`;
	}}</${Loaded}>`;
}
