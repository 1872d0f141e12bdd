/*
 * A model: one file of bytes in flash (protocols/model/form.md), and the architecture that runs it.
 * Activations are int8; weights int8 or int4 per output channel; accumulators int32. A real factor
 * travels as a Q31 multiplier and a shift (nn/rescale.h). Read only; any thread.
 */
#ifndef NN_MODEL_H
#define NN_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/model/model.h"

struct model;

struct architecture {
	uint8_t id; /* model_header.architecture */
	/* Bytes of arena that forward() needs. The header was checked. */
	size_t (*plan)(const struct model_header *h);
	/* in: tokens x patch bytes, out: classes logits. The arena is 16-byte aligned. */
	void (*forward)(const struct model *m, uint8_t *arena, const int8_t *in, int8_t *out);
};

struct model {
	const char *name;
	const char *quant;
	const char *variant;
	const struct architecture *architecture;
	const uint8_t *blob;
	size_t blob_bytes;
	const int8_t *samples; /* inputs for the benchmark, not part of the model */
	const uint8_t *labels; /* of the samples; NULL: unknown */
	uint32_t sample_count;
};

extern const struct model model;
/*
 * Exactly what the architecture plans, and a guard behind it that must stay as it was painted: the
 * static RAM of an image then says what the model needs.
 */
#define MODEL_GUARD_BYTES 32
extern uint8_t model_arena[];
extern const uint32_t model_arena_bytes; /* without the guard */

extern const struct architecture architecture_full, architecture_linformer, architecture_performer,
	architecture_reformer, architecture_mobilebert;

static inline const struct model_header *model_header(const struct model *m)
{
	return (const struct model_header *)(const void *)m->blob;
}

/* Bytes of one input. */
static inline uint32_t model_inputs(const struct model *m)
{
	return (uint32_t)model_header(m)->tokens * model_header(m)->patch;
}

/*
 * Checks the file and plans the arena; plan is the bytes needed. Returns NULL, or what is wrong, as
 * words for a person.
 */
const char *model_load(const struct model *m, size_t arena_bytes, size_t *plan);

#endif
