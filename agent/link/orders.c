#include "agent/link/orders.h"

#include <errno.h>
#include <pthread.h>

#include "common/log.h"

struct orders {
	struct fleet *fleet;
	pthread_mutex_t lock;
	json_t *noted;
};

int orders_open(struct fleet *fleet, struct orders **out, struct fault *f)
{
	struct orders *o = calloc(1, sizeof(*o));

	if (!o)
		return fault_errno(f, ENOMEM, "orders");
	o->fleet = fleet;
	o->noted = json_array();
	pthread_mutex_init(&o->lock, NULL);
	*out = o;
	return 0;
}

void orders_close(struct orders *o)
{
	if (!o)
		return;
	json_decref(o->noted);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static bool holds(const json_t *list, const json_t *run)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		if (json_equal(item, run))
			return true;
	}
	return false;
}

static void take_cancels(struct orders *o, const json_t *cancels)
{
	json_t *item;
	size_t i;

	json_array_foreach (cancels, i, item) {
		json_t *run = json_object_get(item, "run");
		const char *reason = json_string_value(json_object_get(item, "reason"));

		if (!json_is_integer(run))
			continue;
		if (fleet_end_run(o->fleet, (uint64_t)json_integer_value(run), RUN_END_CANCELED,
			    reason ? reason : "canceled"))
			log_info("run canceled", LOG_I64("run", json_integer_value(run)),
				LOG_STR("why", reason ? reason : ""));
		pthread_mutex_lock(&o->lock);
		if (!holds(o->noted, run))
			json_array_append(o->noted, run);
		pthread_mutex_unlock(&o->lock);
	}
}

void orders_take(struct orders *o, const json_t *answer)
{
	const json_t *item;
	size_t i;

	take_cancels(o, json_object_get(answer, "cancels"));
	json_array_foreach (json_object_get(answer, "lost"), i, item) {
		if (json_is_integer(item) &&
			fleet_end_run(o->fleet, (uint64_t)json_integer_value(item), RUN_END_LOST,
				"the server gave this run up: it did not hear of it for too long"))
			log_warning("run lost", LOG_I64("run", json_integer_value(item)));
	}
	fleet_check(o->fleet, json_object_get(answer, "checks"));
}

json_t *orders_acknowledged(struct orders *o)
{
	json_t *copy;

	pthread_mutex_lock(&o->lock);
	copy = json_copy(o->noted);
	pthread_mutex_unlock(&o->lock);
	return copy;
}

void orders_told(struct orders *o, const json_t *acknowledged)
{
	pthread_mutex_lock(&o->lock);
	for (size_t i = json_array_size(o->noted); i-- > 0;) {
		if (holds(acknowledged, json_array_get(o->noted, i)))
			json_array_remove(o->noted, i);
	}
	pthread_mutex_unlock(&o->lock);
}
