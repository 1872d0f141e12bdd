/*
 * What acquire and heartbeat bring from the server besides offers: cancels, losses, checks. Any
 * thread. Cancels are acknowledged by the next acquire, until then the server repeats them.
 */
#ifndef HILDA_AGENT_LINK_ORDERS_H
#define HILDA_AGENT_LINK_ORDERS_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/board/fleet.h"

struct orders;

int orders_open(struct fleet *fleet, struct orders **out, struct fault *f);
void orders_close(struct orders *o);

/* Carries out cancels, lost and checks of an answer. */
void orders_take(struct orders *o, const json_t *answer);
/* Runs whose cancels are noted, for acquire. New reference. */
json_t *orders_acknowledged(struct orders *o);
/* The server has these now. */
void orders_told(struct orders *o, const json_t *acknowledged);

#endif
