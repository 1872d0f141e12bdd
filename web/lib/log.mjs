/*
 * A run's log as lines, fed record by record. Each stream has its own unfinished line; a line gets
 * its number when its first byte comes and keeps it, so #L120 means the same to everybody.
 */
import { visible } from "./format.mjs";

const STREAMS = ["console", "tool", "agent", "device"];
const NAMES = { host: "device", "to-device": "device", "to the device": "device", input: "device" };

export function streamName(stream) {
	if (typeof stream === "number")
		return STREAMS[stream] ?? "console";
	return NAMES[stream] ?? stream ?? "console";
}

export class Log {
	constructor() {
		this.lines = [];
		this.open = new Map();
		this.have = 0;
	}

	/* Returns whether the record was new. */
	add(record) {
		if (record.to <= this.have && record.to > 0)
			return false;
		if (record.to)
			this.have = record.to;
		const stream = streamName(record.stream);
		const parts = String(record.text ?? "").split("\n");
		parts.forEach((part, i) => {
			const last = i === parts.length - 1;
			if (last && part === "")
				return;
			this.#extend(stream, record.t_us, part);
			if (!last)
				this.open.delete(stream);
		});
		return true;
	}

	#extend(stream, t_us, part) {
		let line = this.open.get(stream);
		if (!line) {
			line = { number: this.lines.length + 1, stream, t_us, raw: "" };
			this.lines.push(line);
			this.open.set(stream, line);
		}
		line.raw += part;
		line.shown = null;
	}
}

/* What stands on the page: without the line's own carriage return, hidden characters escaped. */
export function shown(line) {
	line.shown ??= visible(line.raw.replace(/(?:\r|\\x0d|\\r)$/, ""));
	return line.shown;
}

/* Numbers of the lines that hold the words, without regard to case. */
export function search(lines, words) {
	const wanted = words.toLowerCase();
	const found = [];
	if (!wanted)
		return found;
	for (const line of lines) {
		if (shown(line).toLowerCase().includes(wanted))
			found.push(line.number);
	}
	return found;
}

/* "#L120-L140" -> [120, 140] */
export function parseRange(hash) {
	const m = /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(hash);
	if (!m)
		return null;
	const a = Number(m[1]), b = Number(m[2] ?? m[1]);
	return a < 1 ? null : [Math.min(a, b), Math.max(a, b)];
}
