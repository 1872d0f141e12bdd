/* Over how many inputs a series went, and what a virtual board's counts depend on them. */
import { html } from "./dom.mjs";
import { integer, visible } from "./format.mjs";
import { METRICS } from "./metrics.mjs";
import { Table } from "./table.mjs";

const COUNTS = ["instructions_p50_length", "instructions_p95_length", "instructions_p99_length",
	"search_instructions", "worst_instructions"];

/* Different inputs of a series' phase, or null where the firmware did not say. */
export function inputCount(run, m) {
	if (m.phase !== "warm")
		return null;
	if (m.metric.startsWith("worst_"))
		return 1;
	if (m.metric !== "latency_us" && m.metric !== "instructions")
		return null;
	return (run.phases ?? []).find((p) => p.phase === "warm")?.input_count ?? null;
}

/* "400 inputs", or with what is known "8 inputs, 400 inferences". */
export function overInputs(run, m) {
	const inputs = inputCount(run, m);
	return inputs === null ? `${integer(m.n)} inputs` :
		`${integer(inputs)} ${inputs === 1 ? "input" : "inputs"}, ${integer(m.n)} inferences`;
}

/* A virtual board's counts by length, and of the slowest input that a search found. */
export function InputCounts({ metrics }) {
	const rows = COUNTS.map((name) => metrics.find((m) => m.phase === "warm" &&
		m.metric === name)).filter(Boolean);
	if (!rows.length)
		return null;
	return html`<div class="tile-row"><h3>by input</h3><${Table} caption="Instructions by input"
		rows=${rows} rowKey=${(m) => m.metric} columns=${[
		{ key: "name", title: "Inference", cls: "name", cell: (m) =>
			html`<span title=${METRICS[m.metric]?.help ?? null}>${METRICS[m.metric]?.title ??
			visible(m.metric)}</span><span class="under">${visible(m.note ?? "")}</span>` },
		{ key: "n", title: "n", num: true, cell: (m) => integer(m.n) },
		{ key: "least", title: "Least", num: true, cell: (m) => integer(m.min) },
		{ key: "most", title: "Most observed", num: true, cell: (m) => integer(m.max) },
		{ key: "distinct", title: "Distinct", num: true, min: 2, cell: (m) =>
			integer(m.distinct) }]} /></div>`;
}
