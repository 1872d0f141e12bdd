/* Agents: who is there, and since when not. */
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/http/reply.h"
#include "server/store/read.h"

#define AGENTS_MAX_BYTES (8u << 20)

void agents_list(struct request *r)
{
	struct buffer b = BUFFER_INIT(AGENTS_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_agents(reader, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "agents");
}

void agents_get(struct request *r)
{
	struct buffer b = BUFFER_INIT(AGENTS_MAX_BYTES);
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return;
	rc = read_agent(reader, r->id, &b);
	request_reader_return(r, reader);
	query_reply(r, rc, &b, TYPE_JSON, "agent");
}
