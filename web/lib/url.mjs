/* The address is the state: what a page shows follows from its path and its query alone. */
import { useEffect, useState } from "./dom.mjs";

const MOVED = "hilda:moved";

function moved() {
	window.dispatchEvent(new Event(MOVED));
}

export function go(href, { replace = false } = {}) {
	history[replace ? "replaceState" : "pushState"](null, "", href);
	moved();
}

/* Sets the given keys; null or "" removes one. Typing replaces, choosing pushes. */
export function setQuery(changes, { replace = false, hash = location.hash } = {}) {
	const query = new URLSearchParams(location.search);
	for (const [key, value] of Object.entries(changes)) {
		if (value === null || value === undefined || value === "")
			query.delete(key);
		else
			query.set(key, value);
	}
	go(withQuery(location.pathname, query) + hash, { replace });
}

export function withQuery(path, query) {
	const text = new URLSearchParams(query).toString();
	return text ? `${path}?${text}` : path;
}

export function useAddress() {
	const [address, set] = useState(location.pathname + location.search);
	useEffect(() => {
		const update = () => set(location.pathname + location.search);
		window.addEventListener(MOVED, update);
		window.addEventListener("popstate", update);
		return () => {
			window.removeEventListener(MOVED, update);
			window.removeEventListener("popstate", update);
		};
	}, []);
	return new URL(address, location.origin);
}

/* Clicks on our own links turn the page without loading it again. */
export function interceptLinks() {
	document.addEventListener("click", (event) => {
		if (event.defaultPrevented || event.button !== 0 || event.metaKey ||
			event.ctrlKey ||
		    event.shiftKey || event.altKey)
			return;
		const link = event.target.closest?.("a[href]");
		if (!link || link.target || link.hasAttribute("download") ||
		    link.origin !== location.origin || link.pathname.startsWith("/api/"))
			return;
		if (link.pathname === location.pathname && link.search === location.search &&
		    link.hash)
			return;
		event.preventDefault();
		go(link.href);
	});
}
