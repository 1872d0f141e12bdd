/* The user's terminal while its keys go elsewhere. One thread. */
#ifndef HILDA_CLI_TERMINAL_H
#define HILDA_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <termios.h>

#define TERMINAL_LEAVE 0x1d /* Ctrl-] */

struct terminal {
	int fd;
	bool raw;
	struct termios before;
};

/* Each key comes at once, unechoed, Ctrl-C too; a descriptor that is no terminal is left as it is. */
void terminal_begin(struct terminal *t, int fd);
void terminal_end(struct terminal *t);

/* What a board says, piece by piece: a character may come in two. */
struct terminal_text {
	char rest[4];
	size_t n;
};

/*
 * As escape.h, but line ends, tabs and backspaces pass: a boot log looks as it should, and no sequence
 * reaches the terminal's own functions.
 */
void terminal_print(struct terminal_text *t, FILE *out, const char *data, size_t n);

#endif
