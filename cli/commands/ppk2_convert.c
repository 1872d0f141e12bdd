/* hilda ppk2 convert: what a PPK2 sent becomes rows, windows, or a file for Nordic's app. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/ppk2_archive.h"
#include "cli/ppk2_rows.h"
#include "cli/ppk2_source.h"
#include "protocols/windows/windows.h"

/* Where samples go. */
struct sinks {
	struct ppk2_rows rows;
	struct windows *windows; /* NULL: not wanted */
	json_t *found;
	bool filter;
	uint32_t voltage_mV;
	struct ppk2_archive *archive;
};

static void give(void *arg, const struct ppk2_block *block)
{
	struct sinks *s = arg;

	ppk2_rows_give(&s->rows, block);
	if (s->windows)
		windows_feed(s->windows, block); /* its error stays */
	if (s->archive)
		ppk2_archive_give(s->archive, block);
}

static void nothing(void *arg, const struct ppk2_block *block)
{
}

static void found_window(void *arg, const struct window *w)
{
	struct sinks *s = arg;
	double charge_C = s->filter ? w->filtered_charge_C : w->charge_C;

	json_array_append_new(s->found,
		json_pack("{s:I, s:I, s:I, s:f, s:f, s:b}", "start", (json_int_t)w->start, "end",
			(json_int_t)w->end, "samples", (json_int_t)w->samples, "charge_C", charge_C,
			"energy_J", charge_C * s->voltage_mV / 1000, "complete", w->complete));
}

static int usage(struct fault *f, const char *words)
{
	fault_set(f, EINVAL, "%s; see `hilda ppk2 convert --help`", words);
	return EXIT_USAGE;
}

static enum exit_code check_options(struct cli *cli, struct fault *f)
{
	bool stdout_rows = cli_has(cli, "csv") && !strcmp(cli_value(cli, "csv"), "-");

	if (cli_has(cli, "capture") == cli_has(cli, "raw"))
		return usage(f, "name the samples with either --raw or --capture");
	if (cli_has(cli, "raw") && (!cli_has(cli, "metadata") || !cli_has(cli, "voltage-mv")))
		return usage(f, "--raw needs --metadata, the unit's own text, and --voltage-mv");
	if (cli_has(cli, "capture") && (cli_has(cli, "metadata") || cli_has(cli, "voltage-mv")))
		return usage(f, "a capture has its own metadata and voltage");
	if (!cli_has(cli, "csv") && !cli_has(cli, "windows") && !cli_has(cli, "ppk2"))
		return usage(f, "nothing is to be made: give --csv, --windows or --ppk2");
	if (stdout_rows && (cli_has(cli, "windows") || cli->json))
		return usage(f, "rows and JSON cannot both go to standard output");
	return EXIT_OK;
}

static enum exit_code open_source(struct cli *cli, struct ppk2_source *source, struct fault *f)
{
	uint64_t voltage_mV = 0;

	if (cli_has(cli, "capture"))
		return ppk2_source_open_capture(cli_value(cli, "capture"), source, f);
	if (cli_u64(cli, "voltage-mv", PPK2_VOLTAGE_MIN_MV, PPK2_VOLTAGE_MAX_MV, &voltage_mV, f))
		return EXIT_USAGE;
	return ppk2_source_open_raw(
		cli_value(cli, "raw"), cli_value(cli, "metadata"), (uint32_t)voltage_mV, source, f);
}

/* The zip's first file says how long it is: the samples are counted before. */
static enum exit_code open_archive(
	struct cli *cli, struct ppk2_source *source, struct sinks *s, struct fault *f)
{
	struct ppk2_totals totals;
	enum exit_code code;

	if (!cli_has(cli, "ppk2"))
		return EXIT_OK;
	code = ppk2_source_run(source, nothing, NULL, &totals, f);
	if (!code &&
		ppk2_archive_new(cli_value(cli, "ppk2"), &source->converter, source->started_at_ms,
			totals.end, &s->archive, f))
		code = EXIT_LOCAL_FILE;
	return code;
}

static enum exit_code open_sinks(
	struct cli *cli, struct ppk2_source *source, struct sinks *s, struct fault *f)
{
	s->filter = cli_has(cli, "filter");
	s->voltage_mV = source->converter.vdd_mV;
	ppk2_rows_init(&s->rows, cli_value(cli, "csv"), &source->converter, s->filter);
	if (cli_has(cli, "windows")) {
		s->found = json_array();
		if (windows_new(&source->converter, found_window, s, &s->windows)) {
			fault_set(f, ENOMEM, "out of memory");
			return EXIT_LOCAL_FILE;
		}
	}
	return open_archive(cli, source, s, f);
}

static enum exit_code close_sinks(struct sinks *s, enum exit_code code, struct fault *f)
{
	if (ppk2_rows_end(&s->rows, code ? NULL : f) && !code)
		code = EXIT_LOCAL_FILE;
	if (s->archive && ppk2_archive_end(s->archive, !code, code ? NULL : f) && !code)
		code = EXIT_LOCAL_FILE;
	if (s->windows && windows_end(s->windows) && !code) {
		fault_set(f, E2BIG, "a window has more than %d batches", WINDOW_BATCHES_MAX);
		code = EXIT_LOCAL_FILE;
	}
	windows_free(s->windows);
	return code;
}

static json_t *totals_json(const struct ppk2_totals *t)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "samples", (json_int_t)t->received,
		"lost", (json_int_t)t->lost, "invalid", (json_int_t)t->invalid, "clipped",
		(json_int_t)t->clipped, "skipped_bytes", (json_int_t)t->skipped_bytes, "cut",
		t->cut);
}

static void tell(struct cli *cli, const struct sinks *s, const struct ppk2_totals *t)
{
	json_t *all = s->found ? s->found : cli->json ? totals_json(t) : NULL;

	if (all)
		output_json(all);
	if (all != s->found)
		json_decref(all);
	fprintf(stderr,
		"%" PRIu64 " samples (%.5f s), %" PRIu64 " lost, %" PRIu64 " invalid, %" PRIu64
		" clipped",
		t->received, (double)t->end / PPK2_SAMPLE_RATE_HZ, t->lost, t->invalid, t->clipped);
	if (t->skipped_bytes)
		fprintf(stderr, ", %" PRIu64 " bytes skipped", t->skipped_bytes);
	fputc('\n', stderr);
	if (t->cut)
		fputs("The capture has no end: it still grows, or was cut.\n", stderr);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	struct ppk2_totals totals = {0};
	struct sinks sinks = {0};
	struct ppk2_source source;
	enum exit_code code = check_options(cli, f);

	if (!code)
		code = open_source(cli, &source, f);
	if (code)
		return code;
	code = open_sinks(cli, &source, &sinks, f);
	if (!code)
		code = ppk2_source_run(&source, give, &sinks, &totals, f);
	code = close_sinks(&sinks, code, f);
	ppk2_source_close(&source);
	if (totals.received)
		tell(cli, &sinks, &totals);
	json_decref(sinks.found);
	return code;
}

static const struct command_option options[] = {
	{"raw", 0, "FILE", "bytes of the data port, as they came"},
	{"metadata", 0, "FILE", "the unit's answer to GET_META_DATA, up to END"},
	{"voltage-mv", 0, "N", "voltage of the board, 800 to 5000"},
	{"capture", 0, "FILE", "instead of these three: a capture"},
	{"filter", 0, NULL, "the desktop app's spike filter, for --csv and --windows"},
	{"csv", 0, "FILE", "a row for each sample; - is standard output"},
	{"windows", 0, NULL, "print the windows with D0 high, as JSON"},
	{"ppk2", 0, "FILE", "a file for Nordic's Power Profiler app"},
	{NULL},
};

const struct command command_ppk2_convert = {
	.name = "ppk2 convert",
	.arguments = "",
	.is_local = true,
	.summary = "Make rows, windows or a .ppk2 of what a PPK2 sent.",
	.help = "Rows are index,current_uA,logic,flags. The index counts 10 us from the first sample, lost\n"
		"ones too; flags are gap-before, invalid (damaged, or next to a break), clipped.\n"
		"Energy is voltage x charge of the samples with D0 high; a window that misses\n"
		"samples says complete: false, and nothing is made up for them.\n\n"
		"Examples:\n"
		"  hilda ppk2 convert --raw s.bin --metadata m.txt --voltage-mv 3300 --csv s.csv\n"
		"  hilda ppk2 convert --raw s.bin --metadata m.txt --voltage-mv 3300 --windows\n"
		"  hilda ppk2 convert --capture run-12.capture --filter --csv - | head\n"
		"  hilda ppk2 convert --capture run-12.capture --ppk2 run-12.ppk2",
	.options = options,
	.run = run,
};
