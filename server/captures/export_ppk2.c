/*
 * A zip that opens in Nordic's app: its three files at the root, deflated, written while they are made
 * (sizes stand behind each). Time 0 is where the part begins.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

#include "protocols/capture/nordic.h"
#include "server/captures/export_form.h"

#define WORDS_AT_ONCE 1024
#define LOST_AT_ONCE 16384
#define MINIMAP_MAX_BYTES (2u << 20)

struct ppk2 {
	struct export base;
	struct archive *zip;
	struct nordic *nordic;
	struct buffer *out; /* of the call under way */
	int rc;		    /* of adding to it */
	bool begun;
	uint64_t next; /* index, from the part's begin */
	/* A sample that was read and belongs to the next block. */
	struct walk_sample held;
	bool has_held;
	uint32_t words[WORDS_AT_ONCE];
};

static la_ssize_t written(struct archive *a, void *arg, const void *data, size_t n)
{
	struct ppk2 *p = arg;

	if (!p->rc)
		p->rc = buffer_add(p->out, data, n);
	return p->rc ? -1 : (la_ssize_t)n;
}

static int failed(const struct ppk2 *p)
{
	return p->rc ? p->rc : -ENOMEM;
}

static int to_zip(void *arg, const void *bytes, size_t n)
{
	struct ppk2 *p = arg;

	return archive_write_data(p->zip, bytes, n) == (la_ssize_t)n ? 0 : failed(p);
}

static int to_buffer(void *arg, const void *bytes, size_t n)
{
	return buffer_add(arg, bytes, n);
}

static int64_t started_ms(const struct ppk2 *p)
{
	return walk_header(p->base.walk)->started_at_ms +
		(int64_t)(walk_from(p->base.walk) * PPK2_SAMPLE_US / 1000);
}

static int begin_file(struct ppk2 *p, const char *name, uint64_t bytes)
{
	struct archive_entry *entry = archive_entry_new();
	int rc = ARCHIVE_FATAL;

	if (entry) {
		archive_entry_set_pathname(entry, name);
		archive_entry_set_size(entry, (la_int64_t)bytes);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_mtime(entry, started_ms(p) / 1000, 0);
		rc = archive_write_header(p->zip, entry);
	}
	archive_entry_free(entry);
	return rc == ARCHIVE_OK ? 0 : failed(p);
}

static uint64_t samples_of(const struct ppk2 *p)
{
	return walk_to(p->base.walk) - walk_from(p->base.walk);
}

static int begin(struct ppk2 *p)
{
	p->begun = true;
	if (archive_write_set_format_zip(p->zip) != ARCHIVE_OK ||
		archive_write_zip_set_compression_deflate(p->zip) != ARCHIVE_OK ||
		archive_write_set_bytes_per_block(p->zip, 0) != ARCHIVE_OK ||
		archive_write_open(p->zip, p, NULL, written, NULL) != ARCHIVE_OK)
		return failed(p);
	return begin_file(p, "session.raw", samples_of(p) * NORDIC_SAMPLE_BYTES);
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
	rc = nordic_write(p->nordic, &nothing);
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
	return rc < 0 ? rc : nordic_write(p->nordic, &block);
}

static int put_rest(struct ppk2 *p)
{
	struct buffer map = BUFFER_INIT(MINIMAP_MAX_BYTES);
	char metadata[NORDIC_METADATA_BYTES];
	size_t n = nordic_metadata(started_ms(p), metadata);
	int rc = begin_file(p, "metadata.json", n);

	if (!rc)
		rc = to_zip(p, metadata, n);
	if (!rc)
		rc = nordic_minimap(p->nordic, to_buffer, &map);
	if (!rc)
		rc = begin_file(p, "minimap.raw", map.n);
	if (!rc)
		rc = to_zip(p, map.data, map.n);
	buffer_done(&map);
	if (!rc && archive_write_close(p->zip) != ARCHIVE_OK)
		rc = failed(p);
	return rc;
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
	rc = p->begun ? 0 : begin(p);
	if (!rc)
		rc = some_samples(p);
	return rc ? rc : put_rest(p);
}

static void done(struct export *e)
{
	struct ppk2 *p = (struct ppk2 *)e;
	struct buffer ignored = BUFFER_INIT(EXPORT_BUFFER_BYTES);

	/* One that is not whole ends here too, into nothing. */
	p->out = &ignored;
	archive_write_free(p->zip);
	buffer_done(&ignored);
	nordic_free(p->nordic);
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
	p->zip = archive_write_new();
	if (!p->zip || nordic_new(walk_converter(w), to_zip, p, &p->nordic)) {
		export_free(&p->base);
		return -ENOMEM;
	}
	*out = &p->base;
	return 0;
}
