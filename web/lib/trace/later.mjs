/* A trace on another page: its parts are loaded only where there is one. */
import { html, useEffect, useState } from "../dom.mjs";
import { Failure, Loading, Panel } from "../parts.mjs";

export function TracePanel({ run, query, title = "Current", live }) {
	const [part, set] = useState({});
	useEffect(() => {
		let gone = false;
		import("./trace.mjs").then((module) => gone || set({ view: module.Trace }),
			(error) => gone || set({ error }));
		return () => {
			gone = true;
		};
	}, []);
	return html`<${Panel} title=${title} id="trace" aside=${html`<a
		href=${`/traces/${run}`}>On a page of its own</a>`}>${
		part.error ? html`<${Failure} error=${part.error} />` :
		part.view ? html`<${part.view} run=${run} query=${query} live=${live} />` :
		html`<div class="trace-wait"><${Loading} what="Loading the trace" /></div>`}</${Panel}>`;
}

/* Whether a run has, or may soon have, a trace: it measured energy, or is at it. */
export function mayHaveTrace(run) {
	return Boolean(run) && (Boolean(run.energy_source) || run.stage === "energy" ||
		(run.stages ?? []).some((s) => s.stage === "energy"));
}
