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
		html`<div class="trace-wait"><${Loading} what="Loading the trace" /></div>`}
		</${Panel}>`;
}

export function hasCapture(run) {
	return run.capture_bytes > 0 && !run.capture_removed_at;
}

/* Whether a run has a trace, or will have one in a moment: it is at its energy phase. */
export function mayHaveTrace(run, live) {
	return Boolean(run) && (hasCapture(run) || (live && run.stage === "energy"));
}
