/*
 * The tokens that are alive, in memory: read from the store at the start and after each change, looked
 * up for every request. Any thread; a lookup takes a read lock and waits for nothing else, but for the
 * disk while a reload has failed.
 */
#ifndef HILDA_SERVER_AUTH_IDENTITIES_H
#define HILDA_SERVER_AUTH_IDENTITIES_H

#include <stdbool.h>

#include "server/auth/rate.h"
#include "server/auth/token.h"
#include "server/store/store.h"

/* Who asks. */
struct identity {
	int64_t token;	    /* 0: no token (an open server, or its own host's commands) */
	unsigned scopes;    /* bits */
	int64_t expires_ms; /* 0: never */
	int64_t wait_ms;    /* IDENTITY_HURRIED: until it may ask again */
	char name[STORE_NAME_BYTES], host[STORE_NAME_BYTES];
};

/* Its time has passed. */
bool identity_is_over(const struct identity *who, int64_t now_ms);

struct identities;

int identities_open(
	struct store *store, const struct rate *rate, struct identities **out, struct fault *f);
void identities_close(struct identities *all); /* accepts NULL */
/*
 * After a change to the tokens was committed; waits for the disk. After an error, which is logged, what was
 * known stays, and each lookup tries again.
 */
int identities_reload(struct identities *all);

/* HURRIED may be past its time, too. */
enum identity_found { IDENTITY_UNKNOWN, IDENTITY_EXPIRED, IDENTITY_HURRIED, IDENTITY_GOOD };
/* Also notes the use, which is written once a minute. `out` is filled but for an unknown one. */
enum identity_found identities_find(struct identities *all, const struct token_parts *parts,
	int64_t now_ms, struct identity *out);
/* Is a token that was good before still so? */
enum identity_found identities_again(
	struct identities *all, int64_t token, int64_t now_ms, struct identity *out);

#endif
