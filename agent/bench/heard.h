/*
 * What came from the firmware since it was asked, as far as words about it need: how much, how much of it was
 * noise, and its last bytes. Zeroed is nothing yet. Pure.
 */
#ifndef HILDA_AGENT_BENCH_HEARD_H
#define HILDA_AGENT_BENCH_HEARD_H

#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

#define HEARD_TAIL_BYTES 160

struct heard {
	size_t bytes; /* since the command or the resend, from the first that is no line end on */
	size_t total_bytes, noise_bytes, good_lines; /* since the command */
	char tail[HEARD_TAIL_BYTES];		     /* the last bytes as they came */
	size_t n_tail;
};

void heard_bytes(struct heard *h, const char *data, size_t n);
/* Why nothing useful came until now; asked: the command. -EBADMSG, -ETIMEDOUT or -EILSEQ as session.h says. */
int heard_fault_timeout(
	const struct heard *h, const char *asked, int64_t waited_ns, struct fault *f);
/* Nothing but damaged lines. -EILSEQ. */
int heard_fault_damaged(const struct heard *h, const char *asked, struct fault *f);

#endif
