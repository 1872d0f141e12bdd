/*
 * The thread that ships the logs of runs while they go on. What a run writes goes out within
 * SHIPPER_GATHER_MS; a run that is over sooner sends its log with its result.
 */
#ifndef HILDA_AGENT_SPOOL_SHIPPER_H
#define HILDA_AGENT_SPOOL_SHIPPER_H

#include "agent/run/run_log.h"
#include "agent/spool/deliver.h"
#include "common/clock.h"

#define SHIPPER_GATHER_MS 100
/* How long the end of a run waits for a piece that is under way. */
#define SHIPPER_DETACH_MS 2000

struct shipper;
struct shipped_log;

struct shipper_options {
	struct deliver deliver; /* its cancel_fd ends waits, when the agent stops */
	const struct clock *clock;
	uint32_t (*random_below)(uint32_t bound);
};

int shipper_start(const struct shipper_options *o, struct shipper **out, struct fault *f);
/* deliver.cancel_fd must be readable, and every log detached. Accepts NULL. */
void shipper_stop(struct shipper *s);

/* Makes the run's log file and ships it from now on. *log is closed by shipper_detach. */
int shipper_attach(struct shipper *s, const struct spool_entry *e, struct shipped_log **out,
	struct run_log **log, struct fault *f);
/* What is there goes out now, not after the gathering. Never waits. */
void shipper_flush(struct shipper *s, struct shipped_log *shipped);
/* Ends the shipping, closes the log; returns how far the server has it. */
uint64_t shipper_detach(struct shipper *s, struct shipped_log *shipped);

#endif
