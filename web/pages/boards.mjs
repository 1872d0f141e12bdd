/* The fleet: what each board does, its recent past, and taking one out of service with a reason. */
import { html, useRef, useState } from "../lib/dom.mjs";
import { send, useResource } from "../lib/api.mjs";
import { stamp, visible } from "../lib/format.mjs";
import { Code, Empty, Failure, Loaded, Page, VirtualMark } from "../lib/parts.mjs";
import { Badge, Glyph, LastOutcomes } from "../lib/states.mjs";
import { Table } from "../lib/table.mjs";
import { setQuery } from "../lib/url.mjs";

export function boardState(board) {
	return board.online === false ? "offline" : board.state;
}

export function isDown(board) {
	return board.online === false || ["quarantined", "drained"].includes(board.state);
}

/* Whose it is and until when, also while its job runs; otherwise what the server or its agent says. */
export function boardReason(board) {
	if (board.hold !== "reserved" || board.online === false)
		return board.reason ?? "";
	return `reserved${board.hold_owner ? ` by ${board.hold_owner}` : ""}${board.hold_until ?
		` until ${stamp(board.hold_until)}` : ""}: ${board.hold_reason}`;
}

/* Takes a board out of service, or brings it back; the reason is what the next person reads. */
export function Service({ board, onDone }) {
	const dialog = useRef(null);
	const [reason, setReason] = useState("");
	const [error, setError] = useState(null);
	const out = board.state === "drained" || board.state === "reserved";
	const act = async (action) => {
		try {
			await send("PATCH", `/boards/${encodeURIComponent(board.name)}`,
				{ action, reason });
			setError(null);
			setReason("");
			dialog.current?.close();
			onDone();
		} catch (e) {
			setError(e);
			if (!dialog.current.open)
				dialog.current.showModal();
		}
	};
	const submit = (event) => {
		event.preventDefault();
		act("drain");
	};
	return html`${out ? html`<button type="button" aria-label=${`Release ${board.name}`}
		onClick=${() => act("release")}>Release</button>`
		: html`<button type="button" aria-label=${`Drain ${board.name}`}
			onClick=${() => dialog.current.showModal()}>Drain</button>`}
		<dialog ref=${dialog} aria-label=${`Drain ${board.name}`}><form onSubmit=${submit}>
			<h2>${out ? "Release" : "Drain"} ${visible(board.name)}</h2>
		${error ? html`<${Failure} error=${error} />` : null}
		${out ? null : html`<p>What runs on it now is finished; no new job is given to it until it is released.</p>
		<label>Reason, for whoever looks at the board next<input type="text" required
			maxlength="200" value=${reason}
			onInput=${(e) => setReason(e.target.value)} /></label>`}
		<div class="buttons"><button type="button"
			onClick=${() => dialog.current.close()}>Leave it</button>
		${out ? null : html`<button type="submit" class="primary">Drain</button>`}</div>
			</form></dialog>`;
}

function columns(reload) {
	return [
		{ key: "name", title: "Board", cls: "name", sort: (b) => b.name, cell: (b) =>
			html`<a href=${`/boards/${encodeURIComponent(b.name)}`} id=${b.name}
			data-row-link>${visible(b.name)}</a> <${VirtualMark} virtual=${b.virtual} />
			${
			b.exec ? html`<span class="mark">program</span>` : null}` },
		{ key: "state", title: "State", sort: boardState, cell: (b) =>
			html`<${Badge} state=${boardState(b)} />` },
		{ key: "now", title: "Now", cls: "why", cell: (b) => b.job ?
			html`<a href=${`/jobs/${b.job}`}>job ${b.job}</a> <span class="muted">
			${visible(b.stage ?? "")}${b.hold === "reserved" ?
				visible(`, then ${boardReason(b)}`) : ""}</span>`
			: html`<span class="clip muted" title=${visible(boardReason(b))}>
				${visible(boardReason(b) || "–")}</span>` },
		{ key: "last", title: "Last ten", cell: (b) =>
			html`<${LastOutcomes} last=${b.last} />` },
		{ key: "type", title: "Type", min: 2, cls: "fixed", sort: (b) => b.type, cell:
			(b) => visible(b.type) },
		{ key: "mcu", title: "MCU", min: 3, cls: "fixed", sort: (b) => b.mcu, cell: (b) =>
			visible(b.mcu ?? "") },
		{ key: "ppk2", title: "PPK2", min: 3, cls: "fixed", sort: (b) => b.ppk2_serial, cell:
			(b) => b.ppk2_serial ? html`<code>${visible(b.ppk2_serial)}</code>` :
			html`<span class="muted">–</span>` },
		{ key: "tags", title: "Tags", min: 3, cell: (b) => html`<span class="labels">
			${(b.tags ?? []).map((t) => html`<span class="label" key=${t}>${visible(t)}
			</span>`)}</span>` },
		{ key: "agent", title: "Agent", min: 2, cls: "fixed", sort: (b) => b.agent, cell:
			(b) => visible(b.agent ?? "") },
		{ key: "act", title: html`<span class="sr-only">Service</span>`, cell: (b) =>
			html`<${Service} board=${b} onDone=${reload} />` },
	];
}

export function NoBoardsYet() {
	return html`<${Empty} title="No board is known yet.">
		<p>Boards come from agents. On the machine that they are plugged into, this prints the sections for
		agent.ini, and then serves them:</p>
		<${Code}>${"hilda-agent discover\nhilda-agent --config agent.ini"}</${Code}>
			</${Empty}>`;
}

export default function Boards({ query }) {
	const resource = useResource("/boards", (e) => e.name === "board" || e.name === "agent" ||
		e.name === "run");
	const words = (query.get("q") ?? "").toLowerCase();
	const only = query.get("state") ?? "";

	return html`<${Page} title="Boards"><${Loaded} resource=${resource}
		what="Loading the boards">${({ items }) => {
		if (!items.length)
			return html`<${NoBoardsYet} />`;
		const present = [...new Set(items.map(boardState))];
		const rows = items.filter((b) => (!only || boardState(b) === only) &&
			(!words || [b.name, b.type, b.agent, b.mcu,
				...(b.tags ?? [])].join(" ").toLowerCase().includes(words)));
		return html`<div class="filters" role="search" aria-label="Filter boards">
			<input type="search" data-filter placeholder="Name, type, tag  ( / )"
			aria-label="Name, type, tag or agent"
			value=${query.get("q") ?? ""}
				onInput=${(e) => setQuery({ q: e.target.value },
				{ replace: true })} />
			<div class="segments" role="group" aria-label="State">
				<button type="button" aria-pressed=${only === "" ? "true" : "false"}
				onClick=${() => setQuery({ state: null })}>all ${items.length}
				</button>${
			present.map((s) => html`<button type="button" key=${s}
				aria-pressed=${only === s ? "true" : "false"}
				onClick=${() => setQuery({ state: s })}><${Glyph} state=${s} />
				${s} ${items.filter((b) => boardState(b) === s).length}</button>`)}
				</div></div>
			${rows.length ? html`<${Table} caption="Boards"
				columns=${columns(resource.reload)} rows=${rows}
				rowKey=${(b) => b.name} order=${query.get("sort") ?? "name"}
				rowClass=${(b) => isDown(b) ? "down" : null} />`
				: html`<${Empty} title="No board matches these filters."><p>
					<a href="/boards">Show all boards</a></p></${Empty}>`}`;
	}}</${Loaded}></${Page}>`;
}
