/* Of a board whose markers are pins, or that has none: nothing is recorded. */
#include "port/port.h"

uint32_t port_markers_send(void)
{
	return 0;
}

uint32_t port_markers_room(size_t bytes)
{
	(void)bytes;
	return 0;
}

void port_markers_lend(void *memory, size_t bytes)
{
	(void)memory;
	(void)bytes;
}
