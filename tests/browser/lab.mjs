/*
 * A real lab for browser tests: hildad on a free port and a hilda-agent with boards, in a folder of
 * their own that is removed at the end.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, mkdirSync, openSync, readFileSync, rmSync,
	writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILD } from "./browser.mjs";

const bin = (name) => join(BUILD, "bin", name);

/* Why no lab can be started here, or null. */
export function missingLab(programs = ["hildad", "hilda-agent"]) {
	const absent = programs.filter((name) => !existsSync(bin(name)));
	return absent.length ? `${absent.map(bin).join(", ")} not built: run make` : null;
}

/* The image of a board, by the name the firmware's build gives it. */
export function firmware(board, image = "full-nano-int8") {
	return join(BUILD, "firmware", board, `${image}.elf`);
}

export async function until(what, seconds, message) {
	const deadline = Date.now() + seconds * 1000;
	for (;;) {
		const value = await what();
		if (value)
			return value;
		if (Date.now() > deadline)
			throw new Error(`${typeof message === "function" ? message() :
				message} within ${seconds} s`);
		await new Promise((done) => setTimeout(done, 25));
	}
}

function run(name, args, log) {
	const out = openSync(log, "a");
	return spawn(bin(name), args, { stdio: ["ignore", out, out] });
}

function stopped(child) {
	if (child.exitCode !== null || child.signalCode !== null)
		return Promise.resolve();
	return new Promise((done) => {
		const hard = setTimeout(() => child.kill("SIGKILL"), 15000);
		child.on("exit", () => {
			clearTimeout(hard);
			done();
		});
		child.kill("SIGTERM");
	});
}

/* boards: the sections of agent.ini. */
export async function startLab(boards) {
	const folder = mkdtempSync(join(tmpdir(), "hilda-lab-"));
	const portFile = join(folder, "port"), logs = { server: join(folder, "hildad.log"), agent:
		join(folder, "agent.log") };
	const server = run("hildad", ["--listen", "127.0.0.1:0", "--data", join(folder, "server"),
		"--port-file", portFile], logs.server);
	const children = [server];
	const close = async () => {
		for (const child of children.reverse())
			await stopped(child);
		/* A virtual board that ends with its agent may still be tidying its own. */
		rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
	};
	try {
		const port = await until(() => existsSync(portFile) &&
			readFileSync(portFile, "utf8").trim(), 10,
			() => `hildad is not ready: ${readFileSync(logs.server, "utf8")}`);
		const url = `http://127.0.0.1:${port}`, config = join(folder, "agent.ini");
		mkdirSync(join(folder, "run"));
		writeFileSync(config, `[agent]\nname = bench-1\nserver = ${url}\ndata = ${join(folder, "agent")}\nrun = ${join(folder, "run")}\nlibexec = ${join(BUILD, "bin")}\n${boards}`);
		children.push(run("hilda-agent", ["--config", config], logs.agent));
		return makeLab(url, logs, close);
	} catch (error) {
		await close();
		throw error;
	}
}

function makeLab(url, logs, close) {
	const call = async (method, path, body, headers = {}) => {
		const response = await fetch(`${url}/api/v1${path}`, { method, body, headers });
		const text = await response.text();
		if (!response.ok)
			throw new Error(`${method} ${path}: ${response.status} ${text}`);
		return text ? JSON.parse(text) : {};
	};
	const get = (path) => call("GET", path);
	return {
		url, close, get,
		async upload(bytes) {
			const sha256 = createHash("sha256").update(bytes).digest("hex");
			await call("PUT", `/artifacts/${sha256}`, bytes,
				{ "Content-Type": "application/octet-stream" });
			return `sha256:${sha256}`;
		},
		async submit(document) {
			return (await call("POST", "/jobs", JSON.stringify(document),
				{ "Content-Type": "application/json" })).id;
		},
		ended(id, seconds = 60) {
			return until(async () => {
				const job = await get(`/jobs/${id}`);
				return ["succeeded", "failed", "canceled",
					"lost"].includes(job.state) && job;
			}, seconds, () => `job ${id} has not ended; the agent says:\n${readFileSync(logs.agent, "utf8").slice(-3000)}`);
		},
		online(names, seconds = 30) {
			return until(async () => {
				const { items } = await get("/boards");
				return names.every((name) => items.some((b) => b.name === name &&
					b.online && b.state === "ready"));
			}, seconds, () => `${names} are not ready; the agent says:\n${readFileSync(logs.agent, "utf8").slice(-3000)}`);
		},
	};
}
