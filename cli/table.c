#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>

#include "cli/escape.h"
#include "common/cleanup.h"

struct table {
	char *heads[TABLE_COLUMNS_MAX];
	bool right[TABLE_COLUMNS_MAX];
	size_t columns;
	char **cells; /* escaped */
	size_t n, room;
};

static void out_of_memory(void)
{
	fputs("hilda: out of memory\n", stderr);
	abort();
}

struct table *table_new(const char *heads)
{
	struct table *t = calloc(1, sizeof(*t));

	while (t && t->columns < TABLE_COLUMNS_MAX) {
		size_t n = strcspn(heads, "|");
		bool right = *heads == '>';

		t->right[t->columns] = right;
		t->heads[t->columns] = strndup(heads + right, n - right);
		if (!t->heads[t->columns++])
			break;
		if (!heads[n])
			return t;
		heads += n + 1;
	}
	out_of_memory();
	return NULL;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->columns; i++)
		free(t->heads[i]);
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void table_freep(struct table **t)
{
	table_free(*t);
}

void table_text(struct table *t, const char *text)
{
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		char **cells = realloc(t->cells, room * sizeof(*cells));

		if (!cells)
			out_of_memory();
		t->cells = cells;
		t->room = room;
	}
	t->cells[t->n] = escape_text(text ? text : "-");
	if (!t->cells[t->n++])
		out_of_memory();
}

void table_format(struct table *t, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		out_of_memory();
	va_end(args);
	table_text(t, text);
}

void table_end_row(struct table *t)
{
	while (t->n % t->columns)
		table_text(t, "");
}

size_t table_rows(const struct table *t)
{
	return t->n / t->columns;
}

static void print_cell(
	const struct table *t, size_t column, const char *text, size_t width, FILE *out)
{
	int pad = (int)(width - escape_width(text));

	if (column)
		fputs("  ", out);
	if (t->right[column])
		fprintf(out, "%*s%s", pad, "", text);
	else if (column + 1 < t->columns)
		fprintf(out, "%s%*s", text, pad, "");
	else
		fputs(text, out);
}

void table_print(const struct table *t, FILE *out)
{
	size_t width[TABLE_COLUMNS_MAX];

	for (size_t c = 0; c < t->columns; c++) {
		width[c] = escape_width(t->heads[c]);
		for (size_t i = c; i < t->n; i += t->columns) {
			size_t w = escape_width(t->cells[i]);

			width[c] = w > width[c] ? w : width[c];
		}
	}
	for (size_t c = 0; c < t->columns; c++)
		print_cell(t, c, t->heads[c], width[c], out);
	fputc('\n', out);
	for (size_t i = 0; i < t->n; i++) {
		print_cell(t, i % t->columns, t->cells[i], width[i % t->columns], out);
		if (i % t->columns == t->columns - 1)
			fputc('\n', out);
	}
}
