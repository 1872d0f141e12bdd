/* Numbers, times and bytes as people read them; nothing here touches the page. */
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function integer(n) {
	return grouped.format(n);
}

/* Four significant digits, but integers whole: 0.8123, 61.02, 1,204; no zeros after a small one: 0.02. */
export function number(x) {
	if (x === null || x === undefined || Number.isNaN(x))
		return "–";
	if (Number.isInteger(x) || Math.abs(x) >= 10000)
		return grouped.format(x);
	const digits = x === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(x))));
	return x.toLocaleString("en-US", {
		minimumFractionDigits: Math.abs(x) < 0.1 ? 0 : Math.min(digits, 6), maximumFractionDigits:
			Math.min(digits, 6),
	});
}

/* Two ends of an interval, with enough digits to tell them apart. */
export function between(lo, hi) {
	const apart = Math.abs(hi - lo);
	const digits = apart > 0 ? Math.min(6, Math.max(1, -Math.floor(Math.log10(apart)))) : 2;
	const show = (x) => x.toLocaleString("en-US", { minimumFractionDigits: digits,
		maximumFractionDigits: digits });
	return `${show(lo)} to ${show(hi)}`;
}

/* What one unit is shown in, by size: [from this value on, divide by, name]. */
const SCALES = {
	us: [[1e6, 1e6, "s"], [1e3, 1e3, "ms"], [0, 1, "µs"]],
	bytes: [[1024 * 1024, 1024 * 1024, "MiB"], [1024, 1024, "KiB"], [0, 1, "B"]],
	uJ: [[1e6, 1e6, "J"], [1e3, 1e3, "mJ"], [0, 1, "µJ"]],
	mJ: [[1e6, 1e6, "kJ"], [1e3, 1e3, "J"], [0, 1, "mJ"]],
	uC: [[1e6, 1e6, "C"], [1e3, 1e3, "mC"], [0, 1, "µC"]],
	uA: [[1e6, 1e6, "A"], [1e3, 1e3, "mA"], [0, 1, "µA"]],
};

const UNIT_NAMES = {
	ips: "inferences/s", "1/s": "inferences/s", instructions: "instructions", ratio: "", count:
		"", "": "",
};

/* One scale for values that stand together: {divide, unit}. */
export function scaleFor(unit, largest) {
	const steps = SCALES[unit];
	if (!steps)
		return { divide: 1, unit: UNIT_NAMES[unit] ?? unit };
	const size = Math.abs(largest ?? 0);
	const [, divide, name] = steps.find(([from]) => size >= from) ?? steps.at(-1);
	return { divide, unit: name };
}

export function quantity(value, unit) {
	if (value === null || value === undefined)
		return { text: "–", unit: "" };
	const scale = scaleFor(unit, value);
	return { text: number(value / scale.divide), unit: scale.unit };
}

export function quantityText(value, unit) {
	const q = quantity(value, unit);
	return q.unit ? `${q.text} ${q.unit}` : q.text;
}

export function bytes(n) {
	return quantityText(n, "bytes");
}

export function duration(ms) {
	if (ms === null || ms === undefined || Number.isNaN(ms) || ms < 0)
		return "–";
	if (ms < 1000)
		return `${Math.round(ms)} ms`;
	if (ms < 60000)
		return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
	const s = Math.round(ms / 1000);
	if (s < 3600)
		return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function since(from, to = Date.now()) {
	return from ? (to ? new Date(to) : new Date()) - new Date(from) : null;
}

export function ago(when, now = Date.now()) {
	const s = Math.max(0, Math.round((now - new Date(when)) / 1000));
	if (s < 5)
		return "now";
	if (s < 60)
		return `${s} s ago`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min ago`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ago`;
	return new Date(when).toISOString().slice(0, 10);
}

export function stamp(when) {
	return when ? `${new Date(when).toISOString().slice(0, 19).replace("T", " ")} UTC` : "–";
}

/* sha256:0123…: enough to tell two images apart by eye. */
export function shortHash(hash) {
	return hash ? String(hash).replace(/^sha256:/, "").slice(0, 12) : "–";
}

export function logTime(t_us) {
	const s = t_us / 1e6;
	return s < 1000 ? s.toFixed(3) : s.toFixed(1);
}

/*
 * Text from a device or a user, made harmless to read: control characters and those that turn the
 * direction of writing are shown as escapes.
 */
const HIDDEN = new RegExp("[\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u061c\\u200b-\\u200f" +
	"\\u2028-\\u202e\\u2060-\\u2069\\ufeff]", "g");

export function visible(text) {
	return String(text).replace(HIDDEN, (c) => {
		const code = c.codePointAt(0);
		return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}`
			: `\\u{${code.toString(16)}}`;
	});
}
