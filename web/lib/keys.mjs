/*
 * Keyboard: `/` filter, j k rows, Enter opens, g then a letter goes, ? help; pages add their own
 * (f follow, t table, n N matches) by useKeys. Nothing happens while somebody types.
 */
import { useEffect } from "./dom.mjs";
import { go } from "./url.mjs";

export const SHORTCUTS = [
	["/", "to the filter or the search of the page"],
	["j  k", "next and previous row"],
	["Enter", "open the row"],
	["f", "follow the log, or stop following"],
	["n  N", "next and previous match in the log"],
	["t", "table instead of plot, and back"],
	["g then h", "overview"],
	["g then j", "jobs"],
	["g then r", "results"],
	["g then l", "leaderboard"],
	["g then b", "boards"],
	["g then s", "submit a job"],
	["?", "this page"],
	["Esc", "leave a field"],
];

export const TRACE_SHORTCUTS = [
	["← →", "earlier, later; with Shift: move the end of the selection"],
	["+  -", "nearer, farther; the wheel does so too, around the pointer"],
	["Home End", "the begin, the end of the capture"],
	["0", "the whole capture"],
	["n  p", "next and previous inference window"],
	["w", "the worst window: most energy"],
	["s", "select what is in view"],
	["z", "zoom to the selection"],
	["l", "logarithmic or linear current"],
	["t", "table instead of plot, and back"],
	["Esc", "drop the selection; once more: the whole capture"],
];

const PLACES = { h: "/", j: "/jobs", r: "/results", l: "/leaderboard", b: "/boards", s: "/submit" };
const SECOND_KEY_MS = 1500;

const pageKeys = [];
let going = 0;

function typing(target) {
	return target.isContentEditable ||
		/^(textarea|select)$/i.test(target.tagName) ||
		(/^input$/i.test(target.tagName) &&
			!/^(checkbox|radio|button)$/i.test(target.type));
}

function moveRow(step) {
	const links = [...document.querySelectorAll("main [data-row-link]")]
		.filter((link) => link.offsetParent !== null);
	const at = links.findIndex((link) =>
		link.closest("tr, li")?.contains(document.activeElement));
	const next = at < 0 ? (step > 0 ? 0 : links.length - 1)
		: Math.min(links.length - 1, Math.max(0, at + step));
	links[next]?.focus();
}

/* Who may take a key: what has the focus first, then what came last onto the page. */
function takers(event) {
	const all = [...pageKeys].reverse();
	const near = all.filter(({ area }) => area?.current?.contains(event.target));
	return [...near, ...all.filter(({ area }) => !area)];
}

function onKey(event) {
	if (event.key === "Escape" && typing(event.target)) {
		event.target.blur();
		return;
	}
	if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) ||
	    document.querySelector("dialog[open]"))
		return;
	if (going && Date.now() - going < SECOND_KEY_MS) {
		going = 0;
		if (PLACES[event.key]) {
			event.preventDefault();
			go(PLACES[event.key]);
		}
		return;
	}
	going = 0;
	const taken = takers(event).find(({ keys }) => keys[event.key]);
	if (taken) {
		event.preventDefault();
		taken.keys[event.key](event);
		return;
	}
	const field = event.key === "/" && document.querySelector("main [data-filter]");
	if (field) {
		field.focus();
		field.select?.();
	} else if (event.key === "j") {
		moveRow(1);
	} else if (event.key === "k") {
		moveRow(-1);
	} else if (event.key === "g") {
		going = Date.now();
	} else if (event.key === "?") {
		go("/help");
	} else {
		return;
	}
	event.preventDefault();
}

export function startKeys() {
	document.addEventListener("keydown", onKey);
}

/*
 * keys: {f: fn, ...}, in force while the component is on the page; with an area (a ref), only while
 * the focus is in it.
 */
export function useKeys(keys, area = null) {
	useEffect(() => {
		const entry = { keys, area };
		pageKeys.push(entry);
		return () => pageKeys.splice(pageKeys.indexOf(entry), 1);
	});
}
