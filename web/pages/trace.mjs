/* The trace of one run on a page of its own: every key and the wheel belong to it. */
import { html } from "../lib/dom.mjs";
import { useResource } from "../lib/api.mjs";
import { isModelled, ModelledNotice } from "../lib/energy/marks.mjs";
import { visible } from "../lib/format.mjs";
import { Ago, Page, VirtualMark } from "../lib/parts.mjs";
import { Badge, runState } from "../lib/states.mjs";
import { Trace } from "../lib/trace/trace.mjs";

function Lead({ run }) {
	if (!run)
		return null;
	return html`<${Badge} state=${runState(run)} /> <${VirtualMark} virtual=${run.virtual} />
		<span class="muted">${visible(run.board ?? "")}, <a href=${`/jobs/${run.job}?run=${run.id}`}
		>job ${run.job}</a>, <${Ago} when=${run.finished_at ?? run.created_at} /></span>`;
}

export default function TracePage({ params, query }) {
	const id = Number(params.id);
	const mine = (e) => e.name === "run" && e.data.id === id;
	const { data: run } = useResource(`/runs/${id}`, mine);
	return html`<${Page} title=${html`<span class="muted">Run ${id}</span> Current over time`}
		lead=${html`<${Lead} run=${run} />`} aside=${html`<a class="button" href=${`/runs/${id}`}
		>Results of run ${id}</a> <a class="button" href="/help#trace-keys">Keys</a>`}>
		${run?.energy_source && isModelled(run) ? html`<${ModelledNotice} />` : null}
		<${Trace} run=${id} query=${query} own
			live=${Boolean(run) && !run.outcome && !run.finished_at} /></${Page}>`;
}
