/* This tab's end of the shared event stream: onEvent(fn), onStatus(fn); both return their undoing. */
import { useEffect, useState } from "./dom.mjs";
import { openStream } from "./events-stream.mjs";

const listeners = new Set();
const watchers = new Set();
let status = "connecting";
let started = false;

function receive(message) {
	if (message.status) {
		status = message.status;
		for (const fn of watchers)
			fn(status);
		return;
	}
	for (const fn of [...listeners])
		fn(message);
}

function start() {
	if (started)
		return;
	started = true;
	if (typeof SharedWorker === "undefined") {
		openStream(receive);
		return;
	}
	const worker = new SharedWorker(new URL("./events-worker.mjs", import.meta.url),
		{ type: "module", name: "hilda-events" });
	worker.addEventListener("error", () => openStream(receive), { once: true });
	worker.port.addEventListener("message", (event) => receive(event.data));
	worker.port.start();
	window.addEventListener("pagehide", () => worker.port.postMessage("close"));
}

export function onEvent(fn) {
	start();
	listeners.add(fn);
	return () => listeners.delete(fn);
}

export function useStreamStatus() {
	const [now, set] = useState(status);
	useEffect(() => {
		start();
		watchers.add(set);
		set(status);
		return () => watchers.delete(set);
	}, []);
	return now;
}
