/* A Linux process: commands on standard input, replies on standard output. */
#define _POSIX_C_SOURCE 200809L
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define KEPT "PLAIN_KEPT"
#define HZ 1000000000u

static volatile uint32_t kept;
static uint64_t reset_ns;
static char **arguments;

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * HZ + (uint64_t)t.tv_nsec;
}

static uint64_t ticks(void *arg)
{
	(void)arg;
	return monotonic_ns() - reset_ns;
}

static void put(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	fwrite(bytes, 1, n, stdout);
}

static void drain(void *arg)
{
	(void)arg;
	fflush(stdout);
}

static int get(void *arg)
{
	unsigned char byte;

	drain(arg);
	return read(STDIN_FILENO, &byte, 1) == 1 ? byte : HILDA_CLOSED;
}

/* A program is reset by starting itself anew; what stays is in its environment. */
static void reset(void *arg)
{
	char text[40];

	(void)arg;
	snprintf(text, sizeof(text), "%x %llx", (unsigned)kept, (unsigned long long)monotonic_ns());
	setenv(KEPT, text, 1);
	execv("/proc/self/exe", arguments);
	exit(EXIT_FAILURE);
}

void board_open(struct hilda_device *d, char **argv)
{
	const char *text = getenv(KEPT);
	unsigned long long at;
	unsigned word;

	arguments = argv;
	reset_ns = monotonic_ns();
	if (text && sscanf(text, "%x %llx", &word, &at) == 2) {
		kept = word;
		reset_ns = at;
	}
	d->put = put;
	d->get = get;
	d->drain = drain;
	d->ticks = ticks;
	d->tick_bits = 64;
	d->hz = HZ;
	d->timer = "monotonic";
	d->reset = reset;
	d->kept = &kept;
	d->board = "host";
}
