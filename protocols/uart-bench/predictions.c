/* What `lab accuracy` says of each sample. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "protocols/uart-bench/crc.h"
#include "protocols/uart-bench/run_parts.h"

struct reading {
	struct bench_predictions p;
	size_t logits; /* of the sample that is being read */
	size_t labelled;
};

static void reading_done(struct reading *x)
{
	bench_predictions_done(&x->p);
}

void bench_predictions_done(struct bench_predictions *p)
{
	free(p->classes);
	free(p->labels);
	free(p->logits);
	*p = (struct bench_predictions){0};
}

static void add_text(struct reading *x, const char *text, size_t n)
{
	uint32_t *hash = &x->p.logits[x->p.n - 1];

	*hash = crc32_zlib(*hash, text, n);
	x->p.logits_crc = crc32_zlib(x->p.logits_crc, text, n);
}

static void end_sample(struct reading *x)
{
	if (x->p.n && x->logits)
		add_text(x, "\n", 1);
	x->logits = 0;
}

/* The first of a sample's lines. */
static int begin_sample(struct reading *x, const struct line *line, uint64_t class, struct fault *f)
{
	const char *label = line_get(line, "y");
	int err = line_check_index(line, x->p.n, f);
	uint64_t y = 0;

	if (err)
		return err;
	if (label && number_u64(label, 0, UINT32_MAX, &y))
		return fault_set(
			f, EBADMSG, "line \"%s\" has a label that is no class", line->text);
	end_sample(x);
	x->labelled += label != NULL;
	x->p.labels[x->p.n] = (uint32_t)y;
	x->p.logits[x->p.n] = CRC32_START;
	x->p.classes[x->p.n++] = (uint32_t) class;
	return 0;
}

/* A line with `from` goes on with the logits of the sample before it: same `i`, same `p`. */
static int go_on(struct reading *x, const struct line *line, uint64_t class, struct fault *f)
{
	uint64_t from;
	int err;

	if (!x->p.n)
		return fault_set(f, EBADMSG, "line \"%s\" goes on with no sample", line->text);
	err = line_check_index(line, x->p.n - 1, f);
	if (err)
		return err;
	if (x->p.classes[x->p.n - 1] != class)
		return fault_set(
			f, EBADMSG, "line \"%s\" predicts another class than before", line->text);
	if (number_u64(line_get(line, "from"), 1, UINT32_MAX, &from) || from != x->logits)
		return fault_set(
			f, EBADMSG, "line \"%s\" should go on at from=%zu", line->text, x->logits);
	add_text(x, ":", 1);
	return 0;
}

static int add_line(struct reading *x, const struct line *line, struct fault *f)
{
	const char *p = line_get(line, "p"), *logits = line_get(line, "l");
	uint64_t class;
	int err;

	if (!p || number_u64(p, 0, UINT32_MAX, &class))
		return fault_set(f, EBADMSG, "line \"%s\" has no predicted class p=", line->text);
	err = line_get(line, "from") ? go_on(x, line, class, f) : begin_sample(x, line, class, f);
	if (err || !logits)
		return err;
	add_text(x, logits, strlen(logits));
	x->logits++;
	for (; *logits; logits++)
		x->logits += *logits == ':';
	return 0;
}

int bench_run_predictions(
	const struct bench_run *run, struct bench_predictions *out, struct fault *f)
{
	_cleanup_(reading_done) struct reading x = {.p = {.logits_crc = CRC32_START}};

	x.p.classes = calloc(run->top + 1, sizeof(*x.p.classes));
	x.p.labels = calloc(run->top + 1, sizeof(*x.p.labels));
	x.p.logits = calloc(run->top + 1, sizeof(*x.p.logits));
	if (!x.p.classes || !x.p.labels || !x.p.logits)
		return fault_set(f, ENOMEM, "out of memory for a run's predictions");
	for (size_t i = 0; i < run->top; i++) {
		const struct line *line = run->lines[i];
		int err = line && line->type == 'P' ? add_line(&x, line, f) : 0;

		if (err)
			return err;
	}
	end_sample(&x);
	if (x.labelled && x.labelled != x.p.n)
		return fault_set(f, EBADMSG, "%zu of %zu samples have a label: all must, or none",
			x.labelled, x.p.n);
	if (!x.labelled) {
		free(x.p.labels);
		x.p.labels = NULL;
	}
	*out = x.p;
	x.p = (struct bench_predictions){0};
	return 0;
}
