/* The leaderboard's four tables as columns of web/lib/table.mjs. What is modelled has no place in an order. */
import { ModelledMark } from "../energy/marks.mjs";
import { html } from "../dom.mjs";
import { integer, number, visible } from "../format.mjs";
import { RowLink } from "../table.mjs";
import { boardKey } from "./plots.mjs";

const KIB = 1024;
const notRun = html`<span class="muted">not run</span>`;
const nameOf = (board) => `${board.board}${board.state === "virtual" ? " (virtual)" : ""}`;
const known = (v) => v !== null && v !== undefined;
const link = (run, words) => html`<a href=${`/runs/${run}`}>${words}</a>`;

const model = [
	{ key: "task", title: "Task", min: 2, sort: (r) => r.task, cell: (r) => visible(r.task ?? "") },
	{ key: "model", title: "Model", cls: "name", sort: (r) => r.title, cell: (r) => html`<span>${visible(r.model)}</span>
		${" "}<span class="muted">${visible(r.title.slice(r.model.length).trim())}</span>` },
];

const kib = (key, title, help, value, mark = () => null) => ({ key, title, unit: "KB", num: true, help, sort: value,
	cell: (r) => known(value(r)) ? html`${number(value(r))}${mark(r)}` : notRun });
const wideMark = (r) => r.float32_state === "modelled" ? html` <span class="mark"
	title="computed from the network's shape: four bytes a number">modelled</span>` : null;

function measuredTime(board, i, phase) {
	const cell = (r) => r.cells[i][phase];
	const column = (name, title, unit, help) => ({ key: `${boardKey(board)}-${name}`, title: `${board.board} ${title}`,
		unit, num: true, help, sort: (r) => cell(r)[name] ?? null, cell: (r) => {
			const c = cell(r);
			if (c.state === "not run")
				return notRun;
			if (known(c[name]))
				return link(c.run, number(c[name]));
			return name === "throughput_ips" ? html`<span class="muted">–</span>` : html`<span class="muted"
				title="n cannot carry this quantile's 95 % interval">n = ${c.n}</span>`;
		} });
	const shown = [column("p50_ms", "p50", "ms", "Median latency; needs n of 6."),
		column("p95_ms", "p95", "ms", "95 % of the inferences take no longer; needs n of 72.")];
	return phase === "warm" ? [...shown, column("throughput_ips", "", "1/s",
		"Inferences by the time of the whole window.")] : shown;
}

function virtualTime(board, i, phase) {
	const cell = (r) => r.cells[i][phase];
	return [{ key: `${boardKey(board)}-time`, title: nameOf(board), unit: "instructions", num: true,
		help: "virtual: guest instructions of one inference", sort: (r) => cell(r).instructions ?? null,
		cell: (r) => {
			const c = cell(r);
			if (c.state === "not run")
				return notRun;
			return html`${link(c.run, integer(c.instructions))}<span class="under"
				title="at 1 instruction per tick: a convenience, no time of any silicon">${number(
				c.ms_at_1_per_tick)} ms${c.distinct > 1 ? `, ${c.distinct} counts` : ""}</span>`;
		} }];
}

export function timeColumns(boards, phase) {
	return [...model, ...boards.flatMap((board, i) => board.state === "virtual" ?
		virtualTime(board, i, phase) : measuredTime(board, i, phase))];
}

export function memoryColumns(boards) {
	const by = (key) => (r) => known(r[key]) ? r[key] / KIB : null;
	return [...model,
		kib("weights", "Weights", "Embeddings are weights.", by("weights_bytes")),
		kib("weights32", "in float32", "Of the same model in float32.", by("float32_weights_bytes"), wideMark),
		kib("arena", "Activation peak", "Bytes of the arena that were used.", by("arena_bytes")),
		kib("arena32", "in float32", "Of the same model in float32.", by("float32_arena_bytes"), wideMark),
		...boards.map((board, i) => {
			const value = (r) => known(r.cells[i].memory.sram_peak_bytes) ?
				r.cells[i].memory.sram_peak_bytes / KIB : null;
			return { key: `${boardKey(board)}-sram`, title: `SRAM ${nameOf(board)}`, unit: "KB", num: true,
				help: `data + bss + deepest stack + largest heap; ${board.state}`, sort: value,
				cell: (r) => known(value(r)) ? link(r.cells[i].memory.run, number(value(r))) : notRun };
		})];
}

export function energyColumns(rows, boards) {
	return [...model, ...boards.map((board, i) => {
		const value = (r) => r.cells[i].energy.ranked ? r.cells[i].energy.energy_mJ : null;
		return { key: `${boardKey(board)}-energy`, title: nameOf(board), unit: "mJ", num: true,
			help: "Gross energy of one inference.", sort: rows.some((r) => known(value(r))) ? value : null,
			cell: (r) => {
				const c = r.cells[i].energy;
				if (c.state === "not run")
					return notRun;
				return html`${link(c.run, number(c.energy_mJ))}${c.state === "modelled" ? html` <${ModelledMark} />`
					: c.ranked ? null : html` <span class="mark approximate">debugger attached</span>`}`;
			} };
	})];
}

const points = (v) => known(v) ? `${v > 0 ? "+" : ""}${v.toFixed(2)}` : "–";
const share = (v) => (100 * v).toFixed(2);

function agreementOf(r, boards) {
	const told = boards.map((b, i) => ({ b, a: r.cells[i].agreement })).filter(({ a }) => a.state !== "not run");
	return told.length ? told.map(({ b, a }) => html`<span class="under" key=${boardKey(b)}>${
		link(a.run, `${a.equal} of ${a.n}`)} ${visible(b.board)}</span>`) : notRun;
}

export function accuracyColumns(boards) {
	const a = (r) => r.accuracy, there = (r) => r.accuracy.state !== "not run";
	return [...model,
		{ key: "rank", title: "Rank", num: true, help: "Equal where the difference is within the spread of the seeds.",
			sort: (r) => a(r).rank, cell: (r) => known(a(r).rank) ? a(r).rank : html`<span class="muted">–</span>` },
		{ key: "value", title: "Accuracy or F1", unit: "%", num: true, sort: (r) => a(r).value ?? null, cell: (r) =>
			there(r) ? html`<${RowLink} href=${`/runs/${a(r).run}`}>${share(a(r).value)}</${RowLink}>${
			a(r).metric === "f1" ? " F1" : ""}${a(r).state === "virtual" ? html` <span class="mark">virtual</span>` : null}` :
			notRun },
		{ key: "interval", title: "95 %", num: true, min: 2, help: "Wilson; of F1 as the run says.", cell: (r) =>
			there(r) && known(a(r).lo) ? `${share(a(r).lo)} to ${share(a(r).hi)}` : "–" },
		{ key: "n", title: "n", num: true, sort: (r) => a(r).n ?? null, cell: (r) => there(r) ? integer(a(r).n) : "–" },
		{ key: "drop", title: "Below float32 full", unit: "points", num: true, help:
			"Against the task's full attention in float32; lost and won: samples that only one of the two has right.", sort: (r) =>
			a(r).drop_points ?? null, cell: (r) => html`${points(a(r).drop_points)}${known(a(r).drop_lo_points) ?
			html`<span class="under">${points(a(r).drop_lo_points)} to ${points(a(r).drop_hi_points)}${
			known(a(r).lost) ? html`; <span title=${`McNemar: p = ${a(r).flips_p.toPrecision(2)}`}>${a(r).lost} lost,
			${" "}${a(r).won} won</span>` : null}</span>` : null}` },
		{ key: "seeds", title: "Seeds", unit: "mean ± deviation", num: true, min: 2, cell: (r) => a(r).seeds ?
			`${share(a(r).seeds_mean)} ± ${known(a(r).seeds_sd) ? share(a(r).seeds_sd) : "–"} (${a(r).seeds})` : "–" },
		{ key: "agreement", title: "Equal on the device", num: true, min: 2, help:
			"Predictions equal to the host build's.", cell: (r) => agreementOf(r, boards) }];
}
