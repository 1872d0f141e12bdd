/* The numbers of a selection, as the server takes them from the samples themselves. */
import { html, useEffect, useState } from "../dom.mjs";
import { API, get } from "../api.mjs";
import { ModelledMark } from "../energy/marks.mjs";
import { integer, quantityText } from "../format.mjs";
import { Failure } from "../parts.mjs";
import { spanText, timeText } from "./view.mjs";

const SETTLE_MS = 120;

/* {numbers, error} of [from, to]; what is superseded is aborted. `grown` asks again. */
function useNumbers(run, selection, grown) {
	const [state, set] = useState({ key: "", numbers: null, error: null });
	const key = selection ? `${run}/${selection.join("-")}` : "";

	useEffect(() => {
		if (!key)
			return undefined;
		const abort = new AbortController();
		const [t0, t1] = selection;
		const timer = setTimeout(() => get(`/runs/${run}/trace/selection?t0=${t0}&t1=${t1}`,
			{ signal: abort.signal }).then(
			(numbers) => set({ key, numbers, error: null }),
			(error) => error.name === "AbortError" ||
				set({ key, numbers: null, error })), SETTLE_MS);
		return () => {
			clearTimeout(timer);
			abort.abort();
		};
	}, [key, grown]);
	return state.key === key ? state : { numbers: null, error: null };
}

/* Why a sum over this span is not the whole of it, in words; "" where it is. */
function doubts(n) {
	return ["lost", "invalid", "clipped"].filter((key) => n[key])
		.map((key) => `${integer(n[key])} ${key}`).join(", ");
}

function Number_({ name, value, children }) {
	return html`<div><dt>${name}</dt><dd data-number=${name}>${value}${children}</dd></div>`;
}

function Numbers({ n, modelled }) {
	const q = quantityText;
	const mark = modelled ? html` <${ModelledMark} />` : null;
	return html`<dl class="numbers">
		<${Number_} name="duration" value=${spanText(n.t1_us - n.t0_us)} />
		<${Number_} name="samples" value=${integer(n.samples)} />
		<${Number_} name="min" value=${q(n.min_uA, "uA")} />
		<${Number_} name="mean" value=${q(n.mean_uA, "uA")} />
		<${Number_} name="max" value=${q(n.max_uA, "uA")} />
		<${Number_} name="charge" value=${q(n.charge_uC, "uC")} />
		<${Number_} name="energy" value=${q(n.energy_uJ, "uJ")}>${mark}</${Number_}>
		<${Number_} name="filtered" value=${q(n.filtered_energy_uJ, "uJ")}>${mark}</${
			Number_}></dl>
		${n.complete ? null : html`<p class="warn"><strong>Incomplete:</strong> ${doubts(n) ||
			"samples are missing"}. Nothing is made up for them: charge and energy are of the
			samples that arrived.</p>`}
		${n.complete && n.clipped ? html`<p class="warn"><strong>Clipped:</strong>
			${integer(n.clipped)} samples were beyond the meter's range.</p>` : null}`;
}

/* level: of its heading, which depends on where the trace stands. */
export function Selection({ run, selection, modelled, grown, view, actions, level }) {
	const { numbers, error } = useNumbers(run, selection, grown);
	const [t0, t1] = selection ?? [view.t0, view.t1];
	const part = selection ? "selection" : "view";
	return html`<section class="trace-selection" aria-label="Selection">
		<header><${level}>${selection ? `Selection, ${timeText(t0)} to ${timeText(t1)}` :
			"No selection"}</${level}>${actions}<span class="grow"></span>
			<span class="exports"><span class="muted">Export:</span> <a
			href=${`${API}/runs/${run}/trace.csv?t0=${t0}&t1=${t1}`}>CSV of the ${part}</a> <a
			href=${`${API}/runs/${run}/trace.ppk2?t0=${t0}&t1=${t1}`}
			title="Opens in Nordic's Power Profiler">.ppk2 of the ${part}</a> <a
			href=${`${API}/runs/${run}/trace.capture`}
			title="The raw words as they came, with their metadata">raw capture</a></span></header>
		${error ? html`<${Failure} error=${error} />` : null}
		${selection ? numbers ? html`<${Numbers} n=${numbers} modelled=${modelled} />` :
			error ? null : html`<p class="muted hold">Adding up…</p>` :
			html`<p class="muted hold">Drag over the plot, click a window, or press${" "}
				<kbd>s</kbd>: the exact numbers of that span stand here.</p>`}</section>`;
}
