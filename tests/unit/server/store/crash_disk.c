#include "tests/unit/server/store/crash_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/numbers.h"

struct crash_disk crash_disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

uint64_t crash_dice(uint64_t *state, uint64_t bound)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % bound;
}

uint64_t disk_dice(uint64_t bound)
{
	return crash_dice(&crash_disk.dice, bound);
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

void disk_forget(struct node *node)
{
	for (struct change *c = node->first, *next; c; c = next) {
		next = c->next;
		free(c->data);
		free(c);
	}
	node->first = NULL;
	node->last = &node->first;
}

void disk_note(struct node *node, uint64_t at, const void *data, size_t n)
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

void disk_sync(struct node *node)
{
	for (const struct change *c = node->first; c; c = c->next)
		apply(&node->durable, c);
	disk_forget(node);
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
		if (disk_dice(8) < of_eight) {
			bytes_write(b, at, c->data + (at - c->at), stop - at);
			crash_disk.counts.kept++;
		} else {
			crash_disk.counts.dropped++;
		}
		at = stop;
	}
}

void disk_survive(struct node *node)
{
	enum fate fate = (enum fate)disk_dice(N_FATES);
	unsigned of_eight = 1 + (unsigned)disk_dice(7);
	uint64_t n = 0, i = 0, stop;

	for (const struct change *c = node->first; c; c = c->next)
		n++;
	stop = disk_dice(n + 1);
	for (const struct change *c = node->first; c; c = c->next, i++) {
		bool whole = fate == EVERYTHING || (fate == THE_FIRST && i < stop) ||
			(fate == SOME_CHANGES && disk_dice(8) < of_eight);
		bool torn = fate == SOME_SECTORS || (fate == THE_FIRST && i == stop);
		unsigned luck = whole ? 8 : torn ? of_eight : 0;

		if (c->data)
			survive_in_part(&node->durable, c, luck);
		else if (disk_dice(8) < luck)
			apply(&node->durable, c);
	}
	disk_forget(node);
}

/* ---- names ---- */

struct node *disk_find(const struct names *names, const char *name)
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
void disk_sync_folder(size_t n)
{
	for (size_t i = 0; i < n; i++)
		set_name(&crash_disk.durable, crash_disk.folder_ops[i].name,
			crash_disk.folder_ops[i].node);
	crash_disk.n_folder_ops = 0;
}

void disk_set_name(const char *name, struct node *node)
{
	struct folder_op *op;

	if (crash_disk.n_folder_ops == FOLDER_OPS_MAX)
		disk_sync_folder(FOLDER_OPS_MAX);
	op = &crash_disk.folder_ops[crash_disk.n_folder_ops++];
	snprintf(op->name, NAME_BYTES, "%s", name);
	op->node = node;
	set_name(&crash_disk.seen, name, node);
}

struct node *disk_node_new(void)
{
	struct node *node = calloc(1, sizeof(*node));

	assert(node);
	node->last = &node->first;
	node->next = crash_disk.nodes;
	crash_disk.nodes = node;
	return node;
}

void disk_shm_free(struct node *node)
{
	for (size_t i = 0; i < SHM_REGIONS_MAX; i++) {
		free(node->shm[i]);
		node->shm[i] = NULL;
	}
}

/* Nodes that have no name; all of them when the disk is made anew. */
static void sweep(bool all)
{
	for (struct node **at = &crash_disk.nodes; *at;) {
		struct node *node = *at;
		bool named = false;

		for (size_t i = 0; i < crash_disk.seen.n; i++)
			named = named || crash_disk.seen.at[i].node == node;
		assert(!node->handles);
		if (named && !all) {
			at = &node->next;
			continue;
		}
		*at = node->next;
		disk_forget(node);
		disk_shm_free(node);
		free(node->seen.data);
		free(node->durable.data);
		free(node);
	}
}

/* ---- power and faults ---- */

static void cut(void)
{
	if (crash_disk.cut)
		return;
	crash_disk.cut = true;
	crash_disk.counts.cuts++;
	for (struct node *node = crash_disk.nodes; node; node = node->next)
		disk_survive(node);
	disk_sync_folder(disk_dice(crash_disk.n_folder_ops + 1));
}

/* True: the power has gone. Called when the disk has seen the change and has not made it durable. */
bool disk_goes_dark(enum crash_call call)
{
	crash_disk.counts.calls++;
	if (!crash_disk.cut && crash_disk.cut_in && crash_disk.cut_calls & call &&
		!--crash_disk.cut_in)
		cut();
	return crash_disk.cut;
}

/* 0, or what the call is to fail with. */
int disk_fault(enum crash_call call, enum crash_file file, int code)
{
	struct crash_fault *f = &crash_disk.fault;

	if (!f->times || !(f->calls & call) || !(f->files & file))
		return 0;
	if (f->after) {
		f->after--;
		return 0;
	}
	f->times--;
	crash_disk.counts.faults++;
	return f->code ? f->code : code;
}

void crash_vfs_format(uint64_t seed)
{
	pthread_mutex_lock(&crash_disk.mutex);
	crash_disk.seen.n = crash_disk.durable.n = crash_disk.n_folder_ops = 0;
	sweep(true);
	crash_disk.dice = seed;
	crash_disk.cut = crash_disk.lies = false;
	crash_disk.cut_in = crash_disk.counts.calls = 0;
	crash_disk.fault = (struct crash_fault){0};
	pthread_mutex_unlock(&crash_disk.mutex);
}

void crash_vfs_cut_after(uint64_t n, unsigned calls)
{
	pthread_mutex_lock(&crash_disk.mutex);
	crash_disk.cut_in = n;
	crash_disk.cut_calls = calls;
	pthread_mutex_unlock(&crash_disk.mutex);
}

void crash_vfs_cut(void)
{
	pthread_mutex_lock(&crash_disk.mutex);
	cut();
	pthread_mutex_unlock(&crash_disk.mutex);
}

bool crash_vfs_is_cut(void)
{
	bool is;

	pthread_mutex_lock(&crash_disk.mutex);
	is = crash_disk.cut;
	pthread_mutex_unlock(&crash_disk.mutex);
	return is;
}

void crash_vfs_power_on(void)
{
	pthread_mutex_lock(&crash_disk.mutex);
	if (crash_disk.cut) {
		crash_disk.seen = crash_disk.durable;
		sweep(false);
		for (struct node *node = crash_disk.nodes; node; node = node->next) {
			bytes_resize(&node->seen, node->durable.n);
			if (node->durable.n)
				memcpy(node->seen.data, node->durable.data, node->durable.n);
		}
	}
	crash_disk.cut = false;
	crash_disk.cut_in = crash_disk.counts.calls = 0;
	crash_disk.fault = (struct crash_fault){0};
	pthread_mutex_unlock(&crash_disk.mutex);
}

void crash_vfs_fail(const struct crash_fault *fault)
{
	pthread_mutex_lock(&crash_disk.mutex);
	crash_disk.fault = fault ? *fault : (struct crash_fault){0};
	pthread_mutex_unlock(&crash_disk.mutex);
}

void crash_vfs_lie(bool lies)
{
	pthread_mutex_lock(&crash_disk.mutex);
	crash_disk.lies = lies;
	pthread_mutex_unlock(&crash_disk.mutex);
}

struct crash_counts crash_vfs_counts(void)
{
	struct crash_counts counts;

	pthread_mutex_lock(&crash_disk.mutex);
	counts = crash_disk.counts;
	pthread_mutex_unlock(&crash_disk.mutex);
	return counts;
}

/* The store syncs its folder itself. */
int fsync(int fd)
{
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return (int)syscall(SYS_fsync, fd);
	pthread_mutex_lock(&crash_disk.mutex);
	if (disk_goes_dark(CRASH_SYNC))
		rc = -1;
	else if (!crash_disk.lies)
		disk_sync_folder(crash_disk.n_folder_ops);
	pthread_mutex_unlock(&crash_disk.mutex);
	if (rc)
		errno = EIO;
	return rc;
}
