/* The list of jobs; every filter stands in the query string. */
import { html } from "../lib/dom.mjs";
import { useResource } from "../lib/api.mjs";
import { duration, since, visible } from "../lib/format.mjs";
import { Ago, Code, Empty, Labels, Loaded, Page } from "../lib/parts.mjs";
import { Badge, Glyph, isOver, jobState, stateWord } from "../lib/states.mjs";
import { RowLink, Table } from "../lib/table.mjs";
import { setQuery, withQuery } from "../lib/url.mjs";

const STATES = ["queued", "active", "succeeded", "failed", "canceled", "lost"];
const PAGE = 100;

export function why(job) {
	if (job.state === "queued")
		return [job.waits_for].flat().filter(Boolean).join("; ");
	return job.detail ?? "";
}

/* What the document asks for; boardText: the board that took it, once there is one. */
export function wanted(job) {
	const want = job.board ?? {};
	return want.name || [want.type, ...(want.tags ?? []).map((t) =>
		`+${t}`)].filter(Boolean).join(" ") || "any";
}

export function boardText(job) {
	return job.on_board || wanted(job);
}

export function took(job, now) {
	return job.started_at ? duration(since(job.started_at, job.finished_at ?? now)) : "–";
}

export const JOB_COLUMNS = [
	{ key: "id", title: "Job", num: true, sort: (j) => j.id, cell: (j) =>
		html`<${RowLink} href=${`/jobs/${j.id}`}>${j.id}</${RowLink}>` },
	{ key: "state", title: "State", sort: (j) => jobState(j), cell: (j) =>
		html`<${Badge} state=${jobState(j)}
		note=${j.state === "active" && j.stage ? j.stage : j.outcome &&
			j.outcome !== "passed" && j.stage ? `in ${j.stage}` : null} />` },
	{ key: "name", title: "Name", cls: "name", sort: (j) => j.name, cell: (j) =>
		html`<a href=${`/jobs/${j.id}`} tabindex="-1">${visible(j.name || "(no name)")}
		</a>` },
	{ key: "board", title: "Board", min: 2, cls: "fixed", sort: boardText, cell: (j) =>
		visible(boardText(j)) },
	{ key: "why", title: "Why", cls: "why", cell: (j) =>
		html`<span class="clip" title=${visible(why(j))}>${visible(why(j))}</span>` },
	{ key: "labels", title: "Labels", min: 4, cell: (j) =>
		html`<${Labels} labels=${j.labels} short />` },
	{ key: "took", title: "Took", num: true, min: 2, sort: (j) => j.started_at ?
		since(j.started_at, j.finished_at) : null, cell: (j) => took(j) },
	{ key: "created", title: "Submitted", num: true, sort: (j) => j.created_at, cell: (j) =>
		html`<${Ago} when=${j.created_at} />` },
];

export const FIRST_JOB = "hilda submit job.json --image firmware.elf --watch";

export function NoJobsYet() {
	return html`<${Empty} title="No job has been submitted yet.">
		<p>Send a firmware image with the command line:</p>
		<${Code}>${FIRST_JOB}</${Code}>
			<p>or fill in <a href="/submit">the form</a>, which also shows the call as curl.</p></${Empty}>`;
}

function Filters({ query }) {
	const state = query.get("state") ?? "";
	const labels = [...query].filter(([key]) => key.startsWith("label."));
	const addLabel = (event) => {
		const m = /^\s*(?:label\.)?([\w.-]+)\s*[=:]\s*(.+?)\s*$/.exec(event.target.value);
		if (m) {
			event.target.value = "";
			setQuery({ [`label.${m[1]}`]: m[2], after: null });
		}
	};
	return html`<div class="filters" role="search" aria-label="Filter jobs">
		<input type="search" data-filter placeholder="Name contains  ( / )"
			aria-label="Name contains" value=${query.get("q") ?? ""}
			onInput=${(e) => setQuery({ q: e.target.value }, { replace: true })} />
		<div class="segments" role="group" aria-label="State">
			<button type="button" aria-pressed=${state === "" ? "true" : "false"}
			onClick=${() => setQuery({ state: null, after: null })}>all</button>
				${STATES.map((s) => html`<button type="button" key=${s}
			aria-pressed=${state === s ? "true" : "false"}
				onClick=${() => setQuery({ state: s, after: null })}>
				<${Glyph} state=${s} />${stateWord(s)}</button>`)}</div>
		<input type="text" placeholder="Board" aria-label="Board name"
			value=${query.get("board") ?? ""}
			onChange=${(e) => setQuery({ board: e.target.value.trim(), after:
				null })} />
		<input type="text" placeholder="Label, e.g. model=tiny"
			aria-label="Add a label filter, key=value" onChange=${addLabel} />
		${labels.map(([key, value]) => html`<button type="button" class="chip" key=${key}
			onClick=${() => setQuery({ [key]: null, after: null })}
			aria-label=${`Remove the filter ${key}=${value}`}>
				${visible(key.slice(6))} = ${visible(value)} <span
				aria-hidden="true">×</span></button>`)}
	</div>`;
}

export default function Jobs({ query }) {
	const ask = new URLSearchParams({ limit: PAGE });
	for (const [key, value] of query)
		if (["state", "board", "after"].includes(key) || key.startsWith("label."))
			ask.set(key, value);
	const resource = useResource(withQuery("/jobs", ask), (e) => e.name === "job");
	const words = (query.get("q") ?? "").toLowerCase();
	const filtered = [...query].some(([key]) => key !== "sort");

	return html`<${Page} title="Jobs"
		aside=${html`<a class="button primary" href="/submit">Submit a job</a>`}>
		<${Filters} query=${query} />
		<${Loaded} resource=${resource} what="Loading the jobs">${({ items, next }) => {
			const rows = words ? items.filter((j) =>
				(j.name ?? "").toLowerCase().includes(words)) : items;
			if (!rows.length && !filtered)
				return html`<${NoJobsYet} />`;
			if (!rows.length)
				return html`<${Empty} title="No job matches these filters."><p>
					<a href="/jobs">Show all jobs</a></p></${Empty}>`;
			return html`<${Table} caption="Jobs" columns=${JOB_COLUMNS} rows=${rows}
				rowKey=${(j) => j.id} order=${query.get("sort")}
				rowClass=${(j) => isOver(j) || j.state === "queued" ? null :
					"running"} />
			<nav class="pager" aria-label="Pages of the list"><span class="muted">
				${rows.length} shown</span>${
				query.get("after") ? html`<button type="button"
					onClick=${() => setQuery({ after:
					null })}>Newest</button>` : null}${
				next ? html`<button type="button"
					onClick=${() => setQuery({ after: next })}>Older</button>` :
					null}</nav>`;
		}}</${Loaded}></${Page}>`;
}
