/*
 * QEMU's GDB stub: run control, core registers, writes into flash. One thread; a call waits up to
 * GDB_TIMEOUT_MS, a step up to GDB_STEP_MS. Any byte sent stops a running guest, so nothing is
 * sent while it runs but the interrupt. A guest's semihosting calls are answered whenever they are
 * met: call gdb_poll when the descriptor is readable.
 */
#ifndef HILDA_VIRTUAL_LAB_GDB_H
#define HILDA_VIRTUAL_LAB_GDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_TIMEOUT_MS 10000
/* Until QEMU says its first word: on a busy machine it loads slowly. */
#define GDB_START_MS 30000
#define GDB_STEP_MS 2000
#define GDB_PACKET_BYTES 4096
#define GDB_WRITE_BYTES 1024

struct semihosting;

struct gdb {
	int fd; /* owned by the caller */
	const struct semihosting
		*semihosting; /* the caller's; NULL: guests are refused everything */
	bool running;
	size_t n; /* bytes in the buffer, not yet taken apart */
	char buffer[2 * GDB_PACKET_BYTES];
	char packet[GDB_PACKET_BYTES]; /* the last one, NUL-terminated */
};

/* The guest was started stopped. Waits up to GDB_START_MS. */
int gdb_init(struct gdb *g, int fd, const struct semihosting *semihosting);
int gdb_halt(struct gdb *g);
int gdb_resume(struct gdb *g);
int gdb_step(struct gdb *g);
/* Never waits. */
int gdb_poll(struct gdb *g, bool *stopped);
/* System reset; the guest must be stopped and stays so. */
int gdb_reset(struct gdb *g);
int gdb_read_register(struct gdb *g, unsigned number, uint32_t *value);
int gdb_write_register(struct gdb *g, unsigned number, uint32_t value);
int gdb_breakpoint(struct gdb *g, uint32_t address, bool set);
/* Also where the guest itself may not write. The guest must be stopped. */
int gdb_write_memory(struct gdb *g, uint32_t address, const void *data, size_t n);

#endif
