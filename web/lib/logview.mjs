/*
 * The live log: all of its lines are kept, only those in sight are in the document. It follows (f)
 * until somebody scrolls up, is searched (n, N), and its lines have addresses (#L120-L140).
 */
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./dom.mjs";
import { API, get } from "./api.mjs";
import { Log, parseRange, search, shown } from "./log.mjs";
import { integer, logTime } from "./format.mjs";
import { useKeys } from "./keys.mjs";
import { Failure } from "./parts.mjs";
import { setQuery } from "./url.mjs";

const ROW_PX = 18;
const OVERSCAN = 30;
const WIDEST = 4000;
const STREAM_WORDS = { console: "console", tool: "tool", agent: "agent", device: "→ device" };

/* Feeds a Log from the run's records: history first, then the stream while the run lasts. */
function useRunLog(run, live) {
	const [state, setState] = useState({ version: 0, phase: "loading", error: null });
	const [round, setRound] = useState(0);
	const log = useRef(null);

	useEffect(() => {
		const own = log.current = new Log();
		const abort = new AbortController();
		let source = null, timer = null, gone = false;

		const changed = (more) => {
			if (more)
				setState((s) => ({ version: s.version + 1, error: null, phase:
					s.phase, ...more }));
			else
				timer ??= setTimeout(() => {
					timer = null;
					if (!gone)
						setState((s) => ({ ...s, version: s.version + 1 }));
				}, own.lines.length > 20000 ? 120 : 30);
		};
		const history = async () => {
			for (;;) {
				const { records = [] } = await get(`/runs/${run}/log?from=${own.have}`,
					{ signal: abort.signal });
				const before = own.have;
				records.forEach((record) => own.add(record));
				if (own.have === before)
					return;
				changed();
			}
		};
		const follow = () => {
			source = new EventSource(`${API}/runs/${run}/log?from=${own.have}`);
			source.onmessage = (event) => {
				try {
					if (own.add(JSON.parse(event.data)))
						changed();
				} catch (error) {
					changed({ error });
				}
			};
			source.addEventListener("end", () => {
				source.close();
				changed({ phase: "over" });
			});
		};
		setState({ version: 0, phase: "loading", error: null });
		history().then(() => {
			if (gone)
				return;
			changed({ phase: live ? "live" : "over" });
			if (live)
				follow();
		}, (error) => gone || changed({ phase: "over", error }));
		return () => {
			gone = true;
			clearTimeout(timer);
			abort.abort();
			source?.close();
		};
	}, [run, round]);
	return { log: log.current, ...state, again: () => setRound(round + 1) };
}

function useRange() {
	const [range, set] = useState(parseRange(location.hash));
	useEffect(() => {
		const update = () => set(parseRange(location.hash));
		window.addEventListener("hashchange", update);
		return () => window.removeEventListener("hashchange", update);
	}, []);
	const choose = (a, b = a) => {
		const next = [Math.min(a, b), Math.max(a, b)];
		setQuery({}, { replace: true, hash: a === b ? `#L${a}` :
			`#L${next[0]}-L${next[1]}` });
		set(next);
	};
	return [range, choose];
}

function Marked({ text, words }) {
	if (!words)
		return text;
	const out = [], low = text.toLowerCase(), wanted = words.toLowerCase();
	let from = 0;
	for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
		out.push(text.slice(from, at), html`<mark>${text.slice(at, at + wanted.length)}
			</mark>`);
		from = at + wanted.length;
	}
	out.push(text.slice(from));
	return out;
}

function Line({ line, index, words, chosen, current, choose, range }) {
	const text = shown(line);
	const pick = (event) => {
		event.preventDefault();
		if (event.shiftKey && range)
			choose(range[0], line.number);
		else
			choose(line.number);
	};
	return html`<div class=${`log-line s-${line.stream}${chosen ? " chosen" : ""}${current ?
		" current" : ""}`}
		style=${{ top: `${index * ROW_PX}px` }}>
		<a class="ln" href=${`#L${line.number}`} onClick=${pick} tabindex="-1">
			${line.number}</a
		><span class="t">${logTime(line.t_us)}</span><span class="s">
			${STREAM_WORDS[line.stream] ?? line.stream}</span
		><span class="x"><${Marked} text=${text.slice(0, WIDEST)} words=${words} />
			${text.length > WIDEST
			? html`<em> … ${integer(text.length - WIDEST)} more characters in the plain text</em>` : null}</span></div>`;
}

/* The height of an element is limited in browsers; up to this many lines scroll one by one. */
const LINES_MAX = 800000;

export function LogView({ run, live, query }) {
	const { log, version, phase, error, again } = useRunLog(run, live);
	const words = query.get("q") ?? "";
	const stream = query.get("stream") ?? "";
	const [follow, setFollow] = useState(live && !parseRange(location.hash));
	const [top, setTop] = useState(0);
	const [height, setHeight] = useState(600);
	const [cursor, setCursor] = useState({ at: -1 });
	const [range, choose] = useRange();
	const box = useRef(null), lastTop = useRef(0), shownRange = useRef("");

	const lines = useMemo(() => {
		const all = log?.lines ?? [];
		return stream ? all.filter((line) => line.stream === stream) : all;
	}, [log, stream, stream ? version : 0]);
	const count = Math.min(lines.length, LINES_MAX);
	const matches = useMemo(() => search(lines, words), [lines, words, version]);
	/* Belongs to one search: an effect that resets it could come after the first step. */
	const sought = `${stream} ${words}`;
	const at = cursor.of === sought ? cursor.at : -1;

	const rowOf = (number) => {
		if (!stream)
			return number - 1;
		const i = lines.findIndex((line) => line.number >= number);
		return i < 0 ? lines.length - 1 : i;
	};
	const reveal = (number) => {
		setFollow(false);
		box.current.scrollTop = Math.max(0, rowOf(number) * ROW_PX - height / 3);
	};
	const step = (direction) => {
		if (!matches.length)
			return;
		const next = (at + direction + matches.length) % matches.length;
		setCursor({ at: next, of: sought });
		reveal(matches[next]);
	};
	useKeys({ f: () => setFollow(!follow), n: () => step(1), N: () => step(-1) });

	useLayoutEffect(() => {
		if (follow)
			box.current.scrollTop = box.current.scrollHeight;
	}, [follow, count, version]);
	useEffect(() => {
		const size = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 600));
		size.observe(box.current);
		return () => size.disconnect();
	}, []);
	useEffect(() => {
		const key = `${run}${range}`;
		if (range && shownRange.current !== key && log?.lines.length >= range[0]) {
			shownRange.current = key;
			const row = rowOf(range[0]) * ROW_PX;
			if (row < box.current.scrollTop ||
			    row > box.current.scrollTop + height - ROW_PX)
				reveal(range[0]);
		}
	}, [range, version, run]);

	const onScroll = () => {
		const { scrollTop, scrollHeight, clientHeight } = box.current;
		const atEnd = scrollHeight - scrollTop - clientHeight < 2 * ROW_PX;
		if (follow && !atEnd && scrollTop < lastTop.current)
			setFollow(false);
		lastTop.current = scrollTop;
		setTop(scrollTop);
	};

	const first = Math.max(0, Math.floor(top / ROW_PX) - OVERSCAN);
	const end = Math.min(count, Math.ceil((top + height) / ROW_PX) + OVERSCAN);
	const current = matches[at];
	const status = phase === "loading" ? "loading" : phase === "live" ? "live" : "complete";

	return html`<div class="log-bar">
		<input type="search" data-filter placeholder="Search the log  ( / )"
			aria-label="Search the log"
			value=${words} onInput=${(e) => setQuery({ q: e.target.value },
				{ replace: true })}
			onKeyDown=${(e) => e.key === "Enter" && step(e.shiftKey ? -1 : 1)} />
		<span class="muted tally" role="status">${words
			? `${current ? `${at + 1} of ` :
				""}${integer(matches.length)} ${matches.length === 1 ? "match" :
				"matches"}` : ""}</span>
		<button type="button" disabled=${!matches.length} onClick=${() => step(-1)}
			aria-label="Previous match">↑</button>
		<button type="button" disabled=${!matches.length} onClick=${() => step(1)}
			aria-label="Next match">↓</button>
		<label class="inline">Stream <select value=${stream}
			onChange=${(e) => setQuery({ stream: e.target.value })}>
			<option value="">all</option><option value="console">console</option>
				<option value="tool">tool</option>
			<option value="agent">agent</option>
				<option value="device">to the device</option></select></label>
		<span class="grow"></span>
		<span class="muted">${integer(lines.length)} lines, ${status}</span>
		<button type="button" aria-pressed=${follow ? "true" : "false"}
			onClick=${() => setFollow(!follow)}>Follow <kbd>f</kbd></button>
		<a href=${`${API}/runs/${run}/log`} target="_blank" rel="noopener">Plain text</a>
	</div>
	${error ? html`<${Failure} error=${error} retry=${again} />` : null}
	<div class="log" ref=${box} onScroll=${onScroll} tabindex="0" role="region"
		aria-label="Log of the run">
		<div class="log-space" style=${{ height: `${count * ROW_PX}px` }}>${
			lines.slice(first, end).map((line, i) =>
				html`<${Line} key=${line.number} line=${line}
				index=${first + i} words=${words} choose=${choose} range=${range}
				chosen=${range && line.number >= range[0] &&
					line.number <= range[1]}
				current=${line.number === current} />`)}</div>
		${count === 0 ? html`<p class="log-empty">${phase === "loading" ? "Loading the log…"
			: stream ? "No lines of this stream." : phase === "live"
			? "Nothing has been written yet. Lines appear here as they come." :
				"This run wrote no log."}</p>` : null}
	</div>`;
}
