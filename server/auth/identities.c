#include "server/auth/identities.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/store/ops.h"
#include "server/store/read.h"

#define NOTE_EVERY_MS 60000

struct entry {
	struct identity who;
	struct token_parts parts;
	_Atomic int64_t used_ms; /* 0: not since the last note */
	_Atomic int64_t full_ns; /* of its bucket, rate.h */
};

struct list {
	struct entry *entries;
	size_t n, room;
};

struct identities {
	struct store *store;
	struct rate rate;
	pthread_mutex_t reloading; /* from the read to the swap: a later one has the later list */
	atomic_bool stale;	   /* the last reload failed */
	pthread_rwlock_t lock;
	struct list list;
	_Atomic int64_t noted_ms;
};

static int add(void *arg, const struct read_token *t)
{
	struct list *l = arg;
	struct entry *e;

	if (l->n == l->room) {
		size_t more = l->room ? 2 * l->room : 16;
		struct entry *bigger = reallocarray(l->entries, more, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		l->entries = bigger;
		l->room = more;
	}
	e = &l->entries[l->n++];
	memset(e, 0, sizeof(*e));
	e->who.token = t->token;
	e->who.scopes = t->scopes;
	e->who.expires_ms = t->expires_ms;
	memcpy(e->who.name, t->name, sizeof(e->who.name));
	memcpy(e->who.host, t->host, sizeof(e->who.host));
	memcpy(e->parts.public, t->public, sizeof(e->parts.public));
	memcpy(e->parts.hash, t->secret, sizeof(e->parts.hash));
	return 0;
}

/* What the same tokens had before; both lists are in the order of ids. */
static void carry_over(struct list *fresh, const struct list *old)
{
	for (size_t i = 0, k = 0; i < fresh->n && k < old->n;) {
		struct entry *to = &fresh->entries[i], *from = &old->entries[k];

		if (to->who.token == from->who.token) {
			atomic_store(&to->used_ms, atomic_load(&from->used_ms));
			atomic_store(&to->full_ns, atomic_load(&from->full_ns));
		}
		i += to->who.token <= from->who.token;
		k += to->who.token >= from->who.token;
	}
}

/* With `reloading` held. */
static int reload(struct identities *all)
{
	struct store_reader *r = store_reader_borrow(all->store, NULL);
	struct list fresh = {0}, old;
	int rc = r ? read_tokens_alive(r, add, &fresh) : -EIO;

	store_reader_return(all->store, r);
	if (rc) {
		free(fresh.entries);
		return rc;
	}
	pthread_rwlock_wrlock(&all->lock);
	old = all->list;
	carry_over(&fresh, &old);
	all->list = fresh;
	pthread_rwlock_unlock(&all->lock);
	free(old.entries);
	return 0;
}

int identities_reload(struct identities *all)
{
	int rc;

	pthread_mutex_lock(&all->reloading);
	rc = reload(all);
	atomic_store(&all->stale, rc != 0);
	pthread_mutex_unlock(&all->reloading);
	if (rc)
		log_error("the tokens cannot be read anew; each request tries again",
			LOG_I64("errno", -rc), LOG_END);
	return rc;
}

/* A token that was revoked meanwhile must not stay good because the disk failed once. */
static void reload_if_stale(struct identities *all)
{
	if (!atomic_load(&all->stale) || pthread_mutex_trylock(&all->reloading))
		return;
	if (reload(all) == 0)
		atomic_store(&all->stale, false);
	pthread_mutex_unlock(&all->reloading);
}

int identities_open(
	struct store *store, const struct rate *rate, struct identities **out, struct fault *f)
{
	struct identities *all = calloc(1, sizeof(*all));
	int rc;

	if (!all)
		return fault_set(f, ENOMEM, "out of memory");
	all->store = store;
	all->rate = *rate;
	pthread_rwlock_init(&all->lock, NULL);
	pthread_mutex_init(&all->reloading, NULL);
	rc = identities_reload(all);
	if (rc) {
		identities_close(all);
		return fault_errno(f, -rc, "the tokens cannot be read");
	}
	*out = all;
	return 0;
}

void identities_close(struct identities *all)
{
	if (!all)
		return;
	pthread_rwlock_destroy(&all->lock);
	pthread_mutex_destroy(&all->reloading);
	free(all->list.entries);
	free(all);
}

/* ---- uses ---- */

struct note {
	struct op_tokens_used op;
};

static void noted(struct store_op *op)
{
	struct note *note = (struct note *)op;

	op_tokens_used_done(&note->op);
	free(note);
}

/* With the lock held. One that is not written is no loss: the next use is. */
static void note_uses(struct identities *all)
{
	struct note *note = calloc(1, sizeof(*note));
	struct op_tokens_used *x = note ? &note->op : NULL;

	if (note)
		x->uses = calloc(all->list.n, sizeof(*x->uses));
	if (!note || !x->uses) {
		free(note);
		return;
	}
	for (size_t i = 0; i < all->list.n; i++) {
		int64_t at = atomic_exchange(&all->list.entries[i].used_ms, 0);

		if (at)
			x->uses[x->n++] = (struct token_use){all->list.entries[i].who.token, at};
	}
	op_tokens_used_setup(x);
	x->op.done = noted;
	if (!x->n || store_submit(all->store, &x->op)) {
		op_tokens_used_done(x);
		free(note);
	}
}

static void use(struct identities *all, struct entry *e, int64_t now_ms)
{
	int64_t before = atomic_load(&all->noted_ms);

	atomic_store(&e->used_ms, now_ms);
	/* A clock that was set back is as good as a minute. */
	if (now_ms >= before && now_ms < before + NOTE_EVERY_MS)
		return;
	if (atomic_compare_exchange_strong(&all->noted_ms, &before, now_ms))
		note_uses(all);
}

/* ---- lookups ---- */

bool identity_is_over(const struct identity *who, int64_t now_ms)
{
	return who->expires_ms && now_ms >= who->expires_ms;
}

static enum identity_found judge(
	struct identities *all, struct entry *e, int64_t now_ms, struct identity *out)
{
	*out = e->who;
	/* First, as some routes let in what is past its time. */
	out->wait_ms = rate_take(&all->rate, &e->full_ns, clock_mono_ns(store_clock(all->store)));
	if (out->wait_ms)
		return IDENTITY_HURRIED;
	if (identity_is_over(&e->who, now_ms))
		return IDENTITY_EXPIRED;
	use(all, e, now_ms);
	return IDENTITY_GOOD;
}

enum identity_found identities_find(struct identities *all, const struct token_parts *parts,
	int64_t now_ms, struct identity *out)
{
	enum identity_found found = IDENTITY_UNKNOWN;

	reload_if_stale(all);
	pthread_rwlock_rdlock(&all->lock);
	for (size_t i = 0; i < all->list.n; i++) {
		struct entry *e = &all->list.entries[i];

		if (strcmp(e->parts.public, parts->public) != 0)
			continue;
		if (token_same(e->parts.hash, parts->hash))
			found = judge(all, e, now_ms, out);
		break;
	}
	pthread_rwlock_unlock(&all->lock);
	return found;
}

enum identity_found identities_again(
	struct identities *all, int64_t token, int64_t now_ms, struct identity *out)
{
	enum identity_found found = IDENTITY_UNKNOWN;

	reload_if_stale(all);
	pthread_rwlock_rdlock(&all->lock);
	for (size_t i = 0; i < all->list.n; i++)
		if (all->list.entries[i].who.token == token) {
			found = judge(all, &all->list.entries[i], now_ms, out);
			break;
		}
	pthread_rwlock_unlock(&all->lock);
	return found;
}
