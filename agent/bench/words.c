#include "agent/bench/words.h"

#include <string.h>

#include "common/cleanup.h"

#define SHOWN_BYTES 60 /* at most four characters each, so that it always fits */

static bool is_text(char c)
{
	return (c >= 0x20 && c <= 0x7e) || c == '\r' || c == '\n' || c == '\t';
}

void words_escape(const char *data, size_t n, char out[WORDS_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	size_t k = 0, start = n > SHOWN_BYTES ? n - SHOWN_BYTES : 0;

	for (size_t i = start; i < n; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c >= 0x20 && c <= 0x7e && c != '\\') {
			out[k++] = (char)c;
			continue;
		}
		out[k++] = '\\';
		if (c == '\\') {
			out[k++] = '\\';
			continue;
		}
		out[k++] = 'x';
		out[k++] = digits[c >> 4];
		out[k++] = digits[c & 15];
	}
	out[k] = 0;
}

void words_last_line(const char *data, size_t n, char out[WORDS_BYTES])
{
	size_t start;

	while (n && (data[n - 1] == '\r' || data[n - 1] == '\n'))
		n--;
	start = n;
	while (start && data[start - 1] != '\n' && data[start - 1] != '\r')
		start--;
	words_escape(data + start, n - start, out);
}

bool words_is_binary(const char *data, size_t n)
{
	size_t odd = 0;

	for (size_t i = 0; i < n; i++)
		odd += !is_text(data[i]);
	return odd * 4 > n;
}

bool words_is_record(const char *data, size_t n)
{
	return n >= 3 && data[0] == '$' && data[1] >= 'A' && data[1] <= 'Z' && data[2] == ',';
}

/* Whether text is `before`, then a word, then "]"; the word is compared. */
static bool names(const char *text, const char *before, const char *word, size_t n_word, bool *same)
{
	size_t n = strlen(before);

	if (strncmp(text, before, n))
		return false;
	*same = !strncmp(text + n, word, n_word) && text[n + n_word] == ']';
	return true;
}

enum refusal words_refusal(const char *text, const char *command)
{
	static const char *const numbers[] = {"e-[Iterations: ", "e-[Warm-up: ", "e-[Samples: ",
		"e-[Inputs: ", "e-[Seed: ", "e-[Seconds: "};
	size_t first = strcspn(command, " ");
	const char *second = command + first + (command[first] == ' ');
	bool same;

	if (names(text, "e-[Unknown command: ", command, first, &same)) {
		if (!same)
			return REFUSAL_GARBLED;
		return strncmp(command, "lab", first) ? REFUSAL_NO_VERB : REFUSAL_NO_BENCH;
	}
	if (names(text, "e-[Unsupported verb: ", second, strcspn(second, " "), &same))
		return same ? REFUSAL_NO_VERB : REFUSAL_GARBLED;
	if (!strncmp(text, "e-[Wrong number of words", 24))
		return REFUSAL_GARBLED;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!strncmp(text, numbers[i], strlen(numbers[i])))
			return REFUSAL_NUMBER;
	}
	return REFUSAL_OTHER;
}
