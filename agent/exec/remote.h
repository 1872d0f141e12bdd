/*
 * A board that is reached by the stock ssh or adb: what is said to its shell, and what the tool's
 * last words mean. The tool is started without a shell here; every word that its remote shell sees
 * is quoted. All on the board's thread; remote_run waits until its deadline or a cancel.
 *
 * There a folder (`exec-folder =`) holds files/<sha256>, kept for the next run while they are among
 * the REMOTE_FILES_KEPT used last, and run-<board>, made anew for each run.
 */
#ifndef HILDA_AGENT_EXEC_REMOTE_H
#define HILDA_AGENT_EXEC_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/board/config.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/process.h"

#define REMOTE_COMMAND_BYTES 12288 /* two copies of a script and the names of 16 files, quoted */
#define REMOTE_ARGV_MAX 32
#define REMOTE_ARGS_MAX 40
#define REMOTE_WORDS_BYTES 4096 /* of what a tool says on standard error */
#define REMOTE_OUTPUT_BYTES 16384
#define REMOTE_FILES_KEPT "32" /* as the remote shell reads it */

struct remote_call {
	const char *argv[REMOTE_ARGV_MAX];
	struct buffer command; /* the remote shell's, the last of argv */
};

/* Empties folder run-NAME; says "need HASH" for each hash that is not there. Args: FOLDER NAME HASH... */
extern const char remote_prepare[];
/* Standard input becomes a part. Args: FOLDER NAME HASH */
extern const char remote_put[];
/*
 * What came is checked and takes its place, files are copied beside the program. Args: FOLDER NAME
 * IMAGE-HASH, then HASH FILE-NAME for each file
 */
extern const char remote_place[];
/*
 * Runs the image as the leader's group: its end, the end of the connection (standard input closes)
 * or the passing of SECONDS kill all of it. Its output, errors included, comes on standard output;
 * standard error ends with "hilda-end CODE". Args: FOLDER NAME IMAGE-HASH SECONDS
 */
extern const char remote_program[];

/* "ssh" or "adb". */
const char *remote_tool(const struct board_config *board);
/* A script with its arguments (NULL-terminated). -EFBIG: over REMOTE_COMMAND_BYTES. */
int remote_shell(const struct board_config *board, const char *script, const char *const *args,
	struct remote_call *out, struct fault *f);
void remote_call_done(struct remote_call *call); /* for __attribute__((cleanup)) */
/* adb's own way to send a file. Both paths live as long as the call. */
void remote_push(const struct board_config *board, const char *from, const char *to,
	struct remote_call *out);

/* The one line of a tool's words that says why, without control bytes; "" when it said nothing. */
void remote_why(const char *words, char *out, size_t room);
/* Whether the words hold the program's end; *end as if it had run here. */
bool remote_ended(const char *words, struct process_end *end);

struct remote_run {
	const struct board_config *board;
	const struct clock *clock;
	int64_t deadline_ns;
	int cancel_fd;
	int stdin_fd; /* -1: none */
	char output[REMOTE_OUTPUT_BYTES];
	size_t n_output;
	char words[REMOTE_WORDS_BYTES];
	size_t n_words;
};

/*
 * Runs a call to its end. -ECANCELED, -ETIMEDOUT, -EREMOTEIO with the tool's own words, or what
 * process_run gives.
 */
int remote_run(struct remote_run *r, const struct remote_call *call, struct fault *f);

#endif
