/* One job: how far it is, why it waits or failed, its log as it comes, and the board's recent past. */
import { html, useState } from "../lib/dom.mjs";
import { send, useResource } from "../lib/api.mjs";
import { duration, shortHash, since, stamp, visible } from "../lib/format.mjs";
import { LogView } from "../lib/logview.mjs";
import { Ago, Facts, Failure, Labels, Loaded, Page, Panel, StopButton, useNow,
	VirtualMark } from "../lib/parts.mjs";
import { Badge, Glyph, isOver, jobState, LastOutcomes, runState,
	stateWord } from "../lib/states.mjs";
import { mayHaveTrace, TracePanel } from "../lib/trace/later.mjs";
import { go, setQuery } from "../lib/url.mjs";
import { wanted, why } from "./jobs.mjs";

const STAGES = ["flash", "boot", "cold", "warm", "energy", "accuracy", "memory", "profile",
	"sustained", "collect"];
const MEASURED = STAGES.slice(2, -1);

/* What will be done: the phases the document asks for, and whatever was done besides. */
function plan(job, run) {
	const asked = job.document?.phases ?? {};
	const done = new Set((run?.stages ?? []).map((s) => s.stage));
	return STAGES.filter((s) => !MEASURED.includes(s) || asked[s] || done.has(s) ||
		run?.stage === s);
}

function timeline(job, run, now) {
	const over = isOver(job);
	const start = run?.started_at ?? job.started_at;
	const steps = [{
		stage: "queued",
		state: start ? "passed" : over ? "canceled" : "active",
		ms: since(job.created_at, start ?? (over ? job.finished_at : now)),
	}];
	const names = plan(job, run);
	const ended = Boolean(run?.outcome) || over;
	const current = run?.stage || job.stage;
	const at = names.indexOf(current);
	for (const [i, stage] of names.entries()) {
		const done = run?.stages?.find((s) => s.stage === stage);
		let state = "queued";
		if (ended && stage === current && run?.outcome && run.outcome !== "passed")
			state = run.outcome;
		else if (done && done.end_ms !== null && done.end_ms !== undefined)
			state = "passed";
		else if (!ended && start && stage === current)
			state = "active";
		else if (!ended && at > i)
			state = "passed";
		else if (ended)
			state = "skipped";
		steps.push({ stage, state, ms: done && done.end_ms !== null ?
			done.end_ms - done.start_ms : null });
	}
	return steps;
}

const STEP_WORDS = { passed: "done", active: "now", queued: "to come", skipped: "not reached" };

function Timeline({ job, run }) {
	const now = useNow();
	const steps = timeline(job, run, Math.max(now, Date.now()));
	return html`<ol class="stages" aria-label="Stages" tabindex="0">
		${steps.map((s) => html`<li key=${s.stage} class=${`stage stage-${
		["passed", "active", "queued", "skipped", "canceled"].includes(s.state) ? s.state :
			"failed"}`}>
		<${Glyph} state=${s.state === "skipped" ? "released" : s.state} />
			<span class="stage-name">${s.stage}</span><span
		class="stage-note">${s.ms !== null && s.state !== "skipped" ? duration(s.ms) :
			STEP_WORDS[s.state] ?? stateWord(s.state)}</span></li>`)}</ol>`;
}

function Reason({ job, run }) {
	if (job.state === "queued")
		return html`<div class="notice"><p class="notice-title">Waiting</p><p>
			${visible(why(job) || "for the scheduler")}</p>
			${job.estimate && html`<p class="estimate">${job.estimated_start_at ?
				html`Begins about ${stamp(job.estimated_start_at)}: ` : "When it begins cannot be told: "}
				${visible(job.estimate)}</p>`}
			<p class="small"><a href="/boards">Boards of this lab</a></p></div>`;
	if (!isOver(job) || job.outcome === "passed")
		return null;
	const detail = job.detail || run?.detail;
	return html`<div class="notice bad"><p class="notice-title">
		${stateWord(jobState(job))}${job.stage ? ` in ${job.stage}` : ""}</p>
		<p>${visible(detail || "No reason was recorded.")}</p>
			${run?.fault ? html`<p><a href=${`/runs/${run.id}#fault`}>${
		visible(run.fault.kind)} at ${visible(run.fault.pc_symbol || run.fault.pc ||
			"an unknown address")}</a></p>` : null}</div>`;
}

function Actions({ job, run, onError }) {
	const rerun = async () => {
		try {
			const made = await send("POST", `/jobs/${job.id}/rerun`);
			go(`/jobs/${made.id ?? made.location?.split("/").at(-1)}`);
		} catch (error) {
			onError(error);
		}
	};
	return html`${run ? html`<a class="button" href=${`/runs/${run.id}`}>
		${run.outcome ? "Results of run" : "Run"} ${run.id}</a>` : null}
		<button type="button" onClick=${rerun}>Run again</button>
		${isOver(job) ? null : html`<${StopButton} label="Cancel job"
		question=${`Cancel job ${job.id}?`} onError=${onError}
		stop=${() => send("DELETE", `/jobs/${job.id}`)}>${job.state === "queued" ?
		"It leaves the queue." : `Its run is stopped and the board freed. What was measured so far
		is not kept.`}</${StopButton}>`}`;
}

function Attempts({ job, runs, chosen }) {
	if (!runs?.length)
		return null;
	return html`<${Panel} title="Attempts" id="attempts"><ul class="attempts">
		${runs.map((r) => html`<li key=${r.id}><a
		href=${`/jobs/${job.id}?run=${r.id}`} aria-current=${r.id === chosen ? "true" :
			null}>${r.attempt ?? r.id}</a>
		<${Badge} state=${runState(r)} /> <span class="muted">${visible(r.board ?? "")}
			</span> ${r.late ? html`<span class="mark">late</span>` : null}</li>`)}</ul>
			</${Panel}>`;
}

function BoardPast({ name }) {
	const { data } = useResource(name ? "/boards" : null, (e) => e.name === "board");
	const board = data?.items.find((b) => b.name === name);
	if (!name)
		return null;
	return html`<${Panel} title="This board" id="board"><p>
		<a href=${`/boards/${encodeURIComponent(name)}`}>${visible(name)}
		</a> ${board ? html`<${Badge}
		state=${board.online ? board.state : "offline"} />` : null}</p>
			<p class="small muted">Last ten outcomes, newest on the right</p>
		<${LastOutcomes} last=${board?.last} /></${Panel}>`;
}

function Document({ job }) {
	return html`<${Panel} title="Job document" id="document"><details><summary>Show</summary>
		<pre class="code" tabindex="0">${
		visible(JSON.stringify(job.document ?? {}, null, 2)).replaceAll("\\x0a", "\n")}
			</pre></details>
		<p class="small"><a href=${`/api/v1/jobs/${job.id}`}>As JSON</a></p></${Panel}>`;
}

function runId(run) {
	return typeof run === "object" && run ? run.id : run ?? null;
}

function View({ job, query }) {
	const [error, setError] = useState(null);
	const mine = (e) => (e.name === "run" && e.data.job === job.id) ||
		(e.name === "job" && e.data.id === job.id);
	const { data: list } = useResource(`/jobs/${job.id}/runs`, mine);
	const chosen = Number(query.get("run")) || runId(job.run);
	const { data: run } = useResource(chosen ? `/runs/${chosen}` : null, mine);
	const live = chosen === runId(job.run) ? !isOver(job) : Boolean(run) && !run.outcome &&
		!run.finished_at;
	const name = visible(job.name || "(no name)");

	return html`<${Page} title=${html`<span class="muted">Job ${job.id}</span> ${name}`}
		lead=${html`<${Badge} state=${jobState(job)} note=${job.state === "active" ?
			job.stage : null} /> <${VirtualMark} virtual=${run?.virtual} />
			<span class="muted">submitted <${Ago} when=${job.created_at} />
				${job.started_at ? html`, ${job.finished_at ? "took" :
				"running for"} ${duration(since(job.started_at,
				job.finished_at))}` : null}
				</span> <${Labels} labels=${job.labels} />`}
		aside=${html`<${Actions} job=${job} run=${run} onError=${setError} />`}>
		${error ? html`<${Failure} error=${error} />` : null}
		<${Reason} job=${job} run=${run} />
		<${Timeline} job=${job} run=${run} />
		<div class="columns"><div class="main-column"><${Panel} title="Log" id="log" flush
			aside=${run && list?.items?.length > 1 ?
			html`<span class="muted">attempt ${run.attempt}</span>` : null}>${
			chosen && (!query.get("run") || run) ?
				html`<${LogView} key=${chosen} run=${chosen} live=${live}
				query=${query} />`
			: html`<p class="log-empty">
				${isOver(job) ? "The job ended before a board took it: there is no log." : "No board has taken this job yet. Its log appears here when one does."}</p>`}</${Panel}>
			${mayHaveTrace(run, live) ? html`<${TracePanel}
				key=${`trace-${chosen}`} run=${chosen} query=${query} live=${live} />` : null}</div>
		<div class="side-column">
		<${BoardPast} name=${run?.board} />
		<${Panel} title="Job" id="facts"><${Facts} rows=${[
			["Asked for", wanted(job)], ["Agent", run?.agent],
				["Image", html`<code title=${job.image ?? ""}>
				${shortHash(job.image)}</code>`],
			["Priority", job.priority],
				["Attempts", `${job.attempts} of ${job.attempts_allowed}`],
			["Parent", job.parent ? html`<a href=${`/jobs/${job.parent}`}>${job.parent}
				</a>` : null],
			["Submitted", stamp(job.created_at)], ["Started", job.started_at &&
				stamp(job.started_at)], ["Finished", job.finished_at &&
				stamp(job.finished_at)]]} /></${Panel}>
		<${Attempts} job=${job} runs=${list?.items} chosen=${chosen} />
		<${Document} job=${job} /></div></div></${Page}>`;
}

export default function Job({ params, query }) {
	const id = Number(params.id);
	const resource = useResource(`/jobs/${id}`, (e) => (e.name === "job" && e.data.id === id) ||
		(e.name === "run" && e.data.job === id));
	return html`<${Loaded} resource=${resource} what=${`Loading job ${id}`}>
		${(job) => html`<${View} job=${job} query=${query} />`}</${Loaded}>`;
}
