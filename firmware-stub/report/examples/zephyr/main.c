/*
 * Zephyr under Hilda's loop, which runs in the main thread.
 * Not compiled here: Zephyr RTOS is in no Debian or npm package.
 */
#include "hilda_report.h"

#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/reboot.h>
#include <zephyr/timing/timing.h>

/* Yours. */
void model_infer(uint32_t sample);

static const struct device *const uart = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));
static uint32_t results[400];
static __noinit volatile uint32_t kept;
static unsigned int key;

static void put(void *arg, const char *bytes, size_t n)
{
	ARG_UNUSED(arg);
	while (n--)
		uart_poll_out(uart, (unsigned char)*bytes++);
}

static int get(void *arg)
{
	unsigned char byte;

	ARG_UNUSED(arg);
	return uart_poll_in(uart, &byte) ? HILDA_NOTHING : byte;
}

static uint64_t ticks(void *arg)
{
	ARG_UNUSED(arg);
	return timing_counter_get();
}

/* No other thread and no interrupt in a measured window. */
static void quiet(void *arg, int on)
{
	ARG_UNUSED(arg);
	if (on)
		key = irq_lock();
	else
		irq_unlock(key);
}

static void reset(void *arg)
{
	ARG_UNUSED(arg);
	sys_reboot(SYS_REBOOT_COLD);
}

static void infer(void *arg, uint32_t i)
{
	ARG_UNUSED(arg);
	model_infer(i);
}

int main(void)
{
	static struct hilda_device d;
	const struct k_thread *self = k_current_get();

	timing_init();
	timing_start();
	d.put = put;
	d.get = get;
	d.ticks = ticks;
	d.hz = (uint32_t)timing_freq_get();
	d.timer = "dwt";
	d.infer = infer;
	d.quiet = quiet;
	d.results = results;
	d.results_n = 400;
	d.stack_low = (uint8_t *)self->stack_info.start;
	d.stack_top = d.stack_low + self->stack_info.size;
	d.reset = reset;
	d.kept = &kept;
	d.board = CONFIG_BOARD;
	d.model = "my-model";
	d.variant = "zephyr";
	hilda_device_run(&d);
	return 0;
}
