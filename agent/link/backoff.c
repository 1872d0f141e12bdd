#include "agent/link/backoff.h"

int64_t backoff_fail(struct backoff *b)
{
	int64_t step_ms = b->next_ms ? b->next_ms : b->first_ms;

	b->next_ms = step_ms > b->cap_ms / 2 ? b->cap_ms : step_ms * 2;
	return step_ms / 2 + b->random_below((uint32_t)(step_ms - step_ms / 2 + 1));
}

void backoff_reset(struct backoff *b)
{
	b->next_ms = 0;
}
