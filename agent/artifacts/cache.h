/*
 * Images and files by hash, kept on disk so that the same one is fetched once. A file is there
 * under its name only when its hash was checked; the oldest go when the cap is reached.
 *
 * Any thread. A get waits for the download, also for one that another thread has under way.
 */
#ifndef HILDA_AGENT_ARTIFACTS_CACHE_H
#define HILDA_AGENT_ARTIFACTS_CACHE_H

#include <stdint.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/file.h"

#define ARTIFACT_MAX_BYTES (512ull * 1024 * 1024)
#define CACHE_MEMORY_ENTRIES 512

struct cache;

/*
 * Writes the artifact into fd. 0 or -errno; -EREMOTEIO when the server does not have it.
 * cancel_fd ends it early with -ECANCELED.
 */
typedef int (*cache_fetch_fn)(
	void *arg, const char *sha256, int fd, int64_t timeout_ms, int cancel_fd, struct fault *f);

struct cache_options {
	const char *folder;
	uint64_t cap_bytes;
	const struct clock *clock;
	cache_fetch_fn fetch;
	void *arg;
};

int cache_open(const struct cache_options *o, struct cache **out, struct fault *f);
void cache_close(struct cache *c);

/* The file stays where it is until cache_put. -EBADMSG: what came has another hash. */
int cache_get(struct cache *c, const char *sha256, int64_t timeout_ms, int cancel_fd,
	char path[FILE_PATH_BYTES], struct fault *f);
void cache_put(struct cache *c, const char *sha256);

#endif
