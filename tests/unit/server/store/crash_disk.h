/*
 * The disk of crash_vfs.h as it is: files with what is seen and what is durable of them, names, power. Private to
 * crash_disk.c and crash_vfs.c, which is the side of SQLite. Callers hold the mutex.
 */
#ifndef HILDA_TESTS_UNIT_SERVER_STORE_CRASH_DISK_H
#define HILDA_TESTS_UNIT_SERVER_STORE_CRASH_DISK_H

#include <pthread.h>
#include <sqlite3.h>
#include <stddef.h>

#include "tests/unit/server/store/crash_vfs.h"

#define NAMES_MAX 16
#define NAME_BYTES 256
#define FOLDER_OPS_MAX 64
#define SHM_REGIONS_MAX 64

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

extern struct crash_disk {
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
} crash_disk;

uint64_t disk_dice(uint64_t bound);
/* A write, or with data NULL a truncation to `at`: seen now, durable with disk_sync. */
void disk_note(struct node *node, uint64_t at, const void *data, size_t n);
void disk_sync(struct node *node);
/* A part of what is not durable becomes it, the rest never will. */
void disk_survive(struct node *node);
void disk_forget(struct node *node);

struct node *disk_find(const struct names *names, const char *name);
/* NULL removes the name. */
void disk_set_name(const char *name, struct node *node);
/* The first n of the changes to names. */
void disk_sync_folder(size_t n);
struct node *disk_node_new(void);
void disk_shm_free(struct node *node);

/* True: the power has gone. Called when the disk has seen the change and has not made it durable. */
bool disk_goes_dark(enum crash_call call);
/* 0, or what the call is to fail with. */
int disk_fault(enum crash_call call, enum crash_file file, int code);

#endif
