#include "server/schedule/estimate.h"

#include <stdlib.h>

uint64_t estimate_turns(const struct estimate_queue *others, size_t n, uint64_t own)
{
	uint64_t turns = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t most = own + others[i].before;

		turns += others[i].jobs < most ? others[i].jobs : most;
	}
	return turns;
}

static int by_size(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

	return a < b ? -1 : a > b;
}

int64_t estimate_median(int64_t *took_ms, size_t n)
{
	qsort(took_ms, n, sizeof(*took_ms), by_size);
	return took_ms[(n - 1) / 2];
}

static int64_t *first_free(int64_t *free_ms, size_t n)
{
	int64_t *first = free_ms;

	for (size_t i = 1; i < n; i++) {
		if (free_ms[i] < *first)
			first = &free_ms[i];
	}
	return first;
}

int64_t estimate_wait_ms(
	int64_t *free_ms, size_t n_boards, const struct estimate_work *ahead, size_t n_ahead)
{
	uint64_t left = ESTIMATE_WALK_MAX;

	if (!n_boards)
		return -1;
	for (size_t i = 0; i < n_ahead; i++) {
		uint64_t walked = ahead[i].jobs < left ? ahead[i].jobs : left;
		double spread_ms = (double)(ahead[i].jobs - walked) * (double)ahead[i].each_ms /
			(double)n_boards;

		left -= walked;
		for (; walked; walked--)
			*first_free(free_ms, n_boards) += ahead[i].each_ms;
		for (size_t b = 0; b < n_boards; b++)
			free_ms[b] += (int64_t)spread_ms;
	}
	return *first_free(free_ms, n_boards);
}
