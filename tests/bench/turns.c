/*
 * Whose turn it is, for `make bench B=share`: a store by itself.
 *
 *	turns claims FOLDER	1,000 boards, 100,000 jobs of 50 submitters: how long a claim takes
 *	turns waits FOLDER	4 boards in virtual time: how long the jobs of a flood, of a suite and of one
 *				with three jobs wait
 *
 * Prints one line of JSON.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "server/store/ops.h"
#include "server/store/store.h"

#define IMAGE "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define AGENTS 100
#define BOARDS_EACH 10
#define TYPES 20
#define DEMANDS_EACH 4
#define SUBMITTERS 50
#define JOBS_EACH 25 /* 20 x 4 x 50 x 25 = 100,000 */
#define CLAIMS 2000
#define JOB_MS 10000

static int64_t wall_ms = INT64_C(1790000000000);

static int64_t wall(void *arg)
{
	(void)arg;
	return wall_ms;
}

static int64_t mono(void *arg)
{
	(void)arg;
	return clock_mono_ns(&clock_system);
}

static const struct clock half_clock = {mono, wall, NULL, mono};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "turns: %s: %s\n", what, why);
	exit(1);
}

static void call(struct store *s, struct store_op *op)
{
	if (store_call(s, op))
		die("store", op->fault.text);
}

/* ---- jobs ---- */

static int64_t submit(
	struct store *s, const char *token, const char *type, unsigned variant, unsigned repeat)
{
	static const char *const phases[DEMANDS_EACH] = {"\"warm\":{\"iterations\":100}",
		"\"cold\":{\"boots\":2}", "\"memory\":true", "\"accuracy\":{\"samples\":10}"};
	_cleanup_free_ char *text = NULL;
	struct op_job_submit x;
	struct job_error e;
	struct job *job;
	struct fault f;
	json_t *doc;
	int64_t id;

	if (asprintf(&text,
		    "{\"name\":\"%s\",\"board\":{\"type\":\"%s\"},\"image\":\"" IMAGE
		    "\",\"protocol\":\"uart-bench\",\"phases\":{%s},\"repeat\":%u,"
		    "\"timeouts_s\":{\"queue\":604800}}",
		    token, type, phases[variant], repeat) < 0)
		die("submit", "no memory");
	doc = json_loads(text, 0, NULL);
	if (job_parse(doc, &job, &e))
		die(e.pointer, e.fault.text);
	json_decref(doc);
	if (op_job_submit_setup(&x, job, text, strlen(text), &f))
		die("submit", f.text);
	x.token = token;
	call(s, &x.op);
	id = x.job;
	op_job_submit_done(&x);
	job_free(job);
	return id;
}

/* ---- agents ---- */

struct agent {
	int64_t session;
	size_t n;
	char names[BOARDS_EACH][16], types[BOARDS_EACH][16];
	const char *list[BOARDS_EACH];
};

static void enlist(struct store *s, struct agent *a, unsigned number, size_t n, unsigned types)
{
	struct op_register_board boards[BOARDS_EACH] = {0};
	struct op_agent_register x = {.host = "h", .boards = boards, .n_boards = n};
	char name[16];

	a->n = n;
	for (size_t i = 0; i < n; i++) {
		snprintf(a->names[i], sizeof(a->names[i]), "b%03u-%zu", number, i);
		snprintf(a->types[i], sizeof(a->types[i]), "t%zu", (number * n + i) % types);
		a->list[i] = a->names[i];
		boards[i].name = a->names[i];
		boards[i].type = a->types[i];
		boards[i].online = true;
	}
	snprintf(name, sizeof(name), "agent-%u", number);
	x.name = name;
	op_agent_register_setup(&x);
	call(s, &x.op);
	a->session = x.session;
	op_agent_register_done(&x);
}

struct offer {
	int64_t run, job, epoch;
	size_t board; /* of the agent's */
};

static int (*claim_run)(struct store_txn *t, struct store_op *op);
static int64_t claim_ns;

/* Of this thread: what others do with the processors is not counted. */
static int64_t cpu_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return at.tv_sec * CLOCK_NS_PER_S + at.tv_nsec;
}

static int timed(struct store_txn *t, struct store_op *op)
{
	int64_t begin_ns = cpu_ns();
	int rc = claim_run(t, op);

	claim_ns = cpu_ns() - begin_ns;
	return rc;
}

/* For some of its boards; how many offers came. */
static size_t claim(
	struct store *s, const struct agent *a, size_t first, size_t n, struct offer *out)
{
	static unsigned number;
	struct op_offer_claim x = {.session = a->session, .boards = a->list + first, .n_boards = n};
	char request[16];
	json_t *reply, *offer;
	size_t i;

	snprintf(request, sizeof(request), "%u", ++number);
	x.request = request;
	op_offer_claim_setup(&x);
	claim_run = x.op.run;
	x.op.run = timed;
	call(s, &x.op);
	reply = json_loads(x.reply.data, 0, NULL);
	json_array_foreach (json_object_get(reply, "offers"), i, offer) {
		const char *board = json_string_value(json_object_get(offer, "board"));

		out[i].run = json_integer_value(json_object_get(offer, "run"));
		out[i].job = json_integer_value(json_object_get(offer, "job"));
		out[i].epoch = json_integer_value(json_object_get(offer, "epoch"));
		for (out[i].board = 0; strcmp(a->names[out[i].board], board) != 0;)
			out[i].board++;
	}
	json_decref(reply);
	op_offer_claim_done(&x);
	return x.n_offers;
}

static void start(struct store *s, const struct agent *a, const struct offer *o)
{
	struct op_run_start x = {.session = a->session, .run = o->run, .epoch = o->epoch};

	op_run_start_setup(&x);
	call(s, &x.op);
}

static void finish(struct store *s, const struct offer *o)
{
	struct result result = {.outcome = OUTCOME_PASSED, .result_id = "r"};
	struct op_result_put x = {.run = o->run, .epoch = o->epoch, .result = &result};

	op_result_put_setup(&x);
	call(s, &x.op);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t at(const int64_t *sorted, size_t n, unsigned percent)
{
	return sorted[(n - 1) * percent / 100];
}

/* ---- how long a claim takes ---- */

static void fill(struct store *s)
{
	char token[16], type[16];

	for (unsigned k = 0; k < TYPES * DEMANDS_EACH; k++) {
		snprintf(type, sizeof(type), "t%u", k / DEMANDS_EACH);
		for (unsigned i = 0; i < SUBMITTERS; i++) {
			snprintf(token, sizeof(token), "user-%u", (i * 7 + k) % SUBMITTERS);
			submit(s, token, type, k % DEMANDS_EACH, JOBS_EACH);
		}
	}
}

static void print_ns(const char *name, int64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), by_size);
	printf("\"%s\":{\"n\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}", name, n,
		(double)at(ns, n, 50) / 1000, (double)at(ns, n, 99) / 1000,
		(double)ns[n - 1] / 1000);
}

static void claims(struct store *s)
{
	static struct agent agents[AGENTS];
	static struct offer held[AGENTS][BOARDS_EACH];
	static int64_t all_ns[AGENTS], one_ns[CLAIMS];

	for (unsigned i = 0; i < AGENTS; i++)
		enlist(s, &agents[i], i, BOARDS_EACH, TYPES);
	fill(s);
	for (unsigned i = 0; i < AGENTS; i++) {
		struct offer got[BOARDS_EACH];

		if (claim(s, &agents[i], 0, BOARDS_EACH, got) != BOARDS_EACH)
			die("claim", "a board got no job");
		all_ns[i] = claim_ns;
		for (size_t k = 0; k < BOARDS_EACH; k++) {
			start(s, &agents[i], &got[k]);
			held[i][got[k].board] = got[k];
		}
	}
	/* All boards are busy; one comes free at a time. */
	for (unsigned i = 0; i < CLAIMS; i++) {
		unsigned a = i * 37 % AGENTS;
		size_t b = i / AGENTS % BOARDS_EACH;

		finish(s, &held[a][b]);
		if (claim(s, &agents[a], b, 1, &held[a][b]) != 1)
			die("claim", "a board got no job");
		one_ns[i] = claim_ns;
		start(s, &agents[a], &held[a][b]);
	}
	printf("{");
	print_ns("ten_boards", all_ns, AGENTS);
	printf(",");
	print_ns("one_board", one_ns, CLAIMS);
	printf("}\n");
}

/* ---- how long jobs wait ---- */

static const struct {
	const char *name;
	unsigned jobs;
	int64_t at_ms;
} parties[] = {{"flood", 10000, 0}, {"suite", 300, 100000}, {"three", 3, 100000}};

#define PARTIES 3
#define WAIT_BOARDS 4

static struct {
	int64_t first, last, *waits;
	size_t n;
} seen[PARTIES];

static void note(int64_t job, int64_t now_ms)
{
	for (size_t i = 0; i < PARTIES; i++) {
		if (seen[i].first && job > seen[i].first && job <= seen[i].last)
			seen[i].waits[seen[i].n++] = now_ms - parties[i].at_ms;
	}
}

static void come(struct store *s, int64_t now_ms)
{
	for (size_t i = 0; i < PARTIES; i++) {
		if (seen[i].first || parties[i].at_ms > now_ms)
			continue;
		seen[i].waits = calloc(parties[i].jobs, sizeof(int64_t));
		/* Repetitions have the ids behind their parent's. */
		for (unsigned left = parties[i].jobs; left; left -= left < 1000 ? left : 1000) {
			int64_t id = submit(s, parties[i].name, "t0", 0, left < 1000 ? left : 1000);

			seen[i].first = seen[i].first ? seen[i].first : id;
			seen[i].last = id + (left < 1000 ? left : 1000);
		}
	}
}

static void waits(struct store *s)
{
	struct offer held[WAIT_BOARDS];
	static struct agent a;
	int64_t start_ms = wall_ms;
	size_t busy = 0;

	enlist(s, &a, 0, WAIT_BOARDS, 1);
	/* One board after the other comes free, each second one of them at another time. */
	for (;;) {
		int64_t now_ms = wall_ms - start_ms;
		size_t b = (size_t)(now_ms / (JOB_MS / WAIT_BOARDS)) % WAIT_BOARDS;
		struct offer o;

		come(s, now_ms);
		if (busy & (size_t)1 << b)
			finish(s, &held[b]);
		busy &= ~((size_t)1 << b);
		if (claim(s, &a, b, 1, &o) == 1) {
			held[b] = o;
			busy |= (size_t)1 << b;
			start(s, &a, &o);
			note(o.job, now_ms);
		}
		if (!busy)
			break;
		wall_ms += JOB_MS / WAIT_BOARDS;
	}
	printf("[");
	for (size_t i = 0; i < PARTIES; i++) {
		qsort(seen[i].waits, seen[i].n, sizeof(int64_t), by_size);
		printf("%s{\"name\":\"%s\",\"jobs\":%zu,\"p50_s\":%.1f,\"max_s\":%.1f}",
			i ? "," : "", parties[i].name, seen[i].n,
			(double)at(seen[i].waits, seen[i].n, 50) / 1000,
			(double)seen[i].waits[seen[i].n - 1] / 1000);
		free(seen[i].waits);
	}
	printf("]\n");
}

int main(int argc, char **argv)
{
	struct store_options o = {.clock = &half_clock};
	struct store *s = NULL;
	struct fault f;

	if (argc != 3)
		die("usage", "turns claims|waits FOLDER");
	o.folder = argv[2];
	if (store_open(&o, &s, &f))
		die("open", f.text);
	if (!strcmp(argv[1], "claims"))
		claims(s);
	else
		waits(s);
	store_close(s);
	return 0;
}
