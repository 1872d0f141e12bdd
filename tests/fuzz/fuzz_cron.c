/* An expression and the bytes of a zone: the time that follows follows, fits, and nothing lies between. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/schedule/cron.h"

#define STEPS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A line with the expression, then a TZif file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *end = n ? memchr(data, '\n', n) : NULL;
	char *text = strndup((const char *)data, end ? (size_t)(end - data) : n);
	int64_t at = 1790000000, next, again;
	struct zone *zone = NULL;
	struct cron cron;
	struct fault f;

	if (text && !cron_parse(text, &cron, &f) && end &&
		!zone_parse(end + 1, n - (size_t)(end + 1 - data), &zone, &f)) {
		for (int i = 0; i < STEPS && !cron_next(&cron, zone, at, &next); i++) {
			if (next <= at || cron_next(&cron, zone, next - 1, &again) ||
				again != next ||
				cron_next(&cron, zone, at + (next - at) / 2, &again) ||
				again != next)
				abort();
			at = next;
		}
	}
	zone_free(zone);
	free(text);
	return 0;
}
