/* Small pieces that every page uses. */
import { html, useEffect, useRef, useState } from "./dom.mjs";
import { ago, stamp, visible } from "./format.mjs";

const tickers = new Set();
setInterval(() => {
	if (!document.hidden)
		for (const fn of tickers)
			fn(Date.now());
}, 10000);

export function useNow() {
	const [now, set] = useState(Date.now());
	useEffect(() => {
		tickers.add(set);
		return () => tickers.delete(set);
	}, []);
	return now;
}

export function Ago({ when }) {
	const now = useNow();
	if (!when)
		return html`<span class="muted">–</span>`;
	return html`<time datetime=${when} title=${stamp(when)}>
		${ago(when, Math.max(now, Date.now()))}</time>`;
}

/* Names and details come from jobs and devices: text only, hidden characters shown. */
export function Text({ children }) {
	return html`${visible([children].flat().join(""))}`;
}

export function Page({ title, aside, lead, children }) {
	return html`<header class="page-head"><div><h1 tabindex="-1">${title}</h1>${lead
		? html`<p class="lead">${lead}</p>` : null}</div>${aside
		? html`<div class="actions">${aside}</div>` : null}</header>${children}`;
}

export function Panel({ title, aside, children, id, flush }) {
	return html`<section class=${flush ? "panel flush" : "panel"} aria-labelledby=${id}>
		<header><h2 id=${id}>${title}</h2>
			${aside ? html`<div class="aside">${aside}</div>` : null}</header>
		${children}</section>`;
}

export function Empty({ title, children }) {
	return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

export function Code({ children }) {
	return html`<pre class="code" tabindex="0"><code>${children}</code></pre>`;
}

export function Failure({ error, retry }) {
	return html`<div class="notice bad" role="alert">
		<p class="notice-title">${error.title || "This page has a fault"}</p>
		<p>${visible(error.detail || error.message)}</p>
		${error.known?.length ? html`<p>Known: ${error.known.map((k) =>
			visible(k)).join(", ")}</p>` : null}
		${error.pointer ? html`<p>At <code>${visible(error.pointer)}</code></p>` : null}
		${retry ? html`<p><button type="button" onClick=${retry}>Try again</button></p>` :
			null}
	</div>`;
}

/* Asks before something is stopped for good; the children say what that means. */
export function StopButton({ label, question, stop, onError, children }) {
	const dialog = useRef(null);
	const go = () => {
		dialog.current.close();
		stop().catch(onError);
	};
	return html`<button type="button" class="danger"
		onClick=${() => dialog.current.showModal()}>${label}</button>
		<dialog ref=${dialog} aria-labelledby="stop-title">
			<h2 id="stop-title">${question}</h2><p>${children}</p>
		<div class="buttons"><button type="button"
			onClick=${() => dialog.current.close()}>Keep it</button>
		<button type="button" class="danger" onClick=${go}>${label}</button></div></dialog>`;
}

/* Waits quietly: only after a moment does it say that it waits. */
export function Loading({ what = "Loading" }) {
	return html`<p class="loading" role="status">${what}…</p>`;
}

/* The usual three ends of a resource, or the page. */
export function Loaded({ resource, what, children }) {
	if (resource.data)
		return html`${resource.error ? html`<${Failure} error=${resource.error}
			retry=${resource.reload} />` : null}${children(resource.data)}`;
	if (resource.error)
		return html`<${Failure} error=${resource.error} retry=${resource.reload} />`;
	return html`<${Loading} what=${what} />`;
}

export function Facts({ rows }) {
	const known = rows.filter(([, value]) => value !== null && value !== undefined &&
		value !== "");
	return html`<dl class="facts">
		${known.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${
		typeof value === "string" || typeof value === "number" ? visible(value) : value}
			</dd></div>`)}</dl>`;
}

/* short: the values alone, for tables; the keys stay for those who listen or point. */
export function Labels({ labels, short = false }) {
	const entries = Object.entries(labels ?? {});
	if (!entries.length)
		return null;
	return html`<span class="labels">
		${entries.map(([key, value]) =>
		html`<a class="label" key=${key} title=${`${visible(key)}: ${visible(value)}`}
		href=${`/jobs?label.${encodeURIComponent(key)}=${encodeURIComponent(value)}`}><span
		class=${short ? "sr-only" : "muted"}>${visible(key)}</span> ${visible(value)}</a>`)}
			</span>`;
}

export function VirtualMark({ virtual }) {
	return virtual ? html`<span class="mark"
		title="An emulated board: it counts instructions and
		says nothing about the time on silicon">virtual</span>` : null;
}
