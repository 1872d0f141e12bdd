/* hilda leaderboard: the latest numbers of each model on each kind of board, as tables. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/filters.h"
#include "cli/commands/output.h"
#include "cli/escape.h"
#include "cli/get.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/short_number.h"

#define FETCH_MS (60 * 1000)
#define COLUMNS_MAX (TABLE_COLUMNS_MAX - 6) /* of boards, beside those that each table has */
#define HEADS_MAX_BYTES 4096

static const char *const names[] = {"task", "board", "quant", "phase", NULL};

/* ---- cells ---- */

/* A number, or "-" where it is null. */
static void put(struct table *t, const char *format, double value)
{
	char text[64];

	snprintf(text, sizeof(text), format, value);
	table_text(t, isnan(value) ? NULL : text);
}

static void put_kib(struct table *t, const json_t *row, const char *key, const char *mark)
{
	double bytes = get_f64(row, key);

	if (isnan(bytes))
		table_text(t, "not run");
	else
		table_format(t, "%.1f%s", bytes / 1024, mark);
}

static void put_time(struct table *t, const json_t *cell)
{
	const char *state = get_text(cell, "state");
	double p50 = get_f64(cell, "p50_ms"), p95 = get_f64(cell, "p95_ms");
	char a[SHORT_NUMBER_BYTES], b[SHORT_NUMBER_BYTES], c[SHORT_NUMBER_BYTES];

	if (!strcmp(state, "virtual"))
		table_format(t, "%.0f (%s ms)", get_f64(cell, "instructions"),
			short_number(get_f64(cell, "ms_at_1_per_tick"), a));
	else if (strcmp(state, "measured"))
		table_text(t, state);
	else if (isnan(p50) || isnan(p95))
		table_format(t, "%s / n=%" PRId64 "<72", short_number(p50, a), get_i64(cell, "n"));
	else
		table_format(t, "%s / %s / %s", short_number(p50, a), short_number(p95, b),
			short_number(get_f64(cell, "throughput_ips"), c));
}

static void put_energy(struct table *t, const json_t *cell)
{
	const char *state = get_text(cell, "state");
	char text[SHORT_NUMBER_BYTES];

	short_number(get_f64(cell, "energy_mJ"), text);
	if (!strcmp(state, "not run"))
		table_text(t, state);
	else if (!strcmp(state, "measured") && get_bool(cell, "ranked"))
		table_text(t, text);
	else
		table_format(
			t, "%s %s", text, strcmp(state, "measured") ? state : "debugger attached");
}

static void put_sram(struct table *t, const json_t *cell)
{
	if (!strcmp(get_text(cell, "state"), "not run"))
		table_text(t, "not run");
	else
		put(t, "%.1f", get_f64(cell, "sram_peak_bytes") / 1024);
}

/* ---- tables ---- */

static size_t board_count(const json_t *all)
{
	size_t n = json_array_size(json_object_get(all, "boards"));

	return n < COLUMNS_MAX ? n : COLUMNS_MAX;
}

static struct table *new_table(const json_t *all, const char *more, bool with_boards)
{
	_cleanup_(buffer_done) struct buffer heads = BUFFER_INIT(HEADS_MAX_BYTES);

	buffer_printf(&heads, "TASK|MODEL%s", more);
	for (size_t i = 0; with_boards && i < board_count(all); i++) {
		const json_t *board = json_array_get(json_object_get(all, "boards"), i);
		const char *name = get_text(board, "board");

		buffer_add_text(&heads, "|>");
		for (const char *c = name; *c; c++)
			buffer_add(&heads, *c == '|' ? "/" : c, 1);
		if (!strcmp(get_text(board, "state"), "virtual"))
			buffer_add_text(&heads, " virtual");
	}
	return table_new(heads.data);
}

static void add_model(struct table *t, const json_t *row)
{
	table_text(t, get_text_or_null(row, "task"));
	table_text(t, get_text(row, "title"));
}

static void print_cells(
	const json_t *all, const char *part, void (*put_cell)(struct table *t, const json_t *cell))
{
	_cleanup_(table_freep) struct table *t = new_table(all, "", true);
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(all, "rows"), i, row) {
		add_model(t, row);
		for (size_t k = 0; k < board_count(all); k++)
			put_cell(t,
				json_object_get(
					json_array_get(json_object_get(row, "cells"), k), part));
		table_end_row(t);
	}
	table_print(t, stdout);
}

static void print_memory(const json_t *all)
{
	_cleanup_(table_freep) struct table *t =
		new_table(all, "|>WEIGHTS|>FLOAT32|>ACTIVATIONS|>FLOAT32", true);
	const char *mark;
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(all, "rows"), i, row) {
		add_model(t, row);
		mark = strcmp(get_text(row, "float32_state"), "modelled") ? "" : " modelled";
		put_kib(t, row, "weights_bytes", "");
		put_kib(t, row, "float32_weights_bytes", mark);
		put_kib(t, row, "arena_bytes", "");
		put_kib(t, row, "float32_arena_bytes", mark);
		for (size_t k = 0; k < board_count(all); k++)
			put_sram(t,
				json_object_get(json_array_get(json_object_get(row, "cells"), k),
					"memory"));
		table_end_row(t);
	}
	table_print(t, stdout);
}

static void add_score(struct table *t, const json_t *score)
{
	const char *state = get_text(score, "state");

	if (!strcmp(state, "not run")) {
		table_text(t, state);
		return;
	}
	table_format(t, "%s%s", strcmp(get_text(score, "metric"), "f1") ? "accuracy" : "F1",
		strcmp(state, "virtual") ? "" : " virtual");
	put(t, "%.2f", 100 * get_f64(score, "value"));
	if (isnan(get_f64(score, "lo")))
		table_text(t, NULL);
	else
		table_format(
			t, "%.2f..%.2f", 100 * get_f64(score, "lo"), 100 * get_f64(score, "hi"));
	table_format(t, "%" PRId64, get_i64(score, "n"));
	put(t, "%+.2f", get_f64(score, "drop_points"));
	put(t, "%.2f", 100 * get_f64(score, "seeds_sd"));
	if (get_i64(score, "rank"))
		table_format(t, "%" PRId64, get_i64(score, "rank"));
}

static void print_accuracy(const json_t *all)
{
	_cleanup_(table_freep) struct table *t = new_table(all,
		"|METRIC|>PERCENT|>95 %|>N|>POINTS BELOW FLOAT32 FULL|>SEEDS' DEVIATION|>RANK",
		false);
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(all, "rows"), i, row) {
		add_model(t, row);
		add_score(t, json_object_get(row, "accuracy"));
		table_end_row(t);
	}
	table_print(t, stdout);
}

static void print_guidance(const json_t *all)
{
	const json_t *list = json_object_get(all, "guidance");
	json_t *advice;
	size_t i;

	if (!json_array_size(list))
		return;
	puts("\nWhat the numbers say");
	json_array_foreach (list, i, advice) {
		const char *text = get_text(advice, "text");

		printf("- %s: ", get_text(advice, "state"));
		escape_print(stdout, text, strlen(text), false);
		putchar('\n');
	}
}

static void print(const json_t *all, const char *phase)
{
	const char *legend = get_text(all, "legend");
	size_t n = json_array_size(json_object_get(all, "boards"));

	escape_print(stdout, legend, strlen(legend), false);
	printf("\n\nLatency, %s: p50 / p95 ms / inferences a second, or instructions\n", phase);
	print_cells(all, phase, put_time);
	puts("\nMemory, KB of 1024 bytes; the boards' columns are total SRAM");
	print_memory(all);
	puts("\nEnergy of one inference, mJ");
	print_cells(all, "energy", put_energy);
	puts("\nAccuracy or F1");
	print_accuracy(all);
	if (n > COLUMNS_MAX)
		printf("\n%zu kinds of boards more: --csv, --md, or --board TYPE\n",
			n - COLUMNS_MAX);
	print_guidance(all);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
	const char *phase = cli_has(cli, "phase") ? cli_value(cli, "phase") : "warm";
	bool text = cli_has(cli, "md") || cli_has(cli, "csv");
	json_t *all = NULL;
	enum exit_code code;

	if (filters_url(cli,
		    cli_has(cli, "md")		  ? "/api/v1/leaderboard.md"
			    : cli_has(cli, "csv") ? "/api/v1/leaderboard.csv"
						  : "/api/v1/leaderboard",
		    names, &url, f))
		return EXIT_USAGE;
	if (text)
		return output_download(&cli->session, url.data, FETCH_MS, f);
	code = session_get(&cli->session, url.data, &all, f);
	if (code)
		return code;
	if (cli->json)
		output_json(all);
	else if (json_array_size(json_object_get(all, "rows")) == 0 &&
		json_array_size(json_object_get(all, "guidance")) == 0)
		puts("No run that has passed names its model and matches; `hilda results` lists all runs.");
	else
		print(all, phase);
	json_decref(all);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"task", 't', "TASK", "models of this task; `sequence` is the sweep over lengths"},
	{"board", 'b', "TYPE", "boards of this type"},
	{"quant", 'q', "QUANT", "this quantisation"},
	{"phase", 'p', "PHASE", "warm (the usual) or cold, of latency"},
	{"md", 0, NULL, "Markdown, as the server makes it"},
	{"csv", 0, NULL, "comma-separated, a line for each model on each board"},
	{NULL},
};

const struct command command_leaderboard = {
	.name = "leaderboard",
	.arguments = "",
	.summary =
		"Show the latest numbers of each model on each kind of board, and what they say.",
	.help = "A cell is measured, virtual, modelled or not run.\n\n"
		"Examples:\n"
		"  hilda leaderboard --task fashion\n"
		"  hilda leaderboard --md > leaderboard.md",
	.options = options,
	.run = run,
};
