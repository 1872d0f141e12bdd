#include "virtual-lab/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

void timeline_init(struct timeline *t)
{
	*t = (struct timeline){.free_ns = INT64_MIN};
}

void timeline_done(struct timeline *t)
{
	free(t->changes);
	timeline_init(t);
}

static int make_room(struct timeline *t, size_t more)
{
	struct timeline_change *changes;
	size_t left = t->n - t->first;
	size_t room = t->room;

	if (more > TIMELINE_CHANGES_MAX - left)
		return -ENOSPC;
	if (t->first)
		memmove(t->changes, t->changes + t->first, left * sizeof(*t->changes));
	t->first = 0;
	t->n = left;
	while (room < left + more)
		room = room ? 2 * room : more;
	if (room == t->room)
		return 0;
	changes = realloc(t->changes, room * sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	t->changes = changes;
	t->room = room;
	return 0;
}

static int64_t length_ns(uint64_t ticks, uint32_t hz)
{
	return (int64_t)(ticks / hz * CLOCK_NS_PER_S + ticks % hz * CLOCK_NS_PER_S / hz);
}

int timeline_add(
	struct timeline *t, const struct marker *markers, size_t n, uint32_t hz, int64_t now_ns)
{
	int64_t start_ns = t->free_ns > now_ns ? t->free_ns : now_ns;
	int rc;

	if ((markers[n - 1].tick - markers[0].tick) / hz >= TIMELINE_BLOCK_MAX_S)
		return -ERANGE;
	rc = make_room(t, n);
	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++) {
		t->changes[t->n++] = (struct timeline_change){
			.at_ns = start_ns + length_ns(markers[i].tick - markers[0].tick, hz),
			.state = markers[i].state};
	}
	t->free_ns = t->changes[t->n - 1].at_ns + TIMELINE_REST_NS;
	return 0;
}

uint8_t timeline_at(struct timeline *t, int64_t now_ns, int64_t *until_ns)
{
	while (t->first < t->n && t->changes[t->first].at_ns <= now_ns)
		t->state = t->changes[t->first++].state;
	*until_ns = t->first < t->n ? t->changes[t->first].at_ns : INT64_MAX;
	return t->state;
}

void timeline_skip(struct timeline *t)
{
	if (t->first < t->n)
		t->state = t->changes[t->n - 1].state;
	t->first = t->n = 0;
	t->free_ns = INT64_MIN;
}

void timeline_drop(struct timeline *t)
{
	t->state = 0;
	t->first = t->n = 0;
	t->free_ns = INT64_MIN;
}
