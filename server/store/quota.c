#include "server/store/quota.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store/txn.h"

void quota_forget(struct quotas *all)
{
	memset(all, 0, sizeof(*all));
}

static struct quota *find(struct quotas *all, const char *who)
{
	for (size_t i = 0; i < QUOTA_SUBMITTERS; i++)
		if (strcmp(all->of[i].name, who) == 0)
			return &all->of[i];
	return NULL;
}

/* No further than the limit: more than that is refused anyway. */
static int count(struct store_txn *t, struct quota *q, int64_t max)
{
	int rc = sql_first_i64(t->db, &q->jobs,
		"SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'queued' AND token = $who"
		" AND token <> '' LIMIT $max)",
		SQL_T("$who", q->name), SQL_I("$max", max));

	/* From the count on, not from the refusal: who asks all the time is counted too. */
	q->pause_ns = t->mono_ns + QUOTA_PAUSE_MS * CLOCK_NS_PER_MS;
	return rc < 0 ? rc : 0;
}

static struct quota *add(struct quotas *all, const char *who)
{
	struct quota *q = &all->of[all->next++ % QUOTA_SUBMITTERS];

	*q = (struct quota){.jobs = INT64_MAX / 2}; /* not counted yet */
	snprintf(q->name, sizeof(q->name), "%s", who);
	return q;
}

int quota_take(struct store_txn *t, struct store_op *op, const char *who, int64_t jobs, int64_t max)
{
	struct quota *q = *who ? find(t->quotas, who) : NULL;
	int rc = 0;

	if (!*who || (!q && !max))
		return 0;
	if (!q)
		q = add(t->quotas, who);
	if (max && q->jobs + jobs > max && t->mono_ns >= q->pause_ns)
		rc = count(t, q, max);
	if (rc)
		return rc;
	if (max && q->jobs + jobs > max)
		return fault_set(&op->fault, EUSERS,
			"%.64s has %lld jobs in the queue, and %lld more would be over the limit of %lld for "
			"each submitter (queue-max); wait until some have begun, or cancel some",
			who, (long long)(q->jobs < max ? q->jobs : max), (long long)jobs,
			(long long)max);
	q->jobs += jobs;
	return 0;
}
