#include "protocols/job/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define NESTING_MAX 64
#define HEAP_MAX_KIB 1024

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
	pcre2_match_data *data; /* the whole match and the first group */
};

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_match_data_free(regex->data);
	pcre2_match_context_free(regex->limits);
	pcre2_code_free(regex->code);
	free(regex);
}

/* A pattern's own verbs can lower the limits of a match, never lift them; (*UTF) is refused. */
static pcre2_code *compile(const char *text, int *error, size_t *at)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;

	if (!context) {
		*error = PCRE2_ERROR_NOMEMORY;
		return NULL;
	}
	pcre2_set_parens_nest_limit(context, NESTING_MAX);
	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
		PCRE2_NEVER_UTF | PCRE2_DOLLAR_ENDONLY, error, at, context);
	pcre2_compile_context_free(context);
	return code;
}

int regex_compile(const char *text, struct regex **out, char why[REGEX_WHY_BYTES])
{
	struct regex *regex = calloc(1, sizeof(*regex));
	int error = PCRE2_ERROR_NOMEMORY;
	char words[REGEX_WHY_BYTES / 2];
	size_t at = 0;

	if (!regex)
		return -ENOMEM;
	regex->code = compile(text, &error, &at);
	if (regex->code) {
		regex->limits = pcre2_match_context_create(NULL);
		regex->data = pcre2_match_data_create(2, NULL);
	}
	if (regex->limits && regex->data) {
		pcre2_set_match_limit(regex->limits, REGEX_STEPS_MAX);
		pcre2_set_heap_limit(regex->limits, HEAP_MAX_KIB);
		*out = regex;
		return 0;
	}
	regex_free(regex);
	if (error > 0 && error != PCRE2_ERROR_NOMEMORY) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)words, sizeof(words));
		snprintf(why, REGEX_WHY_BYTES, "%s, at character %zu", words, at + 1);
		return -EINVAL;
	}
	return -ENOMEM;
}

uint32_t regex_groups(const struct regex *regex)
{
	uint32_t n = 0;

	pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &n);
	return n;
}

int regex_match(struct regex *regex, const char *line, size_t n, struct regex_span *group)
{
	int rc = pcre2_match(regex->code, (PCRE2_SPTR)line, n, 0, 0, regex->data, regex->limits);
	const size_t *spans = pcre2_get_ovector_pointer(regex->data);

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0)
		return -E2BIG;
	if (group) {
		group->start = rc == 1 ? SIZE_MAX : spans[2];
		group->end = rc == 1 ? SIZE_MAX : spans[3];
	}
	return 1;
}
