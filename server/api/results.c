/* The table of results over runs, as JSON and as CSV. */
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/http/reply.h"
#include "server/store/read.h"

#define RESULTS_MAX_BYTES (32u << 20)

static bool parse(struct request *r, struct read_results_filter *f)
{
	static const char *const known[] = {
		"board", "type", "outcome", "virtual", "metric", "limit", "after", "label.", NULL};
	static const char *const outcomes[] = {
		"passed", "failed", "infrastructure", "configuration", "timeout", "canceled", NULL};
	static const char *const truths[] = {"true", "false", "1", "0", NULL};
	const char *is_virtual = NULL;

	f->is_virtual = -1;
	if (!request_query_only(r, known) || !query_page(r, &f->page) ||
		!query_word(r, "outcome", outcomes, &f->outcome) ||
		!query_word(r, "virtual", truths, &is_virtual) ||
		!query_labels(r, f->labels, &f->n_labels))
		return false;
	if (is_virtual)
		f->is_virtual = *is_virtual == 't' || *is_virtual == '1';
	f->board = request_query(r, "board");
	f->type = request_query(r, "type");
	f->metric = request_query(r, "metric");
	return true;
}

static void reply_results(struct request *r,
	int (*read)(
		struct store_reader *reader, const struct read_results_filter *f, struct buffer *b),
	const char *type)
{
	struct read_results_filter filter = {0};
	struct buffer b = BUFFER_INIT(RESULTS_MAX_BYTES);
	struct store_reader *reader;
	int rc;

	if (!parse(r, &filter))
		return;
	reader = request_reader(r);
	if (!reader)
		return;
	rc = read(reader, &filter, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, type, "results");
}

void results_json(struct request *r)
{
	reply_results(r, read_results, TYPE_JSON);
}

void results_csv(struct request *r)
{
	reply_results(r, read_results_csv, TYPE_CSV);
	if (r->status == 200)
		reply_header(r, "Content-Disposition", "attachment; filename=\"results.csv\"");
}
