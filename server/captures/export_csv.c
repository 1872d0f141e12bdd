/* Rows as `hilda ppk2 convert` prints them, but by time. */
#include <errno.h>
#include <stdlib.h>

#include "protocols/ppk2/row.h"
#include "server/captures/export_form.h"

struct csv {
	struct export base;
	bool begun;
};

static int put_row(const struct export *e, const struct walk_sample *s, struct buffer *out)
{
	char line[PPK2_ROW_BYTES];
	struct ppk2_row row = {.first = s->index * PPK2_SAMPLE_US,
		.current_A = ppk2_current_A(walk_converter(e->walk), s->word),
		.word = s->word,
		.gap_before = s->lost_before,
		.invalid = s->invalid};

	return buffer_add(out, line, ppk2_row_print(&row, line));
}

static int more(struct export *e, struct buffer *out)
{
	struct csv *csv = (struct csv *)e;
	struct walk_sample s;
	size_t until = out->n + EXPORT_PIECE_BYTES;
	int rc = csv->begun ? 0 : buffer_add_text(out, "t_us,current_uA,logic,flags\n");

	csv->begun = true;
	while (!rc && out->n < until) {
		rc = walk_next(e->walk, &s);
		if (rc <= 0)
			return rc;
		rc = put_row(e, &s, out);
	}
	return rc ? rc : 1;
}

static void done(struct export *e)
{
	free(e);
}

int export_csv(struct walk *w, struct export **out)
{
	struct csv *csv = calloc(1, sizeof(*csv));

	if (!csv) {
		walk_close(w);
		return -ENOMEM;
	}
	csv->base = (struct export){.walk = w, .more = more, .done = done};
	*out = &csv->base;
	return 0;
}

/* ---- of all forms ---- */

int export_more(struct export *e, struct buffer *out)
{
	return e->more(e, out);
}

void export_free(struct export *e)
{
	if (!e)
		return;
	walk_close(e->walk);
	e->done(e);
}
