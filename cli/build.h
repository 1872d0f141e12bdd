/*
 * The build commands of a suite: words separated by spaces, started without a shell, several at once
 * if wanted, each command line once. One thread; waits for the builds (up to an hour each).
 */
#ifndef HILDA_CLI_BUILD_H
#define HILDA_CLI_BUILD_H

#include "cli/session.h"

#define BUILD_WORDS_MAX 256
#define BUILD_MAX_MS (3600 * 1000)

/*
 * A command line cut at spaces; 'single' or "double" quotes keep spaces in a word, and nothing else
 * has a meaning. 0, -EINVAL (no word, an open quote, too many words) or -ENOMEM.
 */
struct build_words {
	char *text; /* what argv points into */
	char *argv[BUILD_WORDS_MAX + 1];
	size_t n;
};
int build_split(const char *command, struct build_words *words, struct fault *f);
void build_words_done(struct build_words *words);

/*
 * Runs the n commands (NULL ones are skipped), at most `parallel` at once; told on stderr, with the
 * output of one that failed. EXIT_BUILD_FAILED at the first that fails.
 */
enum exit_code build_all(
	struct session *s, const char *const *commands, size_t n, size_t parallel, struct fault *f);

#endif
