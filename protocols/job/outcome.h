/*
 * The words for how a job, a run and a board stand: one enum and one name table each, shared by
 * every program. Pure.
 */
#ifndef HILDA_PROTOCOLS_JOB_OUTCOME_H
#define HILDA_PROTOCOLS_JOB_OUTCOME_H

enum outcome {
	OUTCOME_NONE, /* not ended yet; its name is "" */
	OUTCOME_PASSED,
	OUTCOME_FAILED,		/* the firmware's own verdict, or a criterion */
	OUTCOME_INFRASTRUCTURE, /* probe, serial, power, agent: the only one that is tried again */
	OUTCOME_CONFIGURATION,	/* the job asks for what cannot be */
	OUTCOME_TIMEOUT,
	OUTCOME_CANCELED,
	OUTCOME_COUNT
};

/* Where a run is; also the list for time-outs and the time line. */
enum stage {
	STAGE_NONE, /* its name is "" */
	STAGE_FLASH,
	STAGE_BOOT,
	STAGE_COLD,
	STAGE_WARM,
	STAGE_ENERGY,
	STAGE_ACCURACY,
	STAGE_MEMORY,
	STAGE_PROFILE,
	STAGE_SUSTAINED,
	STAGE_COLLECT,
	STAGE_COUNT
};

const char *outcome_name(enum outcome o);
/* 0 or -EINVAL. */
int outcome_parse(const char *name, enum outcome *o);
const char *stage_name(enum stage s);
int stage_parse(const char *name, enum stage *s);

/* The job state that an outcome ends in: "succeeded", "failed" or "canceled". */
const char *outcome_job_state(enum outcome o);

#endif
