#include "port/markers.h"

#include "port/port.h"
#include "protocols/uart-bench/hilda_report.h"

/* Outside of an energy run: a window opens and closes. */
#define FEW 4u
#define STATE_BITS 5u
#define STATE_MASK ((1u << STATE_BITS) - 1u)

/* The tick above the state: 59 bits of ticks are centuries. */
static uint64_t few[FEW];
static uint64_t *records = few;
static uint32_t room = FEW;
static uint32_t count, dropped;

void port_markers(uint32_t state)
{
	if (count == room) {
		dropped++;
		return;
	}
	records[count++] = port_timer_total() << STATE_BITS | (state & STATE_MASK);
}

uint32_t port_markers_room(size_t bytes)
{
	return (uint32_t)(bytes / sizeof(records[0]));
}

void port_markers_lend(void *memory, size_t bytes)
{
	records = memory;
	room = port_markers_room(bytes);
}

uint32_t port_markers_send(void)
{
	struct hilda_report lines;
	uint32_t lost = dropped;

	markers_open();
	hilda_report_init(&lines, markers_put, NULL);
	for (uint32_t i = 0; i < count; i++) {
		hilda_report_open(&lines, 'K');
		hilda_report_u64(&lines, "s", records[i] & STATE_MASK);
		hilda_report_u64(&lines, "t", records[i] >> STATE_BITS);
		hilda_report_close(&lines);
	}
	hilda_report_end(&lines, lost ? "dropped" : "ok", NULL);
	records = few;
	room = FEW;
	count = 0;
	dropped = 0;
	return lost;
}
