#include "server/suites/export.h"

#include <inttypes.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "server/store/csv_out.h"

/* The numbers of a cell, with their units. */
static const struct {
	const char *address, *unit;
} headlines[] = {
	{"warm.latency_us", "us"},
	{"lines.latency_us", "us"},
	{"energy.energy_uJ", "uJ"},
	{"memory.sram_peak_bytes", "bytes"},
	{"accuracy.accuracy", ""},
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int64_t id_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* How a cell stands, in one word: its outcome once it has ended. */
static const char *word_of(const json_t *cell)
{
	const char *state = text_of(cell, "state"), *outcome = text_of(cell, "outcome");

	return !strcmp(state, "failed") || !strcmp(state, "succeeded") ? outcome : state;
}

static double seconds_of(const json_t *cell)
{
	int64_t from, to;

	if (clock_parse_rfc3339(text_of(cell, "started_at"), &from) ||
		clock_parse_rfc3339(text_of(cell, "finished_at"), &to) || to < from)
		return 0;
	return (double)(to - from) / 1000;
}

/* ---- CSV ---- */

static void csv_cell(const json_t *run, const json_t *cell, struct buffer *out)
{
	static const char *const texts[] = {"board", "state", "outcome", "stage", "started_at",
		"finished_at", "energy_source", "detail"};
	const json_t *number;
	json_t *name;
	size_t i;

	buffer_printf(out, "%" PRId64, id_of(cell, "cell"));
	json_array_foreach (json_object_get(run, "variables"), i, name) {
		buffer_add_text(out, ",");
		csv_text(out, text_of(json_object_get(cell, "values"), json_string_value(name)));
	}
	buffer_printf(out, ",%" PRId64 ",", id_of(cell, "job"));
	if (json_is_integer(json_object_get(cell, "run")))
		buffer_printf(out, "%" PRId64, id_of(cell, "run"));
	buffer_printf(out, ",%" PRId64, id_of(cell, "tries"));
	number = json_object_get(cell, "virtual");
	buffer_add_text(out, json_is_null(number) ? "," : json_is_true(number) ? ",1" : ",0");
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		buffer_add_text(out, ",");
		csv_text(out, text_of(cell, texts[i]));
	}
	for (i = 0; i < ARRAY_SIZE(headlines); i++) {
		number = json_object_get(json_object_get(cell, "metrics"), headlines[i].address);
		buffer_add_text(out, ",");
		if (number)
			buffer_printf(out, "%.17g", json_number_value(number));
	}
	buffer_add_text(out, "\r\n");
}

int suite_export_csv(const json_t *run, struct buffer *out)
{
	json_t *name, *cell;
	size_t i;

	buffer_add_text(out, "cell");
	json_array_foreach (json_object_get(run, "variables"), i, name) {
		buffer_add_text(out, ",");
		csv_text(out, json_string_value(name));
	}
	buffer_add_text(out,
		",job,run,tries,virtual,board,state,outcome,stage,started_at,finished_at,"
		"energy_source,detail");
	for (i = 0; i < ARRAY_SIZE(headlines); i++)
		buffer_printf(out, *headlines[i].unit ? ",%s [%s]" : ",%s", headlines[i].address,
			headlines[i].unit);
	buffer_add_text(out, "\r\n");
	json_array_foreach (json_object_get(run, "cells"), i, cell)
		csv_cell(run, cell, out);
	return buffer_add_text(out, "");
}

/* ---- JUnit ---- */

/* XML 1.0 has no place for most control characters, escaped or not. */
static void xml_text(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			buffer_add_text(out, "&amp;");
		else if (c == '<')
			buffer_add_text(out, "&lt;");
		else if (c == '>')
			buffer_add_text(out, "&gt;");
		else if (c == '"')
			buffer_add_text(out, "&quot;");
		else if (c == '\n' || c == '\t' || c == '\r')
			buffer_printf(out, "&#%d;", c);
		else if (c < 0x20 || c == 0x7f)
			buffer_add_text(out, "?");
		else if (c == 0xef && (unsigned char)text[1] == 0xbf &&
			((unsigned char)text[2] & 0xfe) == 0xbe) {
			buffer_add_text(out, "?"); /* U+FFFE and U+FFFF */
			text += 2;
		} else {
			buffer_add(out, text, 1);
		}
	}
}

static void xml_attribute(struct buffer *out, const char *name, const char *value)
{
	buffer_printf(out, " %s=\"", name);
	xml_text(out, value);
	buffer_add_text(out, "\"");
}

/* Of a cell that did not pass, the element that says so. */
static const char *element_of(const char *word)
{
	if (!strcmp(word, "passed"))
		return NULL;
	if (!strcmp(word, "failed") || !strcmp(word, "timeout"))
		return "failure";
	if (!strcmp(word, "infrastructure") || !strcmp(word, "configuration") ||
		!strcmp(word, "lost"))
		return "error";
	return "skipped";
}

static void junit_case(const json_t *run, const json_t *cell, struct buffer *out)
{
	const char *word = word_of(cell), *element = element_of(word);

	buffer_add_text(out, "  <testcase");
	xml_attribute(out, "classname", text_of(run, "suite"));
	xml_attribute(out, "name", text_of(cell, "title"));
	buffer_printf(out, " time=\"%.3f\"", seconds_of(cell));
	if (!element) {
		buffer_add_text(out, "/>\n");
		return;
	}
	buffer_printf(out, ">\n    <%s", element);
	if (strcmp(element, "skipped") != 0)
		xml_attribute(out, "type", word);
	xml_attribute(out, "message", *text_of(cell, "detail") ? text_of(cell, "detail") : word);
	buffer_printf(out, ">job %" PRId64, id_of(cell, "job"));
	if (*text_of(cell, "board")) {
		buffer_add_text(out, " on ");
		xml_text(out, text_of(cell, "board"));
	}
	if (*text_of(cell, "stage")) {
		buffer_add_text(out, ", in ");
		xml_text(out, text_of(cell, "stage"));
	}
	buffer_printf(out, "</%s>\n  </testcase>\n", element);
}

int suite_export_junit(const json_t *run, struct buffer *out)
{
	size_t i, failures = 0, errors = 0, skipped = 0;
	double seconds = 0;
	json_t *cell;

	json_array_foreach (json_object_get(run, "cells"), i, cell) {
		const char *element = element_of(word_of(cell));

		failures += element && !strcmp(element, "failure");
		errors += element && !strcmp(element, "error");
		skipped += element && !strcmp(element, "skipped");
		seconds += seconds_of(cell);
	}
	buffer_add_text(
		out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite");
	xml_attribute(out, "name", text_of(run, "suite"));
	buffer_printf(out,
		" id=\"%" PRId64 "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\""
		" time=\"%.3f\"",
		id_of(run, "id"), i, failures, errors, skipped, seconds);
	/* JUnit's schema has no place for a zone. */
	buffer_printf(out, " timestamp=\"%.19s\">\n", text_of(run, "created_at"));
	json_array_foreach (json_object_get(run, "cells"), i, cell)
		junit_case(run, cell, out);
	return buffer_add_text(out, " </testsuite>\n</testsuites>\n");
}

/* ---- Markdown ---- */

/* Within a cell of a table: no line ends, no bars, nothing that opens markup or HTML. */
static void markdown_text(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			buffer_add_text(out, " ");
		else if (strchr("\\|`*_[]<>&", *text))
			buffer_printf(out, "\\%c", *text);
		else
			buffer_add(out, text, 1);
	}
}

/* A page has room for what there is: a number that no cell has gets no column. */
static void find_columns(const json_t *run, bool shown[ARRAY_SIZE(headlines)])
{
	json_t *cell;
	size_t i, k;

	for (k = 0; k < ARRAY_SIZE(headlines); k++) {
		shown[k] = false;
		json_array_foreach (json_object_get(run, "cells"), i, cell)
			shown[k] |= !!json_object_get(
				json_object_get(cell, "metrics"), headlines[k].address);
	}
}

static void markdown_row(const json_t *run, const json_t *cell,
	const bool shown[ARRAY_SIZE(headlines)], struct buffer *out)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(run, "variables"), i, name) {
		buffer_add_text(out, "| ");
		markdown_text(
			out, text_of(json_object_get(cell, "values"), json_string_value(name)));
		buffer_add_text(out, " ");
	}
	buffer_printf(out, "| %s | ", word_of(cell));
	markdown_text(out, text_of(cell, "board"));
	for (i = 0; i < ARRAY_SIZE(headlines); i++) {
		const json_t *number =
			json_object_get(json_object_get(cell, "metrics"), headlines[i].address);

		if (!shown[i])
			continue;
		buffer_add_text(out, " | ");
		if (number)
			buffer_printf(out, "%.6g", json_number_value(number));
	}
	buffer_printf(out, " | %" PRId64 " | ", id_of(cell, "job"));
	markdown_text(out, text_of(cell, "detail"));
	buffer_add_text(out, " |\n");
}

int suite_export_markdown(const json_t *run, struct buffer *out)
{
	size_t i, n = json_array_size(json_object_get(run, "variables"));
	bool shown[ARRAY_SIZE(headlines)];
	json_t *name, *cell;

	find_columns(run, shown);
	buffer_add_text(out, "## ");
	markdown_text(out, text_of(run, "suite"));
	buffer_printf(out,
		", run %" PRId64 "\n\n%" PRId64 " of %" PRId64 " cells passed, %" PRId64
		" have ended. Begun %s.\n\n",
		id_of(run, "id"), id_of(run, "cells_passed"), id_of(run, "cells_total"),
		id_of(run, "cells_ended"), text_of(run, "created_at"));
	json_array_foreach (json_object_get(run, "variables"), i, name) {
		buffer_add_text(out, "| ");
		markdown_text(out, json_string_value(name));
		buffer_add_text(out, " ");
	}
	buffer_add_text(out, "| outcome | board ");
	for (i = 0; i < ARRAY_SIZE(headlines); i++) {
		if (!shown[i])
			continue;
		buffer_add_text(out, "| ");
		markdown_text(out, headlines[i].address);
		buffer_printf(out, *headlines[i].unit ? " (%s) " : " ", headlines[i].unit);
	}
	buffer_add_text(out, "| job | why |\n");
	for (i = 0; i < n + 2; i++)
		buffer_add_text(out, "|---");
	for (i = 0; i < ARRAY_SIZE(headlines); i++)
		buffer_add_text(out, shown[i] ? "|---:" : "");
	buffer_add_text(out, "|---:|---|\n");
	json_array_foreach (json_object_get(run, "cells"), i, cell)
		markdown_row(run, cell, shown, out);
	return buffer_add_text(out, "");
}
