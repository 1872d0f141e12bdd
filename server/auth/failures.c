#include "server/auth/failures.h"

#include <stdio.h>
#include <string.h>

#define WHOLE_MS (FAILURES_MAX * (int64_t)FAILURES_REGAIN_MS)

void failures_init(struct failures *all)
{
	memset(all, 0, sizeof(*all));
	pthread_mutex_init(&all->lock, NULL);
}

void failures_done(struct failures *all)
{
	pthread_mutex_destroy(&all->lock);
}

/* Its entry, or the one whose bucket was whole first. */
static struct failures_of *find(struct failures *all, const char *address)
{
	struct failures_of *oldest = &all->of[0];

	for (size_t i = 0; i < FAILURES_ADDRESSES; i++) {
		struct failures_of *x = &all->of[i];

		if (strcmp(x->address, address) == 0)
			return x;
		if (x->full_ms < oldest->full_ms)
			oldest = x;
	}
	snprintf(oldest->address, sizeof(oldest->address), "%s", address);
	oldest->full_ms = 0;
	return oldest;
}

int64_t failures_wait_ms(struct failures *all, const char *address, int64_t now_ms)
{
	int64_t over = 0;

	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < FAILURES_ADDRESSES; i++)
		if (strcmp(all->of[i].address, address) == 0)
			over = all->of[i].full_ms - now_ms - (WHOLE_MS - FAILURES_REGAIN_MS);
	pthread_mutex_unlock(&all->lock);
	return over > 0 ? over : 0;
}

void failures_note(struct failures *all, const char *address, int64_t now_ms)
{
	struct failures_of *x;

	pthread_mutex_lock(&all->lock);
	x = find(all, address);
	x->full_ms = (x->full_ms > now_ms ? x->full_ms : now_ms) + FAILURES_REGAIN_MS;
	if (x->full_ms > now_ms + WHOLE_MS)
		x->full_ms = now_ms + WHOLE_MS;
	pthread_mutex_unlock(&all->lock);
}
