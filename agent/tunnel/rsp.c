#include "agent/tunnel/rsp.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/hex.h"

#define COMMAND "qRcmd"
#define COMMAND_MAX_BYTES 64
#define INTERRUPT 0x03

/* What the person may say, and nothing else: each is sent on as it stands here. */
static const char *const allowed[] = {"halt", "resume", "reset", "reset halt", "reset init",
	"reset run", "reg", "targets", "poll", "wait_halt", "version"};

/* Braces: Tcl reads it as a text. */
#define REFUSED                                                                                \
	"echo {hilda: this monitor command is not passed on. There are: halt, resume, reset, " \
	"reset halt, reset init, reset run, reg, targets, poll, wait_halt, version}"

void rsp_filter_init(struct rsp_filter *r)
{
	r->state = RSP_BETWEEN;
	r->sums = 0;
	r->n_raw = r->n_plain = 0;
}

static int add_packet(struct buffer *out, const char *body, size_t n)
{
	uint8_t sum = 0;
	int rc = buffer_add(out, "$", 1);

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + (uint8_t)body[i]);
	if (!rc)
		rc = buffer_add(out, body, n);
	return rc ? rc : buffer_printf(out, "#%02x", sum);
}

static int add_command(struct buffer *out, const char *words)
{
	char body[16 + 2 * sizeof(REFUSED)];
	size_t n = (size_t)snprintf(body, sizeof(body), COMMAND ",");

	for (const char *p = words; *p; p++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%02x", (unsigned char)*p);
	return add_packet(out, body, n);
}

/* The command in hexadecimal, without blanks around it; false: none that is short enough to be known. */
static bool read_command(const char *hex, size_t n, char out[COMMAND_MAX_BYTES])
{
	char digits[2 * COMMAND_MAX_BYTES];
	uint8_t bytes[COMMAND_MAX_BYTES];
	size_t from = 0, to = n / 2;

	if (n % 2 || to == 0 || to >= COMMAND_MAX_BYTES)
		return false;
	memcpy(digits, hex, n);
	digits[n] = 0;
	if (memchr(digits, 0, n) || hex_decode(digits, bytes, to) || memchr(bytes, 0, to))
		return false;
	while (from < to && bytes[from] == ' ')
		from++;
	while (to > from && bytes[to - 1] == ' ')
		to--;
	memcpy(out, bytes + from, to - from);
	out[to - from] = 0;
	return true;
}

static const char *judge(const char *plain, size_t n)
{
	size_t k = strlen(COMMAND ",");
	char words[COMMAND_MAX_BYTES];

	if (n < k || plain[k - 1] != ',' || !read_command(plain + k, n - k, words))
		return REFUSED;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (!strcmp(words, allowed[i]))
			return allowed[i];
	}
	return REFUSED;
}

static int pass_on(struct rsp_filter *r, struct buffer *out)
{
	size_t k = strlen(COMMAND);

	if (r->n_plain >= k && !memcmp(r->plain, COMMAND, k))
		return add_command(out, judge(r->plain, r->n_plain));
	return add_packet(out, r->raw, r->n_raw);
}

static int take(struct rsp_filter *r, char raw, char plain, bool whole, struct fault *f)
{
	if (r->n_raw == sizeof(r->raw) || r->n_plain == sizeof(r->plain))
		return fault_set(
			f, EMSGSIZE, "a packet of the debugger is over %d bytes", RSP_PACKET_BYTES);
	r->raw[r->n_raw++] = raw;
	if (whole)
		r->plain[r->n_plain++] = plain;
	return 0;
}

static int body(struct rsp_filter *r, char c, struct fault *f)
{
	if (r->state == RSP_ESCAPE) {
		r->state = RSP_BODY;
		return take(r, c, (char)(c ^ 0x20), true, f);
	}
	if (c == '}') {
		r->state = RSP_ESCAPE;
		return take(r, c, 0, false, f);
	}
	if (c == '#') {
		r->state = RSP_SUM;
		r->sums = 2;
		return 0;
	}
	/* Never within a packet: another begins, and what was before it is nothing. */
	if (c == '$') {
		r->n_raw = r->n_plain = 0;
		return 0;
	}
	return take(r, c, c, true, f);
}

static int step(struct rsp_filter *r, char c, struct buffer *out, struct fault *f)
{
	switch (r->state) {
	case RSP_BETWEEN:
		if (c == '+' || c == '-' || c == INTERRUPT)
			return buffer_add(out, &c, 1);
		if (c == '$') {
			r->state = RSP_BODY;
			r->n_raw = r->n_plain = 0;
		}
		return 0;
	case RSP_BODY:
	case RSP_ESCAPE:
		return body(r, c, f);
	case RSP_SUM:
		if (--r->sums)
			return 0;
		r->state = RSP_BETWEEN;
		return pass_on(r, out);
	}
	return 0;
}

int rsp_filter_feed(
	struct rsp_filter *r, const void *data, size_t n, struct buffer *out, struct fault *f)
{
	const char *at = data;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = step(r, at[i], out, f);
	return rc;
}
