/*
 * Where a trace is looked at, kept in the address: ?t0=&t1=&sel= follow what is done within a
 * moment, and what is put into the address (a link, the back button) is followed here.
 */
import { useEffect, useRef, useState } from "../dom.mjs";
import { setQuery } from "../url.mjs";
import { queryOf, selectionOf, viewOf } from "./view.mjs";

/* Browsers refuse more than some two hundred changes of the address in half a minute. */
const SETTLE_MS = 200;

function same(a, b) {
	return a.t0 === b.t0 && a.t1 === b.t1 && a.sel === b.sel;
}

/*
 * -> {view (null: whole), selection, set({view, selection}, push), now()}. now() has what was set
 * last, also where the page has not been drawn since: keys may come faster than that.
 */
export function useAddressed(query) {
	const inAddress = queryOf(viewOf(query), selectionOf(query));
	const [state, setState] = useState({ view: viewOf(query), selection: selectionOf(query) });
	const work = useRef(null);
	work.current ??= { state, known: inAddress, push: false };

	useEffect(() => {
		const w = work.current;
		if (same(inAddress, w.known))
			return;
		clearTimeout(w.timer);
		w.known = inAddress;
		w.state = { view: viewOf(query), selection: selectionOf(query) };
		setState(w.state);
	}, [inAddress.t0, inAddress.t1, inAddress.sel]);
	useEffect(() => () => clearTimeout(work.current.timer), []);

	const set = (change, push = false) => {
		const w = work.current;
		w.state = { ...w.state, ...change };
		w.push ||= push;
		setState(w.state);
		clearTimeout(w.timer);
		w.timer = setTimeout(() => {
			const wanted = queryOf(w.state.view, w.state.selection);
			if (!same(wanted, w.known)) {
				w.known = wanted;
				setQuery(wanted, { replace: !w.push });
			}
			w.push = false;
		}, SETTLE_MS);
	};
	return { ...state, set, now: () => work.current.state };
}
