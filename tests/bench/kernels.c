/*
 * Instead of the firmware's main loop: known numbers of multiply-accumulates by one kernel after the
 * other, and the ticks that they took. Built by `make -C firmware-stub MAIN=../tests/bench/kernels.c`.
 */
#include "nn/operators.h"
#include "port/port.h"
#include "protocols/uart-bench/hilda_report.h"

#define ROUNDS 20
#define TOKENS 49
#define N 64

struct hilda_report report;

static int8_t in[TOKENS * N + 8], out[TOKENS * N], weights[N * N];
static int32_t bias[N], multiplier[N];
static int8_t shift[N];

static void put(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	port_write(bytes, n);
}

static void linear(const char *name, uint16_t bits)
{
	const struct linear l = {.weights = weights,
		.bias = bias,
		.multiplier = multiplier,
		.shift = shift,
		.inputs = N,
		.outputs = N,
		.stride = (uint16_t)model_row_bytes(N, bits),
		.bits = bits};
	uint64_t start, ticks;

	port_timer_start();
	start = port_timer_ticks();
	for (int round = 0; round < ROUNDS; round++)
		for (uint32_t t = 0; t < TOKENS; t++)
			nn_linear(&l, in + t * N, out + t * N);
	ticks = port_timer_ticks() - start;
	hilda_report_plain_u64(&report, name, (uint32_t)ticks, "");
}

int bench_main(void)
{
	port_init();
	hilda_report_init(&report, put, NULL);
	for (uint32_t i = 0; i < sizeof(in); i++)
		in[i] = (int8_t)(i * 37 + (i >> 5));
	for (uint32_t i = 0; i < sizeof(weights); i++)
		weights[i] = (int8_t)(i * 53 + (i >> 6));
	for (uint32_t i = 0; i < N; i++) {
		bias[i] = (int32_t)(i * 100);
		multiplier[i] = (1 << 30) + (int32_t)(i << 20);
		shift[i] = -9;
	}
	hilda_report_plain_u64(&report, "m-hz-", port_timer_hz(), "");
	hilda_report_plain_u64(&report, "m-macs-", ROUNDS * TOKENS * N * N, "");
	linear("m-int8-", 8);
	linear("m-int4-", 4);
	hilda_report_plain(&report, "m-ready");
	while (port_read() >= 0)
		;
	return 0;
}
