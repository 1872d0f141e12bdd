/*
 * What the server hands to the agent: offers, cancels and checks, out of the JSON of acquire and
 * heartbeat. Pure; an offer owns its document.
 */
#ifndef HILDA_AGENT_LINK_OFFER_H
#define HILDA_AGENT_LINK_OFFER_H

#include <jansson.h>
#include <stdint.h>

#include "agent/board/config.h"
#include "common/fault.h"

struct offer {
	uint64_t run, job, attempt, epoch;
	char board[BOARD_NAME_BYTES];
	char image[65]; /* the artifact's hash; "" when there is none */
	json_t *document;
};

/* -EPROTO with the key that is wrong. *out is malloc'd. */
int offer_parse(const json_t *json, struct offer **out, struct fault *f);
void offer_free(struct offer *o); /* accepts NULL */

#endif
