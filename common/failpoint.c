#include "common/failpoint.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/numbers.h"

#define POINTS_MAX 32
#define NAME_BYTES 64
#define EXIT_CODE 70

enum action { ACTION_KILL, ACTION_STOP, ACTION_EXIT, ACTION_ERROR };

struct point {
	char name[NAME_BYTES];
	enum action action;
	int error;
	uint64_t nth;	 /* 0: not by count */
	uint64_t chance; /* 1 in this many; 0: not by chance */
	uint64_t seen;
};

static struct {
	atomic_int n;
	struct point points[POINTS_MAX];
	pthread_mutex_t lock;
	uint64_t random;
} armed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct {
	const char *name;
	int error;
} errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES},
	{"ECONNRESET", ECONNRESET}};

/* xorshift64: the same chances for the same seed on every machine. */
static uint64_t next_random(void)
{
	uint64_t x = armed.random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	armed.random = x;
	return x;
}

static int parse_action(const char *word, struct point *p)
{
	if (!strcmp(word, "kill")) {
		p->action = ACTION_KILL;
		return 0;
	}
	if (!strcmp(word, "stop")) {
		p->action = ACTION_STOP;
		return 0;
	}
	if (!strcmp(word, "exit")) {
		p->action = ACTION_EXIT;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (!strcmp(word, errors[i].name)) {
			p->action = ACTION_ERROR;
			p->error = errors[i].error;
			return 0;
		}
	}
	return -EINVAL;
}

/* "name=action[:N | :1/N]"; cuts the text. */
static int parse_point(char *text, struct point *p)
{
	char *word = strchr(text, '='), *when;

	if (!word || word == text || (size_t)(word - text) >= sizeof(p->name))
		return -EINVAL;
	*word++ = 0;
	memcpy(p->name, text, strlen(text) + 1);
	when = strchr(word, ':');
	if (when)
		*when++ = 0;
	if (when && !strncmp(when, "1/", 2)) {
		if (number_u64(when + 2, 1, UINT32_MAX, &p->chance))
			return -EINVAL;
	} else if (when && number_u64(when, 1, UINT32_MAX, &p->nth)) {
		return -EINVAL;
	}
	return parse_action(word, p);
}

int failpoint_arm(struct fault *f)
{
	const char *list = getenv("HILDA_FAILPOINTS"), *seed = getenv("HILDA_FAILPOINT_SEED");
	_cleanup_free_ char *copy = list ? strdup(list) : NULL;
	char *rest = copy, *part;
	uint64_t number = 1;
	int n = 0;

	if (!list || !*list)
		return 0;
	if (!copy)
		return fault_errno(f, ENOMEM, "HILDA_FAILPOINTS");
	if (seed && number_u64(seed, 1, UINT64_MAX, &number))
		return fault_set(f, EINVAL, "HILDA_FAILPOINT_SEED=%s is not a number from 1", seed);
	armed.random = number * 0x9e3779b97f4a7c15u;
	while ((part = strsep(&rest, ","))) {
		char shown[NAME_BYTES];

		snprintf(shown, sizeof(shown), "%s", part);
		if (n == POINTS_MAX || parse_point(part, &armed.points[n]))
			return fault_set(f, EINVAL,
				"HILDA_FAILPOINTS: '%s' is not name=ACTION[:N|:1/N] with ACTION kill, stop, exit, "
				"EIO, ENOSPC, ENOMEM, EACCES or ECONNRESET (at most %d of them)",
				shown, POINTS_MAX);
		n++;
	}
	atomic_store(&armed.n, n);
	return 0;
}

static int act(const struct point *p)
{
	switch (p->action) {
	case ACTION_KILL:
		raise(SIGKILL);
		return 0;
	case ACTION_STOP:
		raise(SIGSTOP);
		return 0;
	case ACTION_EXIT:
		_exit(EXIT_CODE);
	default:
		return -p->error;
	}
}

int failpoint(const char *name)
{
	int n = atomic_load_explicit(&armed.n, memory_order_relaxed);
	struct point hit;
	int rc = 0;

	for (int i = 0; i < n; i++) {
		struct point *p = &armed.points[i];
		int due;

		if (strcmp(p->name, name))
			continue;
		pthread_mutex_lock(&armed.lock);
		p->seen++;
		due = p->chance ? next_random() % p->chance == 0 : !p->nth || p->seen == p->nth;
		hit = *p;
		pthread_mutex_unlock(&armed.lock);
		if (due && !rc)
			rc = act(&hit);
	}
	return rc;
}
