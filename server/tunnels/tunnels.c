#include "server/tunnels/tunnels.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "server/http/wait.h"

#define ID_BITS 53 /* what JSON's numbers hold everywhere */
#define REASON_BYTES 200
#define KEPT_MS 60000 /* after its end */

enum tunnel_state { TUNNEL_NONE, TUNNEL_PREPARED, TUNNEL_WAITS, TUNNEL_OPEN, TUNNEL_ENDED };

struct ring {
	uint64_t base; /* offset of the first byte */
	size_t n;
	char *data;
};

struct tunnel {
	enum tunnel_state state;
	enum tunnel_kind kind;
	int64_t id, agent, until_ms;
	char board[STORE_NAME_BYTES], owner[STORE_NAME_BYTES], reason[REASON_BYTES];
	struct ring rings[2];
	/* When the sides count as gone; ended: when it is forgotten. */
	int64_t person_ns, agent_ns, forget_ns;
};

struct tunnels {
	const struct clock *clock;
	int64_t idle_ms;
	struct wait_room *waits;
	pthread_mutex_t lock;
	struct tunnel all[TUNNELS_MAX];
};

int tunnels_open(const struct clock *clock, int64_t idle_ms, struct tunnels **out)
{
	struct tunnels *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	all->clock = clock;
	all->idle_ms = idle_ms;
	pthread_mutex_init(&all->lock, NULL);
	*out = all;
	return 0;
}

static void forget(struct tunnel *t)
{
	free(t->rings[TUNNEL_UP].data);
	free(t->rings[TUNNEL_DOWN].data);
	*t = (struct tunnel){0};
}

void tunnels_close(struct tunnels *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < TUNNELS_MAX; i++)
		forget(&all->all[i]);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

void tunnels_set_waits(struct tunnels *all, struct wait_room *waits)
{
	pthread_mutex_lock(&all->lock);
	all->waits = waits;
	pthread_mutex_unlock(&all->lock);
}

int64_t tunnels_idle_ms(const struct tunnels *all)
{
	return all->idle_ms;
}

/* From here on all with the lock held. */

static void wake(struct tunnels *all, const struct tunnel *t, enum tunnel_way way)
{
	if (all->waits)
		wait_wake(all->waits, WAIT_KEY_TUNNEL(t->id, way));
}

static void end(struct tunnels *all, struct tunnel *t, const char *reason)
{
	if (t->state == TUNNEL_NONE || t->state == TUNNEL_ENDED)
		return;
	t->state = TUNNEL_ENDED;
	t->forget_ns = clock_deadline_ms(all->clock, KEPT_MS);
	snprintf(t->reason, sizeof(t->reason), "%s", reason);
	wake(all, t, TUNNEL_UP);
	wake(all, t, TUNNEL_DOWN);
}

/* What time ends; each call of either side looks. */
static void end_due(struct tunnels *all, struct tunnel *t)
{
	char text[REASON_BYTES];

	if (t->state == TUNNEL_NONE || t->state == TUNNEL_ENDED || t->state == TUNNEL_PREPARED)
		return;
	if (t->until_ms && clock_wall_ms(all->clock) >= t->until_ms) {
		end(all, t, "the reservation is over");
		return;
	}
	snprintf(text, sizeof(text), "%s not heard of for %lld ms",
		clock_expired(all->clock, t->agent_ns) ? "the board's agent was"
						       : "who opened it was",
		(long long)all->idle_ms);
	if (clock_expired(all->clock, t->agent_ns) || clock_expired(all->clock, t->person_ns))
		end(all, t, text);
}

static void sweep(struct tunnels *all)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *t = &all->all[i];

		end_due(all, t);
		if (t->state == TUNNEL_ENDED && clock_expired(all->clock, t->forget_ns))
			forget(t);
	}
}

static struct tunnel *by_id(struct tunnels *all, int64_t id)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		if (all->all[i].state != TUNNEL_NONE && all->all[i].id == id)
			return &all->all[i];
	}
	return NULL;
}

static bool is_callers(const struct tunnel *t, const struct tunnel_caller *who)
{
	if (t->state == TUNNEL_PREPARED)
		return false;
	return who->owner ? !strcmp(t->owner, who->owner) : t->agent == who->agent;
}

static struct tunnel *find(
	struct tunnels *all, const struct tunnel_caller *who, int64_t id, struct fault *f)
{
	struct tunnel *t = by_id(all, id);

	if (!t || !is_callers(t, who)) {
		fault_set(f, ENOENT,
			"there is no such tunnel: it is over, or the server was started anew");
		return NULL;
	}
	if (who->owner) {
		t->person_ns = clock_deadline_ms(all->clock, all->idle_ms);
	} else {
		t->agent_ns = clock_deadline_ms(all->clock, all->idle_ms);
		if (t->state == TUNNEL_WAITS)
			t->state = TUNNEL_OPEN;
	}
	end_due(all, t);
	return t;
}

static int is_over(const struct tunnel *t, struct fault *f)
{
	return t->state == TUNNEL_ENDED ? fault_set(f, EPIPE, "%s", t->reason) : 0;
}

/* Open ones of an owner, without that which a new one of this kind on the board would end. */
static int owned(
	const struct tunnels *all, const char *board, const char *owner, enum tunnel_kind kind)
{
	int n = 0;

	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		const struct tunnel *t = &all->all[i];

		if (t->state == TUNNEL_NONE || t->state == TUNNEL_ENDED || strcmp(t->owner, owner))
			continue;
		n += t->state == TUNNEL_PREPARED || t->kind != kind || strcmp(t->board, board) != 0;
	}
	return n;
}

/* An ended one is known for a while only as long as nobody needs its place. */
static struct tunnel *free_slot(struct tunnels *all)
{
	struct tunnel *oldest = NULL;

	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *t = &all->all[i];

		if (t->state == TUNNEL_NONE)
			return t;
		if (t->state == TUNNEL_ENDED && (!oldest || t->forget_ns < oldest->forget_ns))
			oldest = t;
	}
	if (oldest)
		forget(oldest);
	return oldest;
}

static int prepare(struct tunnels *all, const char *board, const char *owner, enum tunnel_kind kind,
	int64_t *id, struct fault *f)
{
	struct tunnel *t;

	sweep(all);
	if (*owner && owned(all, board, owner, kind) >= TUNNELS_PER_OWNER)
		return fault_set(f, EUSERS,
			"%.64s has %d consoles and debuggers open, which is the limit: end one first",
			owner, TUNNELS_PER_OWNER);
	t = free_slot(all);
	if (!t)
		return fault_set(f, EAGAIN, "%d tunnels are open", TUNNELS_MAX);
	*t = (struct tunnel){.state = TUNNEL_PREPARED, .kind = kind};
	for (size_t i = 0; i < 2; i++) {
		t->rings[i].data = malloc(TUNNEL_RING_BYTES);
		if (!t->rings[i].data) {
			forget(t);
			return fault_errno(f, ENOMEM, "a tunnel");
		}
	}
	randombytes_buf(&t->id, sizeof(t->id));
	t->id = (t->id & ((INT64_C(1) << ID_BITS) - 1)) | 1;
	snprintf(t->board, sizeof(t->board), "%s", board);
	snprintf(t->owner, sizeof(t->owner), "%s", owner);
	*id = t->id;
	return 0;
}

static int begin(struct tunnels *all, int64_t id, int64_t agent, int64_t until_ms, struct fault *f)
{
	struct tunnel *t = by_id(all, id);

	if (!t)
		return fault_set(f, EPIPE, "the tunnel is over already");
	if (t->state == TUNNEL_ENDED)
		return is_over(t, f);
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *o = &all->all[i];

		if (o != t && o->state != TUNNEL_PREPARED && o->kind == t->kind &&
			!strcmp(o->board, t->board))
			end(all, o, "it was opened anew elsewhere");
	}
	t->state = TUNNEL_WAITS;
	t->agent = agent;
	t->until_ms = until_ms;
	t->person_ns = t->agent_ns = clock_deadline_ms(all->clock, all->idle_ms);
	return 0;
}

static int read_ring(struct tunnels *all, struct tunnel *t, enum tunnel_way way, uint64_t offset,
	struct buffer *out, struct fault *f)
{
	struct ring *r = &t->rings[way];
	size_t known;

	if (offset < r->base || offset > r->base + r->n)
		return fault_set(f, ERANGE, "bytes from %llu to %llu can be had",
			(unsigned long long)r->base, (unsigned long long)(r->base + r->n));
	known = (size_t)(offset - r->base);
	if (known) {
		memmove(r->data, r->data + known, r->n - known);
		r->n -= known;
		r->base = offset;
		wake(all, t, way);
	}
	return r->n ? buffer_add(out, r->data, r->n) : is_over(t, f);
}

static int write_ring(struct tunnels *all, struct tunnel *t, enum tunnel_way way, uint64_t offset,
	const char *data, size_t n, uint64_t *have, struct fault *f)
{
	struct ring *r = &t->rings[way];
	uint64_t end_at = r->base + r->n;
	size_t skip, room = TUNNEL_RING_BYTES - r->n;
	int rc = is_over(t, f);

	if (rc)
		return rc;
	if (offset > end_at)
		return fault_set(
			f, ERANGE, "bytes up to %llu have come", (unsigned long long)end_at);
	skip = end_at - offset < n ? (size_t)(end_at - offset) : n;
	n -= skip;
	if (n > room)
		n = room;
	memcpy(r->data + r->n, data + skip, n);
	r->n += n;
	*have = end_at + n;
	if (n)
		wake(all, t, way);
	return 0;
}

/* Without the lock. */

int tunnels_prepare(struct tunnels *all, const char *board, const char *owner,
	enum tunnel_kind kind, int64_t *id, struct fault *f)
{
	int rc;

	pthread_mutex_lock(&all->lock);
	rc = prepare(all, board, owner, kind, id, f);
	pthread_mutex_unlock(&all->lock);
	return rc;
}

int tunnels_begin(struct tunnels *all, int64_t id, int64_t agent, int64_t until_ms, struct fault *f)
{
	int rc;

	pthread_mutex_lock(&all->lock);
	rc = begin(all, id, agent, until_ms, f);
	pthread_mutex_unlock(&all->lock);
	return rc;
}

void tunnels_drop(struct tunnels *all, int64_t id)
{
	struct tunnel *t;

	pthread_mutex_lock(&all->lock);
	t = by_id(all, id);
	if (t && t->state == TUNNEL_PREPARED)
		forget(t);
	pthread_mutex_unlock(&all->lock);
}

json_t *tunnels_waiting(struct tunnels *all, int64_t agent)
{
	static const char *const kinds[] = {[TUNNEL_CONSOLE] = "console", [TUNNEL_GDB] = "gdb"};
	json_t *list = NULL;

	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *t = &all->all[i];

		end_due(all, t);
		if (t->state != TUNNEL_WAITS || t->agent != agent)
			continue;
		if (!list)
			list = json_array();
		json_array_append_new(list,
			json_pack("{s:I, s:s, s:s}", "id", (json_int_t)t->id, "board", t->board,
				"kind", kinds[t->kind]));
	}
	pthread_mutex_unlock(&all->lock);
	return list;
}

int tunnels_read(struct tunnels *all, const struct tunnel_caller *who, int64_t id,
	enum tunnel_way way, uint64_t offset, struct buffer *out, struct fault *f)
{
	struct tunnel *t;
	int rc;

	pthread_mutex_lock(&all->lock);
	t = find(all, who, id, f);
	rc = t ? read_ring(all, t, way, offset, out, f) : -ENOENT;
	pthread_mutex_unlock(&all->lock);
	return rc;
}

int tunnels_write(struct tunnels *all, const struct tunnel_caller *who, int64_t id,
	enum tunnel_way way, uint64_t offset, const void *data, size_t n, uint64_t *have,
	struct fault *f)
{
	struct tunnel *t;
	int rc;

	pthread_mutex_lock(&all->lock);
	t = find(all, who, id, f);
	rc = t ? write_ring(all, t, way, offset, data, n, have, f) : -ENOENT;
	pthread_mutex_unlock(&all->lock);
	return rc;
}

int tunnels_end(struct tunnels *all, const struct tunnel_caller *who, int64_t id,
	const char *reason, struct fault *f)
{
	struct tunnel *t;

	pthread_mutex_lock(&all->lock);
	t = find(all, who, id, f);
	if (t)
		end(all, t, reason);
	pthread_mutex_unlock(&all->lock);
	return t ? 0 : -ENOENT;
}

void tunnels_end_board(struct tunnels *all, const char *board, const char *reason)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		if (!strcmp(all->all[i].board, board))
			end(all, &all->all[i], reason);
	}
	pthread_mutex_unlock(&all->lock);
}

void tunnels_extend(struct tunnels *all, const char *board, int64_t until_ms)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		if (!strcmp(all->all[i].board, board))
			all->all[i].until_ms = until_ms;
	}
	pthread_mutex_unlock(&all->lock);
}
