/*
 * Documents in the shapes of docs/wire.md, for states that a healthy lab shows rarely: faults, lost
 * boards, long logs, hostile bytes. Everything comes from one seed, so a failure can be repeated.
 */
export function random(seed) {
	let s = seed >>> 0;
	return () => {
		s = (s + 0x6d2b79f5) >>> 0;
		let t = Math.imul(s ^ (s >>> 15), s | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

export const HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>" +
	"\u202egnp.exe\u202c\u001b[31m";
const IMAGE = "4f1c0e2ad1b5b1f0c9e8d7a6b5948372615048f3e2d1c0b9a8978685746352a1";
const SECOND = 1000;

/* Jobs first..last: the last ten in rare states, those before have passed. */
export function makeLab({ first = 36, last = 60, now = Date.now() } = {}) {
	const lab = { jobs: [], runs: new Map(), logs: new Map(), samples: new Map(), boards: [],
		results: [] };
	const at = (ms) => new Date(now - ms).toISOString();
	const types = [["m55-1", "mps3-an547", true], ["m4-1", "mps2-an386", true],
		["micro-1", "microbit", true],
		["nucleo-1", "nucleo-f446re", false], ["host-1", "linux-amd64", false]];
	const models = ["linformer-nano", "distilbert-nano", "tinybert-nano", "performer-nano"];
	const rand = random(7);

	for (const [name, type, virtual] of types) {
		lab.boards.push({
			name, type, virtual, exec: type.startsWith("linux"), agent: "bench-3",
				state: "ready", online: true,
			tags: virtual ? ["cortex-m"] : ["ppk2"], mcu: virtual ? "Cortex-M55" :
				"STM32F446RE", reason: null, job: null, run: null,
			stage: null, epoch: 9, protocols: ["uart-bench", "lines"], phases:
				["cold", "warm", "memory"],
			probe_serial: "VB-1", ppk2_serial: null, last: [],
		});
	}
	const board = (name) => lab.boards.find((b) => b.name === name);
	Object.assign(board("micro-1"), { state: "quarantined", reason:
		"run 940 was lost: the agent stopped answering in cold" });
	Object.assign(board("host-1"),
		{ online: false, reason: "agent bench-4 has not been heard of since 06:12" });

	function addJob(id, { outcome = "passed", state, on, detail = "", stage = "", ...more }) {
		const [name, type, virtual] = types.find((t) => t[0] === on) ?? types[0];
		const model = models[id % models.length];
		const quant = id % 2 ? "int8" : "int4";
		const ended = !["queued", "active"].includes(state);
		const run = state === "queued" ? null : 900 + id;
		const created = (200 - id) * 71 * SECOND;
		const job = {
			id, name: `${model} ${quant}`, state, outcome: ended && outcome ? outcome :
				null, detail, stage,
			waits_for: state === "queued" ? `board ${name} is busy with job 58` : null,
			document: { name: `${model} ${quant}`, board: { type }, image:
				`sha256:${IMAGE}`, protocol: "uart-bench",
				phases: { cold: { boots: 8, by: "reset" }, warm:
					{ iterations: 400, warmup: 5 }, memory: true } },
			board: { type, tags: [], name: null }, labels: { model, quant }, priority:
				50, attempts: run ? 1 : 0,
			attempts_allowed: 3, image: IMAGE, run, parent: null, created_at:
				at(created),
			started_at: run ? at(created - 2 * SECOND) : null, finished_at: ended &&
				run ? at(created - 21 * SECOND) : null, ...more,
		};
		lab.jobs.unshift(job);
		if (!run)
			return job;
		const good = job.outcome === "passed";
		const doc = {
			id: run, job: id, attempt: 1, board: name, board_type: type, agent:
				"bench-3", epoch: 9,
			state: ended ? "done" : "running", outcome: job.outcome, detail, stage,
				late: false, virtual,
			exec: type.startsWith("linux"), created_at: job.created_at, started_at:
				job.started_at, finished_at: job.finished_at,
			log_bytes: 4096, timer: { hz: 32000000, kind: "systick", icount_shift: 5 },
			stages: [["flash", 0, 812], ["boot", 812, 901], ["cold", 901, 2410],
				["warm", 2410, 17320], ["memory", 17320, 17402],
				["collect", 17402, 18009]]
				.slice(0, good ? 6 : ended ? 3 : 2).map(([s, a, b]) =>
					({ stage: s, start_ms: a, end_ms: b })),
			metrics: [], device: { fw: "hilda-bench 0.1", git: "9f1c2ab", uid: "0x51",
				reset: "pin" },
			model: { model, quant, variant: "full", bytes: "48212", sha256: IMAGE,
				samples: "16" },
			clock: { checked: !virtual, device_us: 1000000, host_us: 1000100, ratio:
				1.0001, tolerance: 0.01, detail: virtual ?
				"a virtual board's clock is not checked" : "" },
			footprint: { flash_bytes: 63488, ram_static_bytes: 18432, weights_bytes:
				48212, sections: [
				{ name: ".text", address: 0, bytes: 13276, kind: "flash" },
					{ name: ".rodata", address: 13276, bytes: 50100, kind:
					"flash" },
				{ name: ".data", address: 0x20000000, bytes: 112, kind: "ram" },
					{ name: ".bss", address: 0x20000070, bytes: 18320, kind:
					"ram" }], segments: [] },
			fault: null, phases: [],
			provenance: { image_sha256: IMAGE, code_sha256: IMAGE, compiler:
				"GCC: (15:12.2.rel1-1) 12.2.1 20221205", flags:
				"-O2 -mcpu=cortex-m55 -mthumb",
				machine: "ARM", board_type: type, mcu: "Cortex-M55", probe_serial:
					"VB-1", probe: "buspirate", openocd: "0.12.0", agent:
					"0.1.0", host: "bench-3.lan", virtual, exec: false },
		};
		lab.runs.set(run, doc);
		if (good)
			measure(lab, doc, rand, id);
		lab.logs.set(run, shortLog(doc));
		const b = board(name);
		if (ended)
			b.last = [{ job: id, run, outcome: job.outcome, finished_at:
				job.finished_at }, ...b.last].slice(0, 10);
		else
			Object.assign(b, { state: "busy", job: id, run, stage: doc.stage });
		return job;
	}

	for (let id = first; id <= last - 10; id++)
		addJob(id, { state: "succeeded", on: types[id % 4][0] });
	const id = last - 10;
	const sustained = lab.runs.get(900 + id - 11);
	if (sustained) {
		sustained.phases = [...sustained.phases, { phase: "sustained", boot: 0, n: 12, soc: { sensors: [
			{ kind: "temperature", name: "cpu-thermal", before: 45100, min: 45100,
				max: 71250, after: 70000, reads: 62 },
			{ kind: "frequency", name: "policy0", before: 2400000, min: 1500000,
				max: 2400000, after: 1500000, limit: 2400000, reads: 62 },
			{ kind: "throttled", name: "cpu0", before: 7, min: 7, max: 9, after: 9, reads: 62 }],
			process: { vm_hwm_kB: 4321, minor_faults: 3, major_faults: 0 },
			perf: { context_switches: 31, missing: "cycles:cache_misses" } } }];
		Object.assign(sustained.model, { runtime: "onnxruntime-1.16", accelerator: "npu",
			ops_accelerated: 11, ops_total: 12 });
	}
	addJob(id + 1, { state: "failed", outcome: "failed", on: "m55-1", stage: "warm", detail:
		"hardfault at dequantize+0x3e (dequantize.c:41), called from encoder_block+0x1f2 (encoder.c:210)" });
	lab.runs.get(901 + id).fault = { kind: "hardfault", pc: "0x00001f3e", pc_symbol:
		"dequantize+0x3e (dequantize.c:41)", lr: "0x000027f2",
		lr_symbol: "encoder_block+0x1f2 (encoder.c:210)", registers:
			{ sp: "0x20003f80", xpsr: "0x61000003", cfsr: "0x00008200", hfsr:
			"0x40000000", bfar: "0x60000000" } };
	addJob(id + 2, { state: "failed", outcome: "configuration", on: "m4-1", stage: "flash",
		detail: "the image is for AArch64, the board's machine is ARM (Cortex-M4): build it with arm-none-eabi-gcc" });
	addJob(id + 3, { state: "failed", outcome: "timeout", on: "micro-1", stage: "cold", detail:
		"no line within 300 s in cold; the last one was m-lap-us-1042" });
	addJob(id + 4, { state: "failed", outcome: "infrastructure", on: "micro-1", stage: "flash",
		attempts: 3, detail: "probe not found: Error: unable to open CMSIS-DAP device 0xd28:0x204; plug it in again and run hilda-agent check micro-1" });
	addJob(id + 5, { state: "canceled", outcome: "canceled", on: "nucleo-1", stage: "warm",
		detail: "canceled by the user" });
	addJob(id + 6, { state: "lost", outcome: "infrastructure", on: "micro-1", stage: "cold",
		attempts: 3, detail: "run lost: the agent stopped answering" });
	addJob(id + 7, { state: "succeeded", on: "m55-1", name: HOSTILE, labels:
		{ model: HOSTILE, quant: "int8" } });
	addJob(id + 8, { state: "active", on: "m55-1", stage: "cold" });
	addJob(id + 9, { state: "queued", on: "m55-1" });
	addJob(id + 10, { state: "queued", on: "nucleo-1", waits_for:
		"no board of type nucleo-h743 is known; known: mps3-an547, mps2-an386, microbit",
		document: { ...lab.jobs[0].document } });
	addSuites(lab);
	return lab;
}

/* Two models on two boards, one cell left out; a schedule that went well and one that was skipped. */
function addSuites(lab) {
	const at = (h) => `2026-07-01T0${h}:30:00.000Z`;
	const cell = (n, quant, board, more) => ({ cell: n, title: `tiny ${quant} ${board}`, values:
		{ model: "tiny", quant, board }, tries: 1, job: 50 + n, state: "succeeded", outcome:
		"passed", detail: "", stage: "", run: 930 + n, board, started_at: at(1), finished_at:
		at(2), virtual: false, energy_source: null, metrics: { "warm.latency_us": 61000 },
	...more });
	const run = { id: 12, suite: "nightly", schedule: 1, state: "failed", cells_total: 3,
		cells_ended: 3, cells_passed: 2, variables: ["model", "quant", "board"], created_at:
		at(0), finished_at: at(2), cells: [
		cell(0, "int8", "m55-1", { virtual: true, metrics: { "warm.latency_us": 62464 } }),
		cell(1, "int8", "nucleo-1"),
		cell(2, "int4", "m55-1", { state: "failed", outcome: "failed", stage: "warm", tries: 2,
			detail: `wrong answer ${HOSTILE}`, metrics: {} })] };
	lab.nights = ["02", "03", "04", "05", "06"].map((d) => `2026-07-${d}T00:30:00.000Z`);
	lab.suiteRuns = [run, { ...run, id: 13, state: "active", cells_ended: 1, cells_passed: 1,
		finished_at: null, cells: [run.cells[0], cell(1, "int8", "nucleo-1", { state: "active",
			outcome: "", metrics: {} }), cell(2, "int4", "m55-1", { state: "queued", outcome: "",
			run: null, board: null, metrics: {} })] }];
	lab.suites = [{ name: "nightly", cells: 3, created_at: at(0), updated_at: at(0), last_run:
		run, document: { keep: { runs: 30, days: 90 } } }, { name: "weekly", cells: 40, created_at: at(0), updated_at: at(0), last_run: null }];
	lab.schedules = [
		{ id: 1, suite: "nightly", cron: "30 2 * * *", time_zone: "Europe/Berlin", paused: false,
			created_at: at(0), next: lab.nights, suite_run: 12, last: { at: at(0), due_at: at(0),
			action: "started", detail: "" } },
		{ id: 2, suite: "busy", cron: "0 * * * *", time_zone: "UTC", paused: true, created_at:
			at(0), next: [], suite_run: 11, last: { at: at(0), due_at: at(0), action: "skipped",
			detail: "suite run 11 was still at work" } }];
}

function order(sorted, q) {
	return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
}

function metric(phase, name, unit, values, more = {}) {
	const s = [...values].sort((a, b) => a - b), n = s.length;
	const m = { phase, metric: name, unit, boot: null, n, value: n === 1 ? s[0] : null, min:
		s[0], max: s[n - 1],
		mean: s.reduce((a, b) => a + b, 0) / n, sd: null, distinct: new Set(s).size, lag1:
			0.031, blank: {}, note: n > 1 ? "within one boot" : null };
	for (const [q, p, need] of [["p50", 0.5, 6], ["p95", 0.95, 72], ["p99", 0.99, 368]]) {
		m[q] = n >= need ? order(s, p) : null;
		m[`${q}_lo`] = n >= need ? order(s, p - 0.01) : null;
		m[`${q}_hi`] = n >= need ? order(s, Math.min(1, p + 0.008)) : null;
		if (n < need && n > 1)
			m.blank[q] = need;
	}
	return { ...m, ...more };
}

function one(phase, name, unit, value) {
	return { phase, metric: name, unit, boot: null, n: 1, value, min: value, max: value, p50:
		null, p95: null, p99: null, blank: {}, distinct: 1, note: null };
}

/* Two parts; with instructions where a tick counts them. */
function profileOf(perUs) {
	const part = (name, layer, us, share) => ({ part: name, ...layer === null ? {} : { layer },
		min_ticks: us, median_ticks: us, min_us: us, median_us: us, share,
		...perUs ? { instructions: us * perUs } : {} });
	return { phase: "profile", n: 20, parts: [part("embed", null, 9000, 0.15),
		part("attention", 1, 51000, 0.85)] };
}

function measure(lab, run, rand, id) {
	const put = (phase, name, unit, values) => lab.samples.set(`${run.id}/${phase}/${name}`,
		{ run: run.id, phase, metric: name, unit, virtual: run.virtual, boots:
			[{ boot: 0, n: values.length, values }] });
	const memory = [one("memory", "sram_peak_bytes", "bytes", 22016 + 512 * (id % 5)),
		one("memory", "stack_bytes", "bytes", 1304), one("footprint", "flash_bytes",
		"bytes", 63488)];

	if (run.virtual) {
		const base = 1952001 + 1000 * (id % 7);
		const counts = Array.from({ length: 400 }, (_, i) =>
			base + (id % 3 === 0 ? 17 * (i % 4) : 0));
		const us = counts.map((c) => c * 32 / 1000);
		run.phases = [{ phase: "warm", boot: 0, n: 400, inputs: "rotate", input_count: 4 },
			profileOf(32)];
		put("warm", "instructions", "instructions", counts);
		put("warm", "latency_us", "us", us);
		run.metrics = [metric("warm", "instructions", "instructions", counts,
			{ value: base, p50: null, p95: null, p99: null, blank: {} }),
			metric("warm", "latency_us", "us", us, { value: us[0], p50: null, p95: null,
				p99: null, blank: {} }),
			metric("warm", "worst_instructions", "", [base + 90, base + 90],
				{ note: "input 17, the slowest of 40 tried, seed 1" }),
			{ ...one("accuracy", "accuracy", "", 0.87), n: 100, min: null, max: null,
				note: "87 of 100 right; 95 %: 79.0 to 92.2 % (Wilson)" },
			metric("accuracy", "correct", "", [1, 0, 1]), ...memory];
	} else {
		const us = Array.from({ length: 400 }, (_, i) =>
			61000 + 220 * rand() + 160 * rand() + (i % 67 === 0 ? 900 * rand() :
			0) + 10 * (id % 9));
		const cold = Array.from({ length: 8 }, () => 64000 + 900 * rand());
		run.phases = [{ phase: "warm", boot: 0, n: 400, inputs: "list", input_count: 100 },
			profileOf(null)];
		put("warm", "latency_us", "us", us);
		put("cold", "latency_us", "us", cold);
		run.metrics = [metric("warm", "latency_us", "us", us, { sd: 131.2 }),
			metric("cold", "latency_us", "us", cold, { note: "reset" }),
			metric("profile", "layer_us", "us", [9000, 52000]),
			one("warm", "throughput_ips", "ips", 16.37), ...memory];
	}
	const metrics = {};
	for (const m of run.metrics)
		for (const stat of ["value", "p50", "p95", "p99", "max"])
			if (m[stat] !== null && m[stat] !== undefined &&
			    (stat !== "max" || m.n > 1))
				metrics[`${m.phase}.${m.metric}.${stat}`] = m[stat];
	const job = lab.jobs.find((j) => j.id === run.job);
	lab.results.unshift({ run: run.id, job: run.job, name: job.name, board: run.board,
		board_type: run.board_type, virtual: run.virtual, exec: run.exec,
		model: job.labels.model, quant: job.labels.quant, labels: job.labels, outcome:
			run.outcome, finished_at: run.finished_at, image: job.image, metrics });
}

/* Texts -> records with the offsets that a log file would have (16 bytes of head each). */
export function records(entries, from = 0) {
	let offset = from;
	return entries.map(([t_us, stream, text]) => {
		const record = { from: offset, to: offset + 16 + Buffer.byteLength(text), t_us,
			stream, text };
		offset = record.to;
		return record;
	});
}

function shortLog(run) {
	return records([
		[1200, "agent", `run ${run.id} on ${run.board}, epoch ${run.epoch}\n`],
		[9100, "tool", "Open On-Chip Debugger 0.12.0\nInfo : clock speed 1000 kHz\n"],
		[80100, "tool", "Info : JTAG tap: vboard.cpu tap/device found: 0x6ba00477\n"],
		[412000, "tool", "63488 bytes written at address 0x00000000\nverified 63488 bytes in 0.81s\n"],
		[901000, "console", "\r\nm-timestamp-mode-performance\r\nm-lap-us-1042\r\nm-init-do"],
		[901400, "agent", "the board has booted\n"],
		[901900, "console", "ne\r\nm-ready\r\n"],
		[902300, "device", "lab cold%\n"],
		[1502300, "console", `$R,0,phase=cold,n=8*1A2B\r\n${HOSTILE} \\x1b[2J\r\n`],
		[2410000, "agent", "cold: 8 boots\n"],
	]);
}

export function longLog(lines) {
	const entries = [];
	for (let i = 1; i <= lines; i++)
		entries.push([i * 100, i % 10 ? "console" : "tool",
			`$C,${i},i=${i},t=${1952001 + i % 13}:1952014*0F3C line ${i}\r\n`]);
	return records(entries);
}
