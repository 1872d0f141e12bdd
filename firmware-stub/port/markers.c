#include "port/markers.h"

#include "port/port.h"
#include "protocols/uart-bench/hilda_report.h"

#define RECORDS_MAX 64u

static struct {
	uint64_t tick;
	uint32_t state;
} records[RECORDS_MAX];
static uint32_t count, dropped;

void port_markers(uint32_t state)
{
	if (count == RECORDS_MAX) {
		dropped++;
		return;
	}
	records[count].tick = port_timer_total();
	records[count++].state = state;
}

void port_markers_send(void)
{
	struct hilda_report lines;

	markers_open();
	hilda_report_init(&lines, markers_put, NULL);
	for (uint32_t i = 0; i < count; i++) {
		hilda_report_open(&lines, 'K');
		hilda_report_u64(&lines, "s", records[i].state);
		hilda_report_u64(&lines, "t", records[i].tick);
		hilda_report_close(&lines);
	}
	hilda_report_end(&lines, dropped ? "dropped" : "ok", NULL);
	count = 0;
	dropped = 0;
}
