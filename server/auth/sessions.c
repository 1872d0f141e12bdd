#include "server/auth/sessions.h"

#include <sodium.h>
#include <string.h>

void sessions_init(struct sessions *s)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
}

void sessions_done(struct sessions *s)
{
	pthread_mutex_destroy(&s->lock);
	sodium_memzero(s->all, sizeof(s->all));
}

static void make_word(char out[SESSION_WORD_BYTES])
{
	uint8_t bytes[32];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(out, SESSION_WORD_BYTES, bytes, sizeof(bytes),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void sessions_begin(struct sessions *s, int64_t token, int64_t now_ms, struct session *out)
{
	struct session *place = &s->all[0];

	pthread_mutex_lock(&s->lock);
	for (size_t i = 1; i < SESSIONS_MAX; i++)
		if (s->all[i].ends_ms < place->ends_ms)
			place = &s->all[i];
	make_word(place->id);
	make_word(place->csrf);
	place->token = token;
	place->ends_ms = now_ms + SESSION_TERM_MS;
	*out = *place;
	pthread_mutex_unlock(&s->lock);
}

/* With the lock held. The time does not depend on where ids differ. */
static struct session *find(struct sessions *s, const char *id)
{
	struct session *found = NULL;

	if (strlen(id) != SESSION_WORD_BYTES - 1)
		return NULL;
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (s->all[i].ends_ms && sodium_memcmp(s->all[i].id, id, SESSION_WORD_BYTES) == 0)
			found = &s->all[i];
	return found;
}

bool sessions_find(struct sessions *s, const char *id, int64_t now_ms, struct session *out)
{
	struct session *x;
	bool good;

	pthread_mutex_lock(&s->lock);
	x = find(s, id);
	good = x && x->ends_ms > now_ms;
	if (good)
		*out = *x;
	pthread_mutex_unlock(&s->lock);
	return good;
}

void sessions_end(struct sessions *s, const char *id)
{
	struct session *x;

	pthread_mutex_lock(&s->lock);
	x = find(s, id);
	if (x)
		sodium_memzero(x, sizeof(*x));
	pthread_mutex_unlock(&s->lock);
}
