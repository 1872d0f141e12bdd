/* The suites that the server keeps, and their runs. */
import { html, useState } from "../lib/dom.mjs";
import { send, useResource } from "../lib/api.mjs";
import { visible } from "../lib/format.mjs";
import { Ago, Code, Empty, Failure, Loaded, Page, Panel } from "../lib/parts.mjs";
import { Badge } from "../lib/states.mjs";
import { RowLink, Table } from "../lib/table.mjs";
import { go, withQuery } from "../lib/url.mjs";

export function passedText(run) {
	return `${run.cells_passed} of ${run.cells_total}`;
}

/* What a suite's document says of its old runs, in words; null where it says nothing. */
export function keepText(keep) {
	if (!keep)
		return null;
	const runs = keep.runs && (keep.runs === 1 ? "the newest finished run"
		: `the ${keep.runs} newest finished runs`);
	const days = keep.days && `${keep.days} ${keep.days === 1 ? "day" : "days"}`;
	if (runs && days)
		return `Kept are ${runs}, for ${days} after their end.`;
	if (runs)
		return `Kept ${keep.runs === 1 ? "is" : "are"} ${runs}.`;
	return days ? `Kept are runs for ${days} after their end, the newest finished one for good.`
		: "Kept are all runs.";
}

function Keep({ suite }) {
	const { data } = useResource(`/suites/${encodeURIComponent(suite)}`, () => false);
	const text = keepText(data?.document?.keep);
	return text ? html`<p class="muted" id="keep">${text}</p>` : null;
}

/* Starts something and turns to the run that it began. */
export function StartButton({ path, label, title }) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState(null);
	const start = () => {
		setBusy(true);
		setError(null);
		send("POST", path).then((run) => go(`/suite-runs/${run.id ?? run.suite_run}`),
			(e) => {
			setError(e);
			setBusy(false);
		});
	};
	return html`<button type="button" disabled=${busy} onClick=${start}
		aria-label=${title}>${label}</button>
		${error ? html`<${Failure} error=${error} />` : null}`;
}

const RUN_COLUMNS = [
	{ key: "id", title: "Run", num: true, cell: (r) =>
		html`<${RowLink} href=${`/suite-runs/${r.id}`}>${r.id}</${RowLink}>` },
	{ key: "suite", title: "Suite", cls: "name", cell: (r) => visible(r.suite) },
	{ key: "state", title: "State", cell: (r) => html`<${Badge} state=${r.state} />` },
	{ key: "passed", title: "Passed", num: true, cell: passedText },
	{ key: "by", title: "Begun by", min: 2, cell: (r) => r.schedule ?
		html`<a href="/schedules">schedule ${r.schedule}</a>` : "hand" },
	{ key: "created", title: "Begun", num: true, cell: (r) =>
		html`<${Ago} when=${r.created_at} />` },
];

const SUITE_COLUMNS = [
	{ key: "name", title: "Suite", cls: "name", sort: (s) => s.name, cell: (s) =>
		html`<${RowLink} href=${withQuery("/suites", { suite: s.name })}>${visible(s.name)}
		</${RowLink}>` },
	{ key: "cells", title: "Cells", num: true, sort: (s) => s.cells, cell: (s) => s.cells },
	{ key: "last", title: "Last run", cell: (s) => s.last_run ? html`<a
		href=${`/suite-runs/${s.last_run.id}`}><${Badge} state=${s.last_run.state}
		note=${passedText(s.last_run)} /></a>` : html`<span class="muted">never run</span>` },
	{ key: "updated", title: "Put here", num: true, min: 2, sort: (s) => s.updated_at, cell:
		(s) => html`<${Ago} when=${s.updated_at} />` },
	{ key: "act", title: html`<span class="sr-only">Run</span>`, cell: (s) =>
		html`<${StartButton} path=${`/suites/${encodeURIComponent(s.name)}/runs`}
		label="Run now" title=${`Run now: ${visible(s.name)}`} />` },
];

export function NoSuitesYet() {
	return html`<${Empty} title="The server keeps no suite yet.">
		<p>A suite is a matrix of jobs. Build it, and put it on the server for schedules:</p>
		<${Code}>${"hilda suite put nightly.json"}</${Code}></${Empty}>`;
}

export default function Suites({ query }) {
	const suites = useResource("/suites", (e) => e.name === "job");
	const only = query.get("suite");
	const ask = { limit: 50 };
	if (only)
		ask.suite = only;
	const runs = useResource(withQuery("/suite-runs", ask), (e) => e.name === "job");

	return html`<${Page} title="Suites"
		aside=${html`<a class="button" href="/schedules">Schedules</a>`}>
		<${Loaded} resource=${suites} what="Loading the suites">${({ items }) => items.length
		? html`<${Table} caption="Suites" columns=${SUITE_COLUMNS} rows=${items}
			rowKey=${(s) => s.name} order=${query.get("sort") ?? "name"} />`
		: html`<${NoSuitesYet} />`}</${Loaded}>
		${only ? html`<${Keep} key=${only} suite=${only} />` : null}
		<${Loaded} resource=${runs} what="Loading the runs">${({ items }) => items.length
		? html`<${Panel} title=${only ? html`Runs of ${visible(only)}` : "Runs"} id="runs" flush
			aside=${only ? html`<a href="/suites">Of all suites</a>` : null}>
			<${Table} caption="Runs of suites" columns=${RUN_COLUMNS} rows=${items}
			rowKey=${(r) => r.id} /></${Panel}>` : null}</${Loaded}></${Page}>`;
}
