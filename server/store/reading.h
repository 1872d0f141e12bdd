/* What the files that read for REST share. Private to server/store. */
#ifndef HILDA_SERVER_STORE_READING_H
#define HILDA_SERVER_STORE_READING_H

#include "server/store/internal.h"
#include "server/store/json_out.h"
#include "server/store/placing.h"
#include "server/store/read.h"

/* Rows that never change, kept by the reader. Valid until the next of the same kind. */
int reading_demand(struct store_reader *r, int64_t id, struct intern_entry **out);
int reading_labels(struct store_reader *r, int64_t id, const char **out); /* id 0: "{}" */

/* Why a job with this need is queued. */
int reading_waits_for(struct store_reader *r, const struct placing *p, char out[MATCH_WAITS_BYTES]);

/* "estimated_start_at" and "estimate" of a queued job. Costs more than a row: not for lists. */
int reading_put_estimate(
	struct store_reader *r, const struct placing *p, int64_t now_ms, struct json_out *o);

void reading_put_time_or_null(struct json_out *o, const char *key, sqlite3_stmt *q, int column);

/* Takes back what was added since `before` when rc is not 0. Returns rc. */
int reading_end(struct buffer *out, size_t before, int rc);

/* The whole list that q gives, rc being of its first row; `put` adds one row. */
int reading_all(struct store_reader *r, sqlite3_stmt *q, int rc,
	int (*put)(struct store_reader *r, sqlite3_stmt *q, struct json_out *o),
	struct buffer *out);

/* ---- pages: statements use $after and $limit, and $k0, $v0... for labels ---- */

unsigned reading_limit(const struct read_page *page);
int reading_bind_page(
	struct store_reader *r, sqlite3_stmt *q, const struct read_page *page, unsigned limit);
void reading_label_terms(struct buffer *text, const char *column, size_t n_labels);
int reading_bind_labels(
	struct store_reader *r, sqlite3_stmt *q, const struct read_label *labels, size_t n_labels);
/*
 * Ends {"items":[ ... with "next", the id to go on after or null; then as reading_end. rc: of the last step, 1: there
 * are more.
 */
int reading_end_page(struct json_out *o, struct buffer *out, size_t before, int rc, int64_t last);

#endif
