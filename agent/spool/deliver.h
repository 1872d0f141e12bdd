/*
 * One run's files to the server: capture and log from where the server has them, and the result. Any
 * thread; a call waits as long as the server takes, or until cancel_fd.
 */
#ifndef HILDA_AGENT_SPOOL_DELIVER_H
#define HILDA_AGENT_SPOOL_DELIVER_H

#include "agent/link/session.h"
#include "agent/spool/growing.h"
#include "agent/spool/spool.h"

#define DELIVER_CHUNK_BYTES (256 * 1024)
#define DELIVER_TIMEOUT_MS 30000

struct deliver {
	struct link *link;
	struct session *session;
	struct spool *spool;
	int cancel_fd; /* -1: none */
};

/* How far the server has each file, and where it is, if not in the spool's folder (yet). */
struct deliver_files {
	uint64_t at[SPOOL_FILES];
	struct growing *growing[SPOOL_FILES]; /* NULL: only in the folder */
};

/* What waits for another call, or another process, lies in files from now on. */
void deliver_keep(const struct deliver_files *files, uint64_t run);

/*
 * The bytes [*offset, end) of one of the run's files, *offset moving on as the server confirms. A
 * server that has fewer bytes is sent them again, one that has more is believed. Codes of
 * link_perform.
 */
int deliver_file(const struct deliver *d, const struct spool_entry *e, enum spool_file file,
	struct growing_place place, uint64_t end, uint64_t *offset, struct fault *f);

/*
 * Capture, log, then result (text, when the caller has it still; NULL: from the spool). A capture
 * that the server does not take is dropped, with a word in log and result. 0: the server has it, or
 * has refused it for good; the entry is gone. Otherwise it is there still and is to be tried again.
 */
int deliver_entry(const struct deliver *d, const struct spool_entry *e,
	const struct deliver_files *files, const char *text, struct fault *f);

#endif
