#include "agent/spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/spool/spares.h"
#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/numbers.h"

/* random(4): another one for each boot. */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX_BYTES 64

struct row {
	struct spool_entry entry;
	bool claimed;
};

struct spool {
	char folder[FILE_PATH_BYTES - 256];
	pthread_mutex_t lock;
	struct row *rows;
	size_t n;
	struct spares spares;
	struct slots *slots;
	struct spool_entry *orphans;
	size_t n_orphans;
	json_t *rejected;
	/* The folder's way to the disk, shared by those that wait for it. */
	pthread_cond_t synced;
	bool syncing;
	uint64_t writes, writes_synced;
};

static int path_of(const struct spool *s, const struct spool_entry *e, const char *sub,
	const char *ending, char path[FILE_PATH_BYTES])
{
	return file_path(path, FILE_PATH_BYTES, "%s/%s%s-%" PRIu64 "-%" PRIu64 ".%s", s->folder,
		sub, e->lineage, e->run, e->epoch, ending);
}

static const char *const endings[SPOOL_FILES] = {"log", "capture"};

int spool_file_path(const struct spool *s, const struct spool_entry *e, enum spool_file file,
	char path[FILE_PATH_BYTES])
{
	return path_of(s, e, "", endings[file], path);
}

int spool_result_path(
	const struct spool *s, const struct spool_entry *e, char path[FILE_PATH_BYTES])
{
	return path_of(s, e, "", "json", path);
}

/* "<lineage>-<run>-<epoch>.<ending>" */
static bool parse_name(const char *name, const char *ending, struct spool_entry *e)
{
	char copy[256];
	char *rest = copy;
	char *lineage, *run, *epoch;

	if (snprintf(copy, sizeof(copy), "%s", name) >= (int)sizeof(copy))
		return false;
	lineage = strsep(&rest, "-");
	run = strsep(&rest, "-");
	epoch = strsep(&rest, ".");
	if (!rest || strcmp(rest, ending) != 0 || strlen(lineage) >= sizeof(e->lineage))
		return false;
	*e = (struct spool_entry){0};
	memcpy(e->lineage, lineage, strlen(lineage) + 1);
	return number_u64(run, 1, INT64_MAX, &e->run) == 0 &&
		number_u64(epoch, 0, INT64_MAX, &e->epoch) == 0;
}

static bool same(const struct spool_entry *a, const struct spool_entry *b)
{
	return a->run == b->run && a->epoch == b->epoch && strcmp(a->lineage, b->lineage) == 0;
}

static int add_row(struct spool *s, const struct spool_entry *e, bool claimed)
{
	struct row *more = reallocarray(s->rows, s->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	s->rows = more;
	more[s->n++] = (struct row){*e, claimed};
	return 0;
}

static int add_orphan(struct spool *s, const struct spool_entry *e)
{
	struct spool_entry *more = reallocarray(s->orphans, s->n_orphans + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	s->orphans = more;
	more[s->n_orphans++] = *e;
	return 0;
}

static int by_run(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->entry.run > y->entry.run) - (x->entry.run < y->entry.run);
}

static bool has_result(const struct spool *s, const struct spool_entry *e)
{
	char path[FILE_PATH_BYTES];

	return !path_of(s, e, "", "json", path) && !access(path, F_OK);
}

/* A file of it that is there already has all of it, unless its writing was cut off. */
static int recover_log(
	void *arg, const struct spool_entry *e, const char *data, size_t n, struct fault *f)
{
	const struct spool *s = arg;
	char path[FILE_PATH_BYTES];
	struct stat st;
	int rc = spool_file_path(s, e, SPOOL_LOG, path);

	if (rc)
		return fault_errno(f, -rc, "%s", s->folder);
	if (!n || (stat(path, &st) == 0 && (size_t)st.st_size >= n))
		return 0;
	return file_write_whole(path, data, n, 0640, f);
}

static int open_slots(struct spool *s, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	_cleanup_free_ char *boot = NULL;
	int rc = file_path(path, sizeof(path), "%s/spare/logs", s->folder);

	if (rc)
		return fault_errno(f, -rc, "%s", s->folder);
	if (file_read(BOOT_ID, BOOT_ID_MAX_BYTES, &boot, NULL, f)) {
		log_warning("short logs have files of their own", LOG_STR("why", f->text));
		return 0;
	}
	rc = slots_open(path, boot, &s->slots, f);
	return rc ? rc : slots_recover(s->slots, recover_log, s, f);
}

static int scan(struct spool *s, struct fault *f)
{
	DIR *folder = opendir(s->folder);
	struct spool_entry e;
	struct dirent *d;
	int rc = 0;

	if (!folder)
		return fault_errno(f, errno, "cannot read %s", s->folder);
	while (!rc && (d = readdir(folder))) {
		size_t length = strlen(d->d_name);

		/* What a write left that was cut off before its rename. */
		if (length > 4 && strcmp(d->d_name + length - 4, ".tmp") == 0)
			unlinkat(dirfd(folder), d->d_name, 0);
		else if (parse_name(d->d_name, "json", &e))
			rc = add_row(s, &e, false);
		else if (parse_name(d->d_name, endings[SPOOL_LOG], &e) && !has_result(s, &e))
			rc = add_orphan(s, &e);
		else if (parse_name(d->d_name, endings[SPOOL_CAPTURE], &e) && !has_result(s, &e))
			unlinkat(dirfd(folder), d->d_name, 0);
	}
	closedir(folder);
	if (rc)
		return fault_errno(f, -rc, "cannot read %s", s->folder);
	if (s->n)
		qsort(s->rows, s->n, sizeof(*s->rows), by_run);
	return 0;
}

int spool_open(const char *folder, struct spool **out, struct fault *f)
{
	struct spool *s = calloc(1, sizeof(*s));
	char rejected[FILE_PATH_BYTES], spares[FILE_PATH_BYTES];
	int rc;

	if (!s)
		return fault_errno(f, ENOMEM, "spool");
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->synced, NULL);
	s->rejected = json_array();
	rc = file_path(s->folder, sizeof(s->folder), "%s", folder);
	if (!rc)
		rc = file_path(rejected, sizeof(rejected), "%s/rejected", folder);
	if (!rc)
		rc = file_path(spares, sizeof(spares), "%s/spare", folder);
	if (rc)
		rc = fault_errno(f, -rc, "%s", folder);
	else
		rc = file_make_folders(rejected, 0750, f);
	if (!rc)
		rc = spares_init(&s->spares, spares, f);
	if (!rc)
		rc = open_slots(s, f);
	if (!rc)
		rc = scan(s, f);
	if (rc) {
		spool_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	pthread_cond_destroy(&s->synced);
	pthread_mutex_destroy(&s->lock);
	spares_done(&s->spares);
	slots_close(s->slots);
	json_decref(s->rejected);
	free(s->rows);
	free(s->orphans);
	free(s);
}

int spool_open_log(
	struct spool *s, const struct spool_entry *e, struct growing **out, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc = spool_file_path(s, e, SPOOL_LOG, path);

	return rc ? fault_errno(f, -rc, "run log") : growing_open_in(s->slots, e, path, out, f);
}

/* Names that are in the folder are on the disk when it returns 0; many boards need one fsync. */
static int sync_names(struct spool *s, const char *path, struct fault *f)
{
	uint64_t mine;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	mine = ++s->writes;
	while (!rc && s->writes_synced < mine) {
		uint64_t all = s->writes;

		if (s->syncing) {
			pthread_cond_wait(&s->synced, &s->lock);
			continue;
		}
		s->syncing = true;
		pthread_mutex_unlock(&s->lock);
		rc = file_sync_folder(path, f);
		pthread_mutex_lock(&s->lock);
		s->syncing = false;
		if (!rc)
			s->writes_synced = all;
		pthread_cond_broadcast(&s->synced);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int spool_replace(
	struct spool *s, const struct spool_entry *e, const char *text, size_t n, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	int rc = path_of(s, e, "", "json", path);

	if (rc)
		return fault_errno(f, -rc, "%s", s->folder);
	rc = spares_write(&s->spares, path, text, n, f);
	return rc ? rc : sync_names(s, path, f);
}

int spool_put(
	struct spool *s, const struct spool_entry *e, const char *text, size_t n, struct fault *f)
{
	int rc = spool_replace(s, e, text, n, f);

	if (rc)
		return rc;
	failpoint("agent.spool.synced");
	pthread_mutex_lock(&s->lock);
	rc = add_row(s, e, true);
	pthread_mutex_unlock(&s->lock);
	return rc ? fault_errno(f, -rc, "%s", s->folder) : 0;
}

static void forget(struct spool *s, const struct spool_entry *e)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		if (!same(&s->rows[i].entry, e))
			continue;
		memmove(&s->rows[i], &s->rows[i + 1], (s->n - i - 1) * sizeof(*s->rows));
		s->n--;
		break;
	}
	pthread_mutex_unlock(&s->lock);
}

void spool_remove(struct spool *s, const struct spool_entry *e)
{
	char path[FILE_PATH_BYTES];

	/* The result goes last: a log without one is sent as the log of a run that was cut off. */
	for (enum spool_file file = 0; file < SPOOL_FILES; file++) {
		if (spool_file_path(s, e, file, path) == 0)
			unlink(path);
	}
	if (spool_result_path(s, e, path) == 0)
		spares_give(&s->spares, path);
	forget(s, e);
}

static void move(struct spool *s, const struct spool_entry *e, const char *ending)
{
	char from[FILE_PATH_BYTES];
	char to[FILE_PATH_BYTES];

	if (path_of(s, e, "", ending, from) || path_of(s, e, "rejected/", ending, to))
		return;
	if (rename(from, to) && errno != ENOENT)
		log_error("cannot move a refused result", LOG_STR("file", from),
			LOG_STR("error", strerror(errno)));
}

void spool_reject(struct spool *s, const struct spool_entry *e, int status, const char *why)
{
	json_t *item = json_pack(
		"{s:I, s:i, s:s}", "run", (json_int_t)e->run, "status", status, "detail", why);

	for (enum spool_file file = 0; file < SPOOL_FILES; file++)
		move(s, e, endings[file]);
	move(s, e, "json");
	forget(s, e);
	log_error("the server refuses a result; it is kept in spool/rejected",
		LOG_U64("run", e->run), LOG_I64("status", status), LOG_STR("why", why));
	pthread_mutex_lock(&s->lock);
	if (json_array_size(s->rejected) < SPOOL_REJECTED_MAX)
		json_array_append(s->rejected, item);
	pthread_mutex_unlock(&s->lock);
	json_decref(item);
}

bool spool_claim(struct spool *s, struct spool_entry *out)
{
	bool found = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !found; i++) {
		if (s->rows[i].claimed)
			continue;
		s->rows[i].claimed = found = true;
		*out = s->rows[i].entry;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

void spool_release(struct spool *s, const struct spool_entry *e)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		if (!same(&s->rows[i].entry, e))
			continue;
		/* To the end: one that the server never takes must not hold up the others. */
		memmove(&s->rows[i], &s->rows[i + 1], (s->n - i - 1) * sizeof(*s->rows));
		s->rows[s->n - 1] = (struct row){*e, false};
		break;
	}
	pthread_mutex_unlock(&s->lock);
}

size_t spool_count(struct spool *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static bool listed(const json_t *runs, uint64_t run)
{
	const json_t *item;
	size_t i;

	json_array_foreach (runs, i, item) {
		if ((uint64_t)json_integer_value(json_object_get(item, "run")) == run)
			return true;
	}
	return false;
}

void spool_add_runs(struct spool *s, const char *lineage, json_t *runs, bool with_stage)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		const struct spool_entry *e = &s->rows[i].entry;
		json_t *run;

		/* Before the first register no lineage is known: the server tells what is its own. */
		if ((lineage[0] && strcmp(lineage, e->lineage) != 0) || listed(runs, e->run))
			continue;
		run = json_pack(
			"{s:I, s:I}", "run", (json_int_t)e->run, "epoch", (json_int_t)e->epoch);
		if (with_stage)
			json_object_set_new(run, "stage", json_string("collect"));
		json_array_append_new(runs, run);
	}
	pthread_mutex_unlock(&s->lock);
}

bool spool_take_orphan(struct spool *s, struct spool_entry *out)
{
	bool found;

	pthread_mutex_lock(&s->lock);
	found = s->n_orphans > 0;
	if (found)
		*out = s->orphans[--s->n_orphans];
	pthread_mutex_unlock(&s->lock);
	return found;
}

json_t *spool_rejected(struct spool *s)
{
	json_t *copy;

	pthread_mutex_lock(&s->lock);
	copy = json_copy(s->rejected);
	pthread_mutex_unlock(&s->lock);
	return copy;
}

void spool_rejected_told(struct spool *s, size_t n)
{
	pthread_mutex_lock(&s->lock);
	while (n-- && json_array_size(s->rejected))
		json_array_remove(s->rejected, 0);
	pthread_mutex_unlock(&s->lock);
}
