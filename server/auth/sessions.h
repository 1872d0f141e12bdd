/*
 * People who came in by a browser: a random id that the cookie holds, the token behind it, and a word
 * against forged requests that the page must repeat. In memory: a restart of the server ends them. Any
 * thread.
 */
#ifndef HILDA_SERVER_AUTH_SESSIONS_H
#define HILDA_SERVER_AUTH_SESSIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SESSIONS_MAX 256
#define SESSION_TERM_MS (12 * INT64_C(3600000))
#define SESSION_WORD_BYTES 44 /* 32 random bytes in base64url, and a NUL */

struct session {
	char id[SESSION_WORD_BYTES], csrf[SESSION_WORD_BYTES];
	int64_t token;
	int64_t ends_ms; /* monotonic; 0: unused */
};

struct sessions {
	pthread_mutex_t lock;
	struct session all[SESSIONS_MAX];
};

void sessions_init(struct sessions *s);
void sessions_done(struct sessions *s);
/* Where all are taken the one that ends first makes room. */
void sessions_begin(struct sessions *s, int64_t token, int64_t now_ms, struct session *out);
bool sessions_find(struct sessions *s, const char *id, int64_t now_ms, struct session *out);
void sessions_end(struct sessions *s, const char *id);

#endif
