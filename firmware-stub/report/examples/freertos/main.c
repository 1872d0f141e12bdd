/*
 * FreeRTOS under Hilda's loop, with what heap_4 says about its heap.
 * Not compiled here: the FreeRTOS kernel is in no Debian or npm package.
 */
#include "hilda_report.h"

#include "FreeRTOS.h"
#include "task.h"

#define STACK_WORDS 1024

/* Yours: the model, the board, and the linker script's marks around .data and .bss. */
void model_infer(uint32_t sample);
void board_put(void *arg, const char *bytes, size_t n);
int board_get(void *arg);
uint64_t board_cycles(void *arg);
void board_reset(void *arg);
extern uint8_t link_data_start[], link_data_end[], link_bss_start[], link_bss_end[];

static uint32_t results[400];
static volatile uint32_t kept __attribute__((section(".noinit")));

static void infer(void *arg, uint32_t i)
{
	(void)arg;
	model_infer(i);
}

/* No other task in a measured window; interrupts above the kernel's stay. */
static void quiet(void *arg, int on)
{
	(void)arg;
	if (on)
		taskENTER_CRITICAL();
	else
		taskEXIT_CRITICAL();
}

static void memory(void *arg, struct hilda_memory *m)
{
	(void)arg;
	m->heap_size = configTOTAL_HEAP_SIZE;
	m->heap_used = (uint32_t)(configTOTAL_HEAP_SIZE - xPortGetMinimumEverFreeHeapSize());
	m->data = (uint32_t)(link_data_end - link_data_start);
	/* ucHeap lies in there, and is counted by its peak. */
	m->bss = (uint32_t)(link_bss_end - link_bss_start) - configTOTAL_HEAP_SIZE;
	/* The stack came out of the heap. */
	m->stack_used = m->stack_size = 0;
}

static void loop(void *unused)
{
	static struct hilda_device d;

	(void)unused;
	d.put = board_put;
	d.get = board_get;
	d.ticks = board_cycles;
	d.hz = configCPU_CLOCK_HZ;
	d.timer = "dwt";
	d.infer = infer;
	d.quiet = quiet;
	d.memory = memory;
	d.results = results;
	d.results_n = 400;
	d.reset = board_reset;
	d.kept = &kept;
	d.board = "my-board";
	d.model = "my-model";
	d.variant = "freertos";
	hilda_device_run(&d);
	vTaskDelete(NULL);
}

int main(void)
{
	xTaskCreate(loop, "hilda", STACK_WORDS, NULL, tskIDLE_PRIORITY + 1, NULL);
	vTaskStartScheduler();
	for (;;)
		;
}
