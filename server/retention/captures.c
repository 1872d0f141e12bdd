/* Captures that are too old or too many, the oldest first; their numbers stay. */
#include "server/captures/captures.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "server/retention/parts.h"
#include "server/store/ops_retention.h"
#include "server/store/read.h"

#define AT_ONCE 1024 /* captures that one turn may take */

/* -EBUSY: it lives, and the next turn will see. */
static int remove_one(struct server *server, const struct read_capture *c, const char *why)
{
	struct op_capture_remove x = {.run = c->run, .why = why};
	int rc;

	op_capture_remove_setup(&x);
	rc = store_call(server->store, &x.op);
	if (!rc)
		log_info("capture removed by retention", LOG_I64("run", c->run),
			LOG_I64("bytes", c->bytes), LOG_STR("why", why));
	else if (rc != -EBUSY)
		log_warning("a capture cannot be removed", LOG_I64("run", c->run),
			LOG_STR("why", x.op.fault.text));
	return rc;
}

int retention_captures(struct retention_work *w)
{
	const struct settings *s = w->server->settings;
	_cleanup_free_ struct read_capture *list = NULL;
	struct store_reader *r;
	int64_t total = 0;
	size_t n = 0;
	int rc;

	if (!s->capture_age_ms && !s->captures_max_bytes)
		return 0;
	list = calloc(AT_ONCE, sizeof(*list));
	r = list ? store_reader_borrow(w->server->store, NULL) : NULL;
	rc = r ? read_captures(r, list, AT_ONCE, &n, &total) : list ? -EIO : -ENOMEM;
	store_reader_return(w->server->store, r);
	for (size_t i = 0; i < n && !rc && !retention_ends(w); i++) {
		bool old = keep_is_old(s->capture_age_ms, list[i].finished_ms, w->now_ms);

		if (!old && !(s->captures_max_bytes && (uint64_t)total > s->captures_max_bytes))
			continue;
		rc = remove_one(w->server, &list[i], old ? "its age" : "all together");
		if (!rc)
			total -= list[i].bytes;
		rc = rc == -EBUSY ? 0 : rc;
	}
	return rc;
}
