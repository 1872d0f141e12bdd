/*
 * The shape of an encoder: what its size and its work follow from, and the shapes that have a name:
 * the published ones and ours. Static data; any thread.
 */
#ifndef HILDA_PROTOCOLS_MODEL_SHAPE_H
#define HILDA_PROTOCOLS_MODEL_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shape_attention {
	SHAPE_FULL,	 /* softmax over all tokens */
	SHAPE_LINFORMER, /* keys and values projected to k rows, by matrices that the heads share */
	SHAPE_PERFORMER, /* positive random features of softmax's kernel */
	SHAPE_REFORMER	 /* queries are the keys; sorted by hash, in chunks */
};

struct model_shape {
	const char *name;
	const char *source; /* where the numbers stand */
	enum shape_attention attention;
	uint32_t tokens;     /* rows of the position table */
	uint32_t patch;	     /* inputs of one token; 0: words, and */
	uint32_t vocabulary; /* rows of their table */
	uint32_t embedding;  /* 0: words are as wide as the model; else three neighbours make one */
	/*
	 * BERT's body: a norm behind the embedding, norms after the blocks. Otherwise ours: norms before
	 * the blocks, one behind the last, the mean over the tokens, a classifier.
	 */
	bool bert;
	uint32_t types; /* rows of BERT's table of token types */
	bool pooler;
	uint32_t width, heads, head_width, hidden, layers;
	uint32_t bottleneck; /* width inside the layers, or 0; then also */
	uint32_t stacks;     /* feed-forwards in a layer */
	uint32_t k;	     /* linformer */
	uint32_t features;   /* performer */
	uint32_t chunk, rounds, buckets;
	uint32_t classes;
	/* In the published file and its count, but not needed for inference. */
	uint64_t training_parameters;
};

/* NULL behind the last. */
const struct model_shape *shape_at(size_t index);
const struct model_shape *shape_find(const char *name);

#endif
