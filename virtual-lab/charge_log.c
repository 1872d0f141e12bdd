#include "virtual-lab/charge_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/ppk2/sample.h"

#define ROOM_FIRST 64
#define SAMPLE_S (1.0 / PPK2_SAMPLE_RATE_HZ)

void charge_log_init(struct charge_log *l)
{
	*l = (struct charge_log){0};
}

void charge_log_done(struct charge_log *l)
{
	free(l->pieces);
	charge_log_init(l);
}

void charge_log_start(struct charge_log *l)
{
	l->n = 0;
	l->samples = 0;
}

static int make_room(struct charge_log *l)
{
	size_t room = l->room ? 2 * l->room : ROOM_FIRST;
	struct charge_piece *pieces;

	if (l->n < l->room)
		return 0;
	if (l->n == CHARGE_PIECES_MAX) {
		l->n -= CHARGE_PIECES_MAX / 2;
		memmove(l->pieces, l->pieces + CHARGE_PIECES_MAX / 2, l->n * sizeof(*l->pieces));
		return 0;
	}
	pieces = realloc(l->pieces, room * sizeof(*pieces));
	if (!pieces)
		return -ENOMEM;
	l->pieces = pieces;
	l->room = room;
	return 0;
}

static double before(const struct charge_piece *p, uint64_t sample)
{
	return p->before_C + p->current_A * (double)(sample - p->first) * SAMPLE_S;
}

void charge_log_add(struct charge_log *l, double current_A, uint64_t n)
{
	const struct charge_piece *last = l->n ? &l->pieces[l->n - 1] : NULL;
	double before_C = last ? before(last, l->samples) : 0;

	if ((!last || last->current_A != current_A) && !make_room(l))
		l->pieces[l->n++] = (struct charge_piece){
			.first = l->samples, .current_A = current_A, .before_C = before_C};
	l->samples += n;
}

/* The piece that holds the sample. */
static const struct charge_piece *piece_of(const struct charge_log *l, uint64_t sample)
{
	size_t low = 0, high = l->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (l->pieces[middle].first <= sample)
			low = middle;
		else
			high = middle;
	}
	return &l->pieces[low];
}

int charge_log_sum(const struct charge_log *l, uint64_t from, uint64_t to, double *charge_C)
{
	if (!l->n || from < l->pieces[0].first || from > to || to > l->samples)
		return -ERANGE;
	*charge_C = before(piece_of(l, to), to) - before(piece_of(l, from), from);
	return 0;
}
