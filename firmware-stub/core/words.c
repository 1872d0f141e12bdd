#include "core/words.h"

#include <stddef.h>

int words_split(char *line, char *words[WORDS_MAX])
{
	int n = 0;

	for (char *at = line; at; n++) {
		char *space = at;

		if (n == WORDS_MAX)
			return -1;
		while (*space && *space != ' ')
			space++;
		words[n] = at;
		at = *space ? space + 1 : NULL;
		*space = '\0';
	}
	return n;
}

int words_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

int words_u32(const char *word, uint32_t *value)
{
	uint32_t x = 0;

	if (!*word)
		return -1;
	for (; *word; word++) {
		uint32_t digit = (uint32_t)(*word - '0');

		if (digit > 9 || x > (UINT32_MAX - digit) / 10)
			return -1;
		x = 10 * x + digit;
	}
	*value = x;
	return 0;
}
