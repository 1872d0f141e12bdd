#include "cli/ppk2_rows.h"

#include <errno.h>
#include <string.h>

#include "protocols/ppk2/row.h"

#define PIECE 256

void ppk2_rows_init(
	struct ppk2_rows *r, const char *path, const struct ppk2_converter *converter, bool filter)
{
	*r = (struct ppk2_rows){.path = path, .converter = *converter, .filter = filter};
	ppk2_filter_reset(&r->state);
}

static void keep_error(struct ppk2_rows *r, bool failed)
{
	if (failed && !r->error)
		r->error = errno ? errno : EIO;
}

static void open_file(struct ppk2_rows *r)
{
	r->file = strcmp(r->path, "-") ? fopen(r->path, "we") : stdout;
	keep_error(r, !r->file || fputs(PPK2_ROW_HEAD, r->file) == EOF);
}

static void give_words(struct ppk2_rows *r, const struct ppk2_block *block, size_t at, size_t n)
{
	double currents_A[PIECE];
	char line[PPK2_ROW_BYTES];

	ppk2_currents_A(&r->converter, block->words + at, n, currents_A);
	if (r->filter)
		ppk2_filter_all_A(&r->state, block->words + at, n, currents_A);
	for (size_t i = 0; i < n; i++) {
		struct ppk2_row row = {
			.first = block->index + at + i,
			.current_A = currents_A[i],
			.word = block->words[at + i],
			.gap_before = !(at + i) && block->lost_before,
			.invalid = block->invalid,
		};
		size_t length = ppk2_row_print(&row, line);

		keep_error(r, fwrite(line, 1, length, r->file) != length);
	}
}

void ppk2_rows_give(struct ppk2_rows *r, const struct ppk2_block *block)
{
	if (!r->path)
		return;
	if (!r->file && !r->error)
		open_file(r);
	for (size_t at = 0; at < block->n && !r->error; at += PIECE)
		give_words(r, block, at, block->n - at < PIECE ? block->n - at : PIECE);
}

int ppk2_rows_end(struct ppk2_rows *r, struct fault *f)
{
	if (r->file)
		keep_error(r, r->file == stdout ? fflush(stdout) : fclose(r->file));
	r->file = NULL;
	return r->error ? fault_errno(f, r->error, "cannot write %s", r->path) : 0;
}
