/*
 * boot: the firmware is up and says who it is. On exec boards the program is started. Whether the
 * firmware can do what the job asks is seen here, before anything is measured.
 */
#include <errno.h>

#include "agent/board/config.h"
#include "agent/run/run_log.h"
#include "agent/steps/parts.h"
#include "agent/steps/steps.h"
#include "common/cleanup.h"
#include "common/numbers.h"

#define BANNERS_MAX 3

bool step_boot_wanted(const struct run *run)
{
	return step_is_bench(run) || run->board->exec;
}

static bool is_number(const char *key)
{
	static const char *const numbers[] = {"proto", "hz", "max_n", "in", "out", "samples",
		"bytes", "ops_accelerated", "ops_total"};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!strcmp(key, numbers[i]))
			return true;
	}
	return false;
}

static void copy_record(struct run *run, const struct bench_run *reply, char type, const char *name)
{
	json_t *object = json_object();
	struct bench_pair pair;

	for (size_t i = 0; bench_run_pair_at(reply, type, i, &pair); i++) {
		uint64_t number;

		if (is_number(pair.key) && !number_u64(pair.value, 0, INT64_MAX, &number))
			json_object_set_new(object, pair.key, json_integer((json_int_t)number));
		else
			json_object_set_new(object, pair.key, json_string(pair.value));
	}
	json_object_set_new(run->result, name, object);
}

/* The timer that all ticks count, and what a tick of a virtual board is. */
static int add_timer(struct run *run, const struct bench_run *reply)
{
	const char *kind = bench_run_get(reply, 'H', "timer");
	struct fault f = {0};
	uint64_t hz;
	json_t *timer;

	if (bench_run_u64(reply, 'H', "hz", &hz, &f) || hz == 0 || hz > INT64_MAX)
		return run_fail(run, OUTCOME_FAILED,
			"the firmware's $H does not say how fast its timer ticks (hz): %s", f.text);
	timer = json_pack("{s:I, s:s}", "hz", (json_int_t)hz, "kind", kind ? kind : "unknown");
	if (run->board->is_virtual && run->board->icount_shift)
		json_object_set_new(timer, "icount_shift", json_integer(run->board->icount_shift));
	json_object_set_new(run->result, "timer", timer);
	return 0;
}

static int check_protocol(struct run *run, const struct bench_run *reply)
{
	struct fault f = {0};
	uint64_t proto, max_n;
	int r = bench_run_u64(reply, 'H', "proto", &proto, &f);

	if (r)
		return run_fail(run, OUTCOME_FAILED, "%s", f.text);
	if (proto != 1)
		return run_fail(run, OUTCOME_CONFIGURATION,
			"the firmware speaks version %ju of the bench protocol, this agent version 1",
			(uintmax_t)proto);
	if (!run->job->phases.warm.run || bench_run_u64(reply, 'H', "max_n", &max_n, NULL))
		return 0;
	if (run->job->phases.warm.iterations > max_n)
		return run_fail(run, OUTCOME_CONFIGURATION,
			"the job asks for %u warm iterations, this firmware can keep %ju: set "
			"phases.warm.iterations to at most that",
			run->job->phases.warm.iterations, (uintmax_t)max_n);
	return 0;
}

/*
 * The first banner may be an older one that was still under way, from a run that ended just after
 * its reset; the real one then follows. So a reset is forgiven here, but not for ever.
 */
static int ask_identity(struct run *run, struct bench_session *s, struct fault *f)
{
	int r = bench_session_wait_ready(s, run->deadline_ns, f);

	for (int k = 0; !r && k < BANNERS_MAX; k++) {
		r = bench_session_run(s, run->deadline_ns, f, "lab id");
		if (r != -ECONNRESET)
			return r;
		if (k + 1 < BANNERS_MAX)
			r = bench_session_settle(s, run->deadline_ns, f);
	}
	return r;
}

static int identify(struct run *run, struct bench_session *s)
{
	const struct bench_run *reply = bench_session_reply(s);
	struct fault f = {0};
	int r = ask_identity(run, s, &f);

	if (r)
		return bench_fail(run, s, r, &f);
	copy_record(run, reply, 'H', "device");
	copy_record(run, reply, 'M', "model");
	r = check_protocol(run, reply);
	if (!r)
		r = add_timer(run, reply);
	return r ? r : provenance_check(run, true);
}

int step_boot(struct run *run)
{
	_cleanup_(bench_session_freep) struct bench_session *s = NULL;
	int r = run->board->exec ? program_start(run) : 0;

	if (r || !step_is_bench(run))
		return r;
	s = bench_session_new(run->console, run->clock, run->cancel_fd);
	return s ? identify(run, s) : step_no_memory(run);
}
