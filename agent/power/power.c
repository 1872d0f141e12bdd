#include "agent/power/power.h"

#include <ctype.h>
#include <errno.h>

#include "agent/power/parts.h"
#include "common/cleanup.h"

#define SELECT_WORDS_MAX 16

struct power {
	const struct power_kind_ops *ops;
	void *self;
};

bool power_can_measure(const struct board_config *board)
{
	return board->power_kind == POWER_PPK2 || board->power_kind == POWER_SYSFS;
}

bool power_can_cycle(const struct board_config *board)
{
	return board->power_kind == POWER_PPK2 && board->ppk2_mode == PPK2_SOURCE && !board->exec;
}

bool power_is_needed(const struct board_config *board)
{
	/* A virtual board has power of its own until a unit takes it away. */
	return board->power_kind == POWER_PPK2 && !board->is_virtual && !board->exec;
}

static int run_select(const struct board_config *board, const struct power_options *o,
	int64_t deadline_ns, struct fault *f)
{
	char words[BOARD_PATH_BYTES];
	const char *argv[SELECT_WORDS_MAX + 1];
	struct process_spec spec = PROCESS_SPEC_INIT;
	int64_t own_ns = clock_deadline_ms(o->clock, POWER_SELECT_MS);
	struct process_end end;
	size_t n = 0;
	char *rest = words, *word;
	int rc;

	memcpy(words, board->power_select, sizeof(words));
	while ((word = strsep(&rest, " \t"))) {
		if (!*word)
			continue;
		if (n == SELECT_WORDS_MAX)
			return fault_set(
				f, E2BIG, "power-select has more than %d words", SELECT_WORDS_MAX);
		argv[n++] = word;
	}
	argv[n] = NULL;
	if (!n)
		return 0;
	spec.argv = argv;
	rc = process_run(&spec, o->clock, own_ns < deadline_ns ? own_ns : deadline_ns, o->cancel_fd,
		o->output, o->arg, &end, f);
	if (rc)
		return rc;
	if (end.timed_out)
		return fault_set(f, EIO, "power-select %s did not end within %d ms", argv[0],
			POWER_SELECT_MS);
	if (end.code)
		return fault_set(f, EIO, "power-select %s ended with code %d", argv[0], end.code);
	return 0;
}

int power_open(const struct board_config *board, const struct power_options *o, int64_t deadline_ns,
	struct power **out, struct fault *f)
{
	struct power *p;
	int rc = board->power_select[0] ? run_select(board, o, deadline_ns, f) : 0;

	if (rc)
		return rc;
	p = calloc(1, sizeof(*p));
	if (!p)
		return fault_set(f, ENOMEM, "out of memory");
	switch (board->power_kind) {
	case POWER_PPK2:
		p->ops = &power_ppk2;
		rc = power_ppk2_open(board, o, deadline_ns, &p->self, f);
		break;
	case POWER_SYSFS:
		p->ops = &power_sysfs;
		rc = power_sysfs_open(board, o, deadline_ns, &p->self, f);
		break;
	default:
		rc = fault_set(f, EOPNOTSUPP,
			"board %s has no power meter: set `power = ppk2:SERIAL, source, 3300 mV`, or "
			"leave energy out of the job's phases",
			board->name);
	}
	if (rc) {
		free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void power_close(struct power *p)
{
	if (!p)
		return;
	p->ops->close(p->self);
	free(p);
}

int power_cycle(struct power *p, int64_t deadline_ns, struct fault *f)
{
	if (!p->ops->cycle)
		return fault_set(f, EOPNOTSUPP, "this board's power cannot be turned off and on");
	return p->ops->cycle(p->self, deadline_ns, f);
}

int power_begin(struct power *p, struct growing *file, int64_t deadline_ns, struct fault *f)
{
	return p->ops->begin(p->self, file, deadline_ns, f);
}

int power_idle(struct power *p, int64_t deadline_ns, struct fault *f)
{
	return p->ops->idle(p->self, deadline_ns, f);
}

void power_mark(struct power *p, bool begin)
{
	p->ops->mark(p->self, begin);
}

int power_await(struct power *p, int64_t deadline_ns, struct fault *f)
{
	return p->ops->await(p->self, deadline_ns, f);
}

int power_end(struct power *p, int64_t deadline_ns, struct power_measured *out, struct fault *f)
{
	*out = (struct power_measured){0};
	return p->ops->end(p->self, deadline_ns, out, f);
}

int power_failed_fd(const struct power *p)
{
	return p->ops->failed_fd(p->self);
}

void power_instrument(const struct power *p, struct power_instrument *out)
{
	*out = (struct power_instrument){.kind = "", .serial = "", .mode = "", .path = ""};
	p->ops->instrument(p->self, out);
}
