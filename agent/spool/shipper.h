/*
 * The thread that ships the files of runs while they go on: logs and captures. What a run writes goes
 * out within SHIPPER_GATHER_MS; a run that is over sooner sends them with its result.
 */
#ifndef HILDA_AGENT_SPOOL_SHIPPER_H
#define HILDA_AGENT_SPOOL_SHIPPER_H

#include "agent/spool/deliver.h"
#include "agent/spool/growing.h"
#include "common/clock.h"

#define SHIPPER_GATHER_MS 100
/* How long the end of a run waits for a piece that is under way. */
#define SHIPPER_DETACH_MS 2000

struct shipper;
struct shipped;

struct shipper_options {
	struct deliver deliver; /* its cancel_fd ends waits, when the agent stops */
	const struct clock *clock;
	uint32_t (*random_below)(uint32_t bound);
};

int shipper_start(const struct shipper_options *o, struct shipper **out, struct fault *f);
/* deliver.cancel_fd must be readable, and every file detached. Accepts NULL. */
void shipper_stop(struct shipper *s);

/* Ships a run's file from now on. */
int shipper_attach(struct shipper *s, const struct spool_entry *e, enum spool_file file,
	struct growing *g, struct shipped **out, struct fault *f);
/* What is there goes out now, not after the gathering. Never waits. */
void shipper_flush(struct shipper *s, struct shipped *shipped);
/* Whether the server has refused it for good; why has room for FAULT_TEXT_BYTES. */
bool shipper_is_refused(struct shipper *s, struct shipped *shipped, char *why);
/* Ends the shipping; returns how far the server has it. why: "", or as of shipper_is_refused. */
uint64_t shipper_detach(struct shipper *s, struct shipped *shipped, char *why);

#endif
