/* The pages: one line each. A new page is a new file in pages/ and a line here. */
import { html, render, useEffect, useErrorBoundary, useState } from "./lib/dom.mjs";
import { useStreamStatus } from "./lib/events.mjs";
import { startKeys } from "./lib/keys.mjs";
import { Failure, Loading } from "./lib/parts.mjs";
import { nextTheme, useTheme } from "./lib/theme.mjs";
import { interceptLinks, useAddress } from "./lib/url.mjs";

const ROUTES = [
	["/", "Overview", () => import("./pages/home.mjs")],
	["/jobs", "Jobs", () => import("./pages/jobs.mjs")],
	["/jobs/:id", "Job :id", () => import("./pages/job.mjs")],
	["/runs/:id", "Run :id", () => import("./pages/run.mjs")],
	["/traces/:id", "Trace of run :id", () => import("./pages/trace.mjs")],
	["/results", "Results", () => import("./pages/results.mjs")],
	["/leaderboard", "Leaderboard", () => import("./pages/leaderboard.mjs")],
	["/boards", "Boards", () => import("./pages/boards.mjs")],
	["/boards/:name", "Board :name", () => import("./pages/board.mjs")],
	["/suites", "Suites", () => import("./pages/suites.mjs")],
	["/suite-runs/:id", "Suite run :id", () => import("./pages/suite_run.mjs")],
	["/schedules", "Schedules", () => import("./pages/schedules.mjs")],
	["/submit", "Submit a job", () => import("./pages/submit.mjs")],
	["/login", "Log in", () => import("./pages/login.mjs")],
	["/help", "Help", () => import("./pages/help.mjs")],
];
const MISSING = ["", "No such page", () => import("./pages/missing.mjs")];
const MENU = [["/", "Overview"], ["/jobs", "Jobs"], ["/results", "Results"],
	["/leaderboard", "Leaderboard"], ["/suites", "Suites"], ["/boards", "Boards"],
	["/submit", "Submit"]];

/* "/jobs/:id" against "/jobs/17" -> {id: "17"}; ids are decimal, names are anything in UTF-8. */
const VALID = { id: /^\d{1,18}$/, name: /^(?:[^%]|%[0-9a-f]{2})+$/i };

function decoded(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function match(pattern, path) {
	const want = pattern.split("/"), have = path.replace(/(.)\/$/, "$1").split("/");
	const params = {};
	if (want.length !== have.length)
		return null;
	for (let i = 0; i < want.length; i++) {
		const name = want[i].startsWith(":") ? want[i].slice(1) : null;
		if (name && VALID[name].test(have[i]))
			params[name] = decoded(have[i]);
		else if (want[i] !== have[i])
			return null;
	}
	return params;
}

function find(path) {
	for (const route of ROUTES) {
		const params = match(route[0], path);
		if (params)
			return { route, params };
	}
	return { route: MISSING, params: {} };
}

const STREAM_WORDS = { live: "live", connecting: "connecting", broken: "reconnecting" };
const THEME_WORDS = { auto: "Auto", light: "Light", dark: "Dark" };

function TopBar({ path }) {
	const status = useStreamStatus();
	const theme = useTheme();
	const here = (href) => path === href || (href !== "/" && path.startsWith(`${href}/`)) ||
		(href === "/results" && /^\/(runs|traces)\//.test(path)) ||
		(href === "/suites" && /^\/(suite-runs|schedules)\b/.test(path));
	return html`<header class="top"><a class="skip" href="#main">Skip to content</a>
		<a class="brand" href="/" aria-label="Hilda, overview">
			<svg viewBox="0 0 32 32" aria-hidden="true"><path
			d="M5 20h4l3-11 5 16 4-12 2 7h4" /></svg>Hilda</a>
		<nav aria-label="Pages">
			${MENU.map(([href, title]) => html`<a key=${href} href=${href}
			aria-current=${here(href) ? "page" : null}>${title}</a>`)}</nav>
		<div class="top-end"><span class=${`stream stream-${status}`} role="status"><i></i>
			${STREAM_WORDS[status]}</span>
		<button type="button" onClick=${nextTheme} data-theme-button
			title=${`Theme: ${THEME_WORDS[theme]}`}
			aria-label=${`Theme: ${THEME_WORDS[theme]}. Change`}>${THEME_WORDS[theme]}
				</button>
		<a href="/help" class="help" aria-label="Help and keyboard shortcuts"
			title="Help ( ? )">?</a></div></header>`;
}

function Body({ load, params, query, path }) {
	const [page, setPage] = useState(null);
	const [error, setError] = useState(null);
	const [fault, clearFault] = useErrorBoundary((e) => console.error(e));

	useEffect(() => {
		let gone = false;
		setError(null);
		clearFault();
		load().then((module) => gone || setPage({ load, view: module.default }), (e) =>
			gone ||
			setError({ title: "The page did not load", detail:
				`${e.message}. Is the server up? ` +
				"Load the page again." }));
		return () => {
			gone = true;
		};
	}, [load]);

	if (fault)
		return html`<${Failure} error=${{ title: "This page has a fault",
			detail: `${fault.message}. Load it again; if it stays, report it with the address.` }} retry=${clearFault} />`;
	if (error)
		return html`<${Failure} error=${error} />`;
	if (page?.load !== load)
		return html`<${Loading} />`;
	return html`<${page.view} key=${path} params=${params} query=${query} />`;
}

function App() {
	const address = useAddress();
	const path = address.pathname;
	const { route, params } = find(path);
	const [, title, load] = route;

	useEffect(() => {
		document.title = `${title.replace(/:(\w+)/, (_, name) => params[name])} · Hilda`;
	}, [path]);
	const [first, setFirst] = useState(path);
	useEffect(() => {
		if (first === path)
			return;
		setFirst(null);
		window.scrollTo(0, 0);
		document.getElementById("main").focus({ preventScroll: true });
	}, [path]);

	return html`<${TopBar} path=${path} /><main id="main" tabindex="-1">
		<${Body} load=${load} params=${params}
		query=${address.searchParams} path=${path} /></main>`;
}

interceptLinks();
startKeys();
render(html`<${App} />`, document.getElementById("app"));
