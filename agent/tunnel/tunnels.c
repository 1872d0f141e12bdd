#include "agent/tunnel/tunnels.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "agent/board/lock.h"
#include "agent/tunnel/serve.h"
#include "common/cleanup.h"
#include "common/log.h"

#define GIVE_UP_MS 20000 /* a server that is away for longer has forgotten the tunnel */
#define END_CALL_MS 5000

struct tunnel {
	bool used;   /* its place is taken; its thread is to be joined when `done` */
	bool served; /* the board is let go */
	bool done;
	bool gdb;
	uint64_t id, turn; /* turn: in which order they were begun */
	char board[BOARD_NAME_BYTES];
	struct tunnels *all;
	pthread_t thread;
	int cancel_fd;
	char reason[TUNNEL_REASON_BYTES]; /* from outside; "" otherwise */
};

/* The lock of a board that has tunnels. */
struct desk {
	char board[BOARD_NAME_BYTES];
	struct board_lock lock;
	int users; /* 0: unused */
};

struct tunnels {
	struct agent *agent;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closing;
	uint64_t turns;
	struct tunnel tunnels[TUNNELS_MAX];
	struct desk desks[TUNNELS_MAX];
};

int tunnels_open(struct agent *a, struct tunnels **out, struct fault *f)
{
	struct tunnels *all = calloc(1, sizeof(*all));

	if (!all)
		return fault_errno(f, ENOMEM, "tunnels");
	all->agent = a;
	pthread_mutex_init(&all->lock, NULL);
	clock_cond_init(&all->changed);
	*out = all;
	return 0;
}

/* ---- the board's lock, shared by its console and its debugger ---- */

/* With the lock held. */
static struct desk *find_desk(struct tunnels *all, const char *board)
{
	struct desk *free_one = NULL;

	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct desk *d = &all->desks[i];

		if (d->users && !strcmp(d->board, board))
			return d;
		if (!d->users && !free_one)
			free_one = d;
	}
	return free_one;
}

static int take_desk(
	struct tunnels *all, const struct board_config *config, struct desk **out, struct fault *f)
{
	const struct agent_settings *s = all->agent->settings;
	struct desk *d;
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	d = find_desk(all, config->name);
	if (!d)
		rc = fault_set(f, ENOSPC, "more than %d tunnels", TUNNELS_MAX);
	else if (!d->users)
		rc = board_lock_take(s->run, s->data, config, &d->lock, f);
	if (!rc) {
		memcpy(d->board, config->name, sizeof(d->board));
		d->users++;
		*out = d;
	}
	pthread_mutex_unlock(&all->lock);
	return rc;
}

static void leave_desk(struct tunnels *all, struct desk *d)
{
	pthread_mutex_lock(&all->lock);
	if (!--d->users)
		board_lock_drop(&d->lock);
	pthread_mutex_unlock(&all->lock);
}

/* ---- one tunnel, on its thread ---- */

/* With the lock held. */
static void end_one(struct tunnel *t, const char *reason)
{
	snprintf(t->reason, sizeof(t->reason), "%s", reason);
	eventfd_write(t->cancel_fd, 1);
	pthread_cond_broadcast(&t->all->changed);
}

/* Ends older ones of this kind on the board; true: there are some still. With the lock held. */
static bool end_older(struct tunnel *t)
{
	bool found = false;

	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *o = &t->all->tunnels[i];

		if (!o->used || o->served || o->turn >= t->turn || o->gdb != t->gdb ||
			strcmp(o->board, t->board) != 0)
			continue;
		found = true;
		if (!o->reason[0])
			end_one(o, "it was opened anew elsewhere");
	}
	return found;
}

/* Two debuggers would read each other's answers from the probe, and two consoles share out the board's words. */
static int wait_turn(struct tunnel *t, struct fault *f)
{
	const struct clock *clock = t->all->agent->clock;
	int64_t deadline_ns = clock_deadline_ms(clock, TUNNELS_CLEAR_MS);
	int rc = 0;

	pthread_mutex_lock(&t->all->lock);
	while (!rc && !t->reason[0] && end_older(t))
		rc = clock_cond_wait(clock, &t->all->changed, &t->all->lock, deadline_ns);
	if (t->reason[0])
		rc = fault_set(f, ECANCELED, "%s", t->reason);
	else if (rc)
		fault_set(
			f, -rc, "the one that was open on board %s before does not end", t->board);
	pthread_mutex_unlock(&t->all->lock);
	return rc;
}

static int find_board(struct tunnel *t, struct board_config *out, struct fault *f)
{
	_cleanup_free_ struct board_config *configs = NULL;
	size_t n = 0;
	int rc = fleet_configs(t->all->agent->fleet, &configs, &n);

	for (size_t i = 0; i < n && !rc; i++) {
		if (strcmp(configs[i].name, t->board) != 0)
			continue;
		*out = configs[i];
		return 0;
	}
	return fault_set(f, ENOENT, "this agent has no board %s", t->board);
}

static void headers(void *arg, struct tunnel_headers *out)
{
	struct tunnel *t = arg;

	link_headers(t->all->agent->link, out->text[0], out->text[1]);
}

static int open_line(struct tunnel *t, const char *way, struct tunnel_line *line, struct fault *f)
{
	*line = (struct tunnel_line){.clock = t->all->agent->clock,
		.give_up_ms = GIVE_UP_MS,
		.cancel_fd = t->cancel_fd,
		.headers = headers,
		.arg = t};
	snprintf(line->path, sizeof(line->path), "/agent/v1/tunnels/%" PRIu64 "/%s", t->id, way);
	return link_client_open(t->all->agent->link, &line->client, f);
}

static void serve(struct tunnel *t, char reason[TUNNEL_REASON_BYTES])
{
	_cleanup_free_ struct board_config *config = calloc(1, sizeof(*config));
	struct tunnel_serve s = {.clock = t->all->agent->clock, .board = config, .lock_fd = -1};
	struct desk *desk = NULL;
	struct fault f = {0};
	int rc = config ? find_board(t, config, &f) : fault_errno(&f, ENOMEM, "tunnel");

	if (!rc && config->exec)
		rc = fault_set(&f, ENOTSUP,
			"board %s is a program: it has neither console nor probe", t->board);
	if (!rc)
		rc = wait_turn(t, &f);
	if (!rc)
		rc = take_desk(t->all, config, &desk, &f);
	if (!rc)
		rc = open_line(t, "up", &s.up, &f);
	if (!rc)
		rc = open_line(t, "down", &s.down, &f);
	if (rc) {
		snprintf(reason, TUNNEL_REASON_BYTES, "%.*s", TUNNEL_REASON_BYTES - 1, f.text);
	} else {
		s.lock_fd = desk->lock.n ? desk->lock.fds[0] : -1;
		if (t->gdb)
			tunnel_serve_gdb(&s, reason);
		else
			tunnel_serve_console(&s, reason);
	}
	http_client_close(s.up.client);
	http_client_close(s.down.client);
	if (desk)
		leave_desk(t->all, desk);
}

/* Best effort: without it the server notices the silence. */
static void tell_end(struct tunnel *t, const char *reason)
{
	struct link_call call = LINK_CALL_INIT;
	json_t *body =
		json_pack("{s:s}", "reason", *reason ? reason : "the board's side has ended");
	struct link_answer answer;
	struct fault f;
	char path[64];

	/* Words of a tool that JSON cannot hold. */
	if (!body)
		body = json_pack("{s:s}", "reason", "the board's side has ended");
	snprintf(path, sizeof(path), "/agent/v1/tunnels/%" PRIu64 "/end", t->id);
	call.method = "POST";
	call.path = path;
	call.json = body;
	call.urgent = true;
	call.timeout_ms = END_CALL_MS;
	call.cancel_fd = t->all->agent->stop_fd;
	link_perform(t->all->agent->link, &call, &answer, &f);
	link_answer_done(&answer);
	json_decref(body);
}

static void *tunnel_main(void *arg)
{
	char reason[TUNNEL_REASON_BYTES] = "";
	struct tunnel *t = arg;

	log_info("tunnel opened", LOG_STR("board", t->board),
		LOG_STR("kind", t->gdb ? "gdb" : "console"));
	serve(t, reason);
	pthread_mutex_lock(&t->all->lock);
	t->served = true;
	pthread_cond_broadcast(&t->all->changed);
	if (t->reason[0])
		memcpy(reason, t->reason, sizeof(reason));
	pthread_mutex_unlock(&t->all->lock);
	log_info("tunnel closed", LOG_STR("board", t->board),
		LOG_STR("kind", t->gdb ? "gdb" : "console"), LOG_STR("why", reason));
	tell_end(t, reason);
	pthread_mutex_lock(&t->all->lock);
	t->done = true;
	pthread_cond_broadcast(&t->all->changed);
	pthread_mutex_unlock(&t->all->lock);
	return NULL;
}

/* ---- all of them; with the lock held ---- */

static void sweep(struct tunnels *all)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *t = &all->tunnels[i];

		if (!t->used || !t->done)
			continue;
		pthread_join(t->thread, NULL);
		file_close(&t->cancel_fd);
		t->used = false;
	}
}

static bool knows(const struct tunnels *all, uint64_t id)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		if (all->tunnels[i].used && all->tunnels[i].id == id)
			return true;
	}
	return false;
}

static void begin(struct tunnels *all, uint64_t id, const char *board, bool gdb)
{
	struct tunnel *t = NULL;

	for (size_t i = 0; i < TUNNELS_MAX && !t; i++) {
		if (!all->tunnels[i].used)
			t = &all->tunnels[i];
	}
	if (!t) {
		log_warning("a tunnel is not opened: there are too many", LOG_STR("board", board));
		return;
	}
	*t = (struct tunnel){.id = id, .turn = ++all->turns, .gdb = gdb, .all = all};
	snprintf(t->board, sizeof(t->board), "%s", board);
	t->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->cancel_fd < 0 || pthread_create(&t->thread, NULL, tunnel_main, t)) {
		file_close(&t->cancel_fd);
		log_error("a tunnel is not opened", LOG_STR("board", board));
		return;
	}
	t->used = true;
}

static void cancel(struct tunnels *all, const char *board, const char *reason)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *t = &all->tunnels[i];

		if (!t->used || t->done || (board && strcmp(t->board, board) != 0))
			continue;
		end_one(t, reason);
	}
}

/* board NULL: any, and the server is to hear of its end, too. */
static bool is_busy(const struct tunnels *all, const char *board)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		const struct tunnel *t = &all->tunnels[i];

		if (t->used && (board ? !t->served && !strcmp(t->board, board) : !t->done))
			return true;
	}
	return false;
}

/* ---- for others ---- */

void tunnels_take(struct tunnels *all, const json_t *orders)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(orders))
		return;
	pthread_mutex_lock(&all->lock);
	sweep(all);
	json_array_foreach (orders, i, item) {
		json_int_t id = json_integer_value(json_object_get(item, "id"));
		const char *board = json_string_value(json_object_get(item, "board"));
		const char *kind = json_string_value(json_object_get(item, "kind"));

		if (id <= 0 || !board || !kind || strlen(board) >= BOARD_NAME_BYTES ||
			all->closing || knows(all, (uint64_t)id))
			continue;
		begin(all, (uint64_t)id, board, !strcmp(kind, "gdb"));
	}
	pthread_mutex_unlock(&all->lock);
}

void tunnels_clear(struct tunnels *all, const char *board)
{
	const struct clock *clock = all->agent->clock;
	int64_t deadline_ns = clock_deadline_ms(clock, TUNNELS_CLEAR_MS);
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	cancel(all, board, board ? "a job has the board now" : "the agent was stopped");
	while (!rc && is_busy(all, board))
		rc = clock_cond_wait(clock, &all->changed, &all->lock, deadline_ns);
	pthread_mutex_unlock(&all->lock);
}

void tunnels_close(struct tunnels *all)
{
	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	all->closing = true;
	cancel(all, NULL, "the agent was stopped");
	while (is_busy(all, NULL))
		pthread_cond_wait(&all->changed, &all->lock);
	sweep(all);
	pthread_mutex_unlock(&all->lock);
	pthread_cond_destroy(&all->changed);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
