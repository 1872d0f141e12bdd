/*
 * The server's event stream. The browser resumes by Last-Event-ID as long as the stream only broke;
 * where it was refused, we open a new one, and what was missed is fetched again ("reset").
 */
const NAMES = ["job", "run", "board", "agent", "log", "regression", "reset"];
const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 15000;

export function openStream(tell) {
	let retry = RETRY_FIRST_MS;
	let fresh = true;

	function open() {
		const source = new EventSource("/api/v1/events");
		source.onopen = () => {
			retry = RETRY_FIRST_MS;
			tell({ status: "live" });
			if (!fresh)
				tell({ name: "reset", data: {} });
			fresh = true;
		};
		source.onerror = () => {
			tell({ status: "broken" });
			if (source.readyState !== EventSource.CLOSED)
				return;
			source.close();
			fresh = false;
			setTimeout(open, retry);
			retry = Math.min(retry * 2, RETRY_LAST_MS);
		};
		for (const name of NAMES) {
			source.addEventListener(name, (event) => {
				let data = {};
				try {
					data = JSON.parse(event.data);
				} catch {
					/* An event without a document still says: fetch again. */
				}
				tell({ name, data });
			});
		}
	}
	open();
}
