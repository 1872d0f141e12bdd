#include "agent/bench/session.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "agent/bench/heard.h"
#include "agent/bench/words.h"
#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/numbers.h"

#define COMMAND_BYTES 80
#define FIRST_LINES_MAX 16 /* of a run of one inference */

enum mode {
	MODE_VERB,   /* records, $E, m-ready */
	MODE_COLD,   /* the same behind one reset */
	MODE_RESEND, /* one record, m-ready */
	MODE_PLAIN,  /* plain lines, m-ready */
	MODE_BOOT,   /* a banner that ends in m-ready, which may be all that is seen of it */
	MODE_ON,     /* a whole banner: an m-ready alone is what an older reply left */
};

struct bench_session {
	struct console *console;
	const struct clock *clock;
	int cancel_fd;
	struct bench_decoder decoder;
	struct bench_run *run;
	char block[4096];
	size_t at, n; /* bytes of block that are not decoded yet */

	/* Of the command in hand: */
	char command[COMMAND_BYTES];
	int64_t sent_ns;
	enum mode mode;
	bool ready, started;
	bool banner;	/* of MODE_ON: it has begun */
	unsigned boots; /* banners seen */
	char refusal[BENCH_LINE_MAX + 1];
	char lap[BENCH_LINE_MAX + 1];
	struct heard heard;
};

struct bench_session *bench_session_new(
	struct console *console, const struct clock *clock, int cancel_fd)
{
	struct bench_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->console = console;
	s->clock = clock;
	s->cancel_fd = cancel_fd;
	s->sent_ns = clock_mono_ns(clock);
	bench_decoder_init(&s->decoder);
	s->run = bench_run_new();
	if (!s->run) {
		free(s);
		return NULL;
	}
	return s;
}

void bench_session_free(struct bench_session *s)
{
	if (!s)
		return;
	bench_run_free(s->run);
	free(s);
}

void bench_session_freep(struct bench_session **s)
{
	bench_session_free(*s);
}

const struct bench_run *bench_session_reply(const struct bench_session *s)
{
	return s->run;
}

static const char *asked(const struct bench_session *s)
{
	return s->command[0] ? s->command : "the reset";
}

static int explain_timeout(const struct bench_session *s, struct fault *f)
{
	return heard_fault_timeout(&s->heard, asked(s), clock_mono_ns(s->clock) - s->sent_ns, f);
}

/* One line, or BENCH_NONE after some bytes of one; -EAGAIN when nothing came until wait_until. */
static int next_event(
	struct bench_session *s, int64_t wait_until_ns, struct bench_event *ev, struct fault *f)
{
	struct fault why = {0};
	ssize_t n;

	if (s->at == s->n) {
		n = console_read(s->console, s->block, sizeof(s->block), s->clock, wait_until_ns,
			s->cancel_fd, &why);
		if (n == -ETIMEDOUT)
			return -EAGAIN;
		if (n < 0)
			return fault_set(f, (int)-n, "%s", why.text);
		if (n == 0)
			return fault_set(f, EPIPE, "the program ended after %s", asked(s));
		failpoint("agent.measure.read");
		s->at = 0;
		s->n = (size_t)n;
		heard_bytes(&s->heard, s->block, (size_t)n);
	}
	s->at += bench_decoder_feed(&s->decoder, s->block + s->at, s->n - s->at, ev);
	return 0;
}

static int send_command(
	struct bench_session *s, enum mode mode, int64_t deadline_ns, struct fault *f)
{
	char line[COMMAND_BYTES + 1];
	int n = snprintf(line, sizeof(line), "%s%%", s->command);
	int r;

	s->mode = mode;
	s->ready = s->started = false;
	s->boots = 0;
	s->refusal[0] = s->lap[0] = 0;
	/* When a resend is not answered, the words before it are the last ones. */
	if (mode == MODE_RESEND)
		s->heard.bytes = 0;
	else
		s->heard = (struct heard){0};
	r = console_write(s->console, line, (size_t)n, s->clock, deadline_ns, s->cancel_fd, f);
	s->sent_ns = clock_mono_ns(s->clock);
	if (r == -ETIMEDOUT)
		fault_set(f, ETIMEDOUT, "the firmware takes no input: '%s' could not be sent",
			s->command);
	return r;
}

/* Only a start says these; the answers to name and timestamp begin with m-, too. */
static bool is_of_banner(const char *text)
{
	return !strncmp(text, "m-timestamp-mode-", 17) || !strcmp(text, "m-init-done");
}

static int take_plain(struct bench_session *s, const char *text, struct fault *f)
{
	if (s->mode == MODE_BOOT || s->mode == MODE_ON) {
		s->banner |= is_of_banner(text);
	} else if (!strcmp(text, "m-init-done")) {
		s->boots++;
		if (bench_run_has_fault(s->run))
			return 0; /* the reset that follows a fault */
		if (s->mode != MODE_COLD || s->boots > 1)
			return fault_set(f, ECONNRESET,
				"reset in mid-run: the firmware started anew after '%s'",
				s->command);
	}
	if (!strncmp(text, "e-[", 3) && !s->refusal[0])
		snprintf(s->refusal, sizeof(s->refusal), "%s", text);
	if (!strncmp(text, "m-lap-us-", 9))
		snprintf(s->lap, sizeof(s->lap), "%s", text + 9);
	return 0;
}

static int take_record(struct bench_session *s, const struct bench_event *ev, struct fault *f)
{
	struct fault why = {0};
	int r;

	/* A late line of an older reply has no place in a reply of plain lines. */
	if (ev->type != 'X' &&
		(s->mode == MODE_PLAIN || s->mode == MODE_BOOT || s->mode == MODE_ON))
		return 0;
	s->started = true;
	r = bench_run_add(s->run, ev, &why);
	if (r == -EEXIST)
		return fault_set(f, ECONNRESET, "reset in mid-run: %s", why.text);
	return r ? fault_set(f, r == -ENOMEM ? ENOMEM : EPROTO, "%s", why.text) : 0;
}

static int take(struct bench_session *s, const struct bench_event *ev, struct fault *f)
{
	if (ev->kind == BENCH_NONE)
		return 0;
	s->heard.noise_bytes += ev->dropped;
	if (ev->kind != BENCH_DAMAGED)
		s->heard.good_lines++;
	switch (ev->kind) {
	case BENCH_READY:
		/* One that belongs to an older reply, or to the banner, ends nothing. */
		if (s->mode == MODE_ON)
			s->ready = s->banner;
		else
			s->ready = s->mode == MODE_BOOT || s->mode == MODE_PLAIN || s->refusal[0] ||
				s->started;
		return 0;
	case BENCH_PLAIN:
		return take_plain(s, ev->text, f);
	case BENCH_RECORD:
		return take_record(s, ev, f);
	default:
		break;
	}
	s->heard.noise_bytes += ev->n;
	if (words_is_record(ev->text, ev->n))
		s->started = true;
	if (s->heard.noise_bytes < BENCH_NOISE_MAX)
		return 0;
	return heard_fault_damaged(&s->heard, asked(s), f);
}

/* A record is being received: its first bytes are there, its line end is not. */
static bool in_record(const struct bench_session *s)
{
	const char *start = memrchr(s->decoder.line, '$', s->decoder.n);

	return start && words_is_record(start, s->decoder.n - (size_t)(start - s->decoder.line));
}

/*
 * Until m-ready. A reply that has begun and then stops is over as well (its m-ready may have been
 * damaged): what is missing is asked for again by the caller.
 */
static int listen_reply(struct bench_session *s, int64_t deadline_ns, struct fault *f)
{
	while (!s->ready) {
		bool faulted = bench_run_has_fault(s->run);
		int64_t until = deadline_ns, quiet;
		struct bench_event ev;
		int r;

		quiet = clock_deadline_ms(
			s->clock, faulted ? BENCH_AFTER_FAULT_MS : BENCH_QUIET_MS);
		if ((faulted || s->started || in_record(s) || s->refusal[0]) && quiet < until)
			until = quiet;
		r = next_event(s, until, &ev, f);
		if (r == -EAGAIN && faulted)
			return -EFAULT;
		if (r == -EAGAIN)
			return until == deadline_ns ? explain_timeout(s, f) : 0;
		if (!r)
			r = take(s, &ev, f);
		if (r)
			return bench_run_has_fault(s->run) ? -EFAULT : r;
		if (bench_run_has_fault(s->run) && s->boots)
			return -EFAULT;
	}
	return bench_run_has_fault(s->run) ? -EFAULT : 0;
}

static int name_fault(const struct bench_session *s, struct fault *f)
{
	const char *kind = bench_run_get(s->run, 'X', "kind");
	const char *message = bench_run_get(s->run, 'X', "msg");

	return fault_set(f, EFAULT, "the firmware faulted after %s: %s%s%s", asked(s),
		kind ? kind : "unknown", message ? ": " : "", message ? message : "");
}

/* What an e-[...] means. -EAGAIN: the command arrived damaged. */
static int judge_refusal(const struct bench_session *s, struct fault *f)
{
	enum refusal kind = words_refusal(s->refusal, s->command);

	switch (kind) {
	case REFUSAL_GARBLED:
		fault_set(f, EBADMSG, "the firmware understood something else than '%s': %s",
			s->command, s->refusal);
		return -EAGAIN;
	case REFUSAL_NO_BENCH:
		return fault_set(f, EOPNOTSUPP,
			"the firmware does not speak the bench protocol (%s): add hilda_report.[ch] "
			"of firmware-stub/report to it, or use \"protocol\": \"lines\"",
			s->refusal);
	case REFUSAL_NO_VERB:
		return fault_set(f, EOPNOTSUPP,
			"this firmware cannot do '%s' (%s): leave the phase out", s->command,
			s->refusal);
	case REFUSAL_NUMBER:
		return fault_set(
			f, EINVAL, "this firmware cannot do '%s': %s", s->command, s->refusal);
	case REFUSAL_OTHER:
		break;
	}
	return fault_set(f, EPROTO, "the firmware refused '%s': %s", s->command, s->refusal);
}

/*
 * Asks for one line again. 0 also when it did not come, 1 when nothing came at all; the caller
 * counts.
 */
static int resend(struct bench_session *s, uint32_t seq, int64_t deadline_ns, struct fault *f)
{
	int64_t until = clock_deadline_ms(s->clock, BENCH_QUIET_MS);
	int r;

	snprintf(s->command, sizeof(s->command), "lab resend %u", seq);
	r = send_command(s, MODE_RESEND, deadline_ns, f);
	if (!r)
		r = listen_reply(s, until < deadline_ns ? until : deadline_ns, f);
	if (r == -ETIMEDOUT && !clock_expired(s->clock, deadline_ns))
		return s->heard.bytes == 0;
	if (!r && s->refusal[0] && words_refusal(s->refusal, s->command) != REFUSAL_GARBLED)
		return fault_set(f, EBADMSG,
			"line %u of the reply was lost and cannot be had again: %s", seq,
			s->refusal);
	return r;
}

static int heal(struct bench_session *s, int64_t deadline_ns, struct fault *f)
{
	uint32_t seq, last = UINT32_MAX;
	unsigned same = 0;
	int r = 0;

	for (unsigned k = 0; bench_run_missing(s->run, &seq, 1); k++) {
		same = seq == last ? same + 1 : 1;
		last = seq;
		if (same > BENCH_RESENDS_PER_LINE && r == 1)
			return explain_timeout(s, f);
		if (same > BENCH_RESENDS_PER_LINE || k == BENCH_RESENDS_MAX)
			return fault_set(f, EBADMSG,
				"%zu lines are damaged or missing and stay so (line %u was asked for %u "
				"times): look at the console's cable and baud rate",
				bench_run_missing(s->run, NULL, 0), seq, same - 1);
		r = resend(s, seq, deadline_ns, f);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_run(struct bench_session *s, struct fault *f)
{
	const char *status, *message;
	int r = bench_run_check(s->run, f);

	if (r)
		return r == -EAGAIN ? -EBADMSG : r;
	status = bench_run_get(s->run, 'E', "status");
	message = bench_run_get(s->run, 'E', "msg");
	if (!status || !strcmp(status, "ok"))
		return 0;
	return fault_set(f, EPROTO, "the firmware says status %s%s%s", status, message ? ": " : "",
		message ? message : "");
}

static int run_verb(struct bench_session *s, enum mode mode, int64_t deadline_ns, struct fault *f)
{
	char verb[COMMAND_BYTES];
	int r = -EAGAIN;

	memcpy(verb, s->command, sizeof(verb));
	for (int k = 0; k <= BENCH_RETRIES && r == -EAGAIN; k++) {
		bench_run_clear(s->run);
		r = send_command(s, mode, deadline_ns, f);
		if (!r)
			r = listen_reply(s, deadline_ns, f);
		if (!r && s->refusal[0])
			r = judge_refusal(s, f);
	}
	if (r == -EAGAIN)
		return -EBADMSG;
	if (!r)
		r = heal(s, deadline_ns, f);
	if (r == -EFAULT) {
		memcpy(s->command, verb, sizeof(verb));
		return name_fault(s, f);
	}
	return r ? r : check_run(s, f);
}

int bench_session_run(
	struct bench_session *s, int64_t deadline_ns, struct fault *f, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->command, sizeof(s->command), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(s->command) - 1)
		return fault_set(f, EINVAL, "the command '%s' is over 78 characters", s->command);
	return run_verb(s, MODE_VERB, deadline_ns, f);
}

int bench_session_cold(struct bench_session *s, int64_t deadline_ns, struct fault *f)
{
	snprintf(s->command, sizeof(s->command), "lab cold");
	return run_verb(s, MODE_COLD, deadline_ns, f);
}

static int wait_banner(
	struct bench_session *s, enum mode mode, int64_t deadline_ns, struct fault *f)
{
	int64_t now = clock_mono_ns(s->clock);
	int64_t half = deadline_ns == CLOCK_NEVER ? deadline_ns : now + (deadline_ns - now) / 2;
	int r;

	bench_run_clear(s->run);
	s->mode = mode;
	s->ready = s->started = s->banner = false;
	s->refusal[0] = 0;
	s->command[0] = 0;
	r = listen_reply(s, half, f);
	if (r == -EFAULT)
		return name_fault(s, f);
	if ((r != -ETIMEDOUT && r != -EILSEQ) || clock_expired(s->clock, deadline_ns))
		return r;
	/* The banner may have been lost: firmware that is there answers. */
	s->mode = MODE_BOOT;
	r = console_write(s->console, "name%", 5, s->clock, deadline_ns, s->cancel_fd, f);
	if (!r)
		r = listen_reply(s, deadline_ns, f);
	return r == -EFAULT ? name_fault(s, f) : r;
}

int bench_session_wait_ready(struct bench_session *s, int64_t deadline_ns, struct fault *f)
{
	return wait_banner(s, MODE_BOOT, deadline_ns, f);
}

int bench_session_wait_on(struct bench_session *s, int64_t deadline_ns, struct fault *f)
{
	return wait_banner(s, MODE_ON, deadline_ns, f);
}

int bench_session_first(struct bench_session *s, int64_t deadline_ns, struct fault *f)
{
	int r = bench_session_wait_on(s, deadline_ns, f);

	if (!r)
		bench_run_clear(s->run);
	for (uint32_t seq = 0; r >= 0 && !bench_run_has_end(s->run) && seq < FIRST_LINES_MAX; seq++)
		r = resend(s, seq, deadline_ns, f);
	if (r >= 0)
		r = heal(s, deadline_ns, f);
	if (r == -EFAULT)
		return name_fault(s, f);
	return r ? r : check_run(s, f);
}

int bench_session_settle(struct bench_session *s, int64_t deadline_ns, struct fault *f)
{
	s->mode = MODE_BOOT;
	for (;;) {
		int64_t until = clock_deadline_ms(s->clock, BENCH_SETTLE_MS);
		struct bench_event ev;
		int r = next_event(s, until < deadline_ns ? until : deadline_ns, &ev, f);

		if (r == -EAGAIN)
			return 0;
		if (!r)
			r = take(s, &ev, f);
		if (r)
			return r;
	}
}

int bench_session_lap(struct bench_session *s, int64_t deadline_ns, uint32_t *device_us,
	int64_t *host_ns, struct fault *f)
{
	uint64_t us;
	int r;

	bench_run_clear(s->run);
	snprintf(s->command, sizeof(s->command), "timestamp");
	r = send_command(s, MODE_PLAIN, deadline_ns, f);
	if (!r)
		r = listen_reply(s, deadline_ns, f);
	if (r == -EFAULT)
		return name_fault(s, f);
	if (!r && s->refusal[0])
		r = judge_refusal(s, f);
	if (r)
		return r == -EAGAIN ? -EBADMSG : r;
	if (number_u64(s->lap, 0, UINT32_MAX, &us))
		return fault_set(f, EPROTO,
			"the firmware answered 'timestamp' with '%s', no m-lap-us-N", s->lap);
	*device_us = (uint32_t)us;
	*host_ns = s->sent_ns;
	return 0;
}
