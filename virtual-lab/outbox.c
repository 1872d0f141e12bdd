#include "virtual-lab/outbox.h"

#include <string.h>
#include <unistd.h>

bool outbox_put(struct outbox *o, const void *data, size_t n)
{
	size_t end = (o->first + o->n) % OUTBOX_BYTES;
	size_t straight = n < OUTBOX_BYTES - end ? n : OUTBOX_BYTES - end;

	if (n > OUTBOX_BYTES - o->n)
		return false;
	memcpy(o->bytes + end, data, straight);
	memcpy(o->bytes, (const uint8_t *)data + straight, n - straight);
	o->n += n;
	return true;
}

void outbox_push(struct outbox *o, int fd)
{
	while (o->n) {
		size_t straight = OUTBOX_BYTES - o->first;
		ssize_t sent = write(fd, o->bytes + o->first, o->n < straight ? o->n : straight);

		if (sent <= 0)
			return;
		o->first = (o->first + (size_t)sent) % OUTBOX_BYTES;
		o->n -= (size_t)sent;
	}
	/* The first pages again: others need not be touched. */
	o->first = 0;
}

void outbox_drop(struct outbox *o)
{
	o->first = o->n = 0;
}
