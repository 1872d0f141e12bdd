#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/file.h"
#include "server/store/internal.h"
#include "server/store/migrations.h"

struct readers {
	pthread_mutex_t mutex;
	pthread_cond_t returned;
	const char *database; /* the store's */
	struct store_reader *free;
	unsigned opened, limit;
};

int readers_new(const char *database, unsigned n, struct readers **out, struct fault *f)
{
	struct readers *r = calloc(1, sizeof(*r));

	if (!r)
		return fault_set(f, ENOMEM, "readers: no memory");
	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->returned, NULL);
	r->database = database;
	r->limit = n;
	*out = r;
	return 0;
}

static void reader_free(struct store_reader *reader)
{
	intern_clear(&reader->interned.demands);
	intern_clear(&reader->interned.labels);
	sql_close(reader->db);
	free(reader);
}

void readers_free(struct readers *r)
{
	if (!r)
		return;
	while (r->free) {
		struct store_reader *reader = r->free;

		r->free = reader->next;
		reader_free(reader);
	}
	pthread_cond_destroy(&r->returned);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

static struct store_reader *reader_new(const char *database, struct fault *f)
{
	struct store_reader *reader = calloc(1, sizeof(*reader));

	if (!reader) {
		fault_set(f, ENOMEM, "reader: no memory");
		return NULL;
	}
	if (sql_open(database, false, &reader->db, f)) {
		free(reader);
		return NULL;
	}
	return reader;
}

struct store_reader *readers_borrow(struct readers *r, struct fault *f)
{
	struct store_reader *reader;
	bool open = false;

	pthread_mutex_lock(&r->mutex);
	while (!r->free && r->opened == r->limit)
		pthread_cond_wait(&r->returned, &r->mutex);
	reader = r->free;
	if (reader) {
		/* The last one that came back: its cache is warm. */
		r->free = reader->next;
	} else {
		r->opened++;
		open = true;
	}
	pthread_mutex_unlock(&r->mutex);
	if (!open) {
		intern_trim(&reader->interned);
		return reader;
	}
	reader = reader_new(r->database, f);
	if (!reader) {
		pthread_mutex_lock(&r->mutex);
		r->opened--;
		pthread_cond_signal(&r->returned);
		pthread_mutex_unlock(&r->mutex);
	}
	return reader;
}

void readers_return(struct readers *r, struct store_reader *reader)
{
	if (!reader)
		return;
	pthread_mutex_lock(&r->mutex);
	reader->next = r->free;
	r->free = reader;
	pthread_cond_signal(&r->returned);
	pthread_mutex_unlock(&r->mutex);
}

int store_reader_open(const char *folder, struct store_reader **out, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	struct store_reader *r;
	int version, rc;

	if (file_path(path, sizeof(path), "%s/hilda.db", folder))
		return fault_set(f, ENAMETOOLONG, "%s: the name is too long", folder);
	r = reader_new(path, f);
	if (!r)
		return -f->error;
	r->clock = &clock_system;
	rc = migrations_version(r->db, &version, f);
	if (!rc && version != STORE_SCHEMA_VERSION)
		rc = fault_set(f, EPROTO,
			"%s has version %d, this hildad version %d: its server migrates it", path,
			version, STORE_SCHEMA_VERSION);
	if (rc)
		reader_free(r);
	else
		*out = r;
	return rc;
}

void store_reader_close(struct store_reader *r)
{
	if (r)
		reader_free(r);
}
