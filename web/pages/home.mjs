/* What a team looks at in the morning: what failed, what runs, which boards are down. */
import { html } from "../lib/dom.mjs";
import { useResource } from "../lib/api.mjs";
import { integer, stamp, visible } from "../lib/format.mjs";
import { Empty, Loaded, Page, Panel } from "../lib/parts.mjs";
import { Badge, Glyph, isOver, jobState, LastOutcomes } from "../lib/states.mjs";
import { Table } from "../lib/table.mjs";
import { boardState, isDown, NoBoardsYet } from "./boards.mjs";
import { boardText, JOB_COLUMNS, NoJobsYet, why } from "./jobs.mjs";

const LOOK_BACK = 200;
const SHOWN = 12;

function pick(...keys) {
	return keys.map((key) => NAMED[key] ?? JOB_COLUMNS.find((c) => c.key === key)).map(({ sort,
		...column }) => column);
}
const NAMED = {
	name: { key: "name", title: "Name", cls: "name", cell: (j) =>
		html`<a href=${`/jobs/${j.id}`} tabindex="-1">${visible(j.name || "(no name)")}</a>
		<span
		class="under">${visible(boardText(j))}</span>` },
	why: { key: "why", title: "Why", cls: "why-long", cell: (j) =>
		html`<span class="clamp" title=${visible(why(j))}>${visible(why(j))}</span>` },
};
const WITH_REASON = pick("id", "state", "name", "why", "created");
const WITH_TIME = pick("id", "state", "name", "took", "created");

function Count({ state, n, words, href }) {
	return html`<a class=${`count ${n ? "" : "none"}`} href=${href}><span class="count-n">
		<${Glyph} state=${state} />${integer(n)}</span><span>${words}</span></a>`;
}

function Jobs({ title, id, jobs, more, empty, columns = WITH_REASON }) {
	return html`<div class="aligned">
		<${Panel} title=${html`${title} <span class="muted">${jobs.length}</span>`} id=${id}
		flush aside=${jobs.length > SHOWN || !empty ? html`<a href=${more}>All</a>` : null}>
		${
		jobs.length ? html`<${Table} caption=${title} columns=${columns}
			rows=${jobs.slice(0, SHOWN)} rowKey=${(j) => j.id} />` :
			html`<p class="panel-note">${empty}</p>`}</${Panel}></div>`;
}

function Down({ boards }) {
	const down = boards.filter(isDown);
	if (!boards.length)
		return html`<${NoBoardsYet} />`;
	return html`<${Panel} title=${html`Boards <span class="muted">${boards.length}</span>`}
		id="boards" aside=${html`<a href="/boards">All</a>`}>${
		down.length ? html`<p class="small">${down.length} out of service</p>` :
			html`<p class="small muted">All ${boards.length} in service</p>`}
		<ul class="board-list">${[...down, ...boards.filter((b) => !isDown(b))].slice(0,
			20).map((b) => html`<li key=${b.name}>
			<a href=${`/boards/${encodeURIComponent(b.name)}`}>${visible(b.name)}</a>
		<${Badge} state=${boardState(b)} /><div class="board-more">
			<${LastOutcomes} last=${b.last} /></div>
			${isDown(b) && b.reason ? html`<div class="muted board-more">
			${visible(b.reason)}</div>` : null}</li>`)}</ul></${Panel}>`;
}

export default function Home() {
	const jobs = useResource(`/jobs?limit=${LOOK_BACK}`, (e) => e.name === "job");
	const boards = useResource("/boards", (e) => e.name === "board" || e.name === "agent");

	return html`<${Page} title="Overview"><div class="columns"><div class="main-column">
		<${Loaded} resource=${jobs} what="Loading the jobs">${({ items, next }) => {
		if (!items.length)
			return html`<${NoJobsYet} />`;
		const failed = items.filter((j) => isOver(j) &&
			!["passed", "canceled"].includes(jobState(j)) && j.state !== "canceled" &&
			j.state !== "succeeded");
		const passed = items.filter((j) => j.state === "succeeded");
		const active = items.filter((j) => j.state === "active");
		const queued = items.filter((j) => j.state === "queued");
		return html`<p class="lead">${next ? `The last ${items.length} jobs` :
			items.length === 1 ? "The only job" :
			`All ${items.length} jobs`}, since ${stamp(items.at(-1).created_at).slice(0,
			16)} UTC</p>
			<div class="counts"><${Count} state="failed" n=${failed.length}
				words="not passed" href="/jobs?state=failed" />
				<${Count} state="active" n=${active.length} words="running"
				href="/jobs?state=active" />
			<${Count} state="queued" n=${queued.length} words="queued"
				href="/jobs?state=queued" /><${Count} state="succeeded"
				n=${passed.length} words="passed" href="/jobs?state=succeeded" />
				</div>
			${failed.length ? html`<${Jobs} title="Not passed" id="failed"
				jobs=${failed} more="/jobs?state=failed" />` : null}
			${active.length ? html`<${Jobs} title="Running" id="running"
				columns=${WITH_TIME} jobs=${active} more="/jobs?state=active" />` :
				null}
			${queued.length ? html`<${Jobs} title="Waiting" id="waiting" jobs=${queued}
				more="/jobs?state=queued" />` : null}
			<${Jobs} title="Passed" id="passed" columns=${WITH_TIME} jobs=${passed}
				more="/jobs?state=succeeded" empty="None yet." />`;
	}}</${Loaded}></div><div class="side-column"><${Loaded} resource=${boards}
		what="Loading the boards">${({ items }) => html`<${Down} boards=${items} />`}
		</${Loaded}></div></div></${Page}>`;
}
