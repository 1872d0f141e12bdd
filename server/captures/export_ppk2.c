/* A zip that opens in Nordic's app, handed out while it is made. Time 0 is where the part begins. */
#include <errno.h>
#include <stdlib.h>

#include "instruments/nordic_zip.h"
#include "server/captures/export_form.h"

#define WORDS_AT_ONCE 1024
#define LOST_AT_ONCE 16384

struct ppk2 {
	struct export base;
	struct nordic_zip *zip;
	struct buffer *out; /* of the call under way */
	uint64_t next;	    /* index, from the part's begin */
	/* A sample that was read and belongs to the next block. */
	struct walk_sample held;
	bool has_held;
	uint32_t words[WORDS_AT_ONCE];
};

static int to_out(void *arg, const void *bytes, size_t n)
{
	struct ppk2 *p = arg;

	return buffer_add(p->out, bytes, n);
}

static int64_t started_ms(const struct walk *w)
{
	return walk_header(w)->started_at_ms + (int64_t)(walk_from(w) * PPK2_SAMPLE_US / 1000);
}

static uint64_t samples_of(const struct ppk2 *p)
{
	return walk_to(p->base.walk) - walk_from(p->base.walk);
}

/* What is lost before `until`, some of it: 0 when no more is. */
static int put_lost(struct ppk2 *p, uint64_t until)
{
	struct ppk2_block nothing = {.index = p->next + LOST_AT_ONCE};
	int rc;

	if (p->next >= until)
		return 0;
	if (nothing.index > until)
		nothing.index = until;
	rc = nordic_zip_write(p->zip, &nothing);
	p->next = nothing.index;
	return rc ? rc : 1;
}

/* Samples without a break, from the held one on. */
static int put_block(struct ppk2 *p)
{
	struct ppk2_block block = {.index = p->next, .invalid = p->held.invalid, .words = p->words};
	int rc;

	do {
		p->words[block.n++] = p->held.word;
		rc = walk_next(p->base.walk, &p->held);
	} while (rc == 1 && block.n < WORDS_AT_ONCE && !p->held.lost_before &&
		p->held.invalid == block.invalid);
	p->has_held = rc == 1;
	p->next += block.n;
	return rc < 0 ? rc : nordic_zip_write(p->zip, &block);
}

/* 1: more of session.raw follows. */
static int some_samples(struct ppk2 *p)
{
	uint64_t until = samples_of(p);
	int rc;

	if (!p->has_held) {
		rc = walk_next(p->base.walk, &p->held);
		if (rc < 0)
			return rc;
		p->has_held = rc == 1;
	}
	if (p->has_held)
		until = p->held.index - walk_from(p->base.walk);
	rc = put_lost(p, until);
	if (rc)
		return rc;
	if (!p->has_held)
		return 0;
	rc = put_block(p);
	return rc ? rc : 1;
}

static int more(struct export *e, struct buffer *out)
{
	struct ppk2 *p = (struct ppk2 *)e;
	int rc;

	p->out = out;
	rc = some_samples(p);
	return rc ? rc : nordic_zip_end(p->zip);
}

static void done(struct export *e)
{
	struct ppk2 *p = (struct ppk2 *)e;

	nordic_zip_free(p->zip);
	free(p);
}

int export_ppk2(struct walk *w, struct export **out)
{
	struct ppk2 *p = calloc(1, sizeof(*p));

	if (!p) {
		walk_close(w);
		return -ENOMEM;
	}
	p->base = (struct export){.walk = w, .more = more, .done = done};
	if (nordic_zip_new(walk_converter(w), started_ms(w), samples_of(p), to_out, p, &p->zip)) {
		export_free(&p->base);
		return -ENOMEM;
	}
	*out = &p->base;
	return 0;
}
