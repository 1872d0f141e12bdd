/*
 * The leaderboard: four tables of the latest numbers, what they say, and their plots. The tables, the
 * Markdown and the CSV are the same rows of the same answer.
 */
import { API, useResource } from "../lib/api.mjs";
import { html, useState } from "../lib/dom.mjs";
import { visible } from "../lib/format.mjs";
import { boardKey, boardName, Pareto, PruningSweep, QuantisationSweep, SequenceSweep } from "../lib/leaderboard/plots.mjs";
import { accuracyColumns, energyColumns, memoryColumns, timeColumns } from "../lib/leaderboard/tables.mjs";
import { Empty, Loaded, Page, Panel } from "../lib/parts.mjs";
import { Table } from "../lib/table.mjs";
import { setQuery, withQuery } from "../lib/url.mjs";

const FILTERS = ["task", "board", "quant"];
const KINDS = { sequence: "Sequence length", quantisation: "Quantisation", pruning: "Pruning" };

function Select({ name, label, value, values }) {
	return html`<label class="inline">${label} <select value=${value ?? ""}
		onChange=${(e) => setQuery({ [name]: e.target.value })}><option value="">all</option>
		${values.map((v) => html`<option key=${v} value=${v}>${visible(v)}</option>`)}</select></label>`;
}

function Filters({ data, query, phase }) {
	const pick = (value) => html`<button type="button" aria-pressed=${phase === value ? "true" : "false"}
		onClick=${() => setQuery({ phase: value === "warm" ? null : value })}>${value}</button>`;
	return html`<div class="filters" role="search" aria-label="Filter the leaderboard">
		<${Select} name="task" label="Task" value=${query.get("task")} values=${data.tasks} />
		<${Select} name="board" label="Board" value=${query.get("board")}
			values=${[...new Set(data.all_boards.map((b) => b.board))]} />
		<${Select} name="quant" label="Quantisation" value=${query.get("quant")} values=${data.quants} />
		<div class="segments" role="group" aria-label="Phase of the latency">${pick("warm")}${pick("cold")}</div></div>`;
}

function Ranking({ id, title, note, columns, rows, query }) {
	return html`<${Panel} id=${id} title=${title} flush>${note ? html`<p class="panel-note">${note}</p>` : null}
		<${Table} caption=${`${title}: models and boards`} columns=${columns} rows=${rows} rowKey=${(r) => JSON.stringify([r.title, r.task,
		r.attention, r.base, r.heads, r.ff, r.tokens])} order=${query.get(`${id}-sort`)} sortKey=${`${id}-sort`}
		scroll /></${Panel}>`;
}

function Tables({ data, query, phase }) {
	const { rows, boards } = data;
	if (!rows.length)
		return html`<${Empty} title="No model matches these filters."><p><a href="/leaderboard">Show
			all</a></p></${Empty}>`;
	return html`<${Ranking} id="latency" title=${phase === "warm" ? "Latency and throughput" : "Latency of the first inference"}
			rows=${rows} query=${query} columns=${timeColumns(boards, phase)} />
		<${Ranking} id="memory" title="Memory" rows=${rows} query=${query} columns=${memoryColumns(boards)}
			note="KB of 1024 bytes." />
		<${Ranking} id="energy" title="Energy of one inference" rows=${rows} query=${query}
			columns=${energyColumns(rows, boards)} />
		<${Ranking} id="accuracy" title="Accuracy" rows=${rows} query=${query} columns=${accuracyColumns(boards)} />`;
}

function Guidance({ guidance }) {
	if (!guidance.length)
		return null;
	return html`<${Panel} id="guidance" title="What the numbers say">
		<dl class="terms guidance">${Object.entries(KINDS).map(([kind, title]) => {
			const said = guidance.filter((g) => g.kind === kind);
			return said.length ? html`<div key=${kind}><dt>${title}</dt>${said.map((g) => html`<dd key=${g.text}>${
				g.state === "virtual" ? html`<span class="mark">virtual</span> ` : null}${visible(g.text)}</dd>`)}</div>` : null;
		})}</dl></${Panel}>`;
}

/* The board that a plot shows: the one asked for, or the first that has something. */
function BoardPlot({ id, title, query, boards, children }) {
	if (!boards.length)
		return null;
	const chosen = boards.find((b) => boardKey(b) === query.get(id)) ?? boards[0];
	const choice = boards.length > 1 ? html`<label class="inline">Board <select value=${boardKey(chosen)}
		onChange=${(e) => setQuery({ [id]: e.target.value })}>${boards.map((b) => html`<option key=${boardKey(b)}
		value=${boardKey(b)}>${visible(boardName(b))}</option>`)}</select></label>` : null;
	return html`<${Panel} id=${id} title=${title} aside=${choice}>${children(chosen)}</${Panel}>`;
}

const distinct = (list) => [...new Map(list.map((b) => [boardKey(b), { board: b.board, state: b.state }])).values()];

function Plots({ data, query }) {
	const task = query.get("task") ?? data.rows.find((r) => r.accuracy.state !== "not run")?.task ?? data.rows[0]?.task;
	const rows = data.rows.filter((r) => r.task === task);
	const timed = data.boards.filter((b, i) => rows.some((r) => r.cells[i].warm.state !== "not run" &&
		r.cells[i].memory.sram_peak_bytes));
	const named = (words) => task ? `${words}: ${task}` : words;
	const pareto = (state) => html`<${BoardPlot} id=${`pareto-${state}`} title=${named(`Pareto front, ${state}`)}
		query=${query} boards=${timed.filter((b) => b.state === state)}>${(board) => html`<${Pareto} rows=${rows}
		boards=${data.boards} board=${board} />`}</${BoardPlot}>`;
	const quantised = rows.filter((r) => r.accuracy.state !== "not run" && r.weights_bytes !== null);
	return html`${pareto("measured")}${pareto("virtual")}
		<${BoardPlot} id="sequence" title="Sequence length" query=${query} boards=${distinct(data.points)}>${(board) =>
			html`<${SequenceSweep} points=${data.points} crossings=${data.crossings} board=${board} />`}</${BoardPlot}>
		<${BoardPlot} id="pruning" title="Pruning" query=${query}
			boards=${distinct(data.savings.filter((s) => s.kind === "pruning"))}>${(board) =>
			html`<${PruningSweep} savings=${data.savings} board=${board} />`}</${BoardPlot}>
		${quantised.length > 1 ? html`<${Panel} id="quantisation" title=${named("Quantisation")}>
			<${QuantisationSweep} rows=${quantised} /></${Panel}>` : null}`;
}

function CopyMarkdown({ href }) {
	const [words, setWords] = useState("Copy as Markdown");
	const copy = async () => {
		try {
			const response = await fetch(href, { credentials: "same-origin" });
			if (!response.ok)
				throw new Error(String(response.status));
			await navigator.clipboard.writeText(await response.text());
			setWords("Copied");
		} catch {
			setWords("Could not be copied: use the link");
		}
	};
	return html`<button type="button" onClick=${copy} aria-live="polite">${words}</button>`;
}

export default function Leaderboard({ query }) {
	const ask = new URLSearchParams();
	for (const key of FILTERS)
		if (query.get(key))
			ask.set(key, query.get(key));
	const phase = query.get("phase") === "cold" ? "cold" : "warm";
	const markdown = withQuery(`${API}/leaderboard.md`, phase === "cold" ? [...ask, ["phase", phase]] : ask);
	const resource = useResource(withQuery("/leaderboard", ask), (e) => e.name === "run" && e.data.outcome === "passed");
	return html`<${Page} title="Leaderboard" aside=${html`<${CopyMarkdown} href=${markdown} />
		<a class="button" href=${markdown}>Markdown</a>
		<a class="button" href=${withQuery(`${API}/leaderboard.csv`, ask)}>CSV</a>
		<a class="button" href=${withQuery(`${API}/leaderboard.json`, ask)}>JSON</a>`}>
		<${Loaded} resource=${resource} what="Loading the leaderboard">${(data) => {
			if (!data.rows.length && !data.guidance.length && !ask.size)
				return html`<${Empty} title="No run that has passed names its model yet."><p>A job's label
					<code>model</code>, or firmware that says so itself, puts its numbers here.
					<a href="/jobs">See what is queued</a> or <a href="/submit">submit a job</a>.</p></${Empty}>`;
			return html`<div class="notice virtual"><p>${data.legend}</p></div>
				<${Filters} data=${data} query=${query} phase=${phase} />
				${data.truncated ? html`<div class="notice"><p>There is more than this page holds: the newest is
					here.</p></div>` : null}
				<${Tables} data=${data} query=${query} phase=${phase} />
				<${Guidance} guidance=${data.guidance} /><${Plots} data=${data} query=${query} />`;
		}}</${Loaded}></${Page}>`;
}
