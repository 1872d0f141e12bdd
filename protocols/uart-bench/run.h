/*
 * One run of the bench protocol: the records of a reply to one `lab` verb, by sequence number, until
 * nothing is missing and the count and the CRC-32 of `$E` hold.
 *
 * Pure, on the heap, never waits; one thread for each run. Strings and arrays that are handed out
 * without "malloc'd" belong to the run.
 *
 *	bench_run_add(run, &ev) for every BENCH_RECORD; at BENCH_READY:
 *	while (bench_run_missing(run, &seq, 1)) send "lab resend <seq>%", read up to the next BENCH_READY
 *	bench_run_check(run, &fault)
 */
#ifndef HILDA_UART_BENCH_RUN_H
#define HILDA_UART_BENCH_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "protocols/uart-bench/decode.h"

#define BENCH_RUN_LINES_MAX 131072
#define BENCH_RUN_SAMPLES_MAX 1000000

struct bench_run;

struct bench_run *bench_run_new(void);	    /* NULL: out of memory */
void bench_run_free(struct bench_run *run); /* accepts NULL */
void bench_run_freep(struct bench_run **run);
/* Forgets everything: before the next verb. */
void bench_run_clear(struct bench_run *run);

/*
 * 0 (a line that is there already counts too). -EEXIST: another line stands under this seq, so
 * that the device has started anew; -E2BIG: more lines than BENCH_RUN_LINES_MAX; -EBADMSG: a line
 * behind `$E`, or a second `$E`. `$X` has a numbering of its own and is kept apart.
 */
int bench_run_add(struct bench_run *run, const struct bench_event *record, struct fault *f);

bool bench_run_is_empty(const struct bench_run *run);
bool bench_run_has_end(const struct bench_run *run);
/* A `$X` came: the firmware has faulted. */
bool bench_run_has_fault(const struct bench_run *run);

/*
 * The sequence numbers to ask for again, ascending, at most max of them; the return value counts
 * them all. Without `$E`, the one behind the highest that came is asked for too.
 */
size_t bench_run_missing(const struct bench_run *run, uint32_t *seqs, size_t max);

/*
 * 0: complete, count and CRC-32 right. -EAGAIN: lines are missing. -EBADMSG: all are there, but
 * the count or the CRC-32 of `$E` is another.
 */
int bench_run_check(const struct bench_run *run, struct fault *f);

/* The value of a key in the records of one type, the first where it occurs; NULL when nowhere. */
const char *bench_run_get(const struct bench_run *run, char type, const char *key);
/* Decimal. -ENOENT when absent, -EINVAL when it is no number; the fault names record and key. */
int bench_run_u64(
	const struct bench_run *run, char type, const char *key, uint64_t *out, struct fault *f);
/* Pair number `index` over all records of a type in order of seq; false behind the end. */
bool bench_run_pair_at(
	const struct bench_run *run, char type, size_t index, struct bench_pair *out);

/*
 * The ticks of all `$C`, in order; *ticks is malloc'd (NULL when there are none). -EBADMSG when the
 * indices have a hole or an item is no number.
 */
int bench_run_ticks(const struct bench_run *run, uint64_t **ticks, size_t *n, struct fault *f);
/* The `boot`, `load` and `first` of a cold run's `$C`. */
struct bench_cold {
	uint64_t boot_ticks, load_ticks, first_ticks;
};
int bench_run_cold(const struct bench_run *run, struct bench_cold *out, struct fault *f);
/* The tokens of the inputs that took part, of all `$I`; none (NULL, 0) where inputs are no text. */
int bench_run_lengths(const struct bench_run *run, uint64_t **tokens, size_t *n, struct fault *f);

/* The inferences that ended in each second of a sustained run, of all `$T`; none where nobody counts. */
int bench_run_seconds(const struct bench_run *run, uint64_t **counts, size_t *n, struct fault *f);

/* All `$P`, sample by sample. A logit hash is zlib's CRC-32 over one sample's `l` and a line feed,
 * joined by `:` where `from` spreads a sample over several lines. */
struct bench_predictions {
	size_t n;
	uint32_t *classes;
	uint32_t *labels;    /* what would be right; NULL: the firmware does not say */
	uint32_t *logits;    /* a hash each */
	uint32_t logits_crc; /* of all of them, as one text */
};
/* -EBADMSG as above. *out is filled only on success; end it with bench_predictions_done. */
int bench_run_predictions(
	const struct bench_run *run, struct bench_predictions *out, struct fault *f);
void bench_predictions_done(struct bench_predictions *p);

/* One `$L`: where the time of an inference goes. */
struct bench_part {
	const char *name; /* belongs to the run */
	int64_t layer;	  /* -1: none */
	uint64_t min_ticks, median_ticks;
};
/* In order, malloc'd. -EBADMSG as above, also when there is none. */
int bench_run_profile(
	const struct bench_run *run, struct bench_part **parts, size_t *n, struct fault *f);

#endif
