/* What the server starts by itself: when each schedule is due, and what came of its last time. */
import { html, useState } from "../lib/dom.mjs";
import { send, useResource } from "../lib/api.mjs";
import { stamp, visible } from "../lib/format.mjs";
import { Ago, Code, Empty, Failure, Loaded, Page } from "../lib/parts.mjs";
import { Badge } from "../lib/states.mjs";
import { Table } from "../lib/table.mjs";
import { withQuery } from "../lib/url.mjs";
import { StartButton } from "./suites.mjs";

function Pause({ schedule, reload }) {
	const [error, setError] = useState(null);
	const action = schedule.paused ? "resume" : "pause";
	const act = () => send("PATCH", `/schedules/${schedule.id}`, { action }).then(() => {
		setError(null);
		reload();
	}, setError);
	return html`<button type="button" onClick=${act}
		aria-label=${`${schedule.paused ? "Resume" : "Pause"} schedule ${schedule.id}`}>
		${schedule.paused ? "Resume" : "Pause"}</button>
		${error ? html`<${Failure} error=${error} />` : null}`;
}

/* How its last time went; a start says nothing more unless it was late. */
function Last({ schedule }) {
	const { last, suite_run } = schedule;
	if (!last)
		return html`<span class="muted">not due yet</span>`;
	return html`<${Badge} state=${last.action} /> <${Ago} when=${last.at} />${
		last.action === "started" && suite_run ? html` <a
		href=${`/suite-runs/${suite_run}`}>run ${suite_run}</a>` : null}${
		last.detail ? html`<span class="under">${visible(last.detail)}</span>` : null}`;
}

function columns(reload) {
	return [
		{ key: "id", title: "Id", num: true, sort: (s) => s.id, cell: (s) => s.id },
		{ key: "suite", title: "Suite", cls: "name", sort: (s) => s.suite, cell: (s) => html`<a
			href=${withQuery("/suites", { suite: s.suite })}
			data-row-link>${visible(s.suite)}</a>` },
		{ key: "times", title: "Times", cell: (s) => html`<code>${visible(s.cron)}</code>
			<span class="under">${visible(s.time_zone)}</span>` },
		{ key: "next", title: "Next", sort: (s) => s.next[0], cell: (s) => s.paused
			? html`<${Badge} state="paused" />` : html`<span
			title=${s.next.map(stamp).join(", ")}>${stamp(s.next[0])}</span>` },
		{ key: "then", title: "Then", min: 3, cell: (s) => s.next.slice(1).map((t) =>
			html`<span class="under" key=${t}>${stamp(t)}</span>`) },
		{ key: "last", title: "Last", cell: (s) => html`<${Last} schedule=${s} />` },
		{ key: "act", title: html`<span class="sr-only">Actions</span>`, cell: (s) =>
			html`<${Pause} schedule=${s} reload=${reload} /> <${StartButton}
			path=${`/schedules/${s.id}/run`} label="Run now"
			title=${`Run now: schedule ${s.id}`} />` },
	];
}

export default function Schedules({ query }) {
	const resource = useResource("/schedules", (e) => e.name === "job");
	return html`<${Page} title="Schedules"
		aside=${html`<a class="button" href="/suites">Suites</a>`}
		lead="While the run before is at work, a time is skipped; what was missed is caught up once.">
		<${Loaded} resource=${resource} what="Loading the schedules">${({ items }) => items.length
		? html`<${Table} caption="Schedules" columns=${columns(resource.reload)} rows=${items}
			rowKey=${(s) => s.id} order=${query.get("sort") ?? "id"} />`
		: html`<${Empty} title="Nothing is scheduled yet."><p>Start a suite of the server every
			night:</p><${Code}>${
			'hilda schedule add nightly "30 2 * * *" --time-zone Europe/Berlin'}</${Code}>
			</${Empty}>`}</${Loaded}></${Page}>`;
}
