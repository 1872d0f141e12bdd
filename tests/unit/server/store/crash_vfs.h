/*
 * A disk in memory for SQLite that can lose its power: what was written and not synced is dropped, kept, or
 * kept in part, torn at sectors and out of order; so are names that were made or removed in a folder that
 * was not synced. It can also fail calls, be full, or lie about its syncs.
 *
 * It registers itself as the default VFS, so the store runs on it as it is; the folder and the lock file are
 * real. It is also where the process's fsync() goes: a sync of the folder makes its names durable. Any thread.
 */
#ifndef HILDA_TESTS_UNIT_SERVER_STORE_CRASH_VFS_H
#define HILDA_TESTS_UNIT_SERVER_STORE_CRASH_VFS_H

#include <stdbool.h>
#include <stdint.h>

#define CRASH_SECTOR_BYTES 512
/* A sanitizer makes everything about eight times slower: so much less is done. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CRASH_SHARE 8
#else
#define CRASH_SHARE 1
#endif

/* Calls that change the disk; the others never fail here. CRASH_NAME: a name is made or removed. */
enum crash_call {
	CRASH_WRITE = 1,
	CRASH_SYNC = 2,
	CRASH_TRUNCATE = 4,
	CRASH_OPEN = 8,
	CRASH_NAME = 16,
	CRASH_ANY = 31
};
enum crash_file { CRASH_DATABASE = 1, CRASH_WAL = 2 };

struct crash_fault {
	unsigned calls; /* of enum crash_call */
	unsigned files; /* of enum crash_file */
	int code;	/* SQLITE_FULL, or 0: SQLITE_IOERR of the call's kind */
	uint64_t after; /* so many such calls work first */
	uint64_t times; /* so many fail */
};

struct crash_counts {
	uint64_t
		calls; /* since the power came on: writes, syncs, truncations, names made and removed */
	uint64_t cuts, faults;	/* since the program began */
	uint64_t kept, dropped; /* sectors that were not synced at a cut */
};

/* Once. */
void crash_vfs_install(void);
/* An empty disk with its power on; the seed says what survives. No file may be open. */
void crash_vfs_format(uint64_t seed);
/* The power goes in the middle of the n-th call of these kinds from here; 0: it stays. */
void crash_vfs_cut_after(uint64_t n, unsigned calls);
void crash_vfs_cut(void);
bool crash_vfs_is_cut(void);
/* What survived is what there is. No file may be open. */
void crash_vfs_power_on(void);
/* NULL: no more. */
void crash_vfs_fail(const struct crash_fault *fault);
/* Says that it has synced, and has not. */
void crash_vfs_lie(bool lies);
struct crash_counts crash_vfs_counts(void);

/* splitmix64: the next number of a sequence, below bound. */
uint64_t crash_dice(uint64_t *state, uint64_t bound);

/* The number in the environment, or the fallback. */
uint64_t crash_setting(const char *name, uint64_t fallback);

#endif
