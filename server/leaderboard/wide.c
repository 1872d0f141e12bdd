/* float32 beside int8: what the same network takes at four bytes a number. */
#include <math.h>

#include "protocols/model/size.h"
#include "server/leaderboard/parts.h"

#define FLOAT_BITS 32

static void compute(struct leaderboard *b, struct leader_model *m)
{
	const struct model_shape *shape = shape_find(m->label[LEADER_MODEL]);
	struct model_size size;

	m->wide_state = LEADER_NOT_RUN;
	m->wide_weights_bytes = m->wide_arena_bytes = NAN;
	if (m->float32) {
		m->wide_weights_bytes = leader_weights(m->float32, b->n_boards);
		m->wide_arena_bytes = leader_arena(m->float32, b->n_boards);
	}
	/* Both of one kind: half a row of measured numbers is none. */
	if (!isnan(m->wide_weights_bytes) && !isnan(m->wide_arena_bytes)) {
		m->wide_state = LEADER_MEASURED;
		return;
	}
	if (!shape || model_size(shape, shape->tokens, FLOAT_BITS, &size))
		return;
	m->wide_state = LEADER_MODELLED;
	m->wide_weights_bytes = (double)size.weight_bytes;
	m->wide_arena_bytes = (double)size.activation_bytes;
}

void wide_compute(struct leaderboard *b)
{
	for (size_t i = 0; i < b->n_models; i++)
		compute(b, &b->models[i]);
}
