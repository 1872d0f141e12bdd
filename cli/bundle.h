/*
 * Everything of one job in one tar file: the document, each run with its log and samples, the image
 * and the files. Entries carry the job's own times, so the same job gives the same bytes. Written
 * under a temporary name and renamed, so that a broken download leaves nothing. One thread.
 */
#ifndef HILDA_CLI_BUNDLE_H
#define HILDA_CLI_BUNDLE_H

#include "cli/session.h"

struct bundle_report {
	size_t entries;
	uint64_t bytes; /* of the entries */
};

/* path "-" is standard output. */
enum exit_code bundle_write(struct session *s, int64_t job, const char *path,
	struct bundle_report *report, struct fault *f);

#endif
