/* Definitions of every number, the words for how things end, and the keys. */
import { html } from "../lib/dom.mjs";
import { SHORTCUTS, TRACE_SHORTCUTS } from "../lib/keys.mjs";
import { ENERGY_WORDS, METRICS, OUTCOMES, STATISTICS } from "../lib/metrics.mjs";
import { Page, Panel } from "../lib/parts.mjs";
import { Glyph, stateWord } from "../lib/states.mjs";

const ARROWS = { lower: "↓ lower is better", higher: "↑ higher is better" };

function Keys({ title, id, keys, note }) {
	return html`<${Panel} title=${title} id=${id}>${note ? html`<p class="small muted">${note}
		</p>` : null}<table class="plain"><tbody>${keys.map(([names, text]) => html`<tr
		key=${names}><th scope="row">${names.split(/\s+/).map((k) => k === "then" ?
			html`<span class="muted"> then </span>` : html`<kbd>${k}</kbd> `)}</th>
			<td>${text}</td></tr>`)}</tbody></table></${Panel}>`;
}

export default function Help() {
	return html`<${Page} title="Help"
		lead="What the numbers mean, how things end, and the keys.">
	<div class="columns"><div class="main-column">
	<${Panel} title="Metrics" id="metrics">
		<p>A metric's address is <code>phase.metric.stat</code>, for example${" "}
		<code>warm.latency_us.p95</code>; criteria and the results page use it.</p>
		<dl class="terms">${Object.entries(METRICS).map(([name, m]) =>
			html`<div key=${name} id=${name}><dt>${m.title} <code>${name}</code></dt>
			<dd>${m.help} <span class="muted">${ARROWS[m.better]}</span></dd></div>`)}
			</dl></${Panel}>
	<${Panel} title="Statistics" id="statistics"><dl class="terms">
		${STATISTICS.map(([name, text]) => html`<div
		key=${name}><dt>${name}</dt><dd>${text}</dd></div>`)}</dl></${Panel}>
	<${Panel} title="Energy" id="energy"><dl class="terms">
		${ENERGY_WORDS.map(([name, text]) => html`<div
		key=${name}><dt>${name}</dt><dd>${text}</dd></div>`)}</dl></${Panel}>
	<${Panel} title="Virtual boards" id="virtual">
		<p>An emulated board counts instructions, exactly and the same every time.
		Its row shows that one number, a time at one instruction per tick as a labelled convenience, and how many distinct
		counts were seen. Rankings between kernels with and without vector instructions are no claims about silicon.
		Virtual rows are never ranked, averaged or compared with measured ones.</p>
			</${Panel}></div>
	<div class="side-column">
	<${Keys} title="Keyboard" id="keys" keys=${SHORTCUTS} />
	<${Keys} title="Keyboard: a trace" id="trace-keys" keys=${TRACE_SHORTCUTS}
		note="On the trace's own page always; below a run or a job while the plot has the focus.
		Drag selects, Shift and drag pans, a click takes the window." />
	<${Panel} title="How a job ends" id="outcomes"><dl class="terms">
		${OUTCOMES.map(([name, text]) => html`<div
		key=${name}><dt><span class="badge"><${Glyph} state=${name} /> ${stateWord(name)}
			</span></dt><dd>${text}</dd></div>`)}</dl></${Panel}>
	<${Panel} title="Elsewhere" id="elsewhere"><ul class="links"><li>
		<a href="/api/v1/openapi.json">REST interface (OpenAPI)</a></li>
		<li><a href="/metrics" target="_blank">Prometheus metrics</a></li><li>
			<a href="/healthz" target="_blank">Health</a></li></ul></${Panel}>
	</div></div></${Page}>`;
}
