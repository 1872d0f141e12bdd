/* Golden files for the tests of this folder; the tests run in the root of the sources. */
#ifndef TESTS_UNIT_PROTOCOLS_UART_BENCH_VECTOR_H
#define TESTS_UNIT_PROTOCOLS_UART_BENCH_VECTOR_H

#include <jansson.h>

#include "common/file.h"

#define VECTORS "protocols/vectors/uart-bench/"

static inline char *vector_read(const char *name, size_t *n)
{
	char path[256];
	struct fault f;
	char *data;

	snprintf(path, sizeof(path), VECTORS "%s.txt", name);
	if (file_read(path, 1024 * 1024, &data, n, &f))
		fail_msg("%s", f.text);
	return data;
}

static inline json_t *vector_expected(const char *name)
{
	char path[256];
	json_t *doc;

	snprintf(path, sizeof(path), VECTORS "%s.json", name);
	doc = json_load_file(path, 0, NULL);
	assert_non_null(doc);
	return doc;
}

#endif
