/* One board: what it is, what it does now, how its last runs ended, and its jobs. */
import { html } from "../lib/dom.mjs";
import { useResource } from "../lib/api.mjs";
import { visible } from "../lib/format.mjs";
import { Empty, Facts, Loaded, Page, Panel, VirtualMark } from "../lib/parts.mjs";
import { Badge, LastOutcomes } from "../lib/states.mjs";
import { Table } from "../lib/table.mjs";
import { boardReason, boardState, isDown, Service } from "./boards.mjs";
import { JOB_COLUMNS } from "./jobs.mjs";

const JOBS = 50;
const COLUMNS = JOB_COLUMNS.filter((c) => !["board", "labels"].includes(c.key)).map(({ sort,
	...column }) => column);

function kind(board) {
	return board.exec ? "a program on the agent's host" : board.virtual ? "emulated" :
		"real, with a probe and a console";
}

function Jobs({ name }) {
	const resource = useResource(`/jobs?limit=${JOBS}&board=${encodeURIComponent(name)}`, (e) =>
		e.name === "job");
	return html`<${Panel} title="Jobs" id="jobs" flush aside=${html`<a
		href=${`/jobs?board=${encodeURIComponent(name)}`}>All, with filters</a>`}>
		<${Loaded} resource=${resource} what="Loading the jobs">${({ items }) =>
		items.length ? html`<${Table} caption="Jobs of this board" columns=${COLUMNS}
			rows=${items} rowKey=${(j) => j.id} />`
			: html`<p class="panel-note">This board has run nothing yet.</p>`}
		</${Loaded}></${Panel}>`;
}

function View({ board, reload }) {
	const state = boardState(board);
	return html`<${Page} title=${html`<span class="muted">Board</span> ${visible(board.name)}`}
		lead=${html`<${Badge} state=${state} /> <${VirtualMark} virtual=${board.virtual} />
		${board.job ? html`<span class="muted"><a href=${`/jobs/${board.job}`}>job ${board.job}
		</a> ${visible(board.stage ?? "")}</span>` : null}`}
		aside=${html`<${Service} board=${board} onDone=${reload} />`}>
		${isDown(board) || boardReason(board) ? html`<div class=${isDown(board) ? "notice bad" :
		"notice"}><p class="notice-title">${state}</p><p>${visible(boardReason(board) ||
		(state === "offline" ? `Its agent, ${board.agent}, is not heard of: is hilda-agent running there?` :
		"No reason was recorded."))}</p></div>` : null}
		<div class="columns"><div class="main-column"><${Jobs} name=${board.name} /></div>
		<div class="side-column"><${Panel} title="Last ten outcomes" id="last">
		<p class="small muted">Newest on the right</p><${LastOutcomes} last=${board.last} />
			</${Panel}>
		<${Panel} title="What it is" id="facts"><${Facts} rows=${[["Type", board.type],
		["Kind", kind(board)], ["MCU", board.mcu], ["Tags", (board.tags ?? []).join(", ")],
		["Agent", board.agent], ["Probe serial", board.probe_serial],
		["PPK2 serial", board.ppk2_serial],
		["Protocols", (board.protocols ?? []).join(", ")],
		["Phases", [...new Set(board.phases ?? [])].join(", ")]]} /></${Panel}>
		</div></div></${Page}>`;
}

export default function Board({ params }) {
	const resource = useResource("/boards", (e) => e.name === "board" || e.name === "agent" ||
		e.name === "run");
	return html`<${Loaded} resource=${resource} what="Loading the board">${({ items }) => {
		const board = items.find((b) => b.name === params.name);
		return board ? html`<${View} board=${board} reload=${resource.reload} />`
			: html`<${Page} title=${visible(params.name)}><${Empty}
				title=${`No board is called ${visible(params.name)}.`}><p>
				<a href="/boards">All boards that are known</a></p></${Empty}></${Page}>`;
	}}</${Loaded}>`;
}
