/* One board: its thread, and what its run may say. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/board/fleet_parts.h"
#include "common/cleanup.h"

/* One that is named by its port in one board and by its number in another is not seen here, but locked. */
static bool same_meter(const struct board_config *a, const struct board_config *b)
{
	if (a->power_kind != POWER_PPK2 || b->power_kind != POWER_PPK2)
		return false;
	if (a->power_path[0] && b->power_path[0])
		return strcmp(a->power_path, b->power_path) == 0;
	return strcmp(a->ppk2_serial, b->ppk2_serial) == 0;
}

const struct board *board_meter_user(const struct board *b)
{
	for (const struct board *o = b->fleet->boards; o; o = o->next) {
		if (o != b && (o->working || o->offer) && same_meter(&o->config, &b->config))
			return o;
	}
	return NULL;
}

/* Another board has this one's PPK2 as well: what comes next is decided when the unit is free. */
static bool takes_turns(const struct board *b)
{
	for (const struct board *o = b->fleet->boards; o; o = o->next) {
		if (o != b && o->online && !o->retire && !o->gone &&
			same_meter(&o->config, &b->config))
			return true;
	}
	return false;
}

static bool listable(const struct board *b)
{
	const struct fleet *fleet = b->fleet;

	return b->online && !b->refused && !b->blocked && !b->retire && !b->change &&
		!fleet->stopping && !b->offer && !board_meter_user(b) &&
		(!b->working || (b->started && !takes_turns(b))) &&
		clock_expired(fleet->o.clock, b->hold_until_ns);
}

void board_review(struct board *b)
{
	struct fleet *fleet = b->fleet;

	/* A board that has just got an offer is in the list still; that does no harm. */
	if (listable(b) ? !b->listed : b->listed && !b->offer && !b->working)
		fleet->o.wake_acquire(fleet->o.arg);
	if (!b->offer && (!b->working || b->started))
		pthread_cond_broadcast(&fleet->started);
}

void board_end(struct board *b, enum run_end end, const char *text)
{
	if (b->end != RUN_END_NONE || (!b->run && !b->checking))
		return;
	b->end = end;
	snprintf(b->end_text, sizeof(b->end_text), "%s", text ? text : "");
	eventfd_write(b->cancel_fd, 1);
}

json_t *fleet_acquire_boards(struct fleet *fleet)
{
	json_t *names = json_array();

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next) {
		b->listed = listable(b);
		if (b->listed)
			json_array_append_new(names, json_string(b->config.name));
	}
	pthread_mutex_unlock(&fleet->lock);
	return names;
}

/* With the lock held: nothing is being done for this board. */
static void when_idle(struct board *b)
{
	if (!b->change)
		return;
	b->config = *b->change;
	b->written = *b->change;
	free(b->change);
	b->change = NULL;
	/* A virtual board has to tell again what it is; a plugged-in one is looked for again. */
	b->online = b->config.exec;
	snprintf(b->detail, sizeof(b->detail), "%s", b->online ? "" : "not looked for yet");
	b->fleet->changed = true;
	b->fleet->o.wake_heartbeat(b->fleet->o.arg);
}

/* With the lock held: the PPK2 is free again. Who has had it lets the others go first. */
static void pass_meter_on(struct board *b, bool used)
{
	struct fleet *fleet = b->fleet;

	if (used && takes_turns(b))
		b->hold_until_ns = clock_deadline_ms(fleet->o.clock, BOARD_TURN_MS);
	for (struct board *o = fleet->boards; o; o = o->next) {
		if (o == b || !same_meter(&o->config, &b->config))
			continue;
		if (o->lost_turn)
			o->hold_until_ns = INT64_MIN;
		o->lost_turn = false;
		board_review(o);
		/* What it waited for is not so any more. */
		fleet->o.wake_heartbeat(fleet->o.arg);
	}
}

static void work_once(struct board *b)
{
	struct fleet *fleet = b->fleet;
	struct board_work work = {.board = b, .cancel_fd = b->cancel_fd, .leader = &b->leader};
	eventfd_t ignored;
	uint64_t run;
	bool used;

	work.config = b->config;
	work.offer = take_ptr(b->offer);
	b->run = work.offer->run;
	b->run_epoch = work.offer->epoch;
	b->end = RUN_END_NONE;
	eventfd_read(b->cancel_fd, &ignored);
	b->working = true;
	fleet->worked = true;
	b->started = false;
	b->stage = STAGE_NONE;
	b->step_due_ns = CLOCK_NEVER;
	pthread_mutex_unlock(&fleet->lock);
	fleet->o.perform(fleet->o.arg, &work);
	run = work.offer->run;
	offer_free(work.offer);
	pthread_mutex_lock(&fleet->lock);
	b->dropped = b->started ? 0 : run;
	used = b->started;
	b->working = false;
	b->started = false;
	b->run = 0;
	pass_meter_on(b, used);
	if (b->check_wanted)
		fleet->o.wake_heartbeat(fleet->o.arg);
}

/* With the lock held: the server waits for a health check, and this one's time has come. */
static bool check_is_due(const struct board *b)
{
	return b->check_wanted && b->config.health_image[0] && b->online && !b->blocked &&
		!b->fleet->stopping && clock_expired(b->fleet->o.clock, b->check_at_ns);
}

static void check_once(struct board *b)
{
	struct fleet *fleet = b->fleet;
	struct board_work work = {
		.board = b, .config = b->config, .cancel_fd = b->cancel_fd, .leader = &b->leader};
	char why[FLEET_DETAIL_BYTES] = "";
	eventfd_t ignored;
	bool good;

	b->end = RUN_END_NONE;
	eventfd_read(b->cancel_fd, &ignored);
	b->working = b->checking = fleet->worked = true;
	b->started = false;
	pthread_mutex_unlock(&fleet->lock);
	good = fleet->o.check(fleet->o.arg, &work, why);
	pthread_mutex_lock(&fleet->lock);
	b->working = b->checking = false;
	if (good) {
		backoff_reset(&b->check_backoff);
		b->check_wanted = false;
		b->lock_free = true;
	} else {
		b->check_at_ns = clock_deadline_ms(fleet->o.clock, backoff_fail(&b->check_backoff));
	}
	memcpy(b->check_detail, why, sizeof(b->check_detail));
	pass_meter_on(b, false);
	fleet->o.wake_heartbeat(fleet->o.arg);
}

static void *board_main(void *arg)
{
	struct board *b = arg;
	struct fleet *fleet = b->fleet;

	pthread_mutex_lock(&fleet->lock);
	for (;;) {
		if (b->offer && !fleet->closing) {
			work_once(b);
			board_review(b);
			continue;
		}
		if (fleet->closing || b->retire)
			break;
		if (check_is_due(b)) {
			check_once(b);
			board_review(b);
			continue;
		}
		if (b->change) {
			when_idle(b);
			board_review(b);
			continue;
		}
		pthread_cond_wait(&b->wake, &fleet->lock);
	}
	b->gone = true;
	fleet->changed = true;
	fleet->o.wake_heartbeat(fleet->o.arg);
	pthread_mutex_unlock(&fleet->lock);
	leader_close(&b->leader);
	return NULL;
}

int board_thread_start(struct board *b)
{
	return -pthread_create(&b->thread, NULL, board_main, b);
}

bool board_waits_for_meter(struct board *b)
{
	bool waits;

	pthread_mutex_lock(&b->fleet->lock);
	waits = board_meter_user(b) != NULL;
	b->lost_turn = waits;
	pthread_mutex_unlock(&b->fleet->lock);
	return waits;
}

void board_hold(struct board *b, int64_t ms)
{
	pthread_mutex_lock(&b->fleet->lock);
	b->hold_until_ns = clock_deadline_ms(b->fleet->o.clock, ms);
	pthread_mutex_unlock(&b->fleet->lock);
}

int board_started(struct board *b)
{
	int rc;

	pthread_mutex_lock(&b->fleet->lock);
	b->started = true;
	board_review(b);
	while (b->settled < b->run_epoch)
		pthread_cond_wait(&b->wake, &b->fleet->lock);
	rc = b->unkept ? -EIO : 0;
	pthread_mutex_unlock(&b->fleet->lock);
	return rc;
}

void board_blocked(struct board *b, const char *detail)
{
	pthread_mutex_lock(&b->fleet->lock);
	b->blocked = true;
	snprintf(b->detail, sizeof(b->detail), "%s", detail);
	b->fleet->o.wake_heartbeat(b->fleet->o.arg);
	pthread_mutex_unlock(&b->fleet->lock);
}

void board_stage(struct board *b, enum stage stage, int64_t deadline_ns)
{
	pthread_mutex_lock(&b->fleet->lock);
	b->step_due_ns = deadline_ns;
	if (b->stage != stage)
		b->fleet->o.wake_heartbeat(b->fleet->o.arg);
	b->stage = stage;
	pthread_mutex_unlock(&b->fleet->lock);
}

enum run_end board_why_ended(struct board *b, char *text)
{
	enum run_end end;

	pthread_mutex_lock(&b->fleet->lock);
	end = b->end;
	memcpy(text, b->end_text, sizeof(b->end_text));
	pthread_mutex_unlock(&b->fleet->lock);
	return end;
}

void board_finished(struct board *b)
{
	pthread_mutex_lock(&b->fleet->lock);
	b->run = 0;
	pthread_mutex_unlock(&b->fleet->lock);
}
