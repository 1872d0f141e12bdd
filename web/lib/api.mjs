/* Calls to /api/v1. An error is always a Problem that says what a person can do. */
import { useCallback, useEffect, useRef, useState } from "./dom.mjs";
import { onEvent } from "./events.mjs";

export const API = "/api/v1";

export class Problem extends Error {
	constructor({ title, detail, status, pointer, known }) {
		super(detail || title);
		this.title = title || "The server refused";
		this.detail = detail || "";
		this.status = status || 0;
		this.pointer = pointer || "";
		this.known = Array.isArray(known) ? known : [];
	}
}

async function problemOf(response) {
	let body = {};
	try {
		body = await response.json();
	} catch {
		/* A proxy's own error page: its status must do. */
	}
	return new Problem({
		title: body.title || `${response.status} ${response.statusText}`.trim(),
		detail: body.detail || "The answer carried no explanation. The server's log has it " +
			"(journalctl -u hildad).",
		status: response.status,
		pointer: body.pointer,
		known: body.known,
	});
}

async function call(path, options = {}) {
	let response;
	try {
		response = await fetch(API + path, { credentials: "same-origin", ...options });
	} catch (error) {
		if (error.name === "AbortError")
			throw error;
		throw new Problem({
			title: "The server does not answer",
			detail: `No connection to ${location.origin}. Look whether hildad runs ` +
				"(systemctl status hildad); this page tries again when it is back.",
		});
	}
	/* A server that asks for tokens, and nobody has come in: the page behind the login follows. */
	if (response.status === 401 && path !== "/session")
		location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
	if (!response.ok)
		throw await problemOf(response);
	return response;
}

/* What a change by a browser must repeat, so that no other site's page can make it. */
let csrf = null;

async function csrfHeader(path) {
	if (path === "/session")
		return {};
	try {
		csrf ??= (await get("/session")).csrf ?? "";
	} catch {
		/* The change itself will say what is wrong. */
	}
	return csrf ? { "X-CSRF-Token": csrf } : {};
}

async function body(response) {
	const text = await response.text();
	if (!text)
		return {};
	try {
		return JSON.parse(text);
	} catch {
		throw new Problem({
			title: "The answer is not JSON",
			detail: `${response.url} gave something else than JSON. Is a proxy in between?`,
		});
	}
}

export async function get(path, { signal } = {}) {
	return body(await call(path, { signal, headers: { Accept: "application/json" } }));
}

export async function send(method, path, document, headers = {}) {
	const options = { method, headers: { Accept: "application/json", ...await csrfHeader(path),
		...headers } };

	if (document instanceof Blob) {
		options.body = document;
	} else if (document !== undefined) {
		options.headers["Content-Type"] = "application/json";
		options.body = JSON.stringify(document);
	}
	const response = await call(path, options);
	return { location: response.headers.get("Location"), ...(await body(response)) };
}

const QUIET_MS = 250;

/*
 * A resource that stays true: fetched now, again when `concerns(event)` says so, and after a reset.
 * At most one call is under way and one every QUIET_MS; a hidden page waits until it is looked at.
 * path === null: nothing to fetch yet.
 */
export function useResource(path, concerns) {
	const [state, setState] = useState({ path: null, data: null, error: null });
	const work = useRef({});

	const load = useCallback(() => {
		const w = work.current;
		if (w.busy || document.hidden) {
			w.dirty = true;
			return;
		}
		w.busy = true;
		w.dirty = false;
		const wanted = w.path;
		const done = (next) => {
			if (w.path !== wanted)
				return;
			setState((old) => ({
				path: wanted,
				data: next.error && old.path === wanted ? old.data : next.data ??
					null,
				error: next.error ?? null,
			}));
			w.busy = false;
			if (w.dirty)
				later();
		};
		get(wanted, { signal: w.abort.signal }).then((data) => done({ data }), (error) => {
			if (error.name !== "AbortError")
				done({ error });
		});
	}, []);

	const later = useCallback(() => {
		const w = work.current;
		if (w.timer || w.path === null)
			return;
		w.timer = setTimeout(() => {
			w.timer = null;
			load();
		}, QUIET_MS);
	}, []);

	useEffect(() => {
		const w = work.current = { path, abort: new AbortController() };
		if (path === null)
			return undefined;
		const visible = () => !document.hidden && w.dirty && load();
		document.addEventListener("visibilitychange", visible);
		load();
		return () => {
			document.removeEventListener("visibilitychange", visible);
			clearTimeout(w.timer);
			w.path = undefined;
			w.abort.abort();
		};
	}, [path]);

	const test = useRef(concerns);
	test.current = concerns;
	useEffect(() => onEvent((event) => {
		if (event.name === "reset" || test.current?.(event))
			later();
	}), []);

	const current = state.path === path ? state : { data: null, error: null };
	return {
		data: current.data,
		error: current.error,
		loading: path !== null && current.data === null && current.error === null,
		reload: load,
	};
}
