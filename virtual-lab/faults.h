/*
 * What is broken at the moment: switched by the control socket or --fault, looked at by the probe
 * and by the serial thread. Lock-free; any thread; never waits.
 */
#ifndef HILDA_VIRTUAL_LAB_FAULTS_H
#define HILDA_VIRTUAL_LAB_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

enum fault_name {
	FAULT_PROBE_ABSENT,    /* unplugged: no pty */
	FAULT_WAIT_FOREVER,    /* every scan is answered WAIT */
	FAULT_MEMORY,	       /* RAM and flash answer FAULT */
	FAULT_VERIFY_MISMATCH, /* bit 0 of the byte at ARG is stuck at 0 */
	FAULT_PROBE_DROP,      /* unplugged after ARG bytes of download */
	FAULT_PROBE_HANG,      /* silent after ARG bytes of download */
	FAULT_QEMU_KILL,       /* the board dies after ARG bytes of download */
	FAULT_WRONG_TAPID,     /* another IDCODE than the configuration expects */
	FAULT_UART_SILENT,     /* nothing arrives */
	FAULT_UART_GARBLE,     /* one bit flipped in ARG of 1000 bytes */
	FAULT_UART_CUT,	       /* the rest of every ARG-th line is lost */
	FAULT_UART_BABBLE,     /* ARG random bytes every 50 ms */
	FAULT_PPK2_SILENT,     /* answers nothing, sends nothing */
	FAULT_PPK2_LOST,       /* ARG of 1000 samples do not arrive */
	FAULT_PPK2_SLIP,       /* every ARG samples a byte does not */
	FAULT_PPK2_DAMAGE,     /* ARG of 1000 samples arrive as something else */
	FAULT_PPK2_STALE,      /* it streams when the port is opened, as after a crash */
	FAULT_PPK2_METADATA,   /* a coefficient is no number */
	FAULT_PPK2_UNPLUG,     /* gone after ARG samples */
	FAULT_COUNT
};

struct faults {
	atomic_bool on[FAULT_COUNT];
	atomic_uint arg[FAULT_COUNT];
};

void faults_init(struct faults *f);
bool fault_is_on(const struct faults *f, enum fault_name name);
uint32_t fault_arg(const struct faults *f, enum fault_name name);
void fault_switch(struct faults *f, enum fault_name name, bool on, uint32_t arg);
const char *fault_word(enum fault_name name);
/* "probe-drop" or "probe-drop 4096"; an absent argument is the fault's default. 0 or -EINVAL, with the names that would do. */
int fault_parse(const char *text, enum fault_name *name, uint32_t *arg, struct fault *why);
/* "none", or the names joined by commas. */
void faults_list(const struct faults *f, char *out, size_t room);

#endif
