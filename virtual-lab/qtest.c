#include "virtual-lab/qtest.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/numbers.h"

void qtest_init(struct qtest *q, int fd)
{
	q->fd = fd;
	q->n = 0;
}

static int receive_line(struct qtest *q)
{
	int64_t deadline = clock_deadline_ms(&clock_system, QTEST_TIMEOUT_MS);

	q->n = 0;
	for (;;) {
		struct pollfd p = {.fd = q->fd, .events = POLLIN};
		int rc = clock_poll(&clock_system, &p, 1, deadline);
		ssize_t got;

		if (rc <= 0)
			return rc ? rc : -ETIMEDOUT;
		got = recv(q->fd, q->reply + q->n, sizeof(q->reply) - 1 - q->n, MSG_DONTWAIT);
		if (got == 0)
			return -EPIPE;
		if (got < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return -errno;
		}
		q->n += (size_t)got;
		if (q->reply[q->n - 1] == '\n') {
			q->reply[--q->n] = 0;
			return 0;
		}
		if (q->n == sizeof(q->reply) - 1)
			return -EMSGSIZE;
	}
}

static int send_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		text += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* One command, one line back: "OK" and perhaps a value. */
static int request(struct qtest *q, const char *text, size_t n)
{
	int rc = send_all(q->fd, text, n);

	if (!rc)
		rc = receive_line(q);
	if (rc)
		return rc;
	return strncmp(q->reply, "OK", 2) ? -EPROTO : 0;
}

static char width(unsigned bytes)
{
	return bytes == 1 ? 'b' : bytes == 2 ? 'w' : 'l';
}

int qtest_read(struct qtest *q, uint32_t address, unsigned bytes, uint32_t *value)
{
	char text[64];
	uint64_t word;
	int n = snprintf(text, sizeof(text), "read%c 0x%" PRIx32 "\n", width(bytes), address);
	int rc = request(q, text, (size_t)n);

	if (rc)
		return rc;
	if (q->n < 4 || number_address(q->reply + 3, UINT64_MAX, &word))
		return -EPROTO;
	*value = (uint32_t)word;
	return 0;
}

int qtest_write(struct qtest *q, uint32_t address, unsigned bytes, uint32_t value)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "write%c 0x%" PRIx32 " 0x%" PRIx32 "\n", width(bytes),
		address, value);

	return request(q, text, (size_t)n);
}

static int read_piece(struct qtest *q, uint32_t address, void *data, size_t n)
{
	char text[64];
	size_t got;
	int used = snprintf(text, sizeof(text), "b64read 0x%" PRIx32 " 0x%zx\n", address, n);
	int rc = request(q, text, (size_t)used);

	if (rc)
		return rc;
	if (q->n < 4 ||
		sodium_base642bin(data, n, q->reply + 3, q->n - 3, NULL, &got, NULL,
			sodium_base64_VARIANT_ORIGINAL) ||
		got != n)
		return -EPROTO;
	return 0;
}

static int write_piece(struct qtest *q, uint32_t address, const void *data, size_t n)
{
	char text[QTEST_LINE_BYTES];
	size_t used =
		(size_t)snprintf(text, sizeof(text), "b64write 0x%" PRIx32 " 0x%zx ", address, n);

	sodium_bin2base64(
		text + used, sizeof(text) - used - 1, data, n, sodium_base64_VARIANT_ORIGINAL);
	used += strlen(text + used);
	text[used++] = '\n';
	return request(q, text, used);
}

int qtest_read_block(struct qtest *q, uint32_t address, void *data, size_t n)
{
	for (size_t i = 0; i < n; i += QTEST_BLOCK_BYTES) {
		size_t piece = n - i < QTEST_BLOCK_BYTES ? n - i : QTEST_BLOCK_BYTES;
		int rc = read_piece(q, address + (uint32_t)i, (uint8_t *)data + i, piece);

		if (rc)
			return rc;
	}
	return 0;
}

int qtest_write_block(struct qtest *q, uint32_t address, const void *data, size_t n)
{
	for (size_t i = 0; i < n; i += QTEST_BLOCK_BYTES) {
		size_t piece = n - i < QTEST_BLOCK_BYTES ? n - i : QTEST_BLOCK_BYTES;
		int rc = write_piece(q, address + (uint32_t)i, (const uint8_t *)data + i, piece);

		if (rc)
			return rc;
	}
	return 0;
}

int qtest_fill(struct qtest *q, uint32_t address, uint32_t n, uint8_t byte)
{
	char text[80];
	int used = snprintf(
		text, sizeof(text), "memset 0x%" PRIx32 " 0x%" PRIx32 " 0x%x\n", address, n, byte);

	return request(q, text, (size_t)used);
}
