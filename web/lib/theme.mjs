/* Light, dark, or as the system prefers; theme.js puts the choice in force before the first paint. */
import { useEffect, useState } from "./dom.mjs";

const CHANGED = "hilda:theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };

function chosen() {
	return document.documentElement.dataset.theme || "auto";
}

export function nextTheme() {
	const theme = NEXT[chosen()];
	if (theme === "auto")
		delete document.documentElement.dataset.theme;
	else
		document.documentElement.dataset.theme = theme;
	try {
		localStorage.setItem("hilda-theme", theme);
	} catch {
		/* No storage: it holds until the page is left. */
	}
	window.dispatchEvent(new Event(CHANGED));
}

/* Calls fn when colours change, by the button or by the system. */
export function onTheme(fn) {
	const media = matchMedia("(prefers-color-scheme: dark)");
	window.addEventListener(CHANGED, fn);
	media.addEventListener("change", fn);
	return () => {
		window.removeEventListener(CHANGED, fn);
		media.removeEventListener("change", fn);
	};
}

export function useTheme() {
	const [theme, set] = useState(chosen());
	useEffect(() => onTheme(() => set(chosen())), []);
	return theme;
}

/* A canvas needs colours as values: {blue, orange, ...} as they are now. */
export function colours(names) {
	const probe = document.createElement("i");
	const found = {};
	document.body.append(probe);
	for (const name of names) {
		probe.className = `ink-${name}`;
		found[name] = getComputedStyle(probe).color;
	}
	probe.remove();
	return found;
}
