/*
 * The leaderboard's plots: the Pareto front of time, memory and accuracy, and the sweeps over length,
 * pruning and quantisation. One kind of board a figure, so that measured and virtual never share one.
 */
import { html } from "../dom.mjs";
import { number } from "../format.mjs";
import { Chart } from "./chart.mjs";

export const boardKey = (b) => `${b.board}/${b.state}`;
export const boardName = (b) => `${b.board} (${b.state})`;
const timeName = (b) => b.state === "virtual" ? "instructions" : "p50, ms";
const KIB = 1024;
const percent = (v, digits = 1) => `${(100 * v).toFixed(digits)} %`;

export function timeOf(cell) {
	return cell.state === "virtual" ? cell.instructions : cell.state === "measured" ? cell.p50_ms : null;
}

function uniqueNames(rows, name) {
	return [...new Set(rows.map(name))];
}

/* b is better than a, or as good, in all that both know, and better in one. */
function dominates(b, a) {
	const both = typeof a.accuracy === "number" && typeof b.accuracy === "number";
	const better = both ? Math.sign(b.accuracy - a.accuracy) : 0;
	return b.x <= a.x && b.y <= a.y && better >= 0 && (b.x < a.x || b.y < a.y || better > 0);
}

export function paretoPoints(rows, index, board) {
	const points = rows.flatMap((row) => {
		const cell = row.cells[index], x = timeOf(cell.warm), y = cell.memory.sram_peak_bytes;
		if (x === null || x === undefined || y === null || y === undefined)
			return [];
		const accuracy = row.accuracy.state === "not run" ? null : row.accuracy.value;
		return [{ row, x, y: y / KIB, accuracy, href: `/runs/${cell.warm.run}`, label:
			`${row.model}${accuracy === null ? "" : ` ${percent(accuracy)}`}`, title:
			`${row.title} on ${boardName(board)}: ${number(x)} ${timeName(board)}, ${number(y / KIB)} KB, ` +
			`${accuracy === null ? "accuracy not run" : percent(accuracy, 2)}` }];
	});
	return points.map((p) => ({ ...p, faded: points.some((other) => other !== p && dominates(other, p)) }));
}

export function Pareto({ rows, boards, board }) {
	const points = paretoPoints(rows, boards.findIndex((b) => boardKey(b) === boardKey(board)), board);
	const front = points.filter((p) => !p.faded);
	const series = uniqueNames(points.map((p) => p.row), (r) => r.quant ?? "?").map((quant) => ({
		name: quant, points: points.filter((p) => (p.row.quant ?? "?") === quant) }));
	return html`<${Chart} title=${`Latency, memory, accuracy: ${boardName(board)}`}
		summary=${`${points.length} models; not dominated: ${front.map((p) => p.row.title).join(", ") || "none"}.`}
		x=${board.state === "virtual" ? "instructions of one inference" : "latency p50, ms"}
		y="total SRAM, KB" series=${series} />`;
}

function crossingMarks(crossings, board, of) {
	return crossings.filter((c) => c.of === of && boardKey(c) === boardKey(board) &&
		c.crosses_at_tokens !== null).map((c) => ({ x: c.crosses_at_tokens, label:
		`${[c.attention, c.variant].filter(Boolean).join(" ")} crosses at ${Math.round(c.crosses_at_tokens)}` }));
}

const seriesName = (p) => [p.attention, p.variant, p.quant, p.kernel].filter(Boolean).join(" ");

/* Time and arena against tokens. */
export function SequenceSweep({ points, crossings, board }) {
	const here = points.filter((p) => boardKey(p) === boardKey(board));
	const series = (value) => uniqueNames(here, seriesName).map((name) => ({ name, line: true, points:
		here.filter((p) => seriesName(p) === name).sort((a, b) => a.length_tokens - b.length_tokens).map((p) =>
			({ x: p.length_tokens, y: value(p), title: p.title })) }));
	const kib = (p) => p.arena_bytes === null ? null : p.arena_bytes / KIB;
	return html`<div class="plots">
		<${Chart} title="Time over length" summary=${`On ${boardName(board)}.`} x="tokens"
			y=${board.state === "virtual" ? "instructions of one inference" : "latency p50, ms"} logX=${true}
			logY=${true} series=${series((p) => p.time)}
			marks=${crossingMarks(crossings, board, "time")} />
		<${Chart} title="Activation memory over length" summary=${`On ${boardName(board)}.`} x="tokens"
			y="arena, KB" logX=${true} logY=${true} series=${series(kib)}
			marks=${crossingMarks(crossings, board, "arena_bytes")} /></div>`;
}

/* Heads or feed-forward width gone -> what is left of time and weights, and the points of accuracy. */
export function PruningSweep({ savings, board }) {
	const here = savings.filter((s) => s.kind === "pruning" && boardKey(s) === boardKey(board));
	const groups = [["heads", "attention heads pruned"], ["ff", "percent of the feed-forward width pruned"]];
	return html`<div class="plots">${groups.map(([key, words]) => {
		const rows = here.filter((s) => s[key] !== null && (key === "heads" || s.heads === null));
		const line = (name, value, start) => uniqueNames(rows, (s) => `${s.from_model} ${s.quant ?? ""}`).map((model) =>
			({ name: `${name}, ${model}`, line: true, points: [{ x: 0, y: start, title: model }, ...rows.filter((s) =>
				`${s.from_model} ${s.quant ?? ""}` === model).map((s) => ({ x: Number(s[key]), y: value(s), title:
				s.title })).sort((a, b) => a.x - b.x)] }));
		const left = (ratio) => ratio === null ? null : 100 * ratio;
		return html`<${Chart} key=${`${key}-size`} title="What is left" summary=${`On ${boardName(board)}.`}
				x=${words} y="% of the whole model" logX=${false} logY=${false} series=${rows.length ? [
				...line(board.state === "virtual" ? "instructions" : "time", (s) => left(s.time_ratio), 100),
				...line("weights", (s) => left(s.weights_ratio), 100)] : []} />
			<${Chart} key=${`${key}-points`} title="What it costs" summary="Accuracy or F1 against the whole model."
				x=${words} y="points" logX=${false} logY=${false} series=${rows.some((s) => s.points !== null) ?
				line("points", (s) => s.points, 0) : []} />`;
	})}</div>`;
}

/* Each model's way from float32 over int8 to int4: weights against accuracy. */
export function QuantisationSweep({ rows }) {
	const scored = rows.filter((r) => r.accuracy.state !== "not run" && r.weights_bytes !== null && !r.base);
	const series = uniqueNames(scored, (r) => r.model).map((model) => ({ name: model, line: true, points:
		scored.filter((r) => r.model === model && !r.kernel).map((r) => ({ x: r.weights_bytes / KIB, y:
			100 * r.accuracy.value, label: r.quant, title: `${r.title}: ${percent(r.accuracy.value, 2)}` }))
			.sort((a, b) => a.x - b.x) }));
	return html`<${Chart} title="Weights against accuracy" summary="float32, int8 and int4 of each model."
		x="weights, KB" y="accuracy or F1, %" logY=${false} series=${series} />`;
}
