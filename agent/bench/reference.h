/*
 * What the predictions of a device are compared with: a host build's own replies to `lab id` and
 * `lab accuracy N`, as they came, in a file of the job. Reads the file; any thread; the caller owns
 * what it gets.
 */
#ifndef HILDA_AGENT_BENCH_REFERENCE_H
#define HILDA_AGENT_BENCH_REFERENCE_H

#include "common/fault.h"
#include "protocols/uart-bench/run.h"

#define REFERENCE_MAX_BYTES (16u << 20)

struct reference {
	char model_sha256[65]; /* "" where it does not say */
	char list[16];	       /* the list of samples, as $R names it; "" */
	struct bench_predictions predictions;
};

/* -EINVAL: it is no such text, or is damaged; or file_read's errors. reference_done ends it. */
int reference_read(const char *path, struct reference *out, struct fault *f);
void reference_done(struct reference *r);

/*
 * Whether it is about the same: model, samples and their number. -EINVAL with the difference in
 * words. What one side does not say is no difference.
 */
int reference_fits(const struct reference *r, const char *model_sha256, const char *list, size_t n,
	struct fault *f);

#endif
