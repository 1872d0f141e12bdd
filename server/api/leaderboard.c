/* The leaderboard over stored runs, as JSON, CSV and Markdown of the same rows. */
#include "server/leaderboard/print.h"

#include "common/cleanup.h"
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/http/reply.h"
#include "server/store/read.h"

#define LEADERBOARD_MAX_BYTES (32u << 20)

enum form { FORM_JSON, FORM_CSV, FORM_MD };

static int print(
	const struct leaderboard *b, enum form form, enum leader_phase phase, struct buffer *out)
{
	return form == FORM_CSV	  ? leaderboard_csv(b, out)
		: form == FORM_MD ? leaderboard_markdown(b, phase, out)
				  : leaderboard_json(b, out);
}

static void answer(struct request *r, enum form form)
{
	static const char *const known[] = {"task", "board", "quant", "phase", NULL};
	static const char *const phases[] = {"warm", "cold", NULL};
	static const char *const types[] = {TYPE_JSON, TYPE_CSV, TYPE_MARKDOWN};
	_cleanup_(leaderboard_done) struct leaderboard b;
	struct buffer out = BUFFER_INIT(LEADERBOARD_MAX_BYTES);
	struct leader_filter filter = {0};
	struct store_reader *reader;
	const char *phase = NULL;
	int rc;

	leaderboard_init(&b);
	if (!request_query_only(r, known) || !query_word(r, "phase", phases, &phase))
		return;
	filter.task = request_query(r, "task");
	filter.board = request_query(r, "board");
	filter.quant = request_query(r, "quant");
	reader = request_reader(r);
	if (!reader)
		return;
	rc = read_leaderboard(reader, &b);
	request_reader_return(r, reader);
	if (!rc)
		rc = leaderboard_finish(&b, &filter);
	if (!rc)
		rc = print(&b, form, phase && *phase == 'c' ? LEADER_COLD : LEADER_WARM, &out);
	query_reply(r, rc, &out, types[form], "leaderboard");
}

void leaderboard_get(struct request *r)
{
	answer(r, FORM_JSON);
}

void leaderboard_get_csv(struct request *r)
{
	answer(r, FORM_CSV);
	if (r->status == 200)
		reply_header(r, "Content-Disposition", "attachment; filename=\"leaderboard.csv\"");
}

void leaderboard_get_md(struct request *r)
{
	answer(r, FORM_MD);
}
