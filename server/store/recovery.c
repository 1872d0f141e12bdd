#include "server/store/recovery.h"

#include <string.h>

static int arm_runs(
	struct sql *db, struct leases *l, const struct store_terms *terms, int64_t now_ns)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(db, &q, "SELECT id, state FROM runs WHERE finished_at IS NULL");

	for (; rc > 0; rc = sql_next(db, q)) {
		bool offer = !strcmp(sql_text(q, 1), "offered");
		int64_t term = offer ? terms->offer_ms : terms->lease_ms + terms->grace_ms;
		int failed = leases_set(l, offer ? LEASE_OFFER : LEASE_RUN, sql_i64(q, 0),
			now_ns + term * CLOCK_NS_PER_MS);

		if (failed)
			return fault_errno(
				&db->fault, -failed, "lease of run %lld", (long long)sql_i64(q, 0));
	}
	return rc;
}

static int arm_agents(
	struct sql *db, struct leases *l, const struct store_terms *terms, int64_t now_ns)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(db, &q, "SELECT id FROM agents WHERE online = 1");

	for (; rc > 0; rc = sql_next(db, q)) {
		int failed = leases_set(
			l, LEASE_AGENT, sql_i64(q, 0), now_ns + terms->agent_ms * CLOCK_NS_PER_MS);

		if (failed)
			return fault_errno(&db->fault, -failed, "lease of agent %lld",
				(long long)sql_i64(q, 0));
	}
	return rc;
}

int recovery_arm(struct sql *db, struct leases *l, const struct store_terms *terms, int64_t now_ns,
	struct fault *f)
{
	int rc = arm_runs(db, l, terms, now_ns);

	if (!rc)
		rc = arm_agents(db, l, terms, now_ns);
	if (rc)
		return fault_set(f, db->fault.error, "%s", db->fault.text);
	return 0;
}
