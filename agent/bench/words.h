/* Firmware's words for people: escaped bytes, the last line, and what a refusal means. Pure. */
#ifndef HILDA_AGENT_BENCH_WORDS_H
#define HILDA_AGENT_BENCH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_BYTES 256

/* The last bytes that fit; unprintable ones as \xNN, a backslash doubled. */
void words_escape(const char *data, size_t n, char out[WORDS_BYTES]);
/* The last line that is not empty, complete or not, escaped. "" when there is none. */
void words_last_line(const char *data, size_t n, char out[WORDS_BYTES]);
/* More than a quarter of the bytes are none of text. */
bool words_is_binary(const char *data, size_t n);

/* "$R,0,ru": the start of a record, as far as it goes; noise that holds a `$` is none. */
bool words_is_record(const char *data, size_t n);

enum refusal {
	REFUSAL_GARBLED,  /* it names a word that was not sent */
	REFUSAL_NO_BENCH, /* it does not know `lab` */
	REFUSAL_NO_VERB,  /* it does not know the verb */
	REFUSAL_NUMBER,	  /* a number out of its range */
	REFUSAL_OTHER,
};

/* text is "e-[...]", command what was sent, without its `%`. */
enum refusal words_refusal(const char *text, const char *command);

#endif
