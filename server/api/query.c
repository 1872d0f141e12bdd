#include "server/api/query.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "server/http/reply.h"
#include "server/store/read_retention.h"

bool query_page(struct request *r, struct read_page *page)
{
	int64_t limit;

	if (!request_query_number(r, "after", 0, 1, INT64_MAX, &page->after) ||
		!request_query_number(r, "limit", READ_LIMIT_DEFAULT, 1, READ_LIMIT_MAX, &limit))
		return false;
	page->limit = (unsigned)limit;
	return true;
}

bool query_word(struct request *r, const char *name, const char *const *known, const char **out)
{
	const char *text = request_query(r, name);
	struct problem p;

	if (!text || !*text)
		return true;
	for (const char *const *k = known; *k; k++) {
		if (strcmp(*k, text) == 0) {
			*out = text;
			return true;
		}
	}
	problem_set(&p, PROBLEM_BAD_QUERY, "query parameter '%s' cannot be '%s'", name, text);
	p.known = known;
	reply_problem(r, &p);
	return false;
}

struct labels {
	struct read_label *labels;
	size_t n;
	bool too_many;
};

static enum MHD_Result add_label(
	void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct labels *l = cls;

	if (strncmp(key, "label.", 6) != 0 || !value)
		return MHD_YES;
	if (l->n == READ_LABELS_MAX) {
		l->too_many = true;
		return MHD_NO;
	}
	l->labels[l->n++] = (struct read_label){.key = key + 6, .value = value};
	return MHD_YES;
}

bool query_labels(struct request *r, struct read_label *labels, size_t *n)
{
	struct labels l = {.labels = labels};

	MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, add_label, &l);
	*n = l.n;
	if (!l.too_many)
		return true;
	reply_problemf(r, PROBLEM_BAD_QUERY, "at most %d labels can be asked for", READ_LABELS_MAX);
	return false;
}

struct search {
	const char *name;
	bool found;
};

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct search *s = cls;

	s->found = strcmp(key, s->name) == 0;
	return s->found ? MHD_NO : MHD_YES;
}

bool query_has(struct request *r, const char *name)
{
	struct search s = {.name = name};

	MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, look, &s);
	return s.found;
}

void query_not_found(struct request *r, const char *what, int64_t id)
{
	static const struct {
		const char *what;
		enum read_given given;
	} kinds[] = {{"job", READ_GIVEN_JOB}, {"run", READ_GIVEN_RUN},
		{"suite run", READ_GIVEN_SUITE_RUN}};
	bool given = false;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct store_reader *reader;

		if (strcmp(kinds[i].what, what) != 0)
			continue;
		reader = store_reader_borrow(r->server->store, NULL);
		if (reader)
			read_was_given(reader, kinds[i].given, id, &given);
		store_reader_return(r->server->store, reader);
	}
	reply_problemf(r, PROBLEM_NOT_FOUND, "there is no %s %lld%s", what, (long long)id,
		given ? " any more: it was removed by retention" : "");
}

/* "there is no job 17" where the path ends in an id. */
static void not_found(struct request *r, const char *what)
{
	const char *last = strrchr(r->path, '/');
	int64_t id;

	if (last && number_i64(last + 1, 1, INT64_MAX, &id) == 0)
		query_not_found(r, what, id);
	else
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no such %s as %s", what, r->path);
}

void query_reply(struct request *r, int rc, struct buffer *b, const char *type, const char *what)
{
	if (rc == 0)
		reply_buffer(r, 200, b, type);
	else if (rc == -ENOENT)
		not_found(r, what);
	else if (rc == -EFBIG)
		reply_problemf(r, PROBLEM_INTERNAL,
			"the answer is over the server's limit; ask for less by ?limit=");
	else
		reply_rc(r, rc, NULL);
	buffer_done(b);
}
