#include "server/agents/agents.h"

#include <errno.h>

#include "common/numbers.h"
#include "protocols/job/doc.h"
#include "server/http/reply.h"
#include "server/schedule/match.h"
#include "server/store/read.h"

static bool number_header(struct request *r, const char *name, int64_t *out)
{
	const char *text = request_header(r, name);

	if (text && number_i64(text, 0, INT64_MAX, out) == 0)
		return true;
	reply_problemf(r, PROBLEM_BAD_REQUEST, "header %s must carry a number, not '%s'", name,
		text ? text : "");
	return false;
}

bool agent_headers(struct request *r, bool session, bool epoch)
{
	const char *protocol = request_header(r, "Hilda-Agent-Protocol");
	int64_t major;

	if (!protocol || number_i64(protocol, 0, 1000000, &major) != 0) {
		reply_problemf(r, PROBLEM_BAD_REQUEST,
			"header Hilda-Agent-Protocol is missing; this server speaks version %d",
			AGENT_PROTOCOL);
		return false;
	}
	if (major != AGENT_PROTOCOL) {
		reply_problemf(r, PROBLEM_UPGRADE,
			"the agent speaks protocol %lld, this server %d; install the same version of "
			"hilda-agent and hildad",
			(long long)major, AGENT_PROTOCOL);
		return false;
	}
	return (!session || number_header(r, "Hilda-Session", &r->session)) &&
		(!epoch || number_header(r, "Hilda-Epoch", &r->epoch));
}

bool agent_of_session(struct request *r, int64_t *agent)
{
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return false;
	rc = read_session(reader, r->session, r->who.host, agent);
	request_reader_return(r, reader);
	if (rc == 0)
		return true;
	reply_problemf(r, rc == -ESTALE ? PROBLEM_STALE_SESSION : PROBLEM_INTERNAL,
		"session %lld is not the latest of this agent; register again",
		(long long)r->session);
	return false;
}

void agent_reply_rc(struct request *r, const struct store_op *op)
{
	if (op->rc == -ENOENT || op->rc == -EEXIST)
		reply_problemf(r, PROBLEM_GONE, "%s",
			op->fault.text[0] ? op->fault.text
					  : "the run is over or was never offered");
	else
		reply_rc(r, op->rc, &op->fault);
}

static void note(struct agent_fields *a, const char *where, const char *key, const char *what)
{
	if (a->problem[0])
		return;
	snprintf(a->problem, sizeof(a->problem), "%s must be %s", key, what);
	snprintf(a->pointer, sizeof(a->pointer), "%s/%s", where, key);
}

const char *agent_text(struct agent_fields *a, const json_t *object, const char *where,
	const char *key, size_t max, bool needed)
{
	const json_t *value = json_object_get(object, key);
	char what[64];

	if (!needed && (!value || json_is_null(value)))
		return NULL;
	if (json_is_string(value) && json_string_length(value) <= max &&
		strlen(json_string_value(value)) == json_string_length(value) &&
		(!needed || json_string_length(value) > 0))
		return json_string_value(value);
	snprintf(what, sizeof(what), "a text of %s to %zu bytes", needed ? "1" : "0", max);
	note(a, where, key, what);
	return NULL;
}

int64_t agent_number(
	struct agent_fields *a, const json_t *object, const char *where, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		return 0;
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		return json_integer_value(value);
	note(a, where, key, "a whole number from 0");
	return 0;
}

bool agent_flag(struct agent_fields *a, const json_t *object, const char *where, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_boolean(value))
		note(a, where, key, "true or false");
	return json_is_true(value);
}

const json_t *agent_list(struct agent_fields *a, const json_t *object, const char *where,
	const char *key, size_t max)
{
	const json_t *value = json_object_get(object, key);
	char what[64];

	if (!value || (json_is_array(value) && json_array_size(value) <= max))
		return value;
	snprintf(what, sizeof(what), "a list of at most %zu", max);
	note(a, where, key, what);
	return NULL;
}

#define WORD_IS "1 to 64 letters, digits and . _ + : -"

static bool is_word(const char *text)
{
	return text && doc_is_word(text);
}

const char *agent_word(
	struct agent_fields *a, const json_t *object, const char *where, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (is_word(text))
		return text;
	note(a, where, key, WORD_IS);
	return NULL;
}

const json_t *agent_words(
	struct agent_fields *a, const json_t *object, const char *where, const char *key)
{
	const json_t *list = agent_list(a, object, where, key, MATCH_WORDS_MAX);

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (is_word(json_string_value(json_array_get(list, i))))
			continue;
		note(a, where, key, "a list of words of " WORD_IS);
		return NULL;
	}
	return list;
}

bool agent_fields_ok(struct agent_fields *a)
{
	struct problem p;

	if (a->r->response)
		return false;
	if (!a->problem[0])
		return true;
	problem_set(&p, PROBLEM_BAD_JSON, "%s", a->problem);
	problem_pointer(&p, a->pointer);
	reply_problem(a->r, &p);
	return false;
}

bool agent_held_runs(struct agent_fields *a, const json_t *object, const char *key,
	struct op_held_run **out, size_t *n)
{
	const json_t *list = agent_list(a, object, "", key, AGENT_RUNS_MAX);
	struct op_held_run *runs;

	*n = json_array_size(list);
	*out = runs = calloc(*n ? *n : 1, sizeof(*runs));
	if (!runs) {
		reply_rc(a->r, -ENOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < *n; i++) {
		const json_t *item = json_array_get(list, i);
		char where[64];

		snprintf(where, sizeof(where), "/%s/%zu", key, i);
		if (!json_is_object(item))
			note(a, where, "", "an object");
		runs[i].run = agent_number(a, item, where, "run");
		runs[i].epoch = agent_number(a, item, where, "epoch");
		runs[i].stage = agent_text(a, item, where, "stage", STORE_WORD_BYTES - 1, false);
	}
	return true;
}
