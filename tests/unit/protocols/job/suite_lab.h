/* Suite documents for tests: read from text. */
#ifndef HILDA_TESTS_UNIT_PROTOCOLS_JOB_SUITE_LAB_H
#define HILDA_TESTS_UNIT_PROTOCOLS_JOB_SUITE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "common/cleanup.h"
#include "protocols/job/suite.h"

/* Single quotes stand for double ones, to keep the documents readable. */
static inline int parse(const char *text, const struct job_pair *overrides, size_t n,
	struct suite **suite, struct job_error *e)
{
	_cleanup_free_ char *copy = strdup(text);
	json_error_t why;
	json_t *doc;
	int err;

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	doc = json_loads(copy, 0, &why);
	if (!doc)
		fail_msg("%s: %s", why.text, copy);
	err = suite_parse(doc, overrides, n, suite, e);
	json_decref(doc);
	return err;
}

#define JOB "'job':{'board':{'type':'${board}'}}"
#define MATRIX "'matrix':{'board':['a','b'],'quant':['int8','int4']}"

#endif
