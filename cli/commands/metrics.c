/* hilda metrics: what each number means. */
#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "protocols/job/metric.h"

static void print_table(void)
{
	_cleanup_(table_freep) struct table *metrics = table_new("METRIC|UNIT|MEANING");
	_cleanup_(table_freep) struct table *stats = table_new("STATISTIC|MEANING");
	const struct metric_info *m;

	for (size_t i = 0; (m = metric_at(i)); i++) {
		table_format(metrics, "%s.%s", m->phase, m->metric);
		table_text(metrics, m->unit);
		table_text(metrics, m->help);
	}
	for (int i = 0; i < METRIC_STAT_COUNT; i++) {
		table_text(stats, metric_stat_name(i));
		table_text(stats, metric_stat_help(i));
	}
	puts("An address is phase.metric.statistic, as in warm.latency_us.p95.\n");
	table_print(metrics, stdout);
	putchar('\n');
	table_print(stats, stdout);
}

static json_t *as_json(void)
{
	json_t *metrics = json_array(), *stats = json_array();
	const struct metric_info *m;

	for (size_t i = 0; (m = metric_at(i)); i++)
		json_array_append_new(metrics,
			json_pack("{s:s, s:s, s:s, s:b, s:b, s:s}", "phase", m->phase, "metric",
				m->metric, "unit", m->unit, "samples", m->samples, "less_is_better",
				m->less_is_better, "help", m->help));
	for (int i = 0; i < METRIC_STAT_COUNT; i++)
		json_array_append_new(stats,
			json_pack("{s:s, s:I, s:s}", "stat", metric_stat_name(i), "needs_n",
				(json_int_t)metric_quantile_needs(i), "help", metric_stat_help(i)));
	return json_pack("{s:o, s:o}", "metrics", metrics, "statistics", stats);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	json_t *all;

	if (!cli->json) {
		print_table();
		return EXIT_OK;
	}
	all = as_json();
	output_json(all);
	json_decref(all);
	return EXIT_OK;
}

const struct command command_metrics = {
	.name = "metrics",
	.arguments = "",
	.is_local = true,
	.summary = "Say what each number means.",
	.help = "Examples:\n"
		"  hilda metrics",
	.run = run,
};
