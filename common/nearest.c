#include "common/nearest.h"

#include <stdint.h>
#include <string.h>

size_t nearest_distance(const char *a, const char *b)
{
	size_t row[NEAREST_LETTERS_MAX + 1], n = strlen(b);

	if (n > NEAREST_LETTERS_MAX || strlen(a) > NEAREST_LETTERS_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[n];
}
