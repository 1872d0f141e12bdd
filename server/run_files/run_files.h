/*
 * Files of runs that are only appended to: DATA/<folder>/<run>, one room for each kind (logs,
 * captures). The store keeps how many bytes are durable; readers see no further. Any thread.
 */
#ifndef HILDA_SERVER_RUN_FILES_RUN_FILES_H
#define HILDA_SERVER_RUN_FILES_RUN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"

struct run_files_kind {
	const char *folder;    /* below DATA */
	const char *noun;      /* "log": for people */
	const char *failpoint; /* a piece is in the file, neither durable nor committed */
	int64_t max_bytes;     /* of one file */
};

struct run_files;
struct run_file; /* one that is being written */

/* The kind is borrowed for good. */
int run_files_open(const char *data, const struct run_files_kind *kind, struct run_files **out,
	struct fault *f);
void run_files_close(struct run_files *l); /* accepts NULL */

/*
 * Takes the run's file for appending; pieces of one run go in turn. `known` is the store's length,
 * for the first time since the server's start. May wait for another piece and for the disk: on a
 * worker. Let go of it once the store has the new length, or a later look would cut what is on its way.
 */
int run_file_hold(
	struct run_files *l, int64_t run, int64_t known, struct run_file **out, struct fault *f);
int64_t run_file_end(const struct run_file *file);
/*
 * It was not on the disk, and nobody has said since that it stays. Retention may have removed it, after the caller had
 * looked whether there is such a run: who made it looks again, and removes it or says that it stays. In the turn.
 */
bool run_file_is_new(const struct run_file *file);
void run_file_stays(struct run_file *file);
/*
 * How many bytes of a piece are known already (all of them: n). A gap is -ERANGE, a piece over the
 * limit -EFBIG. *have is the file's end, also then.
 */
int run_file_check(const struct run_file *file, int64_t offset, size_t n, size_t *skip,
	int64_t *have, struct fault *f);
/*
 * The same, and durable when it returns. Bytes before the end are ignored. *have is the new end.
 * Waits for the disk. After a failure the file ends where it did, and the piece may come again.
 */
int run_file_append(struct run_file *file, int64_t offset, const void *data, size_t n,
	int64_t *have, struct fault *f);
/* Ends the turn: the next piece may be appended. */
void run_file_unlock(struct run_file *file);
/* One more holder, beside the one of run_file_hold. */
void run_file_keep(struct run_files *l, struct run_file *file);
void run_file_release(struct run_files *l, struct run_file *file);

/*
 * The file was removed: it is not kept open, which would keep its room on the disk taken. One that is being
 * written stays until it is let go of.
 */
void run_files_forget(struct run_files *l, int64_t run);

/* Removes the file, if there is one, and forgets it. Durable once the folder is synced. */
int run_files_remove(struct run_files *l, int64_t run, struct fault *f);

/* A descriptor for reading, -ENOENT when there is no file. */
int run_files_read_fd(struct run_files *l, int64_t run);
const char *run_files_folder(const struct run_files *l);

#endif
