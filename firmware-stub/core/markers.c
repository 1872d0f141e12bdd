#include "core/markers.h"

#include "port/port.h"

static uint32_t d1;

uint32_t markers_levels(uint32_t run_number)
{
	return d1 | (run_number & 1 ? MARKER_RUN : 0);
}

void markers_batch_end(void)
{
	d1 ^= MARKER_BATCH;
}
