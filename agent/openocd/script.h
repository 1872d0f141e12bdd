/*
 * OpenOCD's argument vector and environment for one action on one board. Pure.
 *
 * OpenOCD's arguments are Tcl programs: whatever is put into their text can run commands. So the
 * scripts are constants, the configuration files are the administrator's, and everything else (the
 * image's path, the probe's serial number) travels in the environment, which Tcl reads as data.
 */
#ifndef HILDA_AGENT_OPENOCD_SCRIPT_H
#define HILDA_AGENT_OPENOCD_SCRIPT_H

#include <stddef.h>

#include "agent/board/config.h"
#include "common/fault.h"

enum openocd_action {
	OPENOCD_PROGRAM, /* erase, write flash, verify, reset, start */
	OPENOCD_LOAD,	 /* into RAM, verify, reset run */
	OPENOCD_RESET,	 /* reset run */
	OPENOCD_EXAMINE, /* connect, say what is there, touch nothing */
	OPENOCD_GDB,	 /* gdb's remote protocol on standard input and output */
	OPENOCD_ACTIONS
};

/* What the scripts print on their way. */
#define SCRIPT_ADAPTER "hilda: adapter "
#define SCRIPT_CONNECTED "hilda: connected"
#define SCRIPT_WRITING "hilda: writing"
#define SCRIPT_VERIFYING "hilda: verifying"
#define SCRIPT_STARTING "hilda: starting"
#define SCRIPT_DONE "hilda: done"

#define SCRIPT_ARGV_MAX 32
#define SCRIPT_ENV_MAX 16
#define SCRIPT_ENV_BYTES 8192

struct openocd_script {
	const char *argv[SCRIPT_ARGV_MAX]; /* into this struct, the board and constants */
	const char *env[SCRIPT_ENV_MAX];
	char text[SCRIPT_ENV_BYTES];
	size_t n_text;
};

/* image_path may be NULL for actions that need none. -ENAMETOOLONG or -EINVAL with a fault. */
int openocd_script_make(enum openocd_action action, const struct board_config *board,
	const char *image_path, struct openocd_script *out, struct fault *f);

#endif
