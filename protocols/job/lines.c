#include "protocols/job/lines.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

static const char *const lines_keys[] = {"patterns", "end", "fail", NULL};
static const char *const pattern_keys[] = {"metric", "unit", "regex", NULL};

#define UNIT_MAX 16

/* Reads and compiles; *text is set only together with a valid *compiled. */
static int read_regex(const json_t *obj, const struct doc_at *at, const char *key, char **text,
	struct regex **compiled, struct job_error *e)
{
	struct doc_at here = DOC_KEY(at, key);
	_cleanup_free_ char *regex = NULL;
	char why[REGEX_WHY_BYTES];
	int err = doc_text(obj, at, key, JOB_REGEX_MAX, &regex, e);

	if (err || !regex)
		return err;
	err = regex_compile(regex, compiled, why);
	if (err == -EINVAL)
		return doc_fail(e, &here, NULL,
			"\"%s\" is no regular expression that can be used: %s", regex, why);
	if (err)
		return doc_no_memory(e);
	*text = take_ptr(regex);
	return 0;
}

/* Absent and "" are the same: a plain number. */
static int read_unit(const json_t *obj, const struct doc_at *at, char **unit, struct job_error *e)
{
	const char *text = json_string_value(json_object_get(obj, "unit"));

	if (!text || *text) {
		int err = doc_text(obj, at, "unit", UNIT_MAX, unit, e);

		if (err || *unit)
			return err;
	}
	*unit = strdup("");
	return *unit ? 0 : doc_no_memory(e);
}

static int read_pattern(
	const json_t *obj, const struct doc_at *at, struct job_pattern *p, struct job_error *e)
{
	struct doc_at metric_at = DOC_KEY(at, "metric");
	struct doc_at regex_at = DOC_KEY(at, "regex");
	int err;

	if ((err = doc_object(obj, at, pattern_keys, e)) ||
		(err = doc_text(obj, at, "metric", METRIC_NAME_BYTES, &p->metric, e)) ||
		(err = read_unit(obj, at, &p->unit, e)) ||
		(err = read_regex(obj, at, "regex", &p->regex, &p->compiled, e)))
		return err;
	if (!p->metric || !p->regex)
		return doc_fail(e, at, pattern_keys, "a pattern needs metric and regex");
	if (!metric_name_is_valid(p->metric))
		return doc_fail(e, &metric_at, NULL,
			"\"%s\" is no metric's name: a letter, then letters, digits and _",
			p->metric);
	if (regex_groups(p->compiled) != 1)
		return doc_fail(e, &regex_at, NULL,
			"has %u groups in parentheses; one is needed, around the number",
			regex_groups(p->compiled));
	return 0;
}

int job_lines_read(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "lines"), list_at = DOC_KEY(&at, "patterns");
	struct job_lines *lines = &job->lines;
	json_t *obj = NULL, *list = NULL;
	int err = doc_member(doc, root, "lines", lines_keys, &obj, e);

	if (err)
		return err;
	if (obj && job->protocol != JOB_PROTOCOL_LINES)
		return doc_fail(e, &at, NULL,
			"only jobs with \"protocol\": \"lines\" have patterns; this one has \"%s\"",
			job_protocol_name(job->protocol));
	if ((err = read_regex(obj, &at, "end", &lines->end, &lines->end_compiled, e)) ||
		(err = read_regex(obj, &at, "fail", &lines->fail, &lines->fail_compiled, e)) ||
		(err = doc_array(obj, &at, "patterns", JOB_PATTERNS_MAX, &list, e)))
		return err;
	lines->patterns = calloc(json_array_size(list) + 1, sizeof(*lines->patterns));
	if (!lines->patterns)
		return doc_no_memory(e);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct doc_at here = DOC_INDEX(&list_at, i);
		struct job_pattern *p = &lines->patterns[lines->n_patterns++];

		err = read_pattern(json_array_get(list, i), &here, p, e);
		if (err)
			return err;
		if (job_lines_find(lines, p->metric) != p)
			return doc_fail(e, &here, NULL,
				"metric \"%s\" has a pattern already; join the two with |",
				p->metric);
	}
	return 0;
}

void job_lines_done(struct job_lines *lines)
{
	for (size_t i = 0; i < lines->n_patterns; i++) {
		struct job_pattern *p = &lines->patterns[i];

		regex_free(p->compiled);
		free(p->metric);
		free(p->unit);
		free(p->regex);
	}
	free(lines->patterns);
	regex_free(lines->end_compiled);
	regex_free(lines->fail_compiled);
	free(lines->end);
	free(lines->fail);
}

const struct job_pattern *job_lines_find(const struct job_lines *lines, const char *metric)
{
	for (size_t i = 0; i < lines->n_patterns; i++) {
		if (lines->patterns[i].metric && !strcmp(lines->patterns[i].metric, metric))
			return &lines->patterns[i];
	}
	return NULL;
}

json_t *job_lines_print(const struct job_lines *lines)
{
	json_t *obj = json_object(), *list = json_array();
	int bad = !obj || !list;

	for (size_t i = 0; i < lines->n_patterns; i++) {
		const struct job_pattern *p = &lines->patterns[i];

		bad |= json_array_append_new(list,
			json_pack("{s:s, s:s, s:s}", "metric", p->metric, "unit", p->unit, "regex",
				p->regex));
	}
	bad |= json_object_set_new(obj, "patterns", list);
	if (lines->end)
		bad |= json_object_set_new(obj, "end", json_string(lines->end));
	if (lines->fail)
		bad |= json_object_set_new(obj, "fail", json_string(lines->fail));
	if (!bad)
		return obj;
	json_decref(obj);
	return NULL;
}
