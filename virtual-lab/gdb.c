#include "virtual-lab/gdb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hex.h"
#include "virtual-lab/semihosting.h"

#define INTERRUPT "\x03"

static int send_raw(struct gdb *g, const char *data, size_t n)
{
	while (n) {
		ssize_t sent = send(g->fd, data, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		data += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int send_packet(struct gdb *g, const char *payload)
{
	char text[2 * GDB_WRITE_BYTES + 64];
	uint8_t sum = 0;
	int n;

	for (const char *p = payload; *p; p++)
		sum += (uint8_t)*p;
	n = snprintf(text, sizeof(text), "$%s#%02x", payload, sum);
	if (n >= (int)sizeof(text))
		return -EMSGSIZE;
	return send_raw(g, text, (size_t)n);
}

/* Takes "$payload#xx" out of the buffer, past acknowledgements. */
static bool take_packet(struct gdb *g)
{
	char *start = memchr(g->buffer, '$', g->n);
	char *end = start ? memchr(start, '#', g->n - (size_t)(start - g->buffer)) : NULL;
	size_t used, length;

	if (!start) {
		g->n = 0;
		return false;
	}
	if (!end || (size_t)(end + 3 - g->buffer) > g->n)
		return false;
	length = (size_t)(end - start - 1);
	if (length >= sizeof(g->packet))
		length = sizeof(g->packet) - 1;
	memcpy(g->packet, start + 1, length);
	g->packet[length] = 0;
	used = (size_t)(end + 3 - g->buffer);
	memmove(g->buffer, g->buffer + used, g->n - used);
	g->n -= used;
	return true;
}

static int receive(struct gdb *g)
{
	ssize_t got;

	if (g->n == sizeof(g->buffer))
		return -EMSGSIZE;
	got = recv(g->fd, g->buffer + g->n, sizeof(g->buffer) - g->n, MSG_DONTWAIT);
	if (got == 0)
		return -EPIPE;
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	g->n += (size_t)got;
	return 0;
}

static int receive_packet(struct gdb *g, int64_t deadline)
{
	while (!take_packet(g)) {
		struct pollfd p = {.fd = g->fd, .events = POLLIN};
		int rc = clock_poll(&clock_system, &p, 1, deadline);

		if (rc <= 0)
			return rc ? rc : -ETIMEDOUT;
		rc = receive(g);
		if (rc && rc != -EAGAIN)
			return rc;
	}
	/* Every packet that reaches this point finds the guest stopped. */
	return send_raw(g, "+", 1);
}

static int exchange_in(struct gdb *g, const char *payload, int64_t ms)
{
	int rc = g->running ? -EBUSY : send_packet(g, payload);

	if (rc)
		return rc;
	return receive_packet(g, clock_deadline_ms(&clock_system, ms));
}

static int exchange(struct gdb *g, const char *payload)
{
	return exchange_in(g, payload, GDB_TIMEOUT_MS);
}

static int exchange_ok(struct gdb *g, const char *payload)
{
	int rc = exchange(g, payload);

	return rc ? rc : strcmp(g->packet, "OK") ? -EPROTO : 0;
}

int gdb_init(struct gdb *g, int fd, const struct semihosting *semihosting)
{
	int rc;

	g->fd = fd;
	g->semihosting = semihosting;
	g->running = false;
	g->n = 0;
	rc = exchange_in(g, "qSupported:xmlRegisters=arm", GDB_START_MS);
	/* Registers above 15 are served only once the description has been asked for. */
	return rc ? rc : exchange(g, "qXfer:features:read:target.xml:0,ffb");
}

static bool is_stop(const struct gdb *g)
{
	return g->packet[0] == 'T' || g->packet[0] == 'S';
}

/*
 * The guest stands in a semihosting call; the reply lets it run on, or, with `stop`, leaves it
 * standing behind the call.
 */
static int serve(struct gdb *g, bool stop)
{
	char reply[SEMIHOSTING_REPLY_BYTES] = "F-1,1";
	char text[SEMIHOSTING_REPLY_BYTES + 8];

	if (g->semihosting)
		semihosting_serve(g->semihosting, g->packet, reply);
	/* The third value says that the user has interrupted; the second, an error, is then there. */
	snprintf(text, sizeof(text), "%s%s", reply,
		!stop			     ? ""
			: strchr(reply, ',') ? ",C"
					     : ",0,C");
	return send_packet(g, text);
}

static int wait_stop(struct gdb *g, int64_t ms, bool interrupted)
{
	int64_t deadline = clock_deadline_ms(&clock_system, ms);

	do {
		int rc = receive_packet(g, deadline);

		if (!rc && g->packet[0] == 'F')
			rc = serve(g, interrupted);
		if (rc)
			return rc;
	} while (!is_stop(g));
	g->running = false;
	return 0;
}

int gdb_halt(struct gdb *g)
{
	int rc;

	if (!g->running)
		return 0;
	rc = send_raw(g, INTERRUPT, 1);
	return rc ? rc : wait_stop(g, GDB_TIMEOUT_MS, true);
}

int gdb_resume(struct gdb *g)
{
	int rc;

	if (g->running)
		return 0;
	rc = send_packet(g, "c");
	g->running = !rc;
	return rc;
}

int gdb_step(struct gdb *g)
{
	int rc;

	if (g->running)
		return -EBUSY;
	rc = send_packet(g, "s");
	if (rc)
		return rc;
	g->running = true;
	rc = wait_stop(g, GDB_STEP_MS, false);
	return rc == -ETIMEDOUT ? gdb_halt(g) : rc;
}

int gdb_poll(struct gdb *g, bool *stopped)
{
	int rc;

	if (g->running) {
		rc = receive(g);
		if (rc && rc != -EAGAIN)
			return rc;
		while (g->running && take_packet(g)) {
			rc = send_raw(g, "+", 1);
			if (!rc && g->packet[0] == 'F')
				rc = serve(g, false);
			if (rc)
				return rc;
			g->running = !is_stop(g);
		}
	}
	*stopped = !g->running;
	return 0;
}

int gdb_reset(struct gdb *g)
{
	/* A monitor command, in hexadecimal: "system_reset". */
	return exchange_ok(g, "qRcmd,73797374656d5f7265736574");
}

int gdb_read_register(struct gdb *g, unsigned number, uint32_t *value)
{
	char text[32];
	uint8_t bytes[4];
	int rc;

	snprintf(text, sizeof(text), "p%x", number);
	rc = exchange(g, text);
	if (rc)
		return rc;
	if (strlen(g->packet) != 8 || hex_decode(g->packet, bytes, sizeof(bytes)))
		return -EPROTO;
	*value = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		(uint32_t)bytes[3] << 24;
	return 0;
}

int gdb_write_register(struct gdb *g, unsigned number, uint32_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "P%x=%08" PRIx32, number, __builtin_bswap32(value));
	return exchange_ok(g, text);
}

int gdb_breakpoint(struct gdb *g, uint32_t address, bool set)
{
	char text[32];

	snprintf(text, sizeof(text), "%c1,%" PRIx32 ",2", set ? 'Z' : 'z', address);
	return exchange_ok(g, text);
}

int gdb_write_memory(struct gdb *g, uint32_t address, const void *data, size_t n)
{
	for (size_t i = 0; i < n; i += GDB_WRITE_BYTES) {
		size_t piece = n - i < GDB_WRITE_BYTES ? n - i : GDB_WRITE_BYTES;
		char text[2 * GDB_WRITE_BYTES + 48];
		int used = snprintf(
			text, sizeof(text), "M%" PRIx32 ",%zx:", address + (uint32_t)i, piece);
		int rc;

		hex_encode((const uint8_t *)data + i, piece, text + used);
		rc = exchange_ok(g, text);
		if (rc)
			return rc;
	}
	return 0;
}
