/*
 * What a guest asks of its semihosting host, as QEMU hands it to its debugger (GDB's File-I/O
 * packets). An image is a stranger's: text for the console goes to the marker channel, all else is
 * refused, so that no image reads or writes a file of the host. Pure but for the callbacks.
 */
#ifndef HILDA_VIRTUAL_LAB_SEMIHOSTING_H
#define HILDA_VIRTUAL_LAB_SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

#define SEMIHOSTING_REPLY_BYTES 32

struct semihosting {
	int (*read_memory)(void *arg, uint32_t address, void *data, size_t n);
	void (*text)(void *arg, const void *data, size_t n);
	void *arg;
};

/* request is "Fwrite,1,20000100,9" and the like; reply becomes "F9" or "F-1,1". */
void semihosting_serve(
	const struct semihosting *s, const char *request, char reply[SEMIHOSTING_REPLY_BYTES]);

#endif
