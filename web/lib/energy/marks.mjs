/* Words and shapes that go with every number of energy: never colour alone. */
import { html } from "../dom.mjs";
import { visible } from "../format.mjs";

export const MODELLED = "modelled: restates time, tests the pipeline; never ranked";
export const HOST_TIME = "approximate: no wire marked the window, its ends are the host's times " +
	"of command and answer";

/* A run or a result row: a virtual board's energy is modelled whatever else is known of it. */
export function isModelled({ energy_source: source, virtual }) {
	return source ? source === "modelled" : Boolean(virtual);
}

export function ModelledMark() {
	return html`<span class="mark modelled" title=${MODELLED}><svg class="glyph"
		viewBox="0 0 16 16" aria-hidden="true"><path
		d="M2 6.5c2-3 4-3 6 0s4 3 6 0M2 11.5c2-3 4-3 6 0s4 3 6 0" /></svg>modelled</span>`;
}

export function ApproximateMark() {
	return html`<span class="mark approximate" title=${HOST_TIME}><svg class="glyph"
		viewBox="0 0 16 16" aria-hidden="true"><path
		d="M8 2.7a5.3 5.3 0 1 0 0 10.6a5.3 5.3 0 1 0 0-10.6zM8 5.2V8l2 1.6" /></svg
		>approximate: host-time</span>`;
}

export function ModelledNotice() {
	return html`<div class="notice virtual"><p><strong>Modelled energy.</strong> A table of
		currents stands for the board: it restates time and tests the pipeline. It is never
		ranked, averaged or compared with what was measured.</p></div>`;
}

/* Why the run has no energy metrics, where its window is not valid. */
export function InvalidWindow({ window: w }) {
	if (!w || w.valid !== false)
		return null;
	return html`<div class="notice bad"><p class="notice-title">The measured window is not
		valid</p><p>${visible(w.why || "No reason was recorded.")}</p><p class="small">Numbers per
		inference are left out; a criterion on energy fails with this reason.</p></div>`;
}
