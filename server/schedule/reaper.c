#include "server/schedule/reaper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "common/periodic.h"
#include "server/store/internal.h"
#include "server/store/ops.h"
#include "server/store/read.h"

#define SWEEP_MS 1000 /* how late a queue's or a reservation's end may be seen */
#define DUE_MAX 128   /* endings in one turn */
#define RETRY_MS 200  /* after a turn that the store refused */

struct reaper {
	struct store *store;
	struct periodic *thread;
};

static int end_run(struct store *s, int64_t run)
{
	struct op_lease_expire x = {.run = run};
	int rc;

	op_lease_expire_setup(&x);
	rc = store_call(s, &x.op);
	if (!rc && x.expired)
		log_warning("run lost", LOG_I64("run", run), LOG_STR("why", "its lease is over"));
	return rc;
}

static int end_offer(struct store *s, int64_t run)
{
	struct op_offer_release x = {.run = run, .only_if_due = true};

	op_offer_release_setup(&x);
	return store_call(s, &x.op);
}

static int end_agent(struct store *s, int64_t agent)
{
	struct op_agent_offline x = {.agent = agent, .only_if_due = true};
	int rc;

	op_agent_offline_setup(&x);
	rc = store_call(s, &x.op);
	if (!rc && x.offline)
		log_warning("agent offline", LOG_I64("agent", agent));
	return rc;
}

/* By a reader: the writer is not held up by a long queue. */
static int look_for_due(struct store *s, int64_t now_ms, bool *due)
{
	struct store_reader *r = store_reader_borrow(s, NULL);
	int64_t at_ms = now_ms;
	int rc = r ? read_hold_over(r, now_ms, due) : -EIO;

	if (!rc && !*due && store_terms(s)->health_every_ms)
		rc = read_check_due(r, now_ms, store_terms(s)->health_every_ms, due);
	if (!rc && leases_queue_due(store_leases(s), now_ms)) {
		rc = read_queue_deadline(r, &at_ms);
		/* When it could not be told, or once the sweep is over, it is looked for again. */
		leases_queue_lower(store_leases(s), at_ms);
		*due = *due || at_ms <= now_ms;
	}
	store_reader_return(s, r);
	return rc;
}

static int sweep(struct store *s)
{
	struct op_sweep x = {0};
	bool due = false;
	int rc = look_for_due(s, clock_wall_ms(store_clock(s)), &due);

	if (rc || !due)
		return rc;
	op_sweep_setup(&x);
	return store_call(s, &x.op);
}

int reaper_turn(struct store *s, int64_t *next_ns)
{
	struct lease due[DUE_MAX];
	int64_t now = clock_mono_ns(store_clock(s));
	size_t n = leases_list_due(store_leases(s), now, due, DUE_MAX, next_ns);
	int rc = 0, failed;

	for (size_t i = 0; i < n; i++) {
		failpoint("server.reaper.due");
		if (due[i].kind == LEASE_RUN)
			failed = end_run(s, due[i].id);
		else if (due[i].kind == LEASE_OFFER)
			failed = end_offer(s, due[i].id);
		else
			failed = end_agent(s, due[i].id);
		rc = rc ? rc : failed;
	}
	failed = sweep(s);
	rc = rc ? rc : failed;
	if (n == DUE_MAX)
		*next_ns = now;
	return rc;
}

static int64_t turn(struct periodic *thread, void *arg)
{
	struct reaper *r = arg;
	int64_t next_ns, until_ns;
	int rc = reaper_turn(r->store, &next_ns);

	until_ns = clock_deadline_ms(store_clock(r->store), rc ? RETRY_MS : SWEEP_MS);
	return !rc && next_ns < until_ns ? next_ns : until_ns;
}

static void wake(void *arg)
{
	periodic_wake(arg);
}

int reaper_start(struct store *s, struct reaper **out, struct fault *f)
{
	struct reaper *r = calloc(1, sizeof(*r));
	struct periodic_work work = {"the reaper", store_clock(s), turn, r};
	int rc;

	if (!r)
		return fault_set(f, ENOMEM, "reaper: no memory");
	r->store = s;
	rc = periodic_start(&work, &r->thread, f);
	if (rc) {
		free(r);
		return rc;
	}
	leases_watch(store_leases(s), wake, r->thread);
	periodic_wake(r->thread); /* for what was set since its first look */
	*out = r;
	return 0;
}

void reaper_stop(struct reaper *r)
{
	if (!r)
		return;
	leases_watch(store_leases(r->store), NULL, NULL);
	periodic_stop(r->thread);
	free(r);
}
