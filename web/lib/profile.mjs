/* Where the time of one inference goes, part by part: from a run of its own, never the timed one. */
import { html } from "./dom.mjs";
import { integer, quantityText, visible } from "./format.mjs";
import { Panel } from "./parts.mjs";
import { Table } from "./table.mjs";

const TITLES = { embed: "Embedding", narrow: "Into the bottleneck", qkv: "Queries, keys, values",
	attention: "Attention", project: "Projection back", "feed-forward": "Feed-forward",
	widen: "Out of the bottleneck", classify: "Pooling and classifier" };

export function ProfilePanel({ run }) {
	const phase = (run.phases ?? []).find((p) => p.phase === "profile");
	const parts = phase?.parts ?? [];
	if (!parts.length)
		return null;
	const counted = parts.every((p) => Number.isFinite(p.instructions));
	const largest = Math.max(...parts.map((p) => p.share ?? 0), 1e-9);
	const columns = [
		{ key: "part", title: "Part", cls: "name", cell: (p) => TITLES[p.part] ?? visible(p.part) },
		{ key: "layer", title: "Layer", num: true, cell: (p) => p.layer ?? "–" },
		...counted ? [{ key: "instructions", title: "Instructions, median", num: true, cell: (p) =>
			integer(p.instructions) }] : [
			{ key: "median", title: "Median", num: true, cell: (p) => quantityText(p.median_us, "us") },
			{ key: "min", title: "Smallest", num: true, min: 2, cell: (p) =>
				quantityText(p.min_us, "us") }],
		{ key: "share", title: "Share", num: true, cell: (p) => `${(100 * p.share).toFixed(1)} %` },
		{ key: "bar", title: html`<span class="sr-only">Share</span>`, min: 2, cls: "bar-cell", cell:
			(p) => html`<span class="bar" style=${{ width: `${100 * p.share / largest}%` }}></span>` },
	];
	return html`<${Panel} title="Profile" id="profile">
		<p class="small muted">Of each part over ${integer(phase.n)} inferences, in a run of its own.</p>
		<${Table} caption="Parts of an inference" rows=${parts} columns=${columns}
			rowKey=${(p) => `${p.part} ${p.layer ?? ""}`} /></${Panel}>`;
}
