/*
 * A board's folder and everything in it: lock, board, console, probe, control socket, files; and
 * the loop that serves them. The main thread's alone. lab_run waits for events until a signal, the
 * parent's end or `quit` by a test.
 */
#ifndef HILDA_VIRTUAL_LAB_LAB_H
#define HILDA_VIRTUAL_LAB_LAB_H

#include <stdint.h>

#include "common/fault.h"
#include "virtual-lab/machines.h"

struct lab;

struct lab_options {
	const struct machine *machine;
	const char *folder;	   /* made if absent */
	const char *const *faults; /* as the control socket takes them; NULL-terminated */
	int signal_fd;		   /* signalfd: the loop ends when it is readable */
	int parent_fd;		   /* pidfd of the parent: likewise; -1: none */
	uint32_t ppk2_seed;	   /* of the virtual PPK2's noise; not 0 */
};

int lab_open(const struct lab_options *o, struct lab **out, struct fault *f);
int lab_run(struct lab *lab, struct fault *f);
/* Takes the board down and removes what would pretend that it lives. NULL is fine. */
void lab_close(struct lab *lab);

#endif
