#include "tests/unit/server/store/crash_vfs.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/numbers.h"

#define NAMES_MAX 16
#define NAME_BYTES 256
#define FOLDER_OPS_MAX 64
#define SHM_REGIONS_MAX 64
#define SAID_SECTOR_BYTES 4096 /* what SQLite's own VFS says; writes tear at smaller ones */

/* Bytes that grow. */
struct bytes {
	uint8_t *data;
	size_t n, room;
};

/* A write, or a truncation (data NULL) to `at`. */
struct change {
	struct change *next;
	uint64_t at;
	size_t n;
	uint8_t *data;
};

struct handle;

struct node {
	struct node *next; /* all of them */
	unsigned handles;
	struct bytes seen, durable;
	struct change *first, **last; /* since the last sync, in order */

	unsigned shared; /* locks of the file */
	struct handle *reserved, *pending;

	void *shm[SHM_REGIONS_MAX];
	unsigned shm_users;
	unsigned shm_shared[SQLITE_SHM_NLOCK];
	struct handle *shm_exclusive[SQLITE_SHM_NLOCK];
};

struct names {
	struct {
		char name[NAME_BYTES];
		struct node *node;
	} at[NAMES_MAX];
	size_t n;
};

/* A name that was made (node) or removed (NULL). */
struct folder_op {
	char name[NAME_BYTES];
	struct node *node;
};

struct handle {
	sqlite3_file base;
	struct node *node;
	enum crash_file kind;
	int lock;
	bool sync_folder; /* with its next sync, as SQLite's own VFS does for a new journal or log */
	bool shm;
	unsigned shm_shared, shm_exclusive; /* masks */
};

static struct {
	pthread_mutex_t mutex;
	struct node *nodes;
	struct names seen, durable;
	struct folder_op folder_ops[FOLDER_OPS_MAX];
	size_t n_folder_ops;
	uint64_t dice;
	uint64_t cut_in; /* 0: never */
	unsigned cut_calls;
	bool cut, lies;
	struct crash_fault fault;
	struct crash_counts counts;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

uint64_t crash_dice(uint64_t *state, uint64_t bound)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % bound;
}

static uint64_t dice(uint64_t bound)
{
	return crash_dice(&disk.dice, bound);
}

uint64_t crash_setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);
	uint64_t n = fallback;

	if (text && number_u64(text, 0, UINT64_MAX, &n)) {
		fprintf(stderr, "%s is no number: %s\n", name, text);
		abort();
	}
	return n;
}

/* ---- bytes and changes ---- */

static void bytes_resize(struct bytes *b, size_t n)
{
	if (n > b->room) {
		b->room = n > 2 * b->room ? n : 2 * b->room;
		b->data = realloc(b->data, b->room);
		assert(b->data);
	}
	if (n > b->n)
		memset(b->data + b->n, 0, n - b->n);
	b->n = n;
}

static void bytes_write(struct bytes *b, uint64_t at, const uint8_t *data, size_t n)
{
	if (at + n > b->n)
		bytes_resize(b, at + n);
	memcpy(b->data + at, data, n);
}

static void apply(struct bytes *b, const struct change *c)
{
	if (c->data)
		bytes_write(b, c->at, c->data, c->n);
	else if (c->at < b->n)
		b->n = c->at;
}

static void forget_changes(struct node *node)
{
	for (struct change *c = node->first, *next; c; c = next) {
		next = c->next;
		free(c->data);
		free(c);
	}
	node->first = NULL;
	node->last = &node->first;
}

static void note(struct node *node, uint64_t at, const void *data, size_t n)
{
	struct change *c = calloc(1, sizeof(*c));

	assert(c);
	c->at = at;
	c->n = n;
	if (data) {
		c->data = malloc(n);
		assert(c->data);
		memcpy(c->data, data, n);
	}
	apply(&node->seen, c);
	*node->last = c;
	node->last = &c->next;
}

/* ---- what survives ---- */

enum fate { NOTHING, EVERYTHING, SOME_SECTORS, SOME_CHANGES, THE_FIRST, N_FATES };

/* Each sector of a write has its own luck; together with the order that is any order. */
static void survive_in_part(struct bytes *b, const struct change *c, unsigned of_eight)
{
	for (uint64_t at = c->at, end = c->at + c->n; at < end;) {
		uint64_t stop = (at / CRASH_SECTOR_BYTES + 1) * CRASH_SECTOR_BYTES;

		if (stop > end)
			stop = end;
		if (dice(8) < of_eight) {
			bytes_write(b, at, c->data + (at - c->at), stop - at);
			disk.counts.kept++;
		} else {
			disk.counts.dropped++;
		}
		at = stop;
	}
}

static void survive(struct node *node)
{
	enum fate fate = (enum fate)dice(N_FATES);
	unsigned of_eight = 1 + (unsigned)dice(7);
	uint64_t n = 0, i = 0, stop;

	for (const struct change *c = node->first; c; c = c->next)
		n++;
	stop = dice(n + 1);
	for (const struct change *c = node->first; c; c = c->next, i++) {
		bool whole = fate == EVERYTHING || (fate == THE_FIRST && i < stop) ||
			(fate == SOME_CHANGES && dice(8) < of_eight);
		bool torn = fate == SOME_SECTORS || (fate == THE_FIRST && i == stop);
		unsigned luck = whole ? 8 : torn ? of_eight : 0;

		if (c->data)
			survive_in_part(&node->durable, c, luck);
		else if (dice(8) < luck)
			apply(&node->durable, c);
	}
	forget_changes(node);
}

/* ---- names ---- */

static struct node *find(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!strcmp(names->at[i].name, name))
			return names->at[i].node;
	}
	return NULL;
}

static void set_name(struct names *names, const char *name, struct node *node)
{
	size_t i = 0;

	while (i < names->n && strcmp(names->at[i].name, name))
		i++;
	if (!node) {
		if (i < names->n)
			names->at[i] = names->at[--names->n];
		return;
	}
	if (i == names->n) {
		assert(names->n < NAMES_MAX);
		snprintf(names->at[names->n++].name, NAME_BYTES, "%s", name);
	}
	names->at[i].node = node;
}

/* A folder's changes reach the disk in their order, by a journal. */
static void folder_durable(size_t n)
{
	for (size_t i = 0; i < n; i++)
		set_name(&disk.durable, disk.folder_ops[i].name, disk.folder_ops[i].node);
	disk.n_folder_ops = 0;
}

static void change_name(const char *name, struct node *node)
{
	struct folder_op *op;

	if (disk.n_folder_ops == FOLDER_OPS_MAX)
		folder_durable(FOLDER_OPS_MAX);
	op = &disk.folder_ops[disk.n_folder_ops++];
	snprintf(op->name, NAME_BYTES, "%s", name);
	op->node = node;
	set_name(&disk.seen, name, node);
}

static struct node *node_new(void)
{
	struct node *node = calloc(1, sizeof(*node));

	assert(node);
	node->last = &node->first;
	node->next = disk.nodes;
	disk.nodes = node;
	return node;
}

static void shm_free(struct node *node)
{
	for (size_t i = 0; i < SHM_REGIONS_MAX; i++) {
		free(node->shm[i]);
		node->shm[i] = NULL;
	}
}

/* Nodes that have no name; all of them when the disk is made anew. */
static void sweep(bool all)
{
	for (struct node **at = &disk.nodes; *at;) {
		struct node *node = *at;
		bool named = false;

		for (size_t i = 0; i < disk.seen.n; i++)
			named = named || disk.seen.at[i].node == node;
		assert(!node->handles);
		if (named && !all) {
			at = &node->next;
			continue;
		}
		*at = node->next;
		forget_changes(node);
		shm_free(node);
		free(node->seen.data);
		free(node->durable.data);
		free(node);
	}
}

/* ---- power and faults ---- */

static void cut(void)
{
	if (disk.cut)
		return;
	disk.cut = true;
	disk.counts.cuts++;
	for (struct node *node = disk.nodes; node; node = node->next)
		survive(node);
	folder_durable(dice(disk.n_folder_ops + 1));
}

/* True: the power has gone. Called when the disk has seen the change and has not made it durable. */
static bool call_ends_in_the_dark(enum crash_call call)
{
	disk.counts.calls++;
	if (!disk.cut && disk.cut_in && disk.cut_calls & call && !--disk.cut_in)
		cut();
	return disk.cut;
}

/* 0, or what the call is to fail with. */
static int fault_of(enum crash_call call, enum crash_file file, int code)
{
	struct crash_fault *f = &disk.fault;

	if (!f->times || !(f->calls & call) || !(f->files & file))
		return 0;
	if (f->after) {
		f->after--;
		return 0;
	}
	f->times--;
	disk.counts.faults++;
	return f->code ? f->code : code;
}

void crash_vfs_format(uint64_t seed)
{
	pthread_mutex_lock(&disk.mutex);
	disk.seen.n = disk.durable.n = disk.n_folder_ops = 0;
	sweep(true);
	disk.dice = seed;
	disk.cut = disk.lies = false;
	disk.cut_in = disk.counts.calls = 0;
	disk.fault = (struct crash_fault){0};
	pthread_mutex_unlock(&disk.mutex);
}

void crash_vfs_cut_after(uint64_t n, unsigned calls)
{
	pthread_mutex_lock(&disk.mutex);
	disk.cut_in = n;
	disk.cut_calls = calls;
	pthread_mutex_unlock(&disk.mutex);
}

void crash_vfs_cut(void)
{
	pthread_mutex_lock(&disk.mutex);
	cut();
	pthread_mutex_unlock(&disk.mutex);
}

bool crash_vfs_is_cut(void)
{
	bool is;

	pthread_mutex_lock(&disk.mutex);
	is = disk.cut;
	pthread_mutex_unlock(&disk.mutex);
	return is;
}

void crash_vfs_power_on(void)
{
	pthread_mutex_lock(&disk.mutex);
	if (disk.cut) {
		disk.seen = disk.durable;
		sweep(false);
		for (struct node *node = disk.nodes; node; node = node->next) {
			bytes_resize(&node->seen, node->durable.n);
			memcpy(node->seen.data, node->durable.data, node->durable.n);
		}
	}
	disk.cut = false;
	disk.cut_in = disk.counts.calls = 0;
	disk.fault = (struct crash_fault){0};
	pthread_mutex_unlock(&disk.mutex);
}

void crash_vfs_fail(const struct crash_fault *fault)
{
	pthread_mutex_lock(&disk.mutex);
	disk.fault = fault ? *fault : (struct crash_fault){0};
	pthread_mutex_unlock(&disk.mutex);
}

void crash_vfs_lie(bool lies)
{
	pthread_mutex_lock(&disk.mutex);
	disk.lies = lies;
	pthread_mutex_unlock(&disk.mutex);
}

struct crash_counts crash_vfs_counts(void)
{
	struct crash_counts counts;

	pthread_mutex_lock(&disk.mutex);
	counts = disk.counts;
	pthread_mutex_unlock(&disk.mutex);
	return counts;
}

/* The store syncs its folder itself. */
int fsync(int fd)
{
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return (int)syscall(SYS_fsync, fd);
	pthread_mutex_lock(&disk.mutex);
	if (call_ends_in_the_dark(CRASH_SYNC))
		rc = -1;
	else if (!disk.lies)
		folder_durable(disk.n_folder_ops);
	pthread_mutex_unlock(&disk.mutex);
	if (rc)
		errno = EIO;
	return rc;
}

/* ---- a file ---- */

static int file_close_(sqlite3_file *file)
{
	struct handle *h = (struct handle *)file;

	pthread_mutex_lock(&disk.mutex);
	if (h->node)
		h->node->handles--;
	h->node = NULL;
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

static int file_read_(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	struct node *node = ((struct handle *)file)->node;
	int rc = SQLITE_OK;
	size_t have = 0;

	pthread_mutex_lock(&disk.mutex);
	if (disk.cut) {
		rc = SQLITE_IOERR_READ;
	} else {
		if ((size_t)at < node->seen.n)
			have = node->seen.n - (size_t)at;
		if (have > (size_t)n)
			have = (size_t)n;
		if (have)
			memcpy(out, node->seen.data + at, have);
		if (have < (size_t)n) {
			memset((char *)out + have, 0, (size_t)n - have);
			rc = SQLITE_IOERR_SHORT_READ;
		}
	}
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

static int file_write_(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	struct handle *h = (struct handle *)file;
	int rc = SQLITE_OK;

	pthread_mutex_lock(&disk.mutex);
	if (disk.cut)
		rc = SQLITE_IOERR_WRITE;
	else
		rc = fault_of(CRASH_WRITE, h->kind, SQLITE_IOERR_WRITE);
	/* Of a write that fails, a part may be there. */
	if (!disk.cut && (!rc || dice(2)))
		note(h->node, (uint64_t)at, data, rc ? 1 + dice((uint64_t)n) : (size_t)n);
	if (!rc && call_ends_in_the_dark(CRASH_WRITE))
		rc = SQLITE_IOERR_WRITE;
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

static int file_truncate_(sqlite3_file *file, sqlite3_int64 n)
{
	struct handle *h = (struct handle *)file;
	int rc;

	pthread_mutex_lock(&disk.mutex);
	rc = disk.cut ? SQLITE_IOERR_TRUNCATE
		      : fault_of(CRASH_TRUNCATE, h->kind, SQLITE_IOERR_TRUNCATE);
	if (!rc)
		note(h->node, (uint64_t)n, NULL, 0);
	if (!rc && call_ends_in_the_dark(CRASH_TRUNCATE))
		rc = SQLITE_IOERR_TRUNCATE;
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

/*
 * A sync that fails leaves some of the bytes on the disk and none of them to be written by the next one, as
 * Linux does: pages are clean after an error, though what is read still has them.
 */
static int file_sync_(sqlite3_file *file, int flags)
{
	struct handle *h = (struct handle *)file;
	int rc;

	pthread_mutex_lock(&disk.mutex);
	rc = call_ends_in_the_dark(CRASH_SYNC) ? SQLITE_IOERR_FSYNC
					       : fault_of(CRASH_SYNC, h->kind, SQLITE_IOERR_FSYNC);
	if (rc && !disk.cut) {
		survive(h->node);
	} else if (!rc && !disk.lies) {
		for (const struct change *c = h->node->first; c; c = c->next)
			apply(&h->node->durable, c);
		forget_changes(h->node);
		if (h->sync_folder)
			folder_durable(disk.n_folder_ops);
		h->sync_folder = false;
	}
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

static int file_size_(sqlite3_file *file, sqlite3_int64 *n)
{
	pthread_mutex_lock(&disk.mutex);
	*n = (sqlite3_int64)((struct handle *)file)->node->seen.n;
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

/* ---- locks ---- */

static int lock_to(struct handle *h, int level)
{
	struct node *node = h->node;

	if (h->lock == SQLITE_LOCK_NONE) {
		if (node->pending)
			return SQLITE_BUSY;
		node->shared++;
		h->lock = SQLITE_LOCK_SHARED;
	}
	if (level <= SQLITE_LOCK_SHARED)
		return SQLITE_OK;
	if (node->reserved && node->reserved != h)
		return SQLITE_BUSY;
	node->reserved = h;
	h->lock = SQLITE_LOCK_RESERVED;
	if (level == SQLITE_LOCK_RESERVED)
		return SQLITE_OK;
	node->pending = h;
	h->lock = SQLITE_LOCK_PENDING;
	if (node->shared > 1)
		return SQLITE_BUSY;
	h->lock = SQLITE_LOCK_EXCLUSIVE;
	return SQLITE_OK;
}

static int file_lock_(sqlite3_file *file, int level)
{
	struct handle *h = (struct handle *)file;
	int rc = SQLITE_OK;

	pthread_mutex_lock(&disk.mutex);
	if (h->lock < level)
		rc = lock_to(h, level);
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

static int file_unlock_(sqlite3_file *file, int level)
{
	struct handle *h = (struct handle *)file;

	pthread_mutex_lock(&disk.mutex);
	if (h->lock > level) {
		if (h->node->reserved == h)
			h->node->reserved = NULL;
		if (h->node->pending == h)
			h->node->pending = NULL;
		if (level == SQLITE_LOCK_NONE)
			h->node->shared--;
		h->lock = level;
	}
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *out)
{
	pthread_mutex_lock(&disk.mutex);
	*out = ((struct handle *)file)->node->reserved != NULL;
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
	return SAID_SECTOR_BYTES;
}

static int file_device(sqlite3_file *file)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- the index of the log, in memory that connections share ---- */

static int shm_map(sqlite3_file *file, int i, int n, int extend, void volatile **out)
{
	struct handle *h = (struct handle *)file;

	pthread_mutex_lock(&disk.mutex);
	assert(i < SHM_REGIONS_MAX);
	if (!h->shm)
		h->node->shm_users++;
	h->shm = true;
	if (!h->node->shm[i] && extend)
		h->node->shm[i] = calloc(1, (size_t)n);
	*out = h->node->shm[i];
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

static bool shm_is_free(const struct handle *h, int i, bool exclusive)
{
	const struct node *node = h->node;
	unsigned others = node->shm_shared[i] - (h->shm_shared >> i & 1);

	return (!node->shm_exclusive[i] || node->shm_exclusive[i] == h) && !(exclusive && others);
}

static void shm_set(struct handle *h, int i, bool exclusive, bool lock)
{
	unsigned bit = 1u << i;

	if (exclusive) {
		h->node->shm_exclusive[i] = lock ? h : NULL;
		h->shm_exclusive = lock ? h->shm_exclusive | bit : h->shm_exclusive & ~bit;
	} else if (!(h->shm_shared & bit) == lock) {
		h->node->shm_shared[i] += lock ? 1u : -1u;
		h->shm_shared ^= bit;
	}
}

static int shm_lock(sqlite3_file *file, int first, int n, int flags)
{
	struct handle *h = (struct handle *)file;
	bool exclusive = flags & SQLITE_SHM_EXCLUSIVE, lock = flags & SQLITE_SHM_LOCK;
	int rc = SQLITE_OK;

	pthread_mutex_lock(&disk.mutex);
	for (int i = first; lock && i < first + n; i++) {
		if (!shm_is_free(h, i, exclusive))
			rc = SQLITE_BUSY;
	}
	for (int i = first; !rc && i < first + n; i++) {
		/* An unlock is of whatever is held. */
		bool held = h->shm_exclusive >> i & 1;

		shm_set(h, i, lock ? exclusive : held, lock);
	}
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

static void shm_barrier(sqlite3_file *file)
{
	pthread_mutex_lock(&disk.mutex);
	pthread_mutex_unlock(&disk.mutex);
}

static int shm_unmap(sqlite3_file *file, int delete)
{
	struct handle *h = (struct handle *)file;

	pthread_mutex_lock(&disk.mutex);
	if (h->shm && !--h->node->shm_users)
		shm_free(h->node);
	h->shm = false;
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close_,
	.xRead = file_read_,
	.xWrite = file_write_,
	.xTruncate = file_truncate_,
	.xSync = file_sync_,
	.xFileSize = file_size_,
	.xLock = file_lock_,
	.xUnlock = file_unlock_,
	.xCheckReservedLock = file_check_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_device,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

/* ---- the disk ---- */

static int make(const char *name, int flags, struct node **out)
{
	if (!(flags & SQLITE_OPEN_CREATE))
		return SQLITE_CANTOPEN;
	*out = node_new();
	if (!name)
		return SQLITE_OK;
	change_name(name, *out);
	return call_ends_in_the_dark(CRASH_NAME) ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct handle *h = (struct handle *)file;
	enum crash_file kind = flags & SQLITE_OPEN_WAL ? CRASH_WAL : CRASH_DATABASE;
	struct node *node;
	bool made;
	int rc;

	*h = (struct handle){.kind = kind};
	pthread_mutex_lock(&disk.mutex);
	rc = disk.cut ? SQLITE_CANTOPEN : fault_of(CRASH_OPEN, kind, SQLITE_CANTOPEN);
	node = name ? find(&disk.seen, name) : NULL;
	made = !node;
	if (!rc && made)
		rc = make(name, flags, &node);
	if (!rc) {
		h->base.pMethods = &methods;
		h->node = node;
		h->sync_folder = made &&
			flags &
				(SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL |
					SQLITE_OPEN_SUPER_JOURNAL);
		node->handles++;
		if (out)
			*out = flags;
	}
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	int rc = SQLITE_OK;

	pthread_mutex_lock(&disk.mutex);
	if (disk.cut) {
		rc = SQLITE_IOERR_DELETE;
	} else if (!find(&disk.seen, name)) {
		rc = SQLITE_IOERR_DELETE_NOENT;
	} else {
		change_name(name, NULL);
		if (call_ends_in_the_dark(CRASH_NAME))
			rc = SQLITE_IOERR_DELETE;
		else if (sync_folder && !disk.lies)
			folder_durable(disk.n_folder_ops);
	}
	pthread_mutex_unlock(&disk.mutex);
	return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	const struct node *node;

	pthread_mutex_lock(&disk.mutex);
	node = find(&disk.seen, name);
	/* An empty journal is none, as for SQLite's own VFS. */
	*out = node && (flags != SQLITE_ACCESS_EXISTS || node->seen.n > 0);
	pthread_mutex_unlock(&disk.mutex);
	return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *vfs, const char *name, int room, char *out)
{
	snprintf(out, (size_t)room, "%s", name);
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
	return 0;
}

void crash_vfs_install(void)
{
	static sqlite3_vfs vfs;
	const sqlite3_vfs *own;

	/* A disk comes and goes for each test: its memory stays. */
	mallopt(M_MMAP_THRESHOLD, 512 << 20);
	mallopt(M_TRIM_THRESHOLD, 512 << 20);
	mallopt(M_TOP_PAD, 16 << 20);
	mallopt(M_ARENA_MAX, 1);
	sqlite3_initialize();
	own = sqlite3_vfs_find(NULL);
	assert(own && own != &vfs);
	/* Time, randomness and sleep are its own. */
	vfs = *own;
	vfs.iVersion = 2;
	vfs.szOsFile = sizeof(struct handle);
	vfs.mxPathname = NAME_BYTES;
	vfs.zName = "crash";
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	vfs.xAccess = vfs_access;
	vfs.xFullPathname = vfs_path;
	vfs.xGetLastError = vfs_last_error;
	sqlite3_vfs_register(&vfs, 1);
}
