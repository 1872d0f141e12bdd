/*
 * Arrays that grow. Any thread; the array is its owner's, who frees it. Nothing waits.
 */
#ifndef HILDA_COMMON_ARRAY_H
#define HILDA_COMMON_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define ARRAY_FIRST_ROOM 64

/* Room for one item behind n, of `size` bytes each; the array may move. 0 or -ENOMEM, with all as it was. */
static inline int array_grow(void **items, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? 2 * *room : ARRAY_FIRST_ROOM;
	void *moved;

	if (n < *room)
		return 0;
	moved = reallocarray(*items, more, size);
	if (!moved)
		return -ENOMEM;
	*items = moved;
	*room = more;
	return 0;
}

#endif
