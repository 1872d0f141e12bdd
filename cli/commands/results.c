/* hilda results: numbers over runs. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/filters.h"
#include "cli/commands/output.h"
#include "cli/get.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "protocols/job/metric.h"

#define LIMIT_DEFAULT 50
#define DOWNLOAD_MS (600 * 1000)

static const char *const names[] = {"board", "type", "outcome", "virtual", "metric", NULL};

static void number(struct table *t, const json_t *row, const char *address)
{
	double x = get_f64(json_object_get(row, "metrics"), address);

	if (isnan(x))
		table_text(t, NULL);
	else
		table_format(t, x == rint(x) ? "%.0f" : "%.5g", x);
}

static void add_head(struct table *t, const json_t *row)
{
	const char *model = get_text_or_null(row, "model"), *quant = get_text(row, "quant");

	table_format(t, "%" PRId64, get_i64(row, "run"));
	table_format(t, "%" PRId64, get_i64(row, "job"));
	table_format(t, "%s%s%s", model ? model : get_text(row, "name"), *quant ? " " : "", quant);
	table_text(t, get_text(row, "board"));
	table_text(t, get_text(row, "outcome"));
}

/* One count, or "least..most" where counts depend on the input. */
static void add_count(struct table *t, const json_t *row, const char *phase)
{
	const json_t *metrics = json_object_get(row, "metrics");
	char address[96];
	double min, max;

	snprintf(address, sizeof(address), "%s.instructions.min", phase);
	min = get_f64(metrics, address);
	snprintf(address, sizeof(address), "%s.instructions.max", phase);
	max = get_f64(metrics, address);
	if (isnan(min) || isnan(max))
		table_text(t, NULL);
	else if (max > min)
		table_format(t, "%.0f..%.0f", min, max);
	else
		table_format(t, "%.0f", min);
}

static void print(const json_t *rows)
{
	_cleanup_(table_freep) struct table *measured = table_new(
		">RUN|>JOB|MODEL|BOARD|OUTCOME|>COLD P50 us|>WARM P50 us|>P95|>P99|>MAX|>SRAM|>FLASH");
	_cleanup_(table_freep) struct table *emulated =
		table_new(">RUN|>JOB|MODEL|BOARD|OUTCOME|"
			  ">COLD INSTRUCTIONS|>WARM INSTRUCTIONS|>DISTINCT|>SRAM|>FLASH");
	static const char *const series[] = {"cold.latency_us.p50", "warm.latency_us.p50",
		"warm.latency_us.p95", "warm.latency_us.p99", "warm.latency_us.max"};
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		struct table *t = get_bool(row, "virtual") ? emulated : measured;

		add_head(t, row);
		if (t == emulated) {
			add_count(t, row, "cold");
			add_count(t, row, "warm");
			number(t, row, "warm.instructions.distinct");
		} else {
			for (size_t k = 0; k < ARRAY_SIZE(series); k++)
				number(t, row, series[k]);
		}
		number(t, row, "memory.sram_peak_bytes.value");
		number(t, row, "memory.flash_bytes.value");
	}
	if (table_rows(measured)) {
		puts("Measured");
		table_print(measured, stdout);
	}
	if (table_rows(emulated)) {
		printf("%sEmulated: guest instructions, no time of any silicon; kernels with and "
		       "without Helium do not compare\n",
			table_rows(measured) ? "\n" : "");
		table_print(emulated, stdout);
	}
}

/* Energy of an emulated board is modelled, which is no measurement of anything. */
static const char *kind_of(const json_t *row, const char *metric)
{
	if (!strncmp(metric, "energy.", 7))
		return get_text_or_null(row, "energy_source");
	return get_bool(row, "virtual") ? "emulated" : "measured";
}

/* One metric: every row's own number, whatever it is. */
static void print_metric(const json_t *rows, const char *metric)
{
	_cleanup_(table_freep) struct table *t =
		table_new(">RUN|>JOB|MODEL|BOARD|OUTCOME|KIND|>VALUE");
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		add_head(t, row);
		table_text(t, kind_of(row, metric));
		number(t, row, metric);
	}
	printf("%s\n", metric);
	table_print(t, stdout);
}

static enum exit_code download_csv(struct cli *cli, uint64_t limit, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, limit);
	if (filters_url(cli, "/api/v1/results.csv", names, &url, f) || url_add(&url, "limit", text))
		return EXIT_USAGE;
	return output_download(&cli->session, url.data, DOWNLOAD_MS, f);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(URL_MAX_BYTES);
	struct metric_address address;
	uint64_t limit = LIMIT_DEFAULT;
	json_t *rows = NULL;
	enum exit_code code;

	if (cli_u64(cli, "limit", 1, FILTERS_LIMIT_MAX, &limit, f))
		return EXIT_USAGE;
	if (cli_has(cli, "metric") && metric_parse(cli_value(cli, "metric"), &address, NULL, f))
		return EXIT_USAGE;
	if (cli_has(cli, "csv"))
		return download_csv(cli, limit, f);
	if (filters_url(cli, "/api/v1/results", names, &url, f))
		return EXIT_USAGE;
	code = session_list(&cli->session, url.data, limit, &rows, f);
	if (code)
		return code;
	if (cli->json)
		output_json(rows);
	else if (json_array_size(rows) == 0)
		puts("No run has results that match; `hilda jobs` lists the jobs, `hilda boards` the boards.");
	else if (cli_has(cli, "metric"))
		print_metric(rows, cli_value(cli, "metric"));
	else
		print(rows);
	json_decref(rows);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"csv", 0, NULL, "comma-separated, with units in the head, as the server makes it"},
	{"board", 'b', "NAME", "runs on this board"},
	{"type", 't', "TYPE", "runs on boards of this type"},
	{"label", 'l', "KEY=VALUE", "runs of jobs with this label; may be repeated"},
	{"outcome", 0, "OUTCOME", "passed, failed, infrastructure, configuration, timeout"},
	{"virtual", 0, "BOOL", "true: emulated boards only; false: none of them"},
	{"metric", 'm', "ADDRESS", "this number alone, as in warm.latency_us.p95"},
	{"limit", 'n', "N", "at most N, the newest first (50)"},
	{NULL},
};

const struct command command_results = {
	.name = "results",
	.arguments = "",
	.summary = "Show the numbers of many runs; measured and emulated never in one table.",
	.help = "Examples:\n"
		"  hilda results -l model=linformer-nano\n"
		"  hilda results --csv --virtual false > measured.csv",
	.options = options,
	.run = run,
};
