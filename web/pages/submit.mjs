/*
 * A job by form. What is typed stands in the query string, so a filled-in form is a link; beside it
 * the document and the same call as curl. The server has the last word on what is valid.
 */
import { html, useState } from "../lib/dom.mjs";
import { API, Problem, send, useResource } from "../lib/api.mjs";
import { visible } from "../lib/format.mjs";
import { Code, Failure, Page, Panel } from "../lib/parts.mjs";
import { go, setQuery } from "../lib/url.mjs";

const HASH = /^(?:sha256:)?([0-9a-f]{64})$/;

/* [key, least, most, usual] of the counts a phase takes. */
const COUNTS = {
	cold: ["boots", 1, 1000, 8],
	warm: ["iterations", 1, 1000000, 400],
	energy: ["iterations", 1, 1000000, 72],
	accuracy: ["samples", 1, 1000000, 100],
};

function words(text) {
	return text.split(/[\s,]+/).filter(Boolean);
}

function pairs(text) {
	return Object.fromEntries(words(text).map((w) => w.split("=")).filter((p) =>
		p.length === 2 && p[0] && p[1]));
}

/* Phases that are off unless asked for. */
const EXTRA = ["accuracy", "energy"];

/* What a battery makes of the energy: only with how often the board will infer. */
function dutyCycle(value, wrong) {
	const often = value("duty.per_hour"), battery = value("duty.battery");
	const positive = (text) => Number(text) > 0 && Number.isFinite(Number(text));
	if (often && !positive(often))
		wrong["duty.per_hour"] = "Inferences per hour, more than 0, or empty.";
	if (battery && !positive(battery))
		wrong["duty.battery"] = "Milliwatt hours, more than 0, or empty.";
	else if (battery && !often)
		wrong["duty.per_hour"] = "A battery's days need inferences per hour.";
	if (!often)
		return null;
	return { inferences_per_hour: Number(often), ...(battery ?
		{ battery_mWh: Number(battery) } : {}) };
}

/* The form's fields -> {document, wrong: {field: what is wrong}} */
function read(query, imageHash) {
	const value = (key, usual = "") => query.get(key) ?? usual;
	const wrong = {};
	const board = {};
	if (value("type"))
		board.type = value("type");
	if (value("board"))
		board.name = value("board");
	if (words(value("tags")).length)
		board.tags = words(value("tags"));
	if (!board.type && !board.name)
		wrong.type = "Say which type of board, or which board.";
	const hash = imageHash ?? HASH.exec(value("image"))?.[1];
	if (!hash)
		wrong.image = value("image") ? "A SHA-256 has 64 digits 0-9 a-f." :
			"Choose a file, or give the hash of an image that the server has.";
	if (words(value("labels")).some((w) => !/^[^=]+=[^=]+$/.test(w)))
		wrong.labels = "Labels are key=value, with spaces between.";
	const phases = {};
	for (const [phase, [key, least, most, usual]] of Object.entries(COUNTS)) {
		if (value(phase, EXTRA.includes(phase) ? "0" : "1") === "0")
			continue;
		const n = Number(value(`${phase}.${key}`, String(usual)));
		if (!Number.isInteger(n) || n < least || n > most)
			wrong[phase] = `A whole number from ${least} to ${most}.`;
		phases[phase] = { [key]: n };
	}
	const duty = phases.energy && dutyCycle(value, wrong);
	if (duty)
		phases.energy.duty_cycle = duty;
	phases.memory = value("memory", "1") !== "0";
	const priority = Number(value("priority", "50"));
	if (!Number.isInteger(priority) || priority < 0 || priority > 100)
		wrong.priority = "A whole number from 0 to 100.";
	const deadline = Number(value("deadline", "0"));
	if (!(deadline >= 0))
		wrong.deadline = "Milliseconds, or empty.";
	const document = {
		name: value("name") || "by form", board, image: `sha256:${hash ?? "…"}`, protocol:
			"uart-bench", phases, priority,
		...(deadline > 0 ? { deadline_ms: deadline } : {}),
		...(value("labels") ? { labels: pairs(value("labels")) } : {}),
	};
	return { document, hash, wrong };
}

function quoted(text) {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

async function sha256(file) {
	if (!crypto.subtle)
		throw new Problem({
			title: "This page cannot hash the file",
			detail: "Browsers do so only on loopback or over TLS. Upload with the command line (hilda submit), or put the hash of an image that the server has.",
		});
	const digest = new Uint8Array(await crypto.subtle.digest("SHA-256",
		await file.arrayBuffer()));
	return [...digest].map((b) => b.toString(16).padStart(2, "0")).join("");
}

export default function Submit({ query }) {
	const boards = useResource("/boards", (e) => e.name === "board").data?.items ?? [];
	const [file, setFile] = useState(null);
	const [tried, setTried] = useState(false);
	const [busy, setBusy] = useState("");
	const [error, setError] = useState(null);
	const { document, hash, wrong } = read(query, file?.hash);
	const types = [...new Set(boards.map((b) => b.type))];
	const text = JSON.stringify(document, null, 2);
	const curl = `${file ? `curl -T ${quoted(file.name)} \\\n  ${location.origin}${API}/artifacts/${hash}\n` : ""}curl -X POST ${location.origin}${API}/jobs \\\n` +
		`  -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(document))}`;

	const choose = async (event) => {
		const chosen = event.target.files[0];
		setError(null);
		setFile(null);
		if (!chosen)
			return;
		try {
			setFile({ blob: chosen, name: chosen.name, hash: await sha256(chosen) });
		} catch (e) {
			setError(e);
		}
	};
	const submit = async (event) => {
		event.preventDefault();
		setTried(true);
		if (Object.keys(wrong).length) {
			event.target.querySelector(`[name="${Object.keys(wrong)[0]}"]`)?.focus();
			return;
		}
		setError(null);
		try {
			if (file) {
				setBusy("Uploading the image…");
				await send("PUT", `/artifacts/${hash}`, file.blob,
					{ "Content-Type": "application/octet-stream" });
			}
			setBusy("Submitting…");
			const job = await send("POST", "/jobs", document);
			go(`/jobs/${job.id ?? job.location.split("/").at(-1)}`);
		} catch (e) {
			setBusy("");
			setError(e);
		}
	};
	const hint = (name) => tried && wrong[name] ?
		html`<span class="wrong" id=${`wrong-${name}`}>${wrong[name]}</span>` : null;
	const field = (name, label, more = {}) =>
		html`<label>${label}<input name=${name} value=${query.get(name) ?? more.usual ?? ""}
		type=${more.type ?? "text"} list=${more.list ?? null}
		placeholder=${more.placeholder ?? null} maxlength=${more.longest ?? 256}
			aria-invalid=${tried && wrong[name] ? "true" : null}
			aria-describedby=${tried && wrong[name] ? `wrong-${name}` : null}
		onInput=${(e) => setQuery({ [name]: e.target.value }, { replace: true })} />
			${hint(name)}</label>`;
	const phase = (name, usual = "1") => {
		const on = (query.get(name) ?? usual) !== "0";
		const count = COUNTS[name];
		return html`<label><input type="checkbox" name=${name} checked=${on}
			onChange=${(e) => setQuery({ [name]: e.target.checked === (usual === "1") ?
			null : e.target.checked ? "1" : "0" }, { replace: true })} />${name}${
			count ? html`<input type="number" aria-label=${`${name}: ${count[0]}`}
				min=${count[1]} max=${count[2]} disabled=${!on}
				value=${query.get(`${name}.${count[0]}`) ?? count[3]}
			onInput=${(e) => setQuery({ [`${name}.${count[0]}`]: e.target.value },
				{ replace: true })} /> ${count[0]}` : null}${hint(name)}</label>`;
	};

	return html`<${Page} title="Submit a job"><div class="columns"><div class="main-column">
		<${Panel} title="Job" id="job">
		${error ? html`<${Failure} error=${error} />` : null}
		<form class="form" onSubmit=${submit} novalidate>
		${field("name", "Name", { longest: 128, placeholder: "linformer int8" })}
		${field("type", "Board type", { list: "types", longest: 64, placeholder: types[0] ??
			"mps3-an547" })}<datalist id="types">
			${types.map((t) => html`<option key=${t} value=${t} />`)}</datalist>
		${field("board", "This board only", { list: "names", longest: 64, placeholder:
			"any board of the type" })}<datalist id="names">
			${boards.map((b) => html`<option key=${b.name} value=${b.name} />`)}
			</datalist>
		${field("tags", "Tags it must have", { placeholder: "helium, ppk2" })}
		<label>Image<input type="file" onChange=${choose} />
			${file ? html`<span class="hint">
			${visible(file.name)}, ${file.hash.slice(0, 12)}…</span>` : null}</label>
		${file ? null : field("image", "or the SHA-256 of an image the server has",
			{ longest: 80, placeholder: "64 hexadecimal digits" })}
		<fieldset class="whole"><legend>Phases</legend><div class="checks">
			${phase("cold")}${phase("warm")}${phase("memory")}${phase("accuracy", "0")}
			${phase("energy", "0")}</div></fieldset>
		${query.get("energy") === "1" ? html`${field("duty.per_hour",
			"Duty cycle, inferences per hour", { placeholder: "for energy per day, e.g. 60" })}
			${field("duty.battery", "Battery, mWh", { placeholder: "for days, e.g. 675" })}` :
			null}
		${field("deadline", "Deadline of one inference, ms", { placeholder: "none" })}
		${field("priority", "Priority, 0 to 100", { usual: "50" })}
		${field("labels", "Labels", { placeholder: "model=linformer-nano quant=int8" })}
		<div class="whole buttons"><span class="muted" role="status">${busy}</span>
			<button type="submit" class="primary"
			disabled=${Boolean(busy)}>Submit job</button></div></form></${Panel}></div>
		<div class="side-column"><${Panel} title="Document" id="document"><${Code}>${text}
			</${Code}></${Panel}>
		<${Panel} title="The same with curl" id="curl"><${Code}>${curl}</${Code}></${Panel}>
			</div></div></${Page}>`;
}
