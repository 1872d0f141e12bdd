/* The fleet as the server sees it: what it hands down, what is told to it. */
#include <errno.h>
#include <inttypes.h>

#include "agent/board/fleet_parts.h"
#include "agent/power/power.h"
#include "agent/steps/step.h"
#include "common/cleanup.h"
#include "common/log.h"

#define OFFERS_MAX 256

struct kept_epoch {
	char board[BOARD_NAME_BYTES];
	uint64_t epoch;
};

/* Whether the board can do it, beside the agent. */
static bool is_able(const struct board_config *c, enum stage stage)
{
	return stage != STAGE_ENERGY || power_can_measure(c);
}

static bool has_step(enum stage stage)
{
	const struct step *s = steps;

	while (s->perform && s->stage != stage)
		s++;
	return s->perform;
}

/* The phases that this agent has a step for, and this board what they need. */
static json_t *phases(const struct board_config *c)
{
	json_t *list = json_array();

	for (enum stage stage = STAGE_COLD; stage <= STAGE_SUSTAINED; stage++) {
		if (has_step(stage) && is_able(c, stage))
			json_array_append_new(list, json_string(stage_name(stage)));
	}
	return list;
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

/* Words of tools and paths may hold bytes that JSON cannot; the board must be told all the same. */
static json_t *detail_of(const struct board *b)
{
	const char *detail = b->detail[0] ? b->detail : b->check_detail;
	const struct board *user = detail[0] ? NULL : board_meter_user(b);
	char clean[FLEET_DETAIL_BYTES];
	json_t *text = json_string(detail);

	if (user) {
		json_decref(text);
		return json_sprintf("waits for PPK2 %s, which board %s uses", b->config.ppk2_serial,
			user->config.name);
	}
	if (text)
		return text;
	memcpy(clean, detail, sizeof(clean));
	for (char *p = clean; *p; p++) {
		if (*p & 0x80)
			*p = '?';
	}
	return json_string(clean);
}

static uint64_t told_epoch(const struct board *b)
{
	return b->seen > b->epoch ? b->seen : b->epoch;
}

static json_t *register_board(const struct board *b)
{
	const struct board_config *c = &b->config;
	json_t *tags = json_array();

	for (size_t i = 0; i < c->n_tags; i++)
		json_array_append_new(tags, json_string(c->tags[i]));
	return json_pack("{s:s, s:s, s:o, s:b, s:b, s:[ss], s:o, s:o, s:o, s:o, s:I, s:b, s:o}",
		"name", c->name, "type", c->type, "tags", tags, "virtual", c->is_virtual, "exec",
		c->exec, "protocols", "uart-bench", "lines", "phases", phases(c), "mcu",
		text_or_null(c->mcu), "probe_serial", text_or_null(c->probe_serial), "ppk2_serial",
		text_or_null(c->ppk2_serial), "epoch", (json_int_t)told_epoch(b), "online",
		b->online && !b->blocked, "detail", detail_of(b));
}

json_t *fleet_register_boards(struct fleet *fleet)
{
	json_t *list = json_array();

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next) {
		if (!b->gone && !b->retire)
			json_array_append_new(list, register_board(b));
	}
	pthread_mutex_unlock(&fleet->lock);
	return list;
}

void fleet_add_runs(struct fleet *fleet, json_t *runs, bool with_stage)
{
	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next) {
		json_t *run;

		/* An offer in hand is held too, but it has no stage to tell yet. */
		if (!with_stage && b->offer)
			json_array_append_new(runs,
				json_pack("{s:I, s:I}", "run", (json_int_t)b->offer->run, "epoch",
					(json_int_t)b->offer->epoch));
		if (!b->run || (with_stage && !b->started))
			continue;
		run = json_pack(
			"{s:I, s:I}", "run", (json_int_t)b->run, "epoch", (json_int_t)b->run_epoch);
		if (with_stage)
			json_object_set_new(run, "stage", json_string(stage_name(b->stage)));
		json_array_append_new(runs, run);
	}
	pthread_mutex_unlock(&fleet->lock);
}

json_t *fleet_heartbeat_boards(struct fleet *fleet)
{
	json_t *list = json_array();

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next) {
		if (b->gone || b->retire)
			continue;
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:b, s:b, s:o}", "name", b->config.name, "epoch",
				(json_int_t)told_epoch(b), "online",
				b->online && !b->blocked && !fleet->stopping, "lock_free",
				b->lock_free && !b->working, "detail", detail_of(b)));
	}
	pthread_mutex_unlock(&fleet->lock);
	return list;
}

void fleet_attested(struct fleet *fleet, const json_t *boards)
{
	const json_t *item;
	size_t i;

	pthread_mutex_lock(&fleet->lock);
	json_array_foreach (boards, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));
		struct board *b = name ? fleet_find(fleet, name) : NULL;

		if (b && json_is_true(json_object_get(item, "lock_free")))
			b->lock_free = false;
	}
	pthread_mutex_unlock(&fleet->lock);
}

void fleet_registered(struct fleet *fleet, const json_t *boards)
{
	const json_t *item;
	size_t i;

	pthread_mutex_lock(&fleet->lock);
	json_array_foreach (boards, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *detail = json_string_value(json_object_get(item, "detail"));
		json_int_t epoch = json_integer_value(json_object_get(item, "epoch"));
		struct board *b = name ? fleet_find(fleet, name) : NULL;

		if (!b)
			continue;
		b->refused = json_is_false(json_object_get(item, "accepted"));
		/* The other agent may go away. */
		if (b->refused)
			b->hold_until_ns = clock_deadline_ms(fleet->o.clock, REFUSED_HOLD_MS);
		if (b->refused)
			log_error("the server does not take a board", LOG_STR("board", name),
				LOG_STR("why", detail ? detail : ""));
		if (epoch > 0 && (uint64_t)epoch > b->seen)
			b->seen = (uint64_t)epoch;
		board_review(b);
	}
	pthread_mutex_unlock(&fleet->lock);
}

/* With the lock held: why the offer cannot be taken; NULL when it can. */
static const char *refusal(struct fleet *fleet, const struct offer *o, const struct board *b)
{
	if (!b || b->retire)
		return "no such board";
	if (fleet->stopping)
		return "the agent is stopping";
	if (b->offer)
		return "the board has an offer already";
	/* An offer that was dropped before its start may come again. */
	if (o->epoch == b->epoch && o->run == b->dropped)
		return NULL;
	if (o->epoch <= b->epoch || o->epoch < b->seen)
		return "its epoch is not above the board's";
	return NULL;
}

/* Known offers are repeated until they are started: not worth a word. */
static bool known(struct fleet *fleet, const struct offer *o, const struct board *b)
{
	return fleet_find_run(fleet, o->run) || (b && b->offer && b->offer->run == o->run);
}

static size_t parse_offers(json_t *offers, struct offer **list)
{
	json_t *item;
	size_t n = 0;
	size_t i;

	json_array_foreach (offers, i, item) {
		struct fault f;

		if (n == OFFERS_MAX)
			break;
		if (offer_parse(item, &list[n], &f))
			log_error("an offer cannot be read", LOG_STR("error", f.text));
		else
			n++;
		/* From here on the document is the board's thread's alone. */
		json_object_del(item, "document");
	}
	return n;
}

/* With the lock held: leaves only what is to be handed over. */
static size_t sift(struct fleet *fleet, struct offer **list, size_t n, struct kept_epoch *changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct offer *o = list[i];
		struct board *b = fleet_find(fleet, o->board);
		const char *why = refusal(fleet, o, b);

		if (!why && !known(fleet, o, b)) {
			changes[kept].epoch = o->epoch;
			memcpy(changes[kept].board, b->config.name, sizeof(changes[kept].board));
			list[kept++] = o;
			continue;
		}
		if (!known(fleet, o, b)) {
			log_warning("offer refused", LOG_STR("board", o->board),
				LOG_U64("run", o->run), LOG_U64("epoch", o->epoch),
				LOG_STR("why", why));
			if (b)
				b->hold_until_ns = clock_deadline_ms(fleet->o.clock, OFFER_HOLD_MS);
		}
		offer_free(o);
	}
	return kept;
}

/* While the boards ask the server for their start: each waits for both before it is touched. */
static void keep_epochs(struct fleet *fleet, const struct kept_epoch *kept, size_t n)
{
	struct epoch_change changes[OFFERS_MAX];
	struct fault f;
	int rc;

	for (size_t i = 0; i < n; i++)
		changes[i] = (struct epoch_change){kept[i].board, kept[i].epoch};
	rc = epochs_raise(fleet->o.epochs, changes, n, &f);
	if (rc)
		log_error("epochs cannot be kept", LOG_STR("error", f.text));
	pthread_mutex_lock(&fleet->lock);
	for (size_t i = 0; i < n; i++) {
		struct board *b = fleet_find(fleet, kept[i].board);

		if (!b)
			continue;
		b->settled = kept[i].epoch;
		b->unkept = rc != 0;
		pthread_cond_signal(&b->wake);
	}
	pthread_mutex_unlock(&fleet->lock);
}

void fleet_offer(struct fleet *fleet, json_t *offers)
{
	struct offer *list[OFFERS_MAX];
	struct kept_epoch changes[OFFERS_MAX];
	size_t n = parse_offers(offers, list);

	if (!n)
		return;
	pthread_mutex_lock(&fleet->lock);
	n = sift(fleet, list, n, changes);
	for (size_t i = 0; i < n; i++) {
		struct board *b = fleet_find(fleet, list[i]->board);

		b->epoch = list[i]->epoch;
		b->offer = list[i];
		pthread_cond_signal(&b->wake);
	}
	pthread_mutex_unlock(&fleet->lock);
	if (n)
		keep_epochs(fleet, changes, n);
}

int fleet_wait_started(struct fleet *fleet, int64_t deadline_ns)
{
	int rc = 0;

	pthread_mutex_lock(&fleet->lock);
	while (!rc) {
		struct board *b = fleet->boards;

		while (b && !b->offer && (!b->working || b->started))
			b = b->next;
		if (!b)
			break;
		rc = clock_cond_wait(fleet->o.clock, &fleet->started, &fleet->lock, deadline_ns);
	}
	pthread_mutex_unlock(&fleet->lock);
	return rc;
}

bool fleet_end_run(struct fleet *fleet, uint64_t run, enum run_end end, const char *text)
{
	bool found = false;

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next) {
		if (b->offer && b->offer->run == run) {
			offer_free(take_ptr(b->offer));
			board_review(b);
			found = true;
		} else if (b->run == run) {
			board_end(b, end, text);
			found = true;
		}
	}
	pthread_mutex_unlock(&fleet->lock);
	return found;
}

void fleet_check(struct fleet *fleet, const json_t *checks)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(checks))
		return;
	pthread_mutex_lock(&fleet->lock);
	json_array_foreach (checks, i, item) {
		const char *name = json_string_value(json_object_get(item, "board"));
		json_int_t epoch = json_integer_value(json_object_get(item, "epoch"));
		struct board *b = name ? fleet_find(fleet, name) : NULL;

		if (!b)
			continue;
		if (epoch > 0 && (uint64_t)epoch > b->seen)
			b->seen = (uint64_t)epoch;
		/* What is told already may cross what asks for it. */
		if (b->lock_free && b->config.health_image[0])
			continue;
		if (!b->check_wanted)
			b->check_at_ns = INT64_MIN;
		b->check_wanted = true;
		pthread_cond_signal(&b->wake);
	}
	fleet->o.wake_heartbeat(fleet->o.arg);
	pthread_mutex_unlock(&fleet->lock);
}

/* With a health image the board's thread checks more than that. */
static bool lock_is_enough(const struct board *b)
{
	return b->check_wanted && !b->config.health_image[0];
}

int fleet_wanted_checks(struct fleet *fleet, struct board_config **out, size_t *n)
{
	size_t count = 0;

	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next)
		count += lock_is_enough(b) || b->blocked;
	*out = count ? calloc(count, sizeof(**out)) : NULL;
	*n = 0;
	for (struct board *b = fleet->boards; *out && b; b = b->next) {
		/* While a run is being ended the board is driven still. */
		if ((lock_is_enough(b) || b->blocked) && !b->working && !b->gone)
			(*out)[(*n)++] = b->config;
	}
	pthread_mutex_unlock(&fleet->lock);
	return count && !*out ? -ENOMEM : 0;
}

void fleet_checked(struct fleet *fleet, const char *name, bool lock_free, const char *detail)
{
	struct board *b;

	pthread_mutex_lock(&fleet->lock);
	b = fleet_find(fleet, name);
	if (b) {
		if (b->blocked && lock_free)
			b->detail[0] = '\0';
		b->blocked = !lock_free;
		if (b->blocked)
			snprintf(b->detail, sizeof(b->detail), "%s", detail);
		if (lock_free && lock_is_enough(b)) {
			b->check_wanted = false;
			b->lock_free = true;
		}
		fleet->o.wake_heartbeat(fleet->o.arg);
		board_review(b);
	}
	pthread_mutex_unlock(&fleet->lock);
}

void fleet_held(struct fleet *fleet, const char *name, const char *detail)
{
	struct board *b;

	pthread_mutex_lock(&fleet->lock);
	b = fleet_find(fleet, name);
	/* While a run is at work the person waits, too. */
	if (b && !b->working && !b->offer && (!b->blocked || strcmp(b->detail, detail) != 0)) {
		b->blocked = true;
		snprintf(b->detail, sizeof(b->detail), "%s", detail);
		fleet->o.wake_heartbeat(fleet->o.arg);
		board_review(b);
	}
	pthread_mutex_unlock(&fleet->lock);
}

void fleet_review(struct fleet *fleet)
{
	pthread_mutex_lock(&fleet->lock);
	for (struct board *b = fleet->boards; b; b = b->next) {
		if (b->refused && clock_expired(fleet->o.clock, b->hold_until_ns)) {
			fleet->changed = true;
			fleet->o.wake_heartbeat(fleet->o.arg);
		}
		board_review(b);
		if (b->check_wanted)
			pthread_cond_signal(&b->wake); /* perhaps its time has come */
	}
	pthread_mutex_unlock(&fleet->lock);
}
