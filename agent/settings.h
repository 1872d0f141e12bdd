/*
 * agent.ini read whole: the [agent] section and a configuration for each board. A plain struct
 * on the heap; the reader owns it. Reading waits for the disk only.
 */
#ifndef HILDA_AGENT_SETTINGS_H
#define HILDA_AGENT_SETTINGS_H

#include "agent/board/config.h"
#include "common/file.h"

#define SETTINGS_BOARDS_MAX 256
#define SETTINGS_PATH "/etc/hilda/agent.ini"

struct agent_settings {
	char name[BOARD_NAME_BYTES];
	char server[BOARD_PATH_BYTES];
	char token_file[BOARD_PATH_BYTES];
	char ca[BOARD_PATH_BYTES]; /* "": the system's certificates */
	char data[BOARD_PATH_BYTES];
	char run[BOARD_PATH_BYTES];
	char libexec[BOARD_PATH_BYTES]; /* where hilda-vboard is, after the agent's own folder */
	uint64_t cache_bytes;
	int64_t stop_grace_ms;
	struct board_config *boards;
	size_t n_boards;
};

/* *out is malloc'd; settings_free. */
int settings_load(const char *path, struct agent_settings **out, struct fault *f);
/* From memory; path is for messages. */
int settings_parse(
	const char *text, const char *path, struct agent_settings **out, struct fault *f);
/*
 * What is wrong with a file, said one by one: at most one thing of each section, and every key and
 * section that is none. How many. Touches nothing; whether boards are there is agent/commands/check.h's.
 */
unsigned settings_check(const char *path, fault_say say, void *arg);
void settings_free(struct agent_settings *s);

/* Every setting with its default and an example, for --help. */
extern const char settings_help[];

#endif
