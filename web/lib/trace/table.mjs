/* The columns in view as a table: what the canvas shows, for those who read or copy it. */
import { html } from "../dom.mjs";
import { number } from "../format.mjs";
import { Failure, Loading } from "../parts.mjs";
import { Table } from "../table.mjs";
import { inView, useTile } from "./tiles.mjs";

export const TABLE_COLUMNS = 200;

/* The high lines of the logic port: "D0 D2". */
function lines(bits) {
	return [0, 1, 2, 3, 4, 5, 6, 7].filter((i) => bits >> i & 1).map((i) => `D${i}`).join(" ");
}

function rowsOf(tile, view) {
	const [from, to] = inView(tile, view);
	const rows = [];
	for (let i = from; i < to; i++) {
		const samples = tile.kind === "samples";
		const t0 = samples ? tile.t_us[i] : tile.t0_us + i * tile.step_us;
		const t1 = samples ? t0 + 10 : t0 + tile.step_us;
		rows.push({ t0, min: samples ? tile.uA[i] : tile.min[i], logic: tile.logic[i],
			mean: samples ? tile.uA[i] : tile.mean[i],
			max: samples ? tile.uA[i] : tile.max[i],
			gap: tile.gaps.some(([a, b]) => a < t1 && (samples ? b >= t0 : b > t0)) });
	}
	return rows;
}

function ms(us) {
	return (us / 1000).toLocaleString("en-US", { minimumFractionDigits: 2,
		maximumFractionDigits: 2 });
}

export function ColumnTable({ run, view, end }) {
	const { tile, error, again } = useTile(run, view, TABLE_COLUMNS, end, 0);
	if (error)
		return html`<${Failure} error=${error} retry=${again} />`;
	if (!tile)
		return html`<${Loading} what="Loading the columns" />`;
	const rows = rowsOf(tile, view);
	const value = (v) => v === null ? html`<span class="muted">missing</span>` :
		number(v);
	const current = (key, title) => ({ key, title: `${title}, µA`, num: true,
		cell: (r) => value(r[key]) });
	return html`<div class="tall"><${Table} rows=${rows} rowKey=${(r) => r.t0}
		caption=${tile.kind === "samples" ? "Samples in view" : "Columns in view"} columns=${[
		{ key: "t", title: "From, ms", num: true, cell: (r) => ms(r.t0) },
		...(tile.kind === "samples" ? [current("mean", "Current")] :
			[current("min", "Min"), current("mean", "Mean"), current("max", "Max")]),
		{ key: "logic", title: "High lines", cell: (r) => lines(r.logic) },
		{ key: "gap", title: "Gap", cell: (r) => r.gap ? "samples lost" : "" }]} /></div>`;
}
