/* A job document and a suite from hostile bytes; what parses must print and parse to the same. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/job/job.h"
#include "protocols/job/suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *canonical(const struct job *job)
{
	json_t *doc = job_print(job);
	char *text = json_dumps(doc, JSON_SORT_KEYS | JSON_COMPACT);

	json_decref(doc);
	return text;
}

static void round_trip(struct job *job)
{
	char *first = canonical(job), *second;
	json_t *doc = json_loads(first, 0, NULL);
	struct job *again = NULL;

	if (!doc || job_parse(doc, &again, NULL))
		abort();
	second = canonical(again);
	if (strcmp(first, second))
		abort();
	free(first);
	free(second);
	job_free(again);
	json_decref(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	json_t *doc = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, NULL);
	struct suite *suite = NULL;
	struct job *job = NULL;
	struct job_error e;

	if (!doc)
		return 0;
	if (!job_parse(doc, &job, &e)) {
		round_trip(job);
		job_check_criteria(job, &e);
		job_free(job);
	}
	if (!suite_parse(doc, NULL, 0, &suite, &e))
		suite_free(suite);
	json_decref(doc);
	return 0;
}
