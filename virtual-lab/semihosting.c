#include "virtual-lab/semihosting.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/numbers.h"

#define PIECE_BYTES 1024
/* Over this a guest gets a short count, as any writer may. */
#define WRITE_BYTES 65536
/* GDB's own number for EPERM. */
#define REFUSED "F-1,1"

/* The next hexadecimal number of a comma-separated list; *at moves behind it. */
static bool take_hex(const char **at, uint32_t *value)
{
	char text[16];
	uint64_t number;
	size_t n;

	if (**at != ',')
		return false;
	n = strcspn(*at + 1, ",");
	if (snprintf(text, sizeof(text), "0x%.*s", (int)n, *at + 1) >= (int)sizeof(text) ||
		number_address(text, UINT32_MAX, &number))
		return false;
	*at += 1 + n;
	*value = (uint32_t)number;
	return true;
}

static uint32_t pass_on(const struct semihosting *s, uint32_t address, uint32_t n)
{
	uint8_t data[PIECE_BYTES];
	uint32_t done = 0;

	if (n > WRITE_BYTES)
		n = WRITE_BYTES;
	while (done < n) {
		uint32_t piece = n - done < PIECE_BYTES ? n - done : PIECE_BYTES;

		if (s->read_memory(s->arg, address + done, data, piece))
			break;
		s->text(s->arg, data, piece);
		done += piece;
	}
	return done;
}

void semihosting_serve(
	const struct semihosting *s, const char *request, char reply[SEMIHOSTING_REPLY_BYTES])
{
	const char *at = request + strlen("Fwrite");
	uint32_t fd, address, n;

	snprintf(reply, SEMIHOSTING_REPLY_BYTES, REFUSED);
	if (strncmp(request, "Fwrite,", 7) || !take_hex(&at, &fd) || !take_hex(&at, &address) ||
		!take_hex(&at, &n) || (fd != 1 && fd != 2))
		return;
	snprintf(reply, SEMIHOSTING_REPLY_BYTES, "F%x", pass_on(s, address, n));
}
