/*
 * A peer for the pages: serves web/ as the real server does (same policy, same paths) and documents
 * from fixtures.mjs. Tests drive it: emit() sends an event, append() lengthens a log, fail() breaks a path.
 */
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { records } from "./fixtures.mjs";
import { traceAnswer } from "./traces.mjs";

export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".mjs": "text/javascript", ".js":
	"text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const LOG_PAGE = 25000;

const CSRF = "a word that no other site's page knows";

export async function startFake({ web, modules, lab }) {
	const vendor = new Map(JSON.parse(readFileSync(join(web, "vendor.json"))).map((v) =>
		[`/vendor/${v.name}`, join(modules, v.from)]));
	const streams = new Set(), followers = new Map(), broken = new Map(), requests = [];
	let eventId = 0, slow_ms = 0;

	function file(response, path) {
		if (!existsSync(path) || !statSync(path).isFile()) {
			response.writeHead(404).end();
			return;
		}
		response.writeHead(200, { "Content-Type": TYPES[extname(path)] ??
			"application/octet-stream", "Content-Security-Policy": CSP,
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store" });
		createReadStream(path).pipe(response);
	}
	function json(response, document, status = 200, headers = {}) {
		response.writeHead(status, { "Content-Type": status < 400 ? "application/json" :
			"application/problem+json", ...headers });
		response.end(JSON.stringify(document));
	}
	const problem = (response, status, slug, title, detail, more = {}) =>
		json(response, { type: `/problems/${slug}`, title, status, detail, ...more },
		status);
	function sse(response) {
		response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control":
			"no-store" });
		response.write(": open\n\n");
	}
	const follow = (response, record) =>
		response.write(`id: ${record.to}\ndata: ${JSON.stringify(record)}\n\n`);

	function list(response, url, items, id) {
		const limit = Number(url.searchParams.get("limit") ?? 50),
			after = Number(url.searchParams.get("after") ?? Infinity);
		const rest = items.filter((x) => x[id] < after);
		json(response, { items: rest.slice(0, limit), next: rest.length > limit ?
			rest[limit - 1][id] : null });
	}
	function jobs(response, url) {
		const q = url.searchParams;
		list(response, url, lab.jobs.filter((j) =>
			(!q.get("state") || j.state === q.get("state")) &&
			(!q.get("board") || lab.runs.get(j.run)?.board === q.get("board")) &&
			[...q].every(([k, v]) => !k.startsWith("label.") ||
				j.labels[k.slice(6)] === v)), "id");
	}
	function results(response, url) {
		const q = url.searchParams;
		list(response, url, lab.results.filter((r) =>
			(!q.get("board") || r.board === q.get("board")) &&
			(!q.get("type") || r.board_type === q.get("type")) &&
			(!q.get("virtual") || String(r.virtual) === q.get("virtual")) &&
				(!q.get("outcome") || r.outcome === q.get("outcome")) &&
			[...q].every(([k, v]) => !k.startsWith("label.") ||
				r.labels[k.slice(6)] === v)), "run");
	}
	function log(request, response, url, id) {
		const from = Number(url.searchParams.get("from") ?? 0);
		const rest = (lab.logs.get(id) ?? []).filter((r) => r.to > from);
		if (request.headers.accept?.includes("text/event-stream")) {
			sse(response);
			rest.forEach((r) => follow(response, r));
			const set = followers.get(id) ?? new Set();
			followers.set(id, set.add(response));
			request.on("close", () => set.delete(response));
		} else if (request.headers.accept?.includes("application/json")) {
			json(response, { records: rest.slice(0, LOG_PAGE) });
		} else {
			response.writeHead(200, { "Content-Type":
				"text/plain; charset=utf-8" }).end(rest.map((r) =>
				r.text).join(""));
		}
	}
	/* Tiles may be told to take their time. */
	function trace(response, url, id, what) {
		const found = lab.traces?.get(id);
		if (!found)
			return problem(response, 404, "not-found", "Not found", `run ${id} has no capture`);
		if (what === "trace.csv") {
			response.writeHead(200, { "Content-Type": "text/csv" });
			return response.end("t_us,current_uA,logic,flags\n");
		}
		const answer = () => json(response, traceAnswer(found, id, what, url.searchParams));
		return setTimeout(() => response.destroyed || answer(), what === "trace/tile" ? slow_ms : 0);
	}
	function suites(response, method, kind, name, what, data) {
		const all = { suites: lab.suites, "suite-runs": lab.suiteRuns, schedules:
			lab.schedules }[kind];
		const found = all.find((x) => String(x.id ?? x.name) === name);
		if (method === "GET" && !name)
			return json(response, { items: all, next: null });
		if (!found)
			return problem(response, 404, "not-found", "Not found", `there is no ${name}`);
		if (what === "runs" || what === "run")
			return found.suite === "busy" ? problem(response, 409, "conflict", "No",
				"suite run 12 is still at work") : json(response, { id: 12 }, 201);
		if (what === "retry")
			return json(response, { id: found.id, jobs: 1 });
		if (what === "cancel") {
			const live = found.cells.filter((c) => ["queued", "active"].includes(c.state));
			for (const cell of live)
				Object.assign(cell, { state: "canceled", outcome: "canceled" });
			Object.assign(found, { state: "failed", cells_ended: found.cells_total });
			return json(response, { id: found.id, canceled: live.length, asked: 0, ended:
				found.cells_total - live.length });
		}
		if (method === "PATCH") {
			found.paused = JSON.parse(data).action === "pause";
			found.next = found.paused ? [] : lab.nights;
		}
		return json(response, found);
	}
	async function body(request) {
		const chunks = [];
		for await (const chunk of request)
			chunks.push(chunk);
		return Buffer.concat(chunks);
	}

	async function api(request, response, url) {
		const path = url.pathname.slice("/api/v1".length),
			[, kind, name, what] = path.split("/");
		const id = Number(name), method = request.method;
		const data = ["POST", "PATCH", "PUT"].includes(method) ? await body(request) : null;
		if (method === "GET" && kind === "session")
			return json(response, { auth: "tokens", name: "ada", scopes: "read,submit", csrf: CSRF });
		requests.push({ method, path: path + url.search, body: data, headers:
			request.headers });
		if (broken.has(path))
			return problem(response, ...broken.get(path));
		if (method !== "GET" && request.headers["x-csrf-token"] !== CSRF)
			return problem(response, 403, "forbidden", "Not allowed", "X-CSRF-Token is missing");
		if (kind === "events") {
			sse(response);
			streams.add(response);
			return request.on("close", () => streams.delete(response));
		}
		const job = kind === "jobs" && lab.jobs.find((j) => j.id === id);
		const run = kind === "runs" && lab.runs.get(id);
		if (method === "GET" && kind === "jobs" && !name)
			return jobs(response, url);
		if (method === "POST" && kind === "jobs" && !name) {
			if (!JSON.parse(data).board?.type)
				return problem(response, 422, "invalid-job",
					"The job document is not valid",
					"board.type is missing: name the type of board it needs",
					{ pointer: "/board/type", known:
					lab.boards.map((b) => b.type) });
			return json(response, lab.jobs[0], 201,
				{ Location: `/api/v1/jobs/${lab.jobs[0].id}` });
		}
		if (kind === "artifacts" && method === "PUT")
			return json(response, { sha256: name, bytes: data.length }, 201);
		if (method === "GET" && job && what === "runs")
			return json(response, { items: [...lab.runs.values()].filter((r) =>
				r.job === id), next: null });
		if (method === "POST" && job && what === "rerun")
			return json(response, { ...job, id: lab.jobs[1].id }, 201);
		if (method === "DELETE" && job) {
			Object.assign(job, { state: "canceled", outcome: "canceled", finished_at:
				new Date().toISOString() });
			emit("job", { id, state: "canceled" });
			return json(response, job);
		}
		if (method === "GET" && job && !what)
			return json(response, job);
		if (method === "GET" && run && !what)
			return json(response, run);
		if (method === "GET" && run && what === "log")
			return log(request, response, url, id);
		if (method === "GET" && run && /^(trace\b|windows$)/.test(what ?? ""))
			return trace(response, url, id, path.split("/").slice(3).join("/"));
		if (method === "GET" && run && what === "samples") {
			const found = lab.samples.get(`${id}/${url.searchParams.get("phase")}/${url.searchParams.get("metric")}`);
			return found ? json(response, found) : problem(response, 404, "no-samples",
				"No such samples", `Run ${id} has no samples of that phase and metric`);
		}
		if (method === "GET" && kind === "boards")
			return json(response, { items: lab.boards, next: null });
		if (method === "PATCH" && kind === "boards") {
			const board = lab.boards.find((b) => b.name === decodeURIComponent(name)),
				{ action, reason } = JSON.parse(data);
			Object.assign(board, { state: action === "release" ? "ready" : "drained",
				reason });
			emit("board", { name: board.name, state: board.state });
			return json(response, board);
		}
		if (kind === "suites" || kind === "suite-runs" || kind === "schedules")
			return suites(response, method, kind, name, what, data);
		if (method === "GET" && kind === "results")
			return results(response, url);
		return problem(response, 404, "not-found", "Not found",
			`Nothing is at ${url.pathname}. It may have been pruned, or the number is wrong.`);
	}

	const server = createServer((request, response) => {
		const url = new URL(request.url, "http://fake");
		if (url.pathname.startsWith("/api/v1/"))
			return void api(request, response, url).catch((e) => response.destroy(e));
		if (vendor.has(url.pathname))
			return file(response, vendor.get(url.pathname));
		const path = normalize(url.pathname);
		return file(response, join(web, extname(path) ? path : "index.html"));
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));

	function emit(name, document) {
		for (const response of streams)
			response.write(`id: fake-${++eventId}\nevent: ${name}\ndata: ${JSON.stringify(document)}\n\n`);
	}
	return {
		url: `http://127.0.0.1:${server.address().port}`, lab, requests, emit, streams,
		append(run, entries) {
			const have = lab.logs.get(run);
			const more = records(entries, have.at(-1)?.to ?? 0);
			more.forEach((r) => have.push(r));
			for (const response of followers.get(run) ?? [])
				more.forEach((r) => follow(response, r));
		},
		end(run) {
			for (const response of followers.get(run) ?? [])
				response.write("event: end\ndata: {}\n\n");
		},
		slow: (ms) => {
			slow_ms = ms;
		},
		fail: (path, ...how) => broken.set(path, how),
		mend: (path) => broken.delete(path),
		followers: (run) => followers.get(run)?.size ?? 0,
		close() {
			server.closeAllConnections();
			return new Promise((done) => server.close(done));
		},
	};
}
