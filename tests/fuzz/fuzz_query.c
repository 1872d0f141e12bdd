/*
 * Query strings and heads from hostile bytes: the first line is a query, the others are `Name: value`. What the
 * server's parsers make of them must keep to their limits. libmicrohttpd's lookups are answered from the input.
 */
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/numbers.h"
#include "server/api/query.h"
#include "server/events/hub.h"
#include "server/http/head.h"
#include "server/http/listen.h"
#include "server/http/reply.h"
#include "server/http/route.h"

#define PAIRS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct pair {
	enum MHD_ValueKind kind;
	char *key, *value;
};
static struct pair pairs[PAIRS_MAX];
static size_t n_pairs;

int MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
	MHD_KeyValueIterator iterator, void *cls)
{
	int n = 0;

	for (size_t i = 0; i < n_pairs; i++) {
		if (pairs[i].kind != kind)
			continue;
		n++;
		if (iterator && iterator(cls, kind, pairs[i].key, pairs[i].value) == MHD_NO)
			break;
	}
	return n;
}

const char *MHD_lookup_connection_value(
	struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *key)
{
	for (size_t i = 0; i < n_pairs; i++) {
		if (pairs[i].kind == kind && !strcasecmp(pairs[i].key, key))
			return pairs[i].value;
	}
	return NULL;
}

static void add(enum MHD_ValueKind kind, char *key, char *value)
{
	if (n_pairs < PAIRS_MAX)
		pairs[n_pairs++] = (struct pair){kind, key, value};
}

static void take_query(char *query)
{
	for (char *word; (word = strsep(&query, "&"));) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = 0;
		MHD_http_unescape(word);
		if (value)
			MHD_http_unescape(value);
		add(MHD_GET_ARGUMENT_KIND, word, value);
	}
}

static void take_head(char *head)
{
	for (char *line; (line = strsep(&head, "\n"));) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = 0;
		add(MHD_HEADER_KIND, line, value + strspn(value, " "));
	}
}

static void check(bool good)
{
	if (!good)
		abort();
}

/* Refused with an answer, or taken and within its limits. */
static void settled(struct request *r, bool taken)
{
	check(taken == !r->response);
	reply_drop(r);
}

static void read_query(struct request *r)
{
	static const char *const known[] = {"state", "label.", "limit", "after", "from", NULL};
	static const char *const states[] = {"queued", "active", NULL};
	struct read_label labels[READ_LABELS_MAX];
	struct read_page page = {0};
	const char *word = NULL;
	size_t n = 0;
	int64_t number = 0;
	bool taken;

	settled(r, request_query_only(r, known));
	taken = query_page(r, &page);
	check(!taken || (page.limit >= 1 && page.limit <= READ_LIMIT_MAX && page.after >= 0));
	settled(r, taken);
	taken = query_labels(r, labels, &n);
	check(n <= READ_LABELS_MAX);
	settled(r, taken);
	settled(r, query_word(r, "state", states, &word));
	taken = request_query_number(r, "from", 0, 0, INT64_MAX, &number);
	check(!taken || number >= 0);
	settled(r, taken);
	query_has(r, "strict");
}

static void read_head(struct request *r, struct event_hub *hub)
{
	const char *offset = request_header(r, "Upload-Offset");
	const char *last = request_header(r, "Last-Event-ID");
	const char *host = request_header(r, "Host");
	struct listen_address address;
	struct fault f;
	int64_t number = 0;
	uint64_t next;
	struct head h;

	if (offset && !number_i64(offset, 0, INT64_MAX, &number))
		check(number >= 0);
	if (last && event_hub_parse_id(hub, last, &next))
		check(next > 0);
	if (host) {
		listen_is_own_host(host);
		if (!listen_parse(host, &address, &f))
			check(memchr(address.host, 0, sizeof(address.host)) != NULL);
	}
	head_read(r, &h);
	settled(r, head_check_framing(r, &h));
	settled(r, head_check_site(r, &h, "POST"));
	for (size_t i = 0; i < 3; i++) {
		r->route = &routes[i];
		settled(r, head_check_type(r, &h));
	}
}

/* The modules of numbers take any text. */
static void read_numbers(const char *text)
{
	uint64_t u;
	int64_t i;
	double d;

	if (!number_u64(text, 1, 500, &u))
		check(u >= 1 && u <= 500);
	if (!number_i64(text, -5, 5, &i))
		check(i >= -5 && i <= 5);
	if (!number_u64_n(text, strlen(text), 0, 9, &u))
		check(u <= 9);
	if (!number_address(text, 4096, &u))
		check(u <= 4096);
	if (!number_f64(text, -1, 1, &d))
		check(d >= -1 && d <= 1);
	if (!number_duration_ms(text, 1000, &i))
		check(i >= 0 && i <= 1000);
	if (!number_size(text, 1 << 20, &u))
		check(u <= 1 << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct settings settings; /* on loopback: the strict rules */
	static struct server server = {.settings = &settings};
	static struct event_hub *hub;
	struct request r = {.path = "/api/v1/jobs", .server = &server};
	char *text = strndup((const char *)data, n), *head;

	if (!hub && event_hub_open(16, "0123456789abcdef0123456789abcdef", 7, &hub))
		abort();
	if (!text)
		return 0;
	n_pairs = 0;
	head = strchr(text, '\n');
	if (head)
		*head++ = 0;
	read_numbers(text);
	take_query(text);
	if (head)
		take_head(head);
	read_query(&r);
	read_head(&r, hub);
	free(text);
	return 0;
}
