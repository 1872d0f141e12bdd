#include "cli/terminal.h"

#include <string.h>
#include <unistd.h>

#include "cli/escape.h"

void terminal_begin(struct terminal *t, int fd)
{
	struct termios raw;

	*t = (struct terminal){.fd = fd};
	if (!isatty(fd) || tcgetattr(fd, &t->before))
		return;
	raw = t->before;
	/* Output keeps its line ends: boards send them either way. */
	raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | ISTRIP | IXON);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	t->raw = !tcsetattr(fd, TCSADRAIN, &raw);
}

void terminal_end(struct terminal *t)
{
	if (t->raw)
		tcsetattr(t->fd, TCSADRAIN, &t->before);
	t->raw = false;
}

/* Bytes of the character that this one begins; 1 for each other. */
static size_t length_of(unsigned char first)
{
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	if (first >= 0xe0)
		return first < 0xf0 ? 3 : 1;
	return first >= 0xc2 ? 2 : 1;
}

/* Could the bytes be the beginning of a character? */
static bool is_begun(const char *at, size_t n)
{
	if (n >= length_of((unsigned char)at[0]))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

/* Prints one character or byte; 0: more must come first. */
static size_t print_one(FILE *out, const char *at, size_t n)
{
	size_t step = escape_step(at, n);

	if (!step && *at && strchr("\r\n\t\b", *at))
		step = 1;
	if (!step && is_begun(at, n))
		return 0;
	if (step)
		fwrite(at, 1, step, out);
	else
		fprintf(out, "\\x%02x", (unsigned char)*at);
	return step ? step : 1;
}

void terminal_print(struct terminal_text *t, FILE *out, const char *data, size_t n)
{
	size_t at = 0;

	while (t->n && at < n) {
		size_t k;

		t->rest[t->n++] = data[at++];
		/* At most four, then it is a character or none. */
		while (t->n && (k = print_one(out, t->rest, t->n))) {
			memmove(t->rest, t->rest + k, t->n - k);
			t->n -= k;
		}
	}
	while (at < n) {
		size_t k = print_one(out, data + at, n - at);

		if (!k) {
			t->n = n - at;
			memcpy(t->rest, data + at, t->n);
			break;
		}
		at += k;
	}
	fflush(out);
}
