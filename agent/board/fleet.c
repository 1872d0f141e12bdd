/* The list of boards: added, changed, removed, online or not. */
#include "agent/board/fleet.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/board/fleet_parts.h"
#include "agent/pulse.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/log.h"

struct board *fleet_find(struct fleet *fleet, const char *name)
{
	for (struct board *b = fleet->boards; b; b = b->next) {
		if (!b->gone && strcmp(b->config.name, name) == 0)
			return b;
	}
	return NULL;
}

struct board *fleet_find_run(struct fleet *fleet, uint64_t run)
{
	for (struct board *b = fleet->boards; b; b = b->next) {
		if (b->run == run)
			return b;
	}
	return NULL;
}

int fleet_open(const struct fleet_options *o, struct fleet **out, struct fault *f)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));

	if (!fleet)
		return fault_errno(f, ENOMEM, "fleet");
	fleet->o = *o;
	pthread_mutex_init(&fleet->lock, NULL);
	clock_cond_init(&fleet->started);
	*out = fleet;
	return 0;
}

static void board_free(struct board *b)
{
	offer_free(b->offer);
	free(b->change);
	file_close(&b->cancel_fd);
	pthread_cond_destroy(&b->wake);
	free(b);
}

/* With the lock held: joins threads that have ended and forgets their boards. */
static void sweep(struct fleet *fleet)
{
	struct board **link = &fleet->boards;

	while (*link) {
		struct board *b = *link;

		if (!b->gone) {
			link = &b->next;
			continue;
		}
		*link = b->next;
		pthread_join(b->thread, NULL);
		board_free(b);
	}
}

void fleet_close(struct fleet *fleet)
{
	struct board *b;

	if (!fleet)
		return;
	fleet_end_all(fleet, RUN_END_STOPPED, "the agent was stopped");
	pthread_mutex_lock(&fleet->lock);
	fleet->stopping = true;
	fleet->closing = true;
	for (b = fleet->boards; b; b = b->next)
		pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&fleet->lock);
	while ((b = fleet->boards)) {
		pthread_join(b->thread, NULL);
		fleet->boards = b->next;
		board_free(b);
	}
	pthread_cond_destroy(&fleet->started);
	pthread_mutex_destroy(&fleet->lock);
	free(fleet);
}

static int add(struct fleet *fleet, const struct board_config *config, struct fault *f)
{
	struct board *b = calloc(1, sizeof(*b));
	struct board **end = &fleet->boards;
	int rc;

	if (!b)
		return fault_errno(f, ENOMEM, "board %s", config->name);
	b->fleet = fleet;
	b->config = *config;
	b->written = *config;
	b->epoch = epochs_get(fleet->o.epochs, config->name);
	b->hold_until_ns = b->check_at_ns = INT64_MIN;
	b->check_backoff = (struct backoff){.random_below = fleet->o.random_below,
		.first_ms = CHECK_FIRST_MS,
		.cap_ms = CHECK_CAP_MS};
	b->step_due_ns = CLOCK_NEVER;
	/* A program is always there; what is plugged in or emulated is looked for first. */
	b->online = config->exec;
	if (!b->online)
		snprintf(b->detail, sizeof(b->detail), "not looked for yet");
	pthread_cond_init(&b->wake, NULL);
	b->leader = (struct leader)LEADER_INIT;
	b->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = b->cancel_fd < 0 ? -errno : board_thread_start(b);
	if (rc) {
		board_free(b);
		return fault_errno(f, -rc, "board %s", config->name);
	}
	while (*end)
		end = &(*end)->next;
	*end = b;
	board_review(b);
	return 0;
}

static int change(struct board *b, const struct board_config *config, struct fault *f)
{
	free(b->change);
	b->change = NULL;
	if (board_config_same(&b->written, config))
		return 0;
	b->change = malloc(sizeof(*b->change));
	if (!b->change)
		return fault_errno(f, ENOMEM, "board %s", config->name);
	*b->change = *config;
	pthread_cond_signal(&b->wake);
	return 0;
}

int fleet_apply(struct fleet *fleet, const struct board_config *boards, size_t n, bool *changed,
	struct fault *f)
{
	int rc = 0;

	*changed = false;
	pthread_mutex_lock(&fleet->lock);
	sweep(fleet);
	for (struct board *b = fleet->boards; b; b = b->next) {
		bool kept = false;

		for (size_t i = 0; i < n && !kept; i++)
			kept = strcmp(boards[i].name, b->config.name) == 0;
		if (kept == !b->retire)
			continue;
		b->retire = !kept;
		*changed = true;
		pthread_cond_signal(&b->wake);
	}
	for (size_t i = 0; i < n && !rc; i++) {
		struct board *b = fleet_find(fleet, boards[i].name);

		if (b) {
			rc = change(b, &boards[i], f);
			continue;
		}
		rc = add(fleet, &boards[i], f);
		*changed = true;
	}
	fleet->changed |= *changed;
	pthread_mutex_unlock(&fleet->lock);
	fleet->o.wake_heartbeat(fleet->o.arg);
	return rc;
}

bool fleet_take_changed(struct fleet *fleet)
{
	bool changed;

	pthread_mutex_lock(&fleet->lock);
	changed = fleet->changed;
	fleet->changed = false;
	sweep(fleet);
	pthread_mutex_unlock(&fleet->lock);
	return changed;
}

bool fleet_set_online(struct fleet *fleet, const char *name, bool online, const char *detail,
	const struct board_config *config)
{
	struct board *b;
	bool applied;

	pthread_mutex_lock(&fleet->lock);
	b = fleet_find(fleet, name);
	applied = b && !(config && (b->working || b->offer || b->change));
	if (applied) {
		bool told = b->online != online || strcmp(b->detail, detail) != 0;

		/* What register tells (mcu, tags, serial) is new. */
		if (config) {
			b->config = *config;
			fleet->changed = true;
		}
		b->online = online;
		if (!b->blocked)
			snprintf(b->detail, sizeof(b->detail), "%s", detail);
		if (!online)
			board_end(b, RUN_END_BOARD, detail);
		if (told || config)
			fleet->o.wake_heartbeat(fleet->o.arg);
		board_review(b);
	}
	pthread_mutex_unlock(&fleet->lock);
	return applied;
}

int fleet_configs(struct fleet *fleet, struct board_config **out, size_t *n)
{
	size_t count = 0;

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next)
		count++;
	*out = calloc(count + 1, sizeof(**out));
	count = 0;
	for (struct board *b = fleet->boards; *out && b; b = b->next) {
		if (!b->gone && !b->retire)
			(*out)[count++] = b->config;
	}
	*n = count;
	pthread_mutex_unlock(&fleet->lock);
	return *out ? 0 : -ENOMEM;
}

void fleet_stop_offers(struct fleet *fleet)
{
	pthread_mutex_lock(&fleet->lock);
	fleet->stopping = true;
	for (struct board *b = fleet->boards; b; b = b->next) {
		offer_free(take_ptr(b->offer));
		board_review(b);
	}
	pthread_mutex_unlock(&fleet->lock);
}

bool fleet_is_busy(struct fleet *fleet)
{
	bool busy = false;

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b && !busy; b = b->next)
		busy = b->working;
	pthread_mutex_unlock(&fleet->lock);
	return busy;
}

bool fleet_is_overdue(struct fleet *fleet, char board[BOARD_NAME_BYTES])
{
	bool overdue = false;

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b && !overdue; b = b->next) {
		overdue = b->working && pulse_is_over(b->step_due_ns, fleet->o.clock);
		if (overdue)
			memcpy(board, b->config.name, sizeof(b->config.name));
	}
	pthread_mutex_unlock(&fleet->lock);
	return overdue;
}

bool fleet_take_rested(struct fleet *fleet)
{
	bool rested;

	pthread_mutex_lock(&fleet->lock);
	rested = fleet->worked;
	for (struct board *b = fleet->boards; b && rested; b = b->next)
		rested = !b->working && !b->offer;
	if (rested)
		fleet->worked = false;
	pthread_mutex_unlock(&fleet->lock);
	return rested;
}

void fleet_end_all(struct fleet *fleet, enum run_end end, const char *text)
{
	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next)
		board_end(b, end, text);
	pthread_mutex_unlock(&fleet->lock);
}
