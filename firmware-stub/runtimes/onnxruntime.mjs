// ONNX Runtime behind the `$` lines (docs/wire.md, section 1): a yardstick that we did not write, for an exec board.
// In the folder where it starts lie model.onnx and samples.bin (HLDS). One thread, one sample at a time.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { crc32 } from "node:zlib";

const TOKEN_BYTES = 2;
const LINE_ROOM = 120;
const MAX_N = 100000;

function crc16(bytes) {
	let crc = 0xffff;
	for (const byte of bytes) {
		crc ^= byte << 8;
		for (let i = 0; i < 8; i++)
			crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
	}
	return crc.toString(16).toUpperCase().padStart(4, "0");
}

/* A run's records, kept whole so that `lab resend` can give one again. */
class Run {
	constructor() {
		this.lines = [];
	}

	put(type, values) {
		const pairs = Object.entries(values).map(([key, value]) => `${key}=${value}`);
		const body = [type, this.lines.length, ...pairs].join(",");
		this.lines.push(`$${body}*${crc16(Buffer.from(body))}`);
	}

	list(type, first, key, values) {
		for (let i = 0; i < values.length;) {
			let end = i, text = "";
			while (end < values.length && `${text}:${values[end]}`.length < LINE_ROOM)
				text += (end > i ? ":" : "") + values[end++];
			this.put(type, { ...first(i), [key]: text });
			i = end;
		}
	}

	end() {
		const crc = crc32(Buffer.from(this.lines.join(""))).toString(16).toUpperCase().padStart(8, "0");
		this.put("E", { lines: this.lines.length, crc, status: "ok" });
	}
}

function readSamples(path) {
	const data = readFileSync(path);
	if (data.toString("latin1", 0, 4) !== "HLDS" || data.readUInt16LE(4) !== 1)
		throw new Error(`${path} is no HLDS list of version 1`);
	const [count, tokens, each] = [6, 8, 10].map((at) => data.readUInt16LE(at));
	const first = 12 + Math.ceil(count / 4) * 4;
	if (data.length !== first + count * tokens * each)
		throw new Error(`${path} has ${data.length} bytes, ${count} samples are ${first + count * tokens * each}`);
	return { count, tokens, each, labels: data.subarray(12, 12 + count), inputs: data.subarray(first) };
}

class Device {
	constructor(ort, session, model, samples) {
		Object.assign(this, { ort, session, model, samples, runs: 0 });
		this.tensors = new Map();
	}

	/* Made before it is timed: a board has its inputs in memory too. */
	tensor(i) {
		const { tokens, each, inputs } = this.samples;
		const at = (i % this.samples.count) * tokens * each;
		if (each === TOKEN_BYTES) {
			const ids = new BigInt64Array(tokens);
			for (let t = 0; t < tokens; t++)
				ids[t] = BigInt(inputs.readUInt16LE(at + t * TOKEN_BYTES));
			return new this.ort.Tensor("int64", ids, [1, tokens]);
		}
		const reals = new Float32Array(tokens * each);
		for (let j = 0; j < reals.length; j++)
			reals[j] = inputs.readInt8(at + j) / 128;
		return new this.ort.Tensor("float32", reals, [1, tokens, each]);
	}

	async logits(tensor) {
		return (await this.session.run({ input: tensor })).logits.data;
	}

	async id(run) {
		run.put("H", { proto: 1, fw: this.ort.env.versions.common, git: "none", cc: "none", board: "onnxruntime",
			uid: "none", hz: 1000000000, timer: "monotonic", reset: "power", max_n: MAX_N });
		run.put("M", { model: "onnxruntime", quant: "float32", variant: "onnx", in: this.samples.tokens * this.samples.each,
			out: (await this.logits(this.tensor(0))).length, samples: this.samples.count, bytes: this.model.length });
		run.put("M", { sha256: createHash("sha256").update(this.model).digest("hex") });
	}

	async warm(run, n, warmup) {
		const ticks = [];
		for (let i = 0; i < warmup; i++)
			await this.logits(this.tensor(i));
		const opened = process.hrtime.bigint();
		for (let i = 0; i < n; i++) {
			const tensor = this.tensor(i);
			const start = process.hrtime.bigint();
			await this.logits(tensor);
			ticks.push(process.hrtime.bigint() - start);
		}
		run.put("R", { run: ++this.runs, phase: "warm", n, warmup, batch: 1, irq: "on", cache: "on", overhead: 0,
			window: process.hrtime.bigint() - opened, inputs: "rotate" });
		run.list("C", (i) => ({ i }), "t", ticks);
	}

	async accuracy(run, n) {
		run.put("R", { run: ++this.runs, phase: "accuracy", n, warmup: 0, batch: 1, irq: "on", cache: "on", overhead: 0,
			window: 0, inputs: "list", from: "file" });
		for (let i = 0; i < n; i++) {
			const logits = Array.from(await this.logits(this.tensor(i)));
			const p = logits.indexOf(Math.max(...logits));
			/* The agent's logits are whole numbers: thousandths. */
			run.put("P", { i, p, y: this.samples.labels[i], l: logits.map((x) => Math.round(x * 1000)).join(":") });
		}
	}
}

function number(word, most) {
	const value = Number(word);
	return /^[0-9]+$/.test(word ?? "") && value >= 1 && value <= most ? value : null;
}

async function answer(device, words, last) {
	const run = new Run();
	if (words[0] !== "lab")
		return say(`e-[Unknown command: ${words[0]}]`);
	if (words[1] === "resend") {
		if (last.lines[Number(words[2])])
			say(last.lines[Number(words[2])]);
		return;
	}
	const n = number(words[2], words[1] === "accuracy" ? device.samples.count : MAX_N);
	if (words[1] === "id")
		await device.id(run);
	else if (words[1] === "warm" && n)
		await device.warm(run, n, Number(words[3] ?? 0));
	else if (words[1] === "accuracy" && n)
		await device.accuracy(run, n);
	else
		return say(`e-[Unsupported verb: ${words[1]}]`);
	run.end();
	last.lines = run.lines;
	run.lines.forEach(say);
}

const say = (line) => process.stdout.write(`${line}\r\n`);

/* root: the folder whose node_modules hold ONNX Runtime. */
export async function main(root) {
	const ort = createRequire(`${root}/`)("onnxruntime-node");
	const model = readFileSync("model.onnx");
	const samples = readSamples("samples.bin");
	const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1,
		executionMode: "sequential", executionProviders: ["cpu"] });
	const device = new Device(ort, session, model, samples);
	const last = { lines: [] };
	let text = "";
	["", "m-timestamp-mode-performance", "m-lap-us-0", "m-init-done", "m-ready"].forEach(say);
	for await (const bytes of process.stdin) {
		text += bytes;
		for (let at; (at = text.indexOf("%")) >= 0;) {
			const words = text.slice(0, at).trim().split(" ");
			text = text.slice(at + 1);
			if (words[0] === "name")
				say("m-name-dut-[onnxruntime]");
			else
				await answer(device, words, last);
			say("m-ready");
		}
	}
}
