/* Lines into a run: for the tests of what reads one. */
#ifndef HILDA_TESTS_UART_BENCH_FEED_H
#define HILDA_TESTS_UART_BENCH_FEED_H

#include <stdio.h>
#include <string.h>

#include "protocols/uart-bench/crc.h"
#include "protocols/uart-bench/run.h"

/* Feeds all lines but those whose seq is a bit of `lost` (first copy only). */
static inline int feed(
	struct bench_run *run, const char *data, size_t n, uint32_t lost, struct fault *f)
{
	struct bench_decoder d;
	struct bench_event ev;

	bench_decoder_init(&d);
	while (n) {
		size_t used = bench_decoder_feed(&d, data, n, &ev);
		int err;

		data += used;
		n -= used;
		if (ev.kind != BENCH_RECORD || (ev.seq < 32 && lost & UINT32_C(1) << ev.seq))
			continue;
		err = bench_run_add(run, &ev, f);
		if (err)
			return err;
	}
	return 0;
}

static inline int feed_line(struct bench_run *run, const char *body, struct fault *f)
{
	char line[200];

	snprintf(line, sizeof(line), "$%s*%04X\r\n", body,
		crc16_ccitt_false(CRC16_START, body, strlen(body)));
	return feed(run, line, strlen(line), 0, f);
}

#endif
