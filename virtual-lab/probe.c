#include "virtual-lab/probe.h"

#include <errno.h>
#include <unistd.h>

#include "common/clock.h"

#define READ_BYTES 8192
/* A host that does not read for this long has gone. */
#define WRITE_MS 2000

static int plug_in(struct probe *p, struct fault *f)
{
	buspirate_reset(&p->board->buspirate);
	return pty_open(&p->pty, p->link, f);
}

static void end_session(struct probe *p)
{
	if (p->open)
		driving_note(p->driving, false, 0);
	p->open = false;
	debug_settle(&p->board->debug);
	buspirate_reset(&p->board->buspirate);
}

static void unplug(struct probe *p)
{
	end_session(p);
	pty_close(&p->pty);
}

int probe_open(struct probe *p, struct board *board, struct faults *faults, struct driving *driving,
	const char *link, struct fault *f)
{
	*p = (struct probe){.board = board,
		.faults = faults,
		.driving = driving,
		.link = link,
		.pty = PTY_INIT};
	return probe_update(p, f);
}

void probe_close(struct probe *p)
{
	if (p->board)
		unplug(p);
}

int probe_update(struct probe *p, struct fault *f)
{
	bool absent = fault_is_on(p->faults, FAULT_PROBE_ABSENT);

	if (absent && p->pty.master >= 0)
		unplug(p);
	else if (!absent && p->pty.master < 0)
		return plug_in(p, f);
	return 0;
}

void probe_look(struct probe *p)
{
	if (!pty_update(&p->pty))
		return;
	/* Another one may have come before the last was seen to go. */
	if (!p->pty.openers || p->open)
		end_session(p);
	if (p->pty.openers) {
		p->open = true;
		driving_note(p->driving, true, pty_opener(&p->pty));
	}
}

static bool strikes(const struct probe *p, enum fault_name name)
{
	return fault_is_on(p->faults, name) &&
		p->board->memory.downloaded_bytes >= fault_arg(p->faults, name);
}

/* What happens to board and probe once enough has been downloaded. False: say no more. */
static bool survives(struct probe *p)
{
	if (strikes(p, FAULT_QEMU_KILL) && p->board->power == BOARD_ON)
		board_kill(p->board, "killed by the fault qemu-kill");
	if (strikes(p, FAULT_PROBE_DROP)) {
		fault_switch(p->faults, FAULT_PROBE_DROP, false, 0);
		fault_switch(p->faults, FAULT_PROBE_ABSENT, true, 0);
		unplug(p);
		return false;
	}
	return !strikes(p, FAULT_PROBE_HANG);
}

static void answer(struct probe *p, const uint8_t *data, size_t n)
{
	int64_t deadline = clock_deadline_ms(&clock_system, WRITE_MS);

	while (n) {
		struct pollfd poll = {.fd = p->pty.master, .events = POLLOUT};
		ssize_t sent = write(p->pty.master, data, n);

		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
		} else if (clock_poll(&clock_system, &poll, 1, deadline) <= 0) {
			return;
		}
	}
}

void probe_serve(struct probe *p)
{
	static uint8_t reply[BUSPIRATE_REPLY_BYTES];
	uint8_t data[READ_BYTES];
	ssize_t n = read(p->pty.master, data, sizeof(data));

	for (ssize_t at = 0; at < n;) {
		size_t used;
		size_t said;

		if (!survives(p))
			return;
		said = buspirate_take(
			&p->board->buspirate, data + at, (size_t)(n - at), &used, reply);
		at += (ssize_t)used;
		if (said && !survives(p))
			return;
		answer(p, reply, said);
	}
}
