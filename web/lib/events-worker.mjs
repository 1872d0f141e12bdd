/* One stream of events for all tabs of a browser: a shared worker that passes it on. */
import { openStream } from "./events-stream.mjs";

const ports = new Set();
let status = "connecting";

function tell(message) {
	if (message.status)
		status = message.status;
	for (const port of ports)
		port.postMessage(message);
}

self.addEventListener("connect", (event) => {
	const port = event.ports[0];
	ports.add(port);
	port.addEventListener("message", (m) => m.data === "close" && ports.delete(port));
	port.start();
	port.postMessage({ status });
});

openStream(tell);
