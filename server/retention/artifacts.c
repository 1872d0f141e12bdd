/* Artifacts that nothing refers to, and that nobody sent or named for long. */
#include "server/artifacts/artifacts.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "server/retention/parts.h"
#include "server/store/ops_retention.h"
#include "server/store/read_retention.h"

#define AT_ONCE 64

static int remove_one(struct retention_work *w, const char *sha256, int64_t since_ms)
{
	struct op_artifact_remove x = {.sha256 = sha256, .unused_since_ms = since_ms};
	int rc;

	op_artifact_remove_setup(&x);
	rc = store_call(w->server->store, &x.op);
	if (rc == -EBUSY)
		return 0;
	if (rc)
		return rc;
	artifacts_forget_known(w->server->artifacts, sha256);
	log_info("artifact removed by retention", LOG_STR("artifact", sha256),
		LOG_I64("bytes", x.bytes));
	return 0;
}

int retention_artifacts(struct retention_work *w)
{
	int64_t age_ms = w->server->settings->artifact_age_ms, since_ms = w->now_ms - age_ms;
	char hashes[AT_ONCE][65], after[65] = "";
	size_t n = AT_ONCE;
	int rc = 0;

	while (age_ms && n == AT_ONCE && !rc) {
		struct store_reader *r = store_reader_borrow(w->server->store, NULL);

		rc = r ? read_keep_artifacts(r, since_ms, after, hashes, AT_ONCE, &n) : -EIO;
		store_reader_return(w->server->store, r);
		for (size_t i = 0; i < n && !rc && !retention_ends(w); i++)
			rc = remove_one(w, hashes[i], since_ms);
		if (!rc && n)
			memcpy(after, hashes[n - 1], sizeof(after));
		if (retention_ends(w))
			break;
	}
	return rc;
}
