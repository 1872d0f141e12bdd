/*
 * Regular expressions of strangers (PCRE2's syntax), matched against lines of strangers. Compiling
 * refuses what would become large, matching gives up after a fixed number of steps, so neither can
 * take the machine. Bytes, not UTF-8. One thread at a time for each expression.
 */
#ifndef HILDA_PROTOCOLS_JOB_REGEX_H
#define HILDA_PROTOCOLS_JOB_REGEX_H

#include <stddef.h>
#include <stdint.h>

#define REGEX_STEPS_MAX 100000 /* of one match: a millisecond or two */
#define REGEX_WHY_BYTES 160

struct regex;

/* Where the first group matched; start is SIZE_MAX when it took no part. */
struct regex_span {
	size_t start, end;
};

/* 0, -EINVAL with the reason in why, or -ENOMEM. */
int regex_compile(const char *text, struct regex **out, char why[REGEX_WHY_BYTES]);
void regex_free(struct regex *regex);

uint32_t regex_groups(const struct regex *regex);

/* 1 and the first group (may be NULL), 0 for no match, -E2BIG when it needs too many steps. */
int regex_match(struct regex *regex, const char *line, size_t n, struct regex_span *group);

#endif
