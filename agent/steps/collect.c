/*
 * collect: how large the image is, and whether the device's clock may be believed. Performed after
 * a failure as well; then only what needs no board is collected.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "agent/board/config.h"
#include "agent/image/image.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"

/*
 * The span to time, then a longer one when the first disagrees: a late byte must not fail a board.
 */
static const int64_t spans_ms[] = {1050, 4000};

struct lap {
	uint32_t device_us;
	int64_t host_ns;
};

static int take_lap(struct run *run, struct bench_session *s, struct lap *lap)
{
	struct fault f = {0};
	int r = bench_session_lap(s, run->deadline_ns, &lap->device_us, &lap->host_ns, &f);

	return r ? bench_fail(run, s, r, &f) : 0;
}

/* Waits out the span; what the device says meanwhile is nobody's. */
static int let_pass(struct run *run, int64_t ms)
{
	int64_t until = clock_deadline_ms(run->clock, ms);
	char block[256];

	for (;;) {
		struct fault f = {0};
		ssize_t n = console_read(
			run->console, block, sizeof(block), run->clock, until, run->cancel_fd, &f);

		if (n == -ETIMEDOUT)
			return 0;
		if (n == -ECANCELED)
			return run_fail(run, OUTCOME_CANCELED, "%s", f.text);
		if (n <= 0)
			return run_fail(run, OUTCOME_INFRASTRUCTURE, "%s", f.text);
	}
}

static void set_clock(struct run *run, json_t *clock)
{
	json_object_set_new(run->result, "clock", clock);
}

static void not_checked(struct run *run, const char *why)
{
	set_clock(run, json_pack("{s:b, s:s}", "checked", 0, "detail", why));
}

static int time_span(struct run *run, struct bench_session *s, int64_t ms, double *ratio)
{
	struct lap a, b;
	int64_t host_us, device_us;
	int r = take_lap(run, s, &a);

	if (!r)
		r = let_pass(run, ms);
	if (!r)
		r = take_lap(run, s, &b);
	if (r)
		return r;
	host_us = (b.host_ns - a.host_ns) / 1000;
	device_us = (uint32_t)(b.device_us - a.device_us); /* over the wrap at 32 bits */
	*ratio = (double)device_us / (double)host_us;
	set_clock(run,
		json_pack("{s:b, s:I, s:I, s:f, s:f, s:s}", "checked", 1, "device_us",
			(json_int_t)device_us, "host_us", (json_int_t)host_us, "ratio", *ratio,
			"tolerance", run->board->clock_tolerance, "detail", ""));
	return 0;
}

static int check_clock(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s = NULL;
	double tolerance = run->board->clock_tolerance, ratio = 0;

	if (run->board->is_virtual) {
		not_checked(run,
			run->board->exec
				? "an emulated program's time is the host's, not that of any board"
				: "a virtual board's time is its instruction count, not the host's time");
		return 0;
	}
	if (run->board->exec_kind == EXEC_LOCAL) {
		not_checked(run, "the program runs on this host and uses its clock");
		return 0;
	}
	s = bench_session_new(run->console, run->clock, run->cancel_fd);
	if (!s)
		return step_no_memory(run);
	for (size_t i = 0; i < ARRAY_SIZE(spans_ms); i++) {
		int r = time_span(run, s, spans_ms[i], &ratio);

		if (r)
			return r;
		if (fabs(ratio - 1) <= tolerance)
			return 0;
	}
	return run_fail(run, OUTCOME_CONFIGURATION,
		"clock: the device's clock runs at %.4f of the host's, the tolerance is %.2g %%: the firmware "
		"was built for another clock frequency than the board has",
		ratio, tolerance * 100);
}

int step_collect(struct run *run)
{
	if (run->image)
		json_object_set_new(run->result, "footprint", image_footprint(run->image));
	if (!step_run_is_good(run) || !step_is_bench(run) || !run->console)
		return 0;
	return check_clock(run);
}
