/* How jobs, runs, stages and boards stand: one shape and one word each; colour only adds to them. */
import { html } from "./dom.mjs";

const SHAPES = {
	check: "M3 8.5l3.2 3.2L13 4.8",
	cross: "M4 4l8 8M12 4l-8 8",
	dot: "M8 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7z",
	ring: "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10z",
	slash: "M8 2.7a5.3 5.3 0 1 0 0 10.6a5.3 5.3 0 1 0 0-10.6zM4.4 11.6l7.2-7.2",
	warning: "M8 2.5l6 11H2zM8 6.7v3.2M8 11.6v.4",
	clock: "M8 2.7a5.3 5.3 0 1 0 0 10.6a5.3 5.3 0 1 0 0-10.6zM8 5.2V8l2 1.6",
	unequal: "M3.5 6.2h9M3.5 9.8h9M10.2 3.2l-4.4 9.6",
	query: "M5.7 6a2.3 2.3 0 1 1 3.4 2c-.8.5-1.1.9-1.1 1.7M8 12v.3",
	pause: "M5.7 4v8M10.3 4v8",
	pin: "M8 14V9.5M4.5 9.5h7L10 7V3.2H6V7z",
};

/* state -> [shape, tone, word] */
const STATES = {
	passed: ["check", "good", "passed"],
	succeeded: ["check", "good", "passed"],
	failed: ["cross", "bad", "failed"],
	infrastructure: ["warning", "bad", "infrastructure"],
	configuration: ["unequal", "bad", "configuration"],
	timeout: ["clock", "bad", "timeout"],
	canceled: ["slash", "dim", "canceled"],
	lost: ["query", "bad", "lost"],
	queued: ["ring", "dim", "queued"],
	active: ["dot", "busy", "running"],
	offered: ["ring", "busy", "offered"],
	running: ["dot", "busy", "running"],
	finishing: ["dot", "busy", "finishing"],
	done: ["check", "dim", "done"],
	released: ["slash", "dim", "released"],
	late: ["clock", "dim", "late"],
	ready: ["check", "good", "ready"],
	busy: ["dot", "busy", "busy"],
	quarantined: ["warning", "bad", "quarantined"],
	drained: ["pause", "dim", "drained"],
	reserved: ["pin", "busy", "reserved"],
	started: ["check", "good", "started"],
	skipped: ["slash", "busy", "skipped"],
	paused: ["pause", "dim", "paused"],
	offline: ["cross", "bad", "offline"],
	online: ["check", "good", "online"],
};

export function stateWord(state) {
	return STATES[state]?.[2] ?? String(state || "unknown");
}

export function Glyph({ state, label }) {
	const [shape, tone] = STATES[state] ?? ["query", "dim"];
	const filled = shape === "dot";
	return html`<svg class=${`glyph tone-${tone}${filled ? " filled" : ""}`} viewBox="0 0 16 16"
		role=${label ? "img" : null} aria-label=${label ?? null}
		aria-hidden=${label ? null : "true"}><path d=${SHAPES[shape]} /></svg>`;
}

export function Badge({ state, note }) {
	return html`<span class="badge"><${Glyph} state=${state} /><span
		>${stateWord(state)}</span>${note ? html`<span class="muted">${note}</span>` : null}
			</span>`;
}

/* What to show for a job: how it ended where it has ended, its state before. */
export function jobState(job) {
	const ended = ["succeeded", "failed", "canceled", "lost"].includes(job.state);
	return ended && job.state !== "lost" && job.outcome ? job.outcome : job.state;
}

export function isOver(job) {
	return ["succeeded", "failed", "canceled", "lost"].includes(job.state);
}

export function runState(run) {
	return run.outcome || run.state;
}

/* The last outcomes, newest on the right, each a link; `last` comes newest first. */
export function LastOutcomes({ last = [] }) {
	if (!last.length)
		return html`<span class="muted">no runs yet</span>`;
	return html`<span class="last">${[...last].reverse().map((one) => html`<a
		key=${one.run} href=${`/jobs/${one.job}?run=${one.run}`}
		title=${`job ${one.job}: ${stateWord(one.outcome)}`}><${Glyph} state=${one.outcome}
		label=${`job ${one.job} ${stateWord(one.outcome)}`} /></a>`)}</span>`;
}
