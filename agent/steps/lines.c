/*
 * lines: firmware or a program that prints its own text. Each line is held against the job's
 * regular expressions; docs/wire.md says when such a run is over, and how it went.
 */
#include <errno.h>

#include "agent/bench/words.h"
#include "agent/board/config.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/numbers.h"

#define LINE_MAX_BYTES 4096 /* a longer one is looked at in pieces of this size */
#define VALUES_MAX 100000   /* of one pattern */
#define NUMBER_BYTES 64

struct reader {
	struct run *run;
	const struct job_lines *job;
	json_t *values[JOB_PATTERNS_MAX]; /* one array for each pattern */
	struct buffer line;
	char last[LINE_MAX_BYTES + 1]; /* the last line that was not empty */
	bool over;
};

bool step_lines_wanted(const struct run *run)
{
	return run->job->protocol == JOB_PROTOCOL_LINES;
}

static int quote_fail(struct reader *r, enum outcome outcome, const char *before, const char *line)
{
	char words[WORDS_BYTES];

	words_last_line(line, strlen(line), words);
	return run_fail(r->run, outcome, "%s: '%s'", before, words);
}

static int add_value(struct reader *r, size_t i, const char *line, const struct regex_span *group)
{
	size_t n = group->end - group->start; /* 0 when the group took no part */
	char text[NUMBER_BYTES];
	double value;

	snprintf(text, sizeof(text), "%.*s", (int)(n < sizeof(text) ? n : 0),
		n ? line + group->start : "");
	if (number_f64(text, -1e300, 1e300, &value))
		return run_fail(r->run, OUTCOME_FAILED,
			"the pattern of %s matched '%s', which is no number",
			r->job->patterns[i].metric, text);
	if (json_array_size(r->values[i]) >= VALUES_MAX)
		return run_fail(r->run, OUTCOME_FAILED, "%s has more than %d values",
			r->job->patterns[i].metric, VALUES_MAX);
	return json_array_append_new(r->values[i], json_real(value)) ? step_no_memory(r->run) : 0;
}

static bool all_seen(const struct reader *r)
{
	for (size_t i = 0; i < r->job->n_patterns; i++) {
		if (json_array_size(r->values[i]) == 0)
			return false;
	}
	return true;
}

/* 1 and the group, 0 for no match; anything below ends the run. */
static int try_regex(struct reader *r, struct regex *regex, const char *text, const char *line,
	struct regex_span *group)
{
	int rc = regex ? regex_match(regex, line, strlen(line), group) : 0;
	char before[200];

	if (rc >= 0)
		return rc;
	snprintf(before, sizeof(before),
		"the pattern `%.120s` needs more than %d steps; write it simpler for a line like",
		text, REGEX_STEPS_MAX);
	return quote_fail(r, OUTCOME_CONFIGURATION, before, line);
}

static int take_line(struct reader *r, const char *line)
{
	const struct job_lines *job = r->job;
	struct regex_span group;
	int rc;

	if (!line[0])
		return 0;
	snprintf(r->last, sizeof(r->last), "%s", line);
	rc = try_regex(r, job->fail_compiled, job->fail, line, NULL);
	if (rc)
		return rc < 0 ? rc : quote_fail(r, OUTCOME_FAILED, "the firmware says", line);
	for (size_t i = 0; i < job->n_patterns; i++) {
		const struct job_pattern *p = &job->patterns[i];

		rc = try_regex(r, p->compiled, p->regex, line, &group);
		if (rc > 0)
			rc = add_value(r, i, line, &group);
		if (rc)
			return rc;
	}
	rc = try_regex(r, job->end_compiled, job->end, line, NULL);
	if (rc < 0)
		return rc;
	if (job->end)
		r->over = rc;
	else if (!r->run->board->exec)
		r->over = all_seen(r);
	return 0;
}

static int flush_line(struct reader *r)
{
	int rc;

	buffer_add(&r->line, "", 0);
	rc = take_line(r, r->line.data ? r->line.data : "");
	buffer_clear(&r->line);
	return rc;
}

static int take_bytes(struct reader *r, const char *data, size_t n)
{
	for (size_t i = 0; i < n && !r->over; i++) {
		char c = data[i] ? data[i] : '?'; /* a NUL would end the line */
		int rc = 0;

		if (c == '\n' || c == '\r' || r->line.n == LINE_MAX_BYTES)
			rc = flush_line(r);
		if (rc)
			return rc;
		if (c != '\n' && c != '\r' && buffer_add(&r->line, &c, 1))
			return step_no_memory(r->run);
	}
	return 0;
}

/* The program has closed its output: its code is its verdict. */
static int program_is_over(struct reader *r)
{
	struct process_end end;
	char text[80];
	int rc = flush_line(r);

	if (rc || r->over)
		return rc;
	rc = program_ended(r->run, r->run->deadline_ns, &end);
	if (rc)
		return run_fail(
			r->run, OUTCOME_INFRASTRUCTURE, "the program is gone: %s", strerror(-rc));
	program_describe_end(&end, text, sizeof(text));
	if (end.timed_out)
		return run_fail(
			r->run, OUTCOME_TIMEOUT, "the program closed its output but did not end");
	if (end.code == 126 && !end.signal)
		return quote_fail(r, OUTCOME_CONFIGURATION, text, r->last);
	if (end.code || end.signal) {
		char before[120];

		snprintf(before, sizeof(before), "the program ended with %s; its last words", text);
		return quote_fail(r, OUTCOME_FAILED, before, r->last);
	}
	if (r->job->end)
		return quote_fail(r, OUTCOME_FAILED,
			"the program ended before a line matched the pattern `end`; its last words",
			r->last);
	r->over = true;
	return 0;
}

static int fail_read(struct reader *r, ssize_t error, const struct fault *f)
{
	char words[WORDS_BYTES];

	if (error == -ECANCELED)
		return run_fail(r->run, OUTCOME_CANCELED, "%s", f->text);
	if (error != -ETIMEDOUT)
		return run_fail(r->run, OUTCOME_INFRASTRUCTURE, "%s", f->text);
	words_last_line(r->last, strlen(r->last), words);
	if (r->line.n)
		words_last_line(r->line.data, r->line.n, words);
	if (!words[0])
		return run_fail(r->run, OUTCOME_TIMEOUT,
			"the firmware is silent: nothing came before timeouts_s.phase was over");
	return run_fail(r->run, OUTCOME_TIMEOUT,
		"no end within timeouts_s.phase; the firmware's last words: '%s'", words);
}

static int read_all(struct reader *r)
{
	char block[4096];

	while (!r->over) {
		struct fault f = {0};
		ssize_t n = console_read(r->run->console, block, sizeof(block), r->run->clock,
			r->run->deadline_ns, r->run->cancel_fd, &f);
		int rc;

		if (n < 0)
			return fail_read(r, n, &f);
		failpoint("agent.measure.read");
		rc = n ? take_bytes(r, block, (size_t)n) : program_is_over(r);
		if (rc)
			return rc;
	}
	return 0;
}

static int report(struct reader *r)
{
	json_t *lines = json_array();

	json_object_set_new(r->run->result, "lines", lines);
	for (size_t i = 0; i < r->job->n_patterns; i++) {
		const struct job_pattern *p = &r->job->patterns[i];

		json_array_append_new(lines,
			json_pack("{s:s, s:s, s:s, s:O}", "phase", "lines", "metric", p->metric,
				"unit", p->unit, "values", r->values[i]));
	}
	return 0;
}

static int check_seen(struct reader *r)
{
	for (size_t i = 0; i < r->job->n_patterns; i++) {
		if (json_array_size(r->values[i]))
			continue;
		return run_fail(r->run, OUTCOME_FAILED,
			"no line matched the pattern of %s, `%s`; the run's log has all that was printed",
			r->job->patterns[i].metric, r->job->patterns[i].regex);
	}
	return 0;
}

int step_lines(struct run *run)
{
	struct reader r = {
		.run = run, .job = &run->job->lines, .line = BUFFER_INIT(LINE_MAX_BYTES + 1)};
	int rc;

	for (size_t i = 0; i < r.job->n_patterns; i++)
		r.values[i] = json_array();
	rc = read_all(&r);
	report(&r);
	if (!rc)
		rc = check_seen(&r);
	for (size_t i = 0; i < r.job->n_patterns; i++)
		json_decref(r.values[i]);
	buffer_done(&r.line);
	return rc;
}
