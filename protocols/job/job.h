/*
 * The job document: what a user asks for, parsed, typed and complete (defaults filled in).
 *
 * Pure: no I/O, never waits, any thread (one at a time for each job). A struct job owns everything
 * it points to; job_free ends it. Shared by server, agent and command line.
 */
#ifndef HILDA_PROTOCOLS_JOB_JOB_H
#define HILDA_PROTOCOLS_JOB_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "protocols/job/metric.h"
#include "protocols/job/outcome.h"
#include "protocols/job/regex.h"

/* Limits; over one is refused with an error that names it. */
#define JOB_DOCUMENT_MAX_BYTES (256 * 1024)
#define JOB_NAME_MAX 128
#define JOB_WORD_MAX 64 /* board types, board names, tags, keys of labels */
#define JOB_TAGS_MAX 16
#define JOB_FILES_MAX 16
#define JOB_LABELS_MAX 32
#define JOB_LABEL_VALUE_MAX 256
#define JOB_CRITERIA_MAX 64
#define JOB_PATTERNS_MAX 32
#define JOB_REGEX_MAX 512
#define JOB_BOOTS_MAX 1000
#define JOB_ITERATIONS_MAX 1000000
#define JOB_WARMUP_MAX 100000
#define JOB_SAMPLES_MAX 1000000
#define JOB_CLASS_MAX 65535
#define JOB_SUSTAINED_MAX_S 86400
#define JOB_PRIORITY_MAX 100
#define JOB_ATTEMPTS_MAX 10
#define JOB_REPEAT_MAX 1000
#define JOB_TIMEOUT_MIN_S 0.001
#define JOB_TIMEOUT_MAX_S (7 * 86400.0)
#define JOB_DEADLINE_MAX_MS 3600000.0

/* Defaults. */
#define JOB_COLD_BOOTS 8
#define JOB_WARM_ITERATIONS 400
#define JOB_WARM_WARMUP 5
#define JOB_WARM_BOOTS 1
#define JOB_ENERGY_ITERATIONS 72
#define JOB_RATE_MAX_PER_HOUR 36e6 /* 10,000 a second */
#define JOB_BATTERY_MAX_MWH 1e9
#define JOB_ACCURACY_SAMPLES 100
#define JOB_SEARCH_SEED 1
#define JOB_PROFILE_ITERATIONS 20
#define JOB_SUSTAINED_S 60
#define JOB_PRIORITY 50
#define JOB_ATTEMPTS 3
#define JOB_QUEUE_S 86400
#define JOB_FLASH_S 60
#define JOB_BOOT_S 10
#define JOB_PHASE_S 300
#define JOB_COLLECT_S 30 /* it looks at what is there already */

enum job_protocol { JOB_PROTOCOL_UART_BENCH, JOB_PROTOCOL_LINES };
enum job_inputs { JOB_INPUTS_ROTATE, JOB_INPUTS_FIXED, JOB_INPUTS_LIST };
enum job_cold_by { JOB_COLD_BY_RESET, JOB_COLD_BY_POWER };

struct job_board {
	char *type;  /* NULL: any type (then name is set) */
	char *name;  /* NULL: any board */
	char **tags; /* all of them are needed */
	size_t n_tags;
};

/* A file of this name is a host build's reply that the predictions are compared with. */
#define JOB_REFERENCE_FILE "reference"

struct job_file {
	char *name; /* a plain file name, beside the image */
	char sha256[65];
};

struct job_pattern {
	char *metric;
	char *unit; /* may be "" */
	char *regex;
	struct regex *compiled; /* exactly one group */
};

/* Firmware that prints its own text; docs/wire.md says when such a run is over. */
struct job_lines {
	struct job_pattern *patterns;
	size_t n_patterns;
	char *end;  /* NULL: absent */
	char *fail; /* NULL: absent */
	struct regex *end_compiled, *fail_compiled;
};

struct job_phases {
	struct {
		bool run;
		uint32_t boots;
		enum job_cold_by by;
	} cold;
	struct {
		bool run;
		uint32_t iterations, warmup, boots;
		uint32_t search; /* inputs to try for the slowest; 0: none */
		uint32_t seed;	 /* of that search */
	} warm;
	struct {
		bool run;
		uint32_t iterations;
		bool duty_cycle; /* asked for */
		double inferences_per_hour;
		double battery_mWh; /* 0: none is named */
	} energy;
	struct {
		bool run;
		uint32_t samples; /* 0: as many as the list holds */
		bool f1;	  /* of this class, which has this name */
		uint32_t positive;
		char positive_name[JOB_WORD_MAX + 1];
	} accuracy;
	struct {
		bool run;
		uint32_t seconds;
	} sustained;
	bool memory;
	bool profile;
};

struct job_timeouts {
	int64_t queue_ms, phase_ms;
	int64_t stage_ms[STAGE_COUNT]; /* 0: by phase_ms (collect: JOB_COLLECT_S) */
};

struct job_pair {
	char *key, *value;
};

struct job_criterion {
	struct metric_address metric;
	bool has_min, has_max;
	double min, max;
};

struct job {
	char *name;
	struct job_board board;
	char image[65]; /* 64 hex digits, without "sha256:" */
	enum job_protocol protocol;
	struct job_lines lines; /* empty unless protocol is lines */
	struct job_file *files;
	size_t n_files;
	struct job_phases phases; /* all off when protocol is lines */
	enum job_inputs inputs;
	double deadline_ms; /* 0: none */
	struct job_timeouts timeouts;
	uint32_t priority;	 /* 0..100; the higher goes first */
	uint32_t attempts;	 /* starts allowed, lost ones included */
	uint32_t repeat;	 /* 1: just this job; more expand at submit into child jobs */
	bool distinct;		 /* each child on a board of its own */
	struct job_pair *labels; /* sorted by key */
	size_t n_labels;
	struct job_pair *expect; /* provenance that must be so; sorted by key */
	size_t n_expect;
	struct job_criterion *criteria;
	size_t n_criteria;
};

struct job_error {
	char pointer[256]; /* JSON pointer into the document; "" is the whole document */
	struct fault fault;
	const char *const *known; /* NULL-terminated values that would have done, or NULL; static */
};

/* 0, -EINVAL with *e filled (e may be NULL), or -ENOMEM. Criteria: see job_check_criteria. */
int job_parse(const json_t *doc, struct job **out, struct job_error *e);
void job_free(struct job *job);	  /* accepts NULL */
void job_freep(struct job **job); /* for __attribute__((cleanup)) */

/*
 * The canonical document, every default spelled out; job_parse of it gives the same job, and
 * json_dumps(…, JSON_SORT_KEYS | JSON_COMPACT) of two equal jobs the same bytes. New reference, or
 * NULL when out of memory.
 */
json_t *job_print(const struct job *job);

/*
 * Whether each criterion's quantile is one that the job's own n can carry (metric_quantile_needs),
 * and its phase is one that the job runs. -EINVAL with *e at the first that is not: such a
 * job ends as `configuration` and needs no board.
 */
int job_check_criteria(const struct job *job, struct job_error *e);

/* How long a stage may take before the run ends as timeout. */
int64_t job_stage_ms(const struct job *job, enum stage stage);

const char *job_protocol_name(enum job_protocol p);
const char *job_inputs_name(enum job_inputs i);
const char *job_cold_by_name(enum job_cold_by by);

/* NULL when the job has no such label. */
const char *job_label(const struct job *job, const char *key);

#endif
