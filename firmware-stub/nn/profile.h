/*
 * Where the time of an inference goes: an architecture's forward() says when a part of it is done,
 * and whoever listens takes the time. Nobody listens but in a run of its own, so that all other
 * runs pay one test for each part. Never from an inner loop. Main loop only.
 */
#ifndef NN_PROFILE_H
#define NN_PROFILE_H

#include <stdint.h>

enum profile_part {
	PROFILE_EMBED,
	PROFILE_NARROW,	      /* into a bottleneck */
	PROFILE_QKV,	      /* normalise, project to queries, keys and values */
	PROFILE_ATTENTION,    /* scores, probabilities, context */
	PROFILE_PROJECT,      /* the context back to the stream */
	PROFILE_FEED_FORWARD, /* one, or all that are stacked in a layer */
	PROFILE_WIDEN,	      /* out of a bottleneck */
	PROFILE_CLASSIFY,
	PROFILE_PARTS
};

/* For parts that stand in no layer. */
#define PROFILE_NO_LAYER 255u

/* NULL but in a run of the profile. */
extern void (*profile_listener)(enum profile_part part, uint32_t layer);

/* What was done since the last mark, or since the inference began, is this part of this layer. */
static inline void profile_mark(enum profile_part part, uint32_t layer)
{
	if (profile_listener)
		profile_listener(part, layer);
}

#endif
