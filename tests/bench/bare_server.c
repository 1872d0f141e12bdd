/*
 * The limits that `make bench` compares with: libmicrohttpd and SQLite with nothing of Hilda around
 * them, in the shape that the server uses (epoll, thread pool, suspend and resume, one writer).
 *
 *	bare_server DATABASE SCHEMA.sql REPLY-FILE THREADS
 *
 * GET anything: REPLY-FILE's bytes as JSON. POST: the body is parsed and becomes one row of the
 * server's own table of jobs by a group commit (WAL, synchronous=FULL), then 201; nothing is checked.
 * Prints the port, ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/file.h"
#include "common/numbers.h"

#define MAX_BODY_BYTES 65536
#define MAX_SCHEMA_BYTES (1024 * 1024)
#define MAX_REPLY_BYTES 65536

struct request {
	struct MHD_Connection *connection;
	struct buffer body;
	int finished;
	struct request *next;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct request *first, **end;
	sqlite3 *db;
	sqlite3_stmt *insert;
	char *reply;
	size_t reply_bytes;
} bare = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bare_server: %s failed: %s\n", what,
		bare.db ? sqlite3_errmsg(bare.db) : "");
	exit(1);
}

static void sql(const char *text)
{
	must(sqlite3_exec(bare.db, text, NULL, NULL, NULL) == SQLITE_OK, text);
}

/* The whole queue in one transaction, then every connection goes on. */
static void commit_all(struct request *list)
{
	sql("BEGIN IMMEDIATE");
	for (struct request *r = list; r; r = r->next) {
		sqlite3_bind_text(bare.insert, 1, r->body.data, (int)r->body.n, SQLITE_STATIC);
		must(sqlite3_step(bare.insert) == SQLITE_DONE, "insert");
		sqlite3_reset(bare.insert);
	}
	sql("COMMIT");
	for (struct request *r = list, *next; r; r = next) {
		next = r->next;
		r->finished = 1;
		MHD_resume_connection(r->connection);
	}
}

static void *writer(void *arg)
{
	for (;;) {
		struct request *list;

		pthread_mutex_lock(&bare.mutex);
		while (!bare.first)
			pthread_cond_wait(&bare.wake, &bare.mutex);
		list = bare.first;
		bare.first = NULL;
		bare.end = &bare.first;
		pthread_mutex_unlock(&bare.mutex);
		commit_all(list);
	}
	return arg;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, void *text, size_t n)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ok;

	MHD_add_response_header(r, "Content-Type", "application/json");
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result enqueue(struct request *r)
{
	json_t *doc = json_loadb(r->body.data ? r->body.data : "", r->body.n, 0, NULL);

	if (!doc)
		return answer(r->connection, 400, "{}", 2);
	json_decref(doc);
	MHD_suspend_connection(r->connection);
	pthread_mutex_lock(&bare.mutex);
	r->next = NULL;
	*bare.end = r;
	bare.end = &r->next;
	pthread_cond_signal(&bare.wake);
	pthread_mutex_unlock(&bare.mutex);
	return MHD_YES;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *n, void **state)
{
	struct request *r = *state;

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return MHD_NO;
		r->connection = c;
		r->body = BUFFER_INIT(MAX_BODY_BYTES);
		*state = r;
		return MHD_YES;
	}
	if (*n) {
		if (buffer_add(&r->body, data, *n))
			return MHD_NO;
		*n = 0;
		return MHD_YES;
	}
	if (strcmp(method, "POST"))
		return answer(c, 200, bare.reply, bare.reply_bytes);
	if (r->finished)
		return answer(c, 201, "{\"id\":1}", 8);
	return enqueue(r);
}

static void forget(
	void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	struct request *r = *state;

	if (r) {
		buffer_done(&r->body);
		free(r);
	}
	*state = NULL;
}

static void open_database(const char *path, const char *schema)
{
	/* As the server stores a job that waits; demand and labels are the first of their tables. */
	static const char insert[] =
		"INSERT INTO jobs (name, state, demand, label_set, image, priority, attempts_allowed,"
		" token, body_sha256, created_at, queue_deadline_at, document)"
		" VALUES ('bench', 'queued', 1, 1, ?2, 50, 3, '', ?2, 1767225600000, 1767312000000, ?1)";

	must(sqlite3_open(path, &bare.db) == SQLITE_OK, "open");
	sql("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
	sql(schema);
	must(sqlite3_prepare_v2(bare.db, insert, -1, &bare.insert, NULL) == SQLITE_OK, "prepare");
	sqlite3_bind_text(bare.insert, 2,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", -1,
		SQLITE_STATIC);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct MHD_Daemon *daemon;
	const union MHD_DaemonInfo *info;
	struct fault f;
	uint64_t threads;
	pthread_t thread;
	char c, *schema;

	if (argc != 5 || number_u64(argv[4], 1, 64, &threads)) {
		fprintf(stderr, "usage: bare_server DATABASE SCHEMA.sql REPLY-FILE THREADS\n");
		return 2;
	}
	if (file_read(argv[2], MAX_SCHEMA_BYTES, &schema, NULL, &f) ||
		file_read(argv[3], MAX_REPLY_BYTES, &bare.reply, &bare.reply_bytes, &f)) {
		fprintf(stderr, "bare_server: %s\n", f.text);
		return 1;
	}
	bare.end = &bare.first;
	open_database(argv[1], schema);
	free(schema);
	must(pthread_create(&thread, NULL, writer, NULL) == 0, "pthread_create");
	/* libmicrohttpd refuses a pool of one: that is its internal thread alone. */
	daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
		NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
		forget, NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)(threads > 1 ? threads : 0),
		MHD_OPTION_END);
	must(daemon != NULL, "MHD_start_daemon");
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	printf("%u\n", info->port);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	_exit(0); /* suspended connections would make MHD_stop_daemon abort */
}
