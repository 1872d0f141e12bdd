/* What a suite's run shows at its end. */
#include <inttypes.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/get.h"
#include "cli/jobs.h"
#include "cli/numbers_table.h"
#include "cli/suite_run.h"
#include "cli/table.h"
#include "common/cleanup.h"

json_t *suite_run_json(const struct suite_run *r)
{
	json_t *jobs = json_array();

	for (size_t i = 0; i < r->suite->n_cells; i++) {
		const struct suite_run_cell *cell = &r->cells[i];
		json_t *values = json_object();

		for (size_t k = 0; k < cell->cell->n_values; k++)
			json_object_set_new(values, cell->cell->values[k].key,
				json_string(cell->cell->values[k].value));
		json_array_append_new(jobs,
			json_pack("{s:s, s:o, s:O?, s:O?}", "title", cell->cell->title, "values",
				values, "job", cell->state, "run", cell->run));
	}
	return json_pack(
		"{s:s, s:s, s:o}", "suite", r->suite->name, "suite_run", r->id, "jobs", jobs);
}

static void print_failures(const struct suite_run *r, FILE *out)
{
	_cleanup_(table_freep) struct table *t = table_new(">JOB|CELL|HOW IT ENDED");

	for (size_t i = 0; i < r->suite->n_cells; i++) {
		const struct suite_run_cell *cell = &r->cells[i];
		_cleanup_free_ char *how = NULL;

		if (!strcmp(get_text(cell->state, "state"), "succeeded"))
			continue;
		how = jobs_describe(cell->state);
		table_format(t, "%" PRId64, cell->job);
		table_text(t, cell->cell->title);
		table_text(t, how);
	}
	if (!table_rows(t))
		return;
	fputs("\nNot passed\n", out);
	table_print(t, out);
}

void suite_run_print(const struct suite_run *r, FILE *out)
{
	_cleanup_(numbers_table_freep) struct numbers_table *numbers = numbers_table_new("CELL");
	size_t passed = 0;

	for (size_t i = 0; numbers && i < r->suite->n_cells; i++) {
		const struct suite_run_cell *cell = &r->cells[i];

		passed += !strcmp(get_text(cell->state, "state"), "succeeded");
		if (cell->run)
			numbers_table_add(numbers, cell->cell->title, cell->run);
	}
	if (numbers)
		numbers_table_print(numbers, out);
	print_failures(r, out);
	fputc('\n', out);
	escape_print(out, r->suite->name, strlen(r->suite->name), false);
	fprintf(out, ": %zu of %zu jobs passed\n", passed, r->suite->n_cells);
}
