/*
 * Simulated agents for `make bench`: they speak /agent/v1 (docs/wire.md) over kept connections, and
 * their boards "run" by waiting. Settings are key=value:
 *
 *	agents port=N submit=FILE count=N clients=N
 *		documents (one a line, in turn) to POST /api/v1/jobs (path= names another)
 *	agents port=N agents=N boards=N type=WORD types=N calls=N rate=N seconds=N log=FILE result=FILE
 *		agents with so many boards each, of the types WORD0 WORD1 ...; `calls` connections
 *		beside the ones of acquire and heartbeat; jobs a second of all boards (0: all that go)
 *	... probes=N probe=TYPE every=MS
 *		agents of one board that ask only when it is free: how long does a claim take?
 *	... post=FILE
 *		the probes always ask, and their jobs are submitted one by one: how long until the offer?
 *
 * Prints one line of JSON; times are microseconds. An unexpected answer ends it with 1.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/numbers.h"
#include "tests/bench/talk.h"

#define FILE_MAX_BYTES (4u * 1024 * 1024)
#define WARM_NS (2 * CLOCK_NS_PER_S) /* what comes before is not counted */
#define DRAIN_NS (30 * CLOCK_NS_PER_S)
#define HEARTBEAT_NS (15 * CLOCK_NS_PER_S)
#define BOARDS_MAX 64
#define CALLS_MAX 16
#define JSON "Content-Type: application/json\r\n"
#define BYTES "Content-Type: application/octet-stream\r\n"

static struct {
	uint64_t port, agents, boards, types, calls, rate, seconds, probes, every, count, clients;
	const char *type, *probe, *submit, *post, *log, *result, *path;
} set = {.types = 1, .calls = 1, .boards = 1, .clients = 1, .every = 100, .path = "/api/v1/jobs"};

static const struct {
	const char *key;
	uint64_t *number;
	const char **text;
} keys[] = {{"port", &set.port, NULL}, {"agents", &set.agents, NULL}, {"boards", &set.boards, NULL},
	{"types", &set.types, NULL}, {"calls", &set.calls, NULL}, {"rate", &set.rate, NULL},
	{"seconds", &set.seconds, NULL}, {"probes", &set.probes, NULL}, {"every", &set.every, NULL},
	{"count", &set.count, NULL}, {"clients", &set.clients, NULL}, {"type", NULL, &set.type},
	{"probe", NULL, &set.probe}, {"submit", NULL, &set.submit}, {"post", NULL, &set.post},
	{"log", NULL, &set.log}, {"result", NULL, &set.result}, {"path", NULL, &set.path}};

static int64_t now_ns(void)
{
	return clock_mono_ns(&clock_system);
}

/* ---- times ---- */

struct times {
	int64_t *ns;
	size_t n, room;
};

static void times_add(struct times *t, int64_t ns)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 4096;
		t->ns = reallocarray(t->ns, t->room, sizeof(*t->ns));
		if (!t->ns)
			die("no memory");
	}
	t->ns[t->n++] = ns;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void times_print(const char *name, struct times *t)
{
	if (!t->n)
		return;
	qsort(t->ns, t->n, sizeof(*t->ns), by_size);
	printf(",\"%s\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, t->n,
		(double)t->ns[t->n / 2] / 1e3, (double)t->ns[t->n * 99 / 100] / 1e3,
		(double)t->ns[t->n - 1] / 1e3);
}

static char *read_whole(const char *path, size_t *n)
{
	struct fault f;
	char *data;

	if (file_read(path, FILE_MAX_BYTES, &data, n, &f))
		die("%s", f.text);
	return data;
}

/* ---- submitting ---- */

static struct {
	char **lines;
	size_t n, next;
	uint64_t sent, answered;
	struct times times;
} submits;

static void split_lines(char *text)
{
	for (char *line; (line = strsep(&text, "\n"));) {
		if (!*line)
			continue;
		submits.lines = reallocarray(submits.lines, submits.n + 1, sizeof(char *));
		if (!submits.lines)
			die("no memory");
		submits.lines[submits.n++] = line;
	}
	if (!submits.n)
		die("there is nothing to submit");
}

static void submitted(struct talk *t, int status, const char *body, size_t n);

static void submit_next(struct talk *t)
{
	const char *line = submits.lines[submits.next++ % submits.n];

	submits.sent++;
	talk_send(t, "POST", set.path, JSON, line, strlen(line), submitted);
}

static void submitted(struct talk *t, int status, const char *body, size_t n)
{
	if (status >= 300)
		die("submit: %d %s", status, body);
	times_add(&submits.times, now_ns() - t->sent_ns);
	submits.answered++;
	if (submits.sent < set.count)
		submit_next(t);
}

static void submit_all(void)
{
	struct talk *talks = calloc(set.clients, sizeof(*talks));
	int64_t start = now_ns();

	if (!talks)
		die("no memory");
	split_lines(read_whole(set.submit, NULL));
	for (uint64_t i = 0; i < set.clients && submits.sent < set.count; i++) {
		talk_init(&talks[i], NULL);
		submit_next(&talks[i]);
	}
	while (submits.answered < set.count)
		talks_turn(1000);
	printf("{\"rate\":%.1f", (double)set.count * 1e9 / (double)(now_ns() - start));
	times_print("submit", &submits.times);
	printf("}\n");
}

/* ---- agents ---- */

enum doing { IDLE, TO_START, RUNNING, TO_LOG, TO_REPORT };

struct agent;

struct board {
	struct agent *agent;
	char name[64], type[64];
	enum doing doing;
	int64_t run, epoch, due_ns, reported_ns;
	int64_t next_run, next_epoch; /* an offer that overtook the answer to the last result */
	struct board *next;	      /* in the agent's queue of calls */
};

struct agent {
	char name[32], session[64];
	bool probe, registered;
	struct board boards[BOARDS_MAX];
	size_t n_boards;
	struct talk acquire, heartbeat, calls[CALLS_MAX];
	struct board *first, **end;
	int64_t ask_ns, beat_ns;
};

static struct {
	struct agent *agents;
	size_t n;
	int64_t from_ns, until_ns; /* what is counted */
	uint64_t requests, jobs, live, seed;
	struct times claim, turn, wake;
	char *log, *result;
	size_t log_bytes, result_bytes;
	struct talk post;
	char *post_body;
	bool waking; /* a posted job was not offered yet */
} all = {.seed = 88172645463325252u};

static bool counted(void)
{
	int64_t now = now_ns();

	return now >= all.from_ns && now < all.until_ns;
}

static bool over(void)
{
	return now_ns() >= all.until_ns;
}

/* Half to one and a half of what keeps to the rate. xorshift64: the same in each run. */
static int64_t length_ns(void)
{
	uint64_t boards = set.agents * set.boards;

	if (!set.rate)
		return 0;
	all.seed ^= all.seed << 13;
	all.seed ^= all.seed >> 7;
	all.seed ^= all.seed << 17;
	return (int64_t)((0.5 + (double)(all.seed >> 11) / 9007199254740992.0) * 1e9 *
		(double)boards / (double)set.rate);
}

static void pump(struct agent *a);

static void enqueue(struct board *b, enum doing doing)
{
	b->doing = doing;
	b->next = NULL;
	*b->agent->end = b;
	b->agent->end = &b->next;
	pump(b->agent);
}

static void ask(struct agent *a);

static void board_free(struct board *b)
{
	b->doing = IDLE;
	all.live--;
	/* A probe asks on its next tick, so that a claim stands alone. */
	if (b->agent->probe && !set.post)
		b->agent->ask_ns += (int64_t)set.every * CLOCK_NS_PER_MS;
}

static void begin(struct board *b, int64_t run, int64_t epoch)
{
	b->run = run;
	b->epoch = epoch;
	b->next_run = 0;
	all.live++;
	enqueue(b, TO_START);
}

static void called(struct talk *t, int status, const char *body, size_t n)
{
	struct board *b = t->own;
	struct agent *a = b->agent;

	if (b->doing == TO_START && status == 409) {
		board_free(b);
	} else if (status != 200) {
		die("%s run %lld: %d %s", b->name, (long long)b->run, status, body);
	} else if (b->doing == TO_START) {
		b->doing = RUNNING;
		b->due_ns = now_ns() + (a->probe || over() ? 0 : length_ns());
		if (b->due_ns <= now_ns())
			enqueue(b, TO_LOG);
		ask(a);
	} else if (b->doing == TO_LOG) {
		enqueue(b, TO_REPORT);
	} else {
		all.jobs += counted();
		board_free(b);
		if (b->next_run)
			begin(b, b->next_run, b->next_epoch);
	}
	pump(a);
}

static void call(struct agent *a, struct talk *t, struct board *b)
{
	char headers[256], path[64];

	t->own = b;
	snprintf(headers, sizeof(headers), "%sHilda-Epoch: %lld\r\n%s", a->session,
		(long long)b->epoch, b->doing == TO_LOG ? BYTES : JSON);
	snprintf(path, sizeof(path), "/agent/v1/runs/%lld/%s", (long long)b->run,
		b->doing == TO_START	     ? "start"
			: b->doing == TO_LOG ? "log?offset=0"
					     : "result");
	if (b->doing == TO_START) {
		talk_send(t, "POST", path, headers, "{}", 2, called);
	} else if (b->doing == TO_LOG) {
		talk_send(t, "PUT", path, headers, all.log, all.log_bytes, called);
	} else {
		struct buffer body = BUFFER_INIT(FILE_MAX_BYTES);

		/* Its text is an object: the id comes in front. */
		buffer_printf(&body, "{\"result_id\":\"%s-%lld\",%s", b->name, (long long)b->run,
			all.result + 1);
		b->reported_ns = now_ns();
		talk_send(t, "PUT", path, headers, body.data, body.n, called);
		buffer_done(&body);
	}
}

static void pump(struct agent *a)
{
	for (uint64_t i = 0; i < set.calls && a->first; i++) {
		struct board *b = a->first;

		if (a->calls[i].busy)
			continue;
		a->first = b->next;
		if (!a->first)
			a->end = &a->first;
		call(a, &a->calls[i], b);
	}
}

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void take_offer(struct agent *a, const json_t *offer, int64_t asked_ns)
{
	const char *name = json_string_value(json_object_get(offer, "board"));
	int64_t run = number_of(offer, "run"), epoch = number_of(offer, "epoch");
	struct board *b = NULL;

	for (size_t i = 0; i < a->n_boards && !b; i++)
		b = !strcmp(a->boards[i].name, name) ? &a->boards[i] : NULL;
	if (!b || (b->doing != IDLE && b->doing != TO_REPORT) || b->next_run)
		die("%s: an offer for %s, which is %s", a->name, name, b ? "at work" : "not here");
	if (a->probe && set.post && counted())
		times_add(&all.wake, now_ns() - all.post.sent_ns);
	else if (a->probe && counted())
		times_add(&all.claim, now_ns() - asked_ns);
	else if (b->reported_ns && counted())
		times_add(&all.turn, now_ns() - b->reported_ns);
	if (a->probe && set.post)
		all.waking = false;
	if (b->doing == IDLE) {
		begin(b, run, epoch);
	} else {
		b->next_run = run;
		b->next_epoch = epoch;
	}
}

static void asked(struct talk *t, int status, const char *body, size_t n)
{
	struct agent *a = t->own;
	int64_t asked_ns = t->sent_ns;
	json_t *reply = json_loadb(body, n, 0, NULL), *offers, *offer;
	size_t i;

	if (status != 200 || !reply)
		die("%s acquire: %d %s", a->name, status, body);
	all.requests += counted();
	offers = json_object_get(reply, "offers");
	if (a->probe && !set.post && !json_array_size(offers) && !over())
		die("%s: there was nothing to claim", a->name);
	json_array_foreach (offers, i, offer)
		take_offer(a, offer, asked_ns);
	json_decref(reply);
	ask(a);
}

/* Offers in hand are started first; a probe that measures is idle and waits for its tick. */
static bool may_ask(const struct agent *a)
{
	if (a->acquire.busy || over())
		return false;
	for (size_t i = 0; i < a->n_boards; i++) {
		if (a->boards[i].doing == TO_START || a->boards[i].next_run)
			return false;
	}
	return !a->probe || set.post || (a->boards[0].doing == IDLE && now_ns() >= a->ask_ns);
}

/* Always outstanding, but for such a probe. */
static void ask(struct agent *a)
{
	struct buffer body = BUFFER_INIT(FILE_MAX_BYTES);
	char headers[256];

	if (!may_ask(a))
		return;
	buffer_printf(&body, "{\"request\":\"%s-%lld\",\"acknowledged\":[],\"boards\":[", a->name,
		(long long)now_ns());
	for (size_t i = 0; i < a->n_boards; i++)
		buffer_printf(&body, "%s\"%s\"", i ? "," : "", a->boards[i].name);
	buffer_add_text(&body, "]}");
	snprintf(headers, sizeof(headers), "%s%s", a->session, JSON);
	talk_send(&a->acquire, "POST", "/agent/v1/acquire", headers, body.data, body.n, asked);
	buffer_done(&body);
}

static void beaten(struct talk *t, int status, const char *body, size_t n)
{
	if (status != 200)
		die("%s heartbeat: %d %s", ((struct agent *)t->own)->name, status, body);
}

static void beat(struct agent *a)
{
	json_t *runs = json_array(), *boards = json_array(), *doc;
	char headers[256], *text;

	for (size_t i = 0; i < a->n_boards; i++) {
		struct board *b = &a->boards[i];

		json_array_append_new(boards,
			json_pack("{s:s,s:I,s:b,s:b,s:s}", "name", b->name, "epoch",
				(json_int_t)b->epoch, "online", 1, "lock_free", b->doing == IDLE,
				"detail", ""));
		if (b->doing != IDLE)
			json_array_append_new(runs,
				json_pack("{s:I,s:I,s:s}", "run", (json_int_t)b->run, "epoch",
					(json_int_t)b->epoch, "stage", "warm"));
	}
	doc = json_pack("{s:o,s:o,s:[]}", "runs", runs, "boards", boards, "rejected");
	text = json_dumps(doc, JSON_COMPACT);
	snprintf(headers, sizeof(headers), "%s%s", a->session, JSON);
	talk_send(
		&a->heartbeat, "POST", "/agent/v1/heartbeat", headers, text, strlen(text), beaten);
	json_decref(doc);
	free(text);
	a->beat_ns += HEARTBEAT_NS;
}

static void registered(struct talk *t, int status, const char *body, size_t n)
{
	struct agent *a = t->own;
	json_t *reply = json_loadb(body, n, 0, NULL);

	if (status != 200 || !reply)
		die("%s register: %d %s", a->name, status, body);
	snprintf(a->session, sizeof(a->session),
		"Hilda-Agent-Protocol: 1\r\nHilda-Session: %lld\r\n",
		(long long)number_of(reply, "session"));
	json_decref(reply);
	a->registered = true;
}

static void register_agent(struct agent *a)
{
	json_t *boards = json_array(), *doc;
	char *text;

	for (size_t i = 0; i < a->n_boards; i++)
		json_array_append_new(boards,
			json_pack("{s:s,s:s,s:[s],s:b,s:b,s:s,s:I,s:b,s:s}", "name",
				a->boards[i].name, "type", a->boards[i].type, "tags", "simulated",
				"virtual", 0, "exec", 1, "mcu", "", "epoch", (json_int_t)0,
				"online", 1, "detail", ""));
	doc = json_pack("{s:s,s:s,s:s,s:s,s:o,s:[]}", "name", a->name, "host", "bench", "version",
		HILDA_VERSION, "instance", a->name, "boards", boards, "runs");
	text = json_dumps(doc, JSON_COMPACT);
	talk_send(&a->heartbeat, "POST", "/agent/v1/register", "Hilda-Agent-Protocol: 1\r\n" JSON,
		text, strlen(text), registered);
	json_decref(doc);
	free(text);
	while (!a->registered)
		talks_turn(1000);
}

static void make_agent(struct agent *a, size_t index, bool probe)
{
	a->probe = probe;
	a->end = &a->first;
	a->n_boards = probe ? 1 : set.boards;
	snprintf(a->name, sizeof(a->name), "%s-%03zu", probe ? "probe" : "scale", index);
	talk_init(&a->acquire, a);
	talk_init(&a->heartbeat, a);
	for (size_t i = 0; i < CALLS_MAX; i++)
		talk_init(&a->calls[i], NULL);
	for (size_t i = 0; i < a->n_boards; i++) {
		struct board *b = &a->boards[i];

		b->agent = a;
		snprintf(b->name, sizeof(b->name), "%s-%zu", a->name, i);
		if (probe)
			snprintf(b->type, sizeof(b->type), "%s", set.probe);
		else
			snprintf(b->type, sizeof(b->type), "%.40s%zu", set.type,
				(index * a->n_boards + i) % set.types);
	}
	register_agent(a);
}

/* ---- the load ---- */

static void posted(struct talk *t, int status, const char *body, size_t n)
{
	if (status >= 300)
		die("submit: %d %s", status, body);
}

/* One at a time: what is measured is a wake-up, no queue. */
static void post_if_due(int64_t *next_ns)
{
	if (!set.post || all.post.busy || all.waking || over() || now_ns() < *next_ns ||
		all.live == set.probes)
		return;
	all.waking = true;
	talk_send(&all.post, "POST", "/api/v1/jobs", JSON, all.post_body, strlen(all.post_body),
		posted);
	*next_ns = now_ns() + (int64_t)set.every * CLOCK_NS_PER_MS;
}

static void look_at(struct agent *a, int64_t now)
{
	if (now >= a->beat_ns && !a->heartbeat.busy)
		beat(a);
	if (a->probe)
		ask(a);
	for (size_t i = 0; i < a->n_boards; i++) {
		struct board *b = &a->boards[i];

		if (b->doing == RUNNING && (now >= b->due_ns || over()))
			enqueue(b, TO_LOG);
	}
}

static void work(void)
{
	int64_t next_post = 0, start, looked = 0, now;

	all.n = set.agents + set.probes;
	all.agents = calloc(all.n + 1, sizeof(*all.agents));
	if (!all.agents || set.boards > BOARDS_MAX || set.calls > CALLS_MAX)
		die("too many boards or calls, or no memory");
	if (set.seconds) {
		all.log = read_whole(set.log, &all.log_bytes);
		all.result = read_whole(set.result, &all.result_bytes);
	}
	if (set.post)
		all.post_body = read_whole(set.post, NULL);
	talk_init(&all.post, NULL);
	for (size_t i = 0; i < all.n; i++)
		make_agent(&all.agents[i], i, i >= set.agents);
	if (!set.seconds)
		return;
	start = now_ns();
	all.from_ns = start + WARM_NS;
	all.until_ns = all.from_ns + (int64_t)set.seconds * CLOCK_NS_PER_S;
	for (size_t i = 0; i < all.n; i++) {
		/* Spread over their periods, as agents are that were started at different times. */
		all.agents[i].beat_ns = start + HEARTBEAT_NS * (int64_t)(i + 1) / (int64_t)all.n;
		all.agents[i].ask_ns =
			all.from_ns + (int64_t)(set.every * i) * CLOCK_NS_PER_MS / (int64_t)all.n;
		ask(&all.agents[i]);
	}
	while (now = now_ns(), !over() || all.live) {
		if (now > all.until_ns + DRAIN_NS)
			die("%llu runs did not end", (unsigned long long)all.live);
		if (now - looked >= CLOCK_NS_PER_MS) {
			for (size_t i = 0; i < all.n; i++)
				look_at(&all.agents[i], now);
			post_if_due(&next_post);
			looked = now;
		}
		talks_turn(1);
	}
	printf("{\"jobs\":%llu,\"rate\":%.1f,\"acquires\":%llu", (unsigned long long)all.jobs,
		(double)all.jobs / (double)set.seconds, (unsigned long long)all.requests);
	times_print("claim", &all.claim);
	times_print("turn", &all.turn);
	times_print("wake", &all.wake);
	printf("}\n");
}

static void read_setting(const char *argument)
{
	size_t n = strcspn(argument, "=");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].key) != n || strncmp(keys[i].key, argument, n) || !argument[n])
			continue;
		if (keys[i].text)
			*keys[i].text = argument + n + 1;
		else if (number_u64(argument + n + 1, 0, 10000000, keys[i].number))
			die("%s: not a number that goes", argument);
		return;
	}
	die("%s: no such setting", argument);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		read_setting(argv[i]);
	talks_open((uint16_t)set.port);
	if (set.submit)
		submit_all();
	else
		work();
	return 0;
}
