#include "tests/unit/server/store/crash_vfs.h"

#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/server/store/crash_disk.h"

#define SAID_SECTOR_BYTES 4096 /* what SQLite's own VFS says; writes tear at smaller ones */

/* ---- a file ---- */

static int file_close_(sqlite3_file *file)
{
	struct handle *h = (struct handle *)file;

	pthread_mutex_lock(&crash_disk.mutex);
	if (h->node)
		h->node->handles--;
	h->node = NULL;
	pthread_mutex_unlock(&crash_disk.mutex);
	return SQLITE_OK;
}

static int file_read_(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	struct node *node = ((struct handle *)file)->node;
	int rc = SQLITE_OK;
	size_t have = 0;

	pthread_mutex_lock(&crash_disk.mutex);
	if (crash_disk.cut) {
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
	pthread_mutex_unlock(&crash_disk.mutex);
	return rc;
}

static int file_write_(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	struct handle *h = (struct handle *)file;
	int rc = SQLITE_OK;

	pthread_mutex_lock(&crash_disk.mutex);
	if (crash_disk.cut)
		rc = SQLITE_IOERR_WRITE;
	else
		rc = disk_fault(CRASH_WRITE, h->kind, SQLITE_IOERR_WRITE);
	/* Of a write that fails, a part may be there. */
	if (!crash_disk.cut && (!rc || disk_dice(2)))
		disk_note(h->node, (uint64_t)at, data, rc ? 1 + disk_dice((uint64_t)n) : (size_t)n);
	if (!rc && disk_goes_dark(CRASH_WRITE))
		rc = SQLITE_IOERR_WRITE;
	pthread_mutex_unlock(&crash_disk.mutex);
	return rc;
}

static int file_truncate_(sqlite3_file *file, sqlite3_int64 n)
{
	struct handle *h = (struct handle *)file;
	int rc;

	pthread_mutex_lock(&crash_disk.mutex);
	rc = crash_disk.cut ? SQLITE_IOERR_TRUNCATE
			    : disk_fault(CRASH_TRUNCATE, h->kind, SQLITE_IOERR_TRUNCATE);
	if (!rc)
		disk_note(h->node, (uint64_t)n, NULL, 0);
	if (!rc && disk_goes_dark(CRASH_TRUNCATE))
		rc = SQLITE_IOERR_TRUNCATE;
	pthread_mutex_unlock(&crash_disk.mutex);
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

	pthread_mutex_lock(&crash_disk.mutex);
	rc = disk_goes_dark(CRASH_SYNC) ? SQLITE_IOERR_FSYNC
					: disk_fault(CRASH_SYNC, h->kind, SQLITE_IOERR_FSYNC);
	if (rc && !crash_disk.cut) {
		disk_survive(h->node);
	} else if (!rc && !crash_disk.lies) {
		disk_sync(h->node);
		if (h->sync_folder)
			disk_sync_folder(crash_disk.n_folder_ops);
		h->sync_folder = false;
	}
	pthread_mutex_unlock(&crash_disk.mutex);
	return rc;
}

static int file_size_(sqlite3_file *file, sqlite3_int64 *n)
{
	pthread_mutex_lock(&crash_disk.mutex);
	*n = (sqlite3_int64)((struct handle *)file)->node->seen.n;
	pthread_mutex_unlock(&crash_disk.mutex);
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

	pthread_mutex_lock(&crash_disk.mutex);
	if (h->lock < level)
		rc = lock_to(h, level);
	pthread_mutex_unlock(&crash_disk.mutex);
	return rc;
}

static int file_unlock_(sqlite3_file *file, int level)
{
	struct handle *h = (struct handle *)file;

	pthread_mutex_lock(&crash_disk.mutex);
	if (h->lock > level) {
		if (h->node->reserved == h)
			h->node->reserved = NULL;
		if (h->node->pending == h)
			h->node->pending = NULL;
		if (level == SQLITE_LOCK_NONE)
			h->node->shared--;
		h->lock = level;
	}
	pthread_mutex_unlock(&crash_disk.mutex);
	return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *out)
{
	pthread_mutex_lock(&crash_disk.mutex);
	*out = ((struct handle *)file)->node->reserved != NULL;
	pthread_mutex_unlock(&crash_disk.mutex);
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

	pthread_mutex_lock(&crash_disk.mutex);
	assert(i < SHM_REGIONS_MAX);
	if (!h->shm)
		h->node->shm_users++;
	h->shm = true;
	if (!h->node->shm[i] && extend)
		h->node->shm[i] = calloc(1, (size_t)n);
	*out = h->node->shm[i];
	pthread_mutex_unlock(&crash_disk.mutex);
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

	pthread_mutex_lock(&crash_disk.mutex);
	for (int i = first; lock && i < first + n; i++) {
		if (!shm_is_free(h, i, exclusive))
			rc = SQLITE_BUSY;
	}
	for (int i = first; !rc && i < first + n; i++) {
		/* An unlock is of whatever is held. */
		bool held = h->shm_exclusive >> i & 1;

		shm_set(h, i, lock ? exclusive : held, lock);
	}
	pthread_mutex_unlock(&crash_disk.mutex);
	return rc;
}

static void shm_barrier(sqlite3_file *file)
{
	pthread_mutex_lock(&crash_disk.mutex);
	pthread_mutex_unlock(&crash_disk.mutex);
}

static int shm_unmap(sqlite3_file *file, int delete)
{
	struct handle *h = (struct handle *)file;

	pthread_mutex_lock(&crash_disk.mutex);
	if (h->shm && !--h->node->shm_users)
		disk_shm_free(h->node);
	h->shm = false;
	pthread_mutex_unlock(&crash_disk.mutex);
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
	*out = disk_node_new();
	if (!name)
		return SQLITE_OK;
	disk_set_name(name, *out);
	return disk_goes_dark(CRASH_NAME) ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct handle *h = (struct handle *)file;
	enum crash_file kind = flags & SQLITE_OPEN_WAL ? CRASH_WAL : CRASH_DATABASE;
	struct node *node;
	bool made;
	int rc;

	*h = (struct handle){.kind = kind};
	pthread_mutex_lock(&crash_disk.mutex);
	rc = crash_disk.cut ? SQLITE_CANTOPEN : disk_fault(CRASH_OPEN, kind, SQLITE_CANTOPEN);
	node = name ? disk_find(&crash_disk.seen, name) : NULL;
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
	pthread_mutex_unlock(&crash_disk.mutex);
	return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	int rc = SQLITE_OK;

	pthread_mutex_lock(&crash_disk.mutex);
	if (crash_disk.cut) {
		rc = SQLITE_IOERR_DELETE;
	} else if (!disk_find(&crash_disk.seen, name)) {
		rc = SQLITE_IOERR_DELETE_NOENT;
	} else {
		disk_set_name(name, NULL);
		if (disk_goes_dark(CRASH_NAME))
			rc = SQLITE_IOERR_DELETE;
		else if (sync_folder && !crash_disk.lies)
			disk_sync_folder(crash_disk.n_folder_ops);
	}
	pthread_mutex_unlock(&crash_disk.mutex);
	return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	const struct node *node;

	pthread_mutex_lock(&crash_disk.mutex);
	node = disk_find(&crash_disk.seen, name);
	/* An empty journal is none, as for SQLite's own VFS. */
	*out = node && (flags != SQLITE_ACCESS_EXISTS || node->seen.n > 0);
	pthread_mutex_unlock(&crash_disk.mutex);
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
