/*
 * Marker pins of a board that has none: every change is kept as (state, tick) and sent on UART1 when
 * the window is over, as $K lines. Main loop only.
 */
#include "port/port.h"

#include "port/cmsdk/cmsdk.h"
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
	records[count].tick = port_timer_ticks();
	records[count++].state = state;
}

static void put(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	while (n--) {
		while (UART_STATE(UART1_BASE) & UART_TXFULL)
			;
		UART_DATA(UART1_BASE) = (uint8_t)*bytes++;
	}
}

void port_markers_send(void)
{
	struct hilda_report report;

	UART_BAUDDIV(UART1_BASE) = UART_HZ / 115200u;
	UART_CTRL(UART1_BASE) = UART_TX_ENABLE;
	hilda_report_init(&report, put, NULL);
	for (uint32_t i = 0; i < count; i++) {
		hilda_report_open(&report, 'K');
		hilda_report_u64(&report, "s", records[i].state);
		hilda_report_u64(&report, "t", records[i].tick);
		hilda_report_close(&report);
	}
	hilda_report_end(&report, dropped ? "dropped" : "ok", NULL);
	count = 0;
	dropped = 0;
}
