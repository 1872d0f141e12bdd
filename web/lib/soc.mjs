/*
 * What a machine with an operating system said of itself around its sustained phase: temperatures,
 * frequencies and throttling, the process's memory, and how much of the model an accelerator took.
 */
import { html } from "./dom.mjs";
import { bytes, integer, number, visible } from "./format.mjs";
import { Facts, Panel } from "./parts.mjs";
import { Table } from "./table.mjs";

const UNITS = {
	temperature: (v) => `${number(v / 1000)} °C`,
	frequency: (v) => `${integer(v / 1000)} MHz`,
};

function reading(sensor, key) {
	const v = sensor[key];
	return v === undefined ? "–" : UNITS[sensor.kind]?.(v) ?? integer(v);
}

/* Counters and levels that rose. Where there are none, nobody can say. */
export function throttling(sensors) {
	const watched = sensors.filter((s) => s.kind === "throttled" || s.kind === "cooling");
	if (!watched.length)
		return "This machine does not say whether it throttles.";
	return watched.some((s) => s.max > s.before) ?
		"The machine throttled or cooled itself during the sustained phase." :
		"It did not throttle or cool itself more during the sustained phase.";
}

const COLUMNS = [
	{ key: "name", title: "Sensor", cls: "name", cell: (s) => html`${visible(s.name ?? "")}
		<span class="under">${visible(s.kind ?? "")}</span>` },
	{ key: "before", title: "Before", num: true, cell: (s) => reading(s, "before") },
	{ key: "during", title: "During", num: true, cell: (s) => s.min === s.max ?
		reading(s, "max") : `${reading(s, "min")} to ${reading(s, "max")}` },
	{ key: "after", title: "After", num: true, cell: (s) => reading(s, "after") },
	{ key: "limit", title: "Limit", num: true, min: 2, cell: (s) =>
		s.limit === undefined ? "" : reading(s, "limit") },
];

function accelerated(model) {
	const { ops_accelerated: some, ops_total: all } = model;
	return some === undefined || all === undefined ? "unknown" :
		`${integer(some)} of ${integer(all)} operators`;
}

export function SocPanel({ run }) {
	const soc = (run.phases ?? []).find((p) => p.phase === "sustained")?.soc;
	const told = { ...run.device, ...run.model };
	if (!soc && !told.runtime && !told.accelerator)
		return null;
	const sensors = soc?.sensors ?? [], process = soc?.process ?? {}, perf = soc?.perf ?? {};
	const counted = Object.entries(perf).filter(([key]) => key !== "missing");
	return html`<${Panel} title="SoC" id="soc">
		${sensors.length ? html`<p>${throttling(sensors)}</p>
			<${Table} caption="Sensors before, during and after the sustained phase"
			rows=${sensors} rowKey=${(s) => s.kind + s.name} columns=${COLUMNS} />` : soc ?
			html`<p class="muted">This machine shows no temperature, frequency or throttling.</p>` : null}
		<${Facts} rows=${[
			["Runtime", visible(told.runtime ?? "unknown")],
			["Accelerator", visible(told.accelerator ?? "unknown")],
			["Accelerated", accelerated(told)],
			["Peak memory", process.vm_hwm_kB !== undefined &&
				bytes(1024 * process.vm_hwm_kB)],
			["Peak of its cgroup", process.cgroup_peak_bytes !== undefined &&
				bytes(process.cgroup_peak_bytes)],
			["Page faults", process.minor_faults !== undefined &&
				`${integer(process.minor_faults)} minor, ${integer(process.major_faults ?? 0)} major`],
			...counted.map(([key, v]) => [visible(key.replaceAll("_", " ")), integer(v)]),
			["Not counted here", perf.missing &&
				visible(String(perf.missing)).replaceAll(":", ", ").replaceAll("_", " ")],
		].map(([k, v]) => [k, v || null])} /></${Panel}>`;
}
