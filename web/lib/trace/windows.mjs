/* The inference windows as rows, most energy first; each is a link to its view. */
import { html } from "../dom.mjs";
import { ModelledMark } from "../energy/marks.mjs";
import { integer, number, quantityText, scaleFor } from "../format.mjs";
import { Panel } from "../parts.mjs";
import { Table } from "../table.mjs";
import { around, queryOf, spanText, timeText } from "./view.mjs";

const ROWS = 20;

export function WindowTable({ run, windows, end, log, modelled }) {
	const { batches, worst } = windows;
	if (!batches.length)
		return null;
	const rows = batches.map((b, i) => ({ ...b, i })).sort((a, b) =>
		(b.energy_uJ ?? -1) - (a.energy_uJ ?? -1)).slice(0, ROWS);
	const scale = scaleFor("uJ", rows[0].energy_uJ);
	const href = (b) => `/traces/${run}?${new URLSearchParams({
		...queryOf(around(b, end), [b.t0_us, b.t1_us]), ...(log ? { log: "1" } : {}) })}`;
	const title = batches.length > ROWS ?
		`The ${ROWS} windows with most energy, of ${integer(batches.length)}` :
		"Inference windows by energy";
	return html`<${Panel} title=${title} id="windows" flush aside=${modelled ?
		html`<${ModelledMark} />` : null}><${Table} caption="Table of inference windows"
		rows=${rows} rowKey=${(b) => b.n} columns=${[
		{ key: "n", title: "Window", num: true, cell: (b) => html`<a href=${href(b)}
			data-row-link>${b.i + 1}</a>` },
		{ key: "from", title: "From", num: true, cell: (b) => timeText(b.t0_us) },
		{ key: "long", title: "Length", num: true, cell: (b) =>
			spanText(b.t1_us - b.t0_us) },
		{ key: "energy", title: `Energy per inference, ${scale.unit}`, num: true,
			cell: (b) => number(b.energy_uJ === null ? null : b.energy_uJ / scale.divide) },
		{ key: "mean", title: "Mean current", num: true, cell: (b) =>
			quantityText(b.mean_uA, "uA") },
		{ key: "note", title: "Note", cls: "why", cell: (b) => [b.i === worst ? "worst" : "",
			b.complete ? "" : "incomplete: samples are missing"].filter(Boolean).join(", ") },
	]} /></${Panel}>`;
}
