/*
 * A board's firmware for tests: a thread that reads commands from a pipe and answers as the test's
 * function says, with lines from the real encoder. What it sends can be damaged or lost on the way.
 */
#ifndef TESTS_UNIT_AGENT_BENCH_DEVICE_H
#define TESTS_UNIT_AGENT_BENCH_DEVICE_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocols/uart-bench/hilda_report.h"

struct device {
	int in, out;		   /* the device's ends */
	int host_read, host_write; /* the host's ends, handed to the console */
	pthread_t thread;
	void (*answer)(struct device *d, const char *command);
	/* Gives each line of the encoder; false: it is lost. May change it in place. */
	bool (*wire)(struct device *d, char *line);
	char command[128];
	char line[256];
	size_t n_line;
	atomic_uint commands; /* answered so far, this one included */
	unsigned lines;	      /* sent through wire so far */
	uint32_t iterations;
	struct hilda_report report;
};

static void device_send(struct device *d, const char *bytes, size_t n)
{
	while (n) {
		ssize_t k = write(d->out, bytes, n);

		if (k <= 0)
			return;
		bytes += k;
		n -= (size_t)k;
	}
}

__attribute__((unused)) static void device_say(struct device *d, const char *text)
{
	device_send(d, text, strlen(text));
}

/* The encoder's output, line by line over the wire. */
static void device_put(void *arg, const char *bytes, size_t n)
{
	struct device *d = arg;

	for (size_t i = 0; i < n; i++) {
		if (d->n_line + 2 < sizeof(d->line))
			d->line[d->n_line++] = bytes[i];
		if (bytes[i] != '\n')
			continue;
		d->line[d->n_line] = 0;
		d->n_line = 0;
		d->lines++;
		if (!d->wire || d->wire(d, d->line))
			device_send(d, d->line, strlen(d->line));
	}
}

__attribute__((unused)) static void device_banner(struct device *d)
{
	device_say(
		d, "\r\nm-timestamp-mode-performance\r\nm-lap-us-5\r\nm-init-done\r\nm-ready\r\n");
}

static void device_lines(struct device *d, const char *phase)
{
	uint32_t ticks[512];
	bool cold = !strcmp(phase, "cold");

	if (!strcmp(phase, "id")) {
		hilda_report_open(&d->report, 'H');
		hilda_report_u64(&d->report, "proto", 1);
		hilda_report_u64(&d->report, "hz", 1000000);
		hilda_report_text(&d->report, "timer", "dwt");
		hilda_report_u64(&d->report, "max_n", 500);
		hilda_report_close(&d->report);
		hilda_report_open(&d->report, 'M');
		hilda_report_text(&d->report, "model", "small");
		hilda_report_close(&d->report);
	} else {
		hilda_report_open(&d->report, 'R');
		hilda_report_text(&d->report, "phase", phase);
		hilda_report_u64(&d->report, "n", d->iterations);
		if (cold)
			hilda_report_text(&d->report, "kind", "reset");
		hilda_report_close(&d->report);
	}
	if (cold) {
		hilda_report_open(&d->report, 'C');
		hilda_report_u64(&d->report, "boot", 10);
		hilda_report_u64(&d->report, "load", 20);
		hilda_report_u64(&d->report, "first", 30);
		hilda_report_close(&d->report);
	} else if (!strcmp(phase, "warm")) {
		for (uint32_t i = 0; i < d->iterations; i++)
			ticks[i] = 1000000 + i;
		hilda_report_ticks(&d->report, ticks, d->iterations);
	}
	hilda_report_end(&d->report, "ok", NULL);
}

/* A whole run. */
__attribute__((unused)) static void device_run(struct device *d, const char *phase)
{
	hilda_report_run(&d->report);
	device_lines(d, phase);
}

/* One line of the last run. */
__attribute__((unused)) static void device_resend(
	struct device *d, const char *phase, const char *command)
{
	unsigned seq = 0;

	sscanf(command, "lab resend %u", &seq);
	hilda_report_replay(&d->report, seq);
	device_lines(d, phase);
}

/* The well-behaved firmware. */
__attribute__((unused)) static void device_answer(struct device *d, const char *command)
{
	unsigned n;

	if (!strcmp(command, "lab id"))
		device_run(d, "id");
	else if (sscanf(command, "lab warm %u", &n) == 1) {
		d->iterations = n;
		device_run(d, "warm");
	} else if (!strcmp(command, "lab cold")) {
		device_banner(d);
		device_run(d, "cold");
	} else if (!strncmp(command, "lab resend", 10))
		device_resend(d, "warm", command);
	else if (!strcmp(command, "name"))
		device_say(d, "m-name-dut-[test]\r\n");
	else {
		device_say(d, "e-[Unknown command: ");
		device_send(d, command, strcspn(command, " "));
		device_say(d, "]\r\n");
	}
	device_say(d, "m-ready\r\n");
}

static void *device_main(void *arg)
{
	struct device *d = arg;
	size_t n = 0;
	char c;

	while (read(d->in, &c, 1) == 1) {
		if (c != '%') {
			if (n + 1 < sizeof(d->command))
				d->command[n++] = c;
			continue;
		}
		d->command[n] = 0;
		n = 0;
		d->commands++;
		d->answer(d, d->command);
	}
	close(d->out);
	return NULL;
}

/* 0 or -1. The host's ends belong to the caller then. */
__attribute__((unused)) static int device_start(
	struct device *d, void (*answer)(struct device *d, const char *command))
{
	int down[2], up[2];

	memset(d, 0, sizeof(*d));
	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
		return -1;
	d->in = down[0];
	d->host_write = down[1];
	d->out = up[1];
	d->host_read = up[0];
	d->answer = answer;
	hilda_report_init(&d->report, device_put, d);
	return pthread_create(&d->thread, NULL, device_main, d) ? -1 : 0;
}

/* After the host's ends are closed. */
__attribute__((unused)) static void device_stop(struct device *d)
{
	pthread_join(d->thread, NULL);
	close(d->in);
}

#endif
