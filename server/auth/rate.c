#include "server/auth/rate.h"

#include "common/clock.h"

int64_t rate_take(const struct rate *r, _Atomic int64_t *full_ns, int64_t now_ns)
{
	int64_t full = atomic_load(full_ns), after, over;

	if (!r->per_s)
		return 0;
	do {
		after = (full > now_ns ? full : now_ns) + CLOCK_NS_PER_S / (int64_t)r->per_s;
		over = after - now_ns - (int64_t)r->burst * (CLOCK_NS_PER_S / (int64_t)r->per_s);
		if (over > 0)
			return (over + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
	} while (!atomic_compare_exchange_weak(full_ns, &full, after));
	return 0;
}
