#include "server/watchdog.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"

#define ASKS_IN_A_TERM 4

static int nothing(struct store_txn *t, struct store_op *op)
{
	return 0;
}

/* On the writer thread. */
static void lives(struct store_op *op)
{
	struct watchdog *w = (struct watchdog *)op;

	notify_say(w->notify, "WATCHDOG=1");
	if (op->rc != w->said)
		notify_say(w->notify, "STATUS=%s%s", op->rc ? "the database does not commit: " : "",
			op->rc ? op->fault.text : w->status);
	w->said = op->rc;
	atomic_store(&w->asked, false);
}

void watchdog_init(
	struct watchdog *w, const struct notify *notify, struct store *store, const char *status)
{
	*w = (struct watchdog){.notify = notify, .store = store};
	snprintf(w->status, sizeof(w->status), "%s", status);
}

int64_t watchdog_due_ns(const struct watchdog *w, const struct clock *c)
{
	if (!w->notify->watchdog_ms)
		return CLOCK_NEVER;
	return clock_deadline_ms(c, w->notify->watchdog_ms / ASKS_IN_A_TERM + 1);
}

void watchdog_ask(struct watchdog *w)
{
	struct store_stats stats;

	store_get_stats(w->store, &stats);
	if (!atomic_load(&w->asked)) {
		w->op = (struct store_op){.run = nothing, .done = lives};
		atomic_store(&w->asked, true);
		if (store_submit(w->store, &w->op) == 0) {
			w->commits = stats.commits;
			return;
		}
		atomic_store(&w->asked, false);
	}
	/* Behind a full queue: a writer that gets on with it lives. */
	if (stats.commits != w->commits)
		notify_say(w->notify, "WATCHDOG=1");
	w->commits = stats.commits;
}
