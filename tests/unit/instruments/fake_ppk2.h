/*
 * A PPK2 on a pty, in the test's own thread: its bytes are written down here by hand, not by
 * protocols/ppk2. Included once by a test, after cmocka.
 */
#ifndef HILDA_TESTS_FAKE_PPK2_H
#define HILDA_TESTS_FAKE_PPK2_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct fake_ppk2 {
	int master, slave; /* without a reader a master gives EIO: the slave stays open */
	char path[64];
	pthread_t thread;
	int stop[2];
	/* How it misbehaves. */
	bool silent, stale, mute_stream;
	int bad_texts;	 /* so many answers are nonsense */
	int deaf;	 /* so many questions are not answered */
	int wrong_mV;	 /* what it says beside what it was told */
	uint64_t unplug; /* after so many samples */
	uint64_t per_ms; /* samples; 0: as many as the pty takes */
	uint64_t start_ms;
	atomic_ullong total; /* samples of one stream; 0: as many as the pty takes */
	/* What it was told. A pty orders nothing between threads: assert_told() looks at told. */
	pthread_mutex_t lock;
	pthread_cond_t heard;
	char told[64 * 3 + 1]; /* opcodes in hex */
	atomic_int mode, mV, running, streaming;
	atomic_ullong sent; /* bytes */
};

static void fake_tell(struct fake_ppk2 *p, unsigned op)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = strlen(p->told);
	snprintf(p->told + n, sizeof(p->told) - n, "%s%02x", n ? " " : "", op);
	pthread_cond_signal(&p->heard);
	pthread_mutex_unlock(&p->lock);
}

/* What is not acknowledged is on its way for a while. */
__attribute__((unused)) static void assert_told(struct fake_ppk2 *p, const char *opcodes)
{
	char told[sizeof(p->told)];
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 10;
	pthread_mutex_lock(&p->lock);
	while (strlen(p->told) < strlen(opcodes) &&
		!pthread_cond_clockwait(&p->heard, &p->lock, CLOCK_MONOTONIC, &end))
		;
	snprintf(told, sizeof(told), "%s", p->told);
	pthread_mutex_unlock(&p->lock);
	assert_string_equal(told, opcodes);
}

static void fake_metadata(struct fake_ppk2 *p)
{
	char text[1024];
	size_t n = 0;

	if (p->deaf > 0 || p->silent) {
		p->deaf--;
		return;
	}
	if (p->bad_texts-- > 0) {
		snprintf(text, sizeof(text), "R0: rubbish\nEND\n");
	} else {
		n += (size_t)snprintf(text, sizeof(text), "Calibrated: 0\n");
		for (int i = 0; i < 5; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
				"R%d: %s\nGS%d: 1.0000\nGI%d: 1.0000\nO%d: 0.0000\n", i,
				(const char *[]){"1000.0", "100.0", "10.0", "nan", "0.05"}[i], i, i,
				i);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "VDD: %d\nHW: 9173\nmode: %d\n",
			p->mV + p->wrong_mV, p->mode);
		for (int i = 0; i < 5; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
				"S%d: 0.0000\nI%d: 0.0000\nUG%d: 1.00\n", i, i, i);
		snprintf(text + n, sizeof(text) - n, "IA: 56\nEND\n");
	}
	/* In two pieces: a reader may not count on lines. */
	n = strlen(text);
	if (write(p->master, text, n / 2) < 0 || write(p->master, text + n / 2, n - n / 2) < 0)
		return;
}

/* Since the stream's start. */
static uint64_t fake_ms(const struct fake_ppk2 *p)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 - p->start_ms;
}

/* Returns the bytes of the command. */
static size_t fake_obey(struct fake_ppk2 *p, const uint8_t *c, size_t n)
{
	size_t need = c[0] == 0x0d ? 3 : c[0] == 0x0c || c[0] == 0x11 ? 2 : 1;

	if (n < need)
		return 0;
	fake_tell(p, c[0]);
	if (c[0] == 0x06) {
		p->sent = 0;
		p->start_ms = 0;
		p->start_ms = fake_ms(p);
		p->streaming = !p->mute_stream;
	} else if (c[0] == 0x07) {
		p->streaming = 0;
	} else if (c[0] == 0x0c) {
		p->running = c[1];
	} else if (c[0] == 0x0d) {
		p->mV = c[1] << 8 | c[2];
	} else if (c[0] == 0x11) {
		p->mode = c[1];
	} else if (c[0] == 0x19) {
		fake_metadata(p);
	}
	return need;
}

/* Of each 300,000 samples, D0 is high from 1000 to 2000; D1 changes every 250 of these, at the end too. */
#define FAKE_PERIOD 300000

/* Sample i: range 2, ADC i mod 16383. */
static uint32_t fake_word(uint64_t i)
{
	uint64_t at = i % FAKE_PERIOD;
	uint32_t logic = at >= 1000 && at < 2000 ? 1 | (uint32_t)((at - 1000) / 250 & 1) << 1 : 0;

	return (uint32_t)(i % 0x3fff) | 2u << 14 | (uint32_t)(i % 64) << 18 | logic << 24;
}

static void fake_stream(struct fake_ppk2 *p)
{
	uint8_t block[1024];
	size_t n = 0;
	ssize_t k;

	if (p->unplug && p->sent >= 4 * p->unplug) {
		close(p->master);
		p->master = -1;
		return;
	}
	for (uint64_t at = p->sent; n < sizeof(block) && !(p->total && at >= 4 * p->total); at++)
		block[n++] = (uint8_t)(fake_word(at / 4) >> 8 * (at % 4));
	k = write(p->master, block, n);
	if (k > 0)
		p->sent += (uint64_t)k;
}

static void *fake_main(void *arg)
{
	struct fake_ppk2 *p = arg;
	uint8_t in[256];
	size_t have = 0;

	while (p->master >= 0) {
		bool more = p->streaming && !(p->total && p->sent >= 4 * p->total) &&
			!(p->per_ms && p->sent >= 4 * p->per_ms * fake_ms(p));
		struct pollfd fds[2] = {{.fd = p->master, .events = POLLIN | (more ? POLLOUT : 0)},
			{.fd = p->stop[0], .events = POLLIN}};
		ssize_t n;

		poll(fds, 2, p->streaming && !more ? 1 : -1); /* total may be raised */
		if (fds[1].revents)
			return NULL;
		if (fds[0].revents & POLLIN) {
			size_t used;

			n = read(p->master, in + have, sizeof(in) - have);
			have += n > 0 ? (size_t)n : 0;
			while (have && (used = fake_obey(p, in, have))) {
				memmove(in, in + used, have - used);
				have -= used;
			}
		}
		if (fds[0].revents & POLLOUT)
			fake_stream(p);
	}
	return NULL;
}

static void fake_start(struct fake_ppk2 *p)
{
	struct termios t;

	assert_int_equal(openpty(&p->master, &p->slave, p->path, NULL, NULL), 0);
	assert_int_equal(tcgetattr(p->slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(p->slave, TCSANOW, &t), 0);
	p->streaming = p->stale;
	assert_int_equal(pthread_mutex_init(&p->lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&p->heard, NULL), 0);
	assert_int_equal(fcntl(p->master, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pipe2(p->stop, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, fake_main, p), 0);
}

static void fake_end(struct fake_ppk2 *p)
{
	assert_int_equal(write(p->stop[1], "x", 1), 1);
	pthread_join(p->thread, NULL);
	if (p->master >= 0)
		close(p->master);
	close(p->slave);
	close(p->stop[0]);
	close(p->stop[1]);
}

#endif
