#include "cli/commands/output.h"

#include <inttypes.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/get.h"
#include "cli/jobs.h"
#include "cli/numbers_table.h"
#include "common/cleanup.h"

void output_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
}

static int print_bytes(void *arg, const void *data, size_t n)
{
	return fwrite(data, 1, n, stdout) != n;
}

enum exit_code output_download(
	struct session *s, const char *path, int64_t timeout_ms, struct fault *f)
{
	_cleanup_(http_reply_done) struct http_reply reply = {0};
	struct http_request r = HTTP_REQUEST_INIT;

	r.method = "GET";
	r.path = path;
	r.timeout_ms = timeout_ms;
	r.sink = print_bytes;
	return session_request(s, &r, &reply, f);
}

const char *output_time(const char *text, char out[32])
{
	int64_t ms;

	if (clock_parse_rfc3339(text, &ms))
		return NULL;
	clock_format_rfc3339(ms, out);
	out[10] = ' ';
	out[19] = '\0';
	return out;
}

char *output_join(const json_t *list)
{
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);
	json_t *item;

	if (!out)
		return NULL;
	json_array_foreach (list, i, item)
		fprintf(out, "%s%s", i ? " " : "", json_string_value(item));
	fclose(out);
	return text;
}

static void line(FILE *out, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(out, "  %-10s ", name);
	escape_print(out, text, strlen(text), false);
	fputc('\n', out);
}

static void print_stages(const json_t *run, FILE *out)
{
	_cleanup_free_ char *text = NULL;
	size_t size, i;
	FILE *to = open_memstream(&text, &size);
	json_t *stage;

	if (!to)
		return;
	json_array_foreach (json_object_get(run, "stages"), i, stage)
		fprintf(to, "%s%s %" PRId64 " ms", i ? ", " : "", get_text(stage, "stage"),
			get_i64(stage, "end_ms") - get_i64(stage, "start_ms"));
	fclose(to);
	line(out, "stages", text);
}

static void print_run(const json_t *run, FILE *out)
{
	const json_t *provenance = json_object_get(run, "provenance");
	_cleanup_(numbers_table_freep) struct numbers_table *numbers = numbers_table_new(NULL);
	const char *kind = get_bool(run, "virtual") ? ", emulated"
		: get_bool(run, "exec")		    ? ", a program on the agent's machine"
						    : "";
	char text[512];

	snprintf(text, sizeof(text), "%" PRId64 ", attempt %" PRId64 ", on %.80s (%.80s)%s",
		get_i64(run, "id"), get_i64(run, "attempt"), get_text(run, "board"),
		get_text(run, "board_type"), kind);
	line(out, "run", text);
	print_stages(run, out);
	line(out, "compiler", get_text(provenance, "compiler"));
	line(out, "flags", get_text(provenance, "flags"));
	line(out, "openocd", get_text(provenance, "openocd"));
	if (numbers && json_array_size(json_object_get(run, "metrics"))) {
		fputc('\n', out);
		numbers_table_add(numbers, "", run);
		numbers_table_print(numbers, out);
	}
}

void output_job(const json_t *job, const json_t *run, FILE *out)
{
	_cleanup_free_ char *how = jobs_describe(job);
	const json_t *labels = json_object_get(job, "labels");
	_cleanup_free_ char *text = NULL;
	char time[32];
	json_t *value;
	const char *key;
	size_t size;
	FILE *to;

	fprintf(out, "job %" PRId64 "\n", get_i64(job, "id"));
	line(out, "name", get_text(job, "name"));
	line(out, "state", how);
	line(out, "image", get_text(json_object_get(job, "document"), "image"));
	to = open_memstream(&text, &size);
	if (to) {
		json_object_foreach ((json_t *)labels, key, value)
			fprintf(to, "%s=%s ", key, json_string_value(value));
		fclose(to);
		line(out, "labels", text);
	}
	if (output_time(get_text(job, "estimated_start_at"), time)) {
		char start[160];

		snprintf(start, sizeof(start), "about %s: %.120s", time, get_text(job, "estimate"));
		line(out, "begins", start);
	} else if (*get_text(job, "estimate")) {
		line(out, "begins", get_text(job, "estimate"));
	}
	line(out, "created", output_time(get_text(job, "created_at"), time));
	line(out, "finished", output_time(get_text(job, "finished_at"), time));
	if (run)
		print_run(run, out);
}
