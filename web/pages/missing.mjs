import { html } from "../lib/dom.mjs";
import { Empty, Page } from "../lib/parts.mjs";

export default function Missing() {
	return html`<${Page} title="No such page">
		<${Empty} title=${`Nothing is at ${location.pathname}.`}>
		<p>Perhaps one of these: <a href="/">overview</a>, <a href="/jobs">jobs</a>, <a
			href="/results">results</a>, <a href="/boards">boards</a>, <a href="/help">help</a>.</p></${Empty}></${Page}>`;
}
