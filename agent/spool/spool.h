/*
 * Results on disk until the server has acknowledged them, the logs and the captures of runs. One run
 * has the files <lineage>-<run>-<epoch>.json (the body of PUT result, there only when whole), .log and
 * perhaps .capture; the name says to which database the run belongs. What the server refuses for good goes to rejected/.
 *
 * Any thread; calls wait for the disk.
 */
#ifndef HILDA_AGENT_SPOOL_SPOOL_H
#define HILDA_AGENT_SPOOL_SPOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/spool/entry.h"
#include "agent/spool/growing.h"
#include "common/fault.h"
#include "common/file.h"

#define SPOOL_RESULT_MAX_BYTES (4u * 1024 * 1024) /* contracts.md */
#define SPOOL_REJECTED_MAX 64			  /* told by heartbeat; the rest is in the folder */

struct spool;

/* What a run leaves beside its result; each is shipped while it grows. */
enum spool_file { SPOOL_LOG, SPOOL_CAPTURE, SPOOL_FILES };

/* Finds what an earlier process left; a capture without its result is of no use and goes. */
int spool_open(const char *folder, struct spool **out, struct fault *f);
void spool_close(struct spool *s);

int spool_file_path(const struct spool *s, const struct spool_entry *e, enum spool_file file,
	char path[FILE_PATH_BYTES]);
int spool_result_path(
	const struct spool *s, const struct spool_entry *e, char path[FILE_PATH_BYTES]);

/* The run's log, in a slot while it is short; kept by growing_keep where the server has not all of it. */
int spool_open_log(
	struct spool *s, const struct spool_entry *e, struct growing **out, struct fault *f);

/* Durable when it returns 0; from then on the entry is listed, and claimed by the caller. */
int spool_put(
	struct spool *s, const struct spool_entry *e, const char *text, size_t n, struct fault *f);
/* Another text for the result that is there already; as durable. */
int spool_replace(
	struct spool *s, const struct spool_entry *e, const char *text, size_t n, struct fault *f);
/* The server has it: all files go. */
void spool_remove(struct spool *s, const struct spool_entry *e);
/* The server refuses it: all files move to rejected/. */
void spool_reject(struct spool *s, const struct spool_entry *e, int status, const char *why);

/* An entry that nobody is sending; it is the caller's until removed, refused or released. */
bool spool_claim(struct spool *s, struct spool_entry *out);
void spool_release(struct spool *s, const struct spool_entry *e);
size_t spool_count(struct spool *s);
/* Adds {run, epoch[, stage]} of this lineage's entries; those in the array already are left out. */
void spool_add_runs(struct spool *s, const char *lineage, json_t *runs, bool with_stage);
/* Logs without a result: their runs were cut off by the agent's end. One, and it is forgotten. */
bool spool_take_orphan(struct spool *s, struct spool_entry *out);

/* {run, status, detail}: not told yet. New reference. */
json_t *spool_rejected(struct spool *s);
/* The first n of them have been told. */
void spool_rejected_told(struct spool *s, size_t n);

#endif
