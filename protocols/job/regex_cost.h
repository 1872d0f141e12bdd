/*
 * Whether a regular expression of a stranger may be given to regcomp. The C library copies what
 * stands before `+` and `{n}`, and nested ones multiply: 30 bytes could ask for all memory. Back
 * references are no part of POSIX's extended expressions and take exponential time.
 * Pure: any thread, no memory, linear in the text.
 */
#ifndef HILDA_PROTOCOLS_JOB_REGEX_COST_H
#define HILDA_PROTOCOLS_JOB_REGEX_COST_H

#define REGEX_COST_MAX 10000 /* parts after all copying */

/* NULL when it may; otherwise why not, as the end of a sentence about the expression. */
const char *regex_cost_refusal(const char *regex);

#endif
