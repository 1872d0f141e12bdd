/*
 * What is said between a process and its `hilda-shim lead`, in packets (SOCK_SEQPACKET) on the shim's
 * descriptor 0. One program at a time:
 *
 *	to the shim	struct shim_start, then strings, each with its NUL: the folder, the arguments,
 *			the environment; and with it the descriptors
 *	to the shim	a struct shim_start without arguments: the program's group is killed and, when
 *			the program has ended, reaped. It ends every program, also one that has ended.
 *	from the shim	an int when the program ends: its status, as waitpid has it
 */
#ifndef HILDA_COMMON_SHIM_WIRE_H
#define HILDA_COMMON_SHIM_WIRE_H

#include <stdint.h>

#define SHIM_TEXT_BYTES (64 * 1024)
#define SHIM_STRINGS 254 /* arguments and environment, and a NULL behind each */
#define SHIM_FDS 8	 /* the program's 0, 1 and 2, then those that it gets under any number */

struct shim_start {
	uint32_t n_args;
	uint32_t n_env;
};

#endif
