/*
 * Arm MPS2 with image AN386, as QEMU emulates it: UART0, TIMER0 as a counter of 32 bits, start-up
 * code. With DWT the counter would be DWT->CYCCNT, which QEMU does not count.
 */
#include "board.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define UART_DATA REGISTER(0x40004000u)
#define UART_STATE REGISTER(0x40004004u)
#define UART_CTRL REGISTER(0x40004008u)
#define UART_BAUDDIV REGISTER(0x40004010u)
#define TXFULL 1u
#define RXFULL 2u
#define TIMER_CTRL REGISTER(0x40000000u)
#define TIMER_VALUE REGISTER(0x40000004u)
#define TIMER_RELOAD REGISTER(0x40000008u)
#define AIRCR REGISTER(0xE000ED0Cu)
#define HZ 25000000u
#define BAUD 115200u

extern uint32_t link_stack_low[], link_stack_top[];
extern uint32_t link_data_start[], link_data_end[], link_data_load[];
extern uint32_t link_bss_start[], link_bss_end[];
extern uint8_t link_text_start[], link_text_end[], link_rodata_start[], link_rodata_end[];

int main(int argc, char **argv);
void reset_handler(void);

static volatile uint32_t kept __attribute__((section(".noinit")));

/* Counts down; upside down it counts up. */
static uint64_t ticks(void *arg)
{
	(void)arg;
	return 0xFFFFFFFFu - TIMER_VALUE;
}

static void put(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	while (n--) {
		while (UART_STATE & TXFULL)
			;
		UART_DATA = (uint8_t)*bytes++;
	}
}

static int get(void *arg)
{
	(void)arg;
	return UART_STATE & RXFULL ? (int)(UART_DATA & 0xFF) : HILDA_NOTHING;
}

static void reset(void *arg)
{
	(void)arg;
	AIRCR = 0x05FA0004u;
	for (;;)
		;
}

static uint32_t bytes(const void *start, const void *end)
{
	return (uint32_t)((const uint8_t *)end - (const uint8_t *)start);
}

static void memory(void *arg, struct hilda_memory *m)
{
	(void)arg;
	m->text = bytes(link_text_start, link_text_end);
	m->rodata = bytes(link_rodata_start, link_rodata_end);
	m->data = bytes(link_data_start, link_data_end);
	m->bss = bytes(link_bss_start, link_bss_end) + sizeof(kept);
	m->heap_used = m->heap_size = 0;
}

void board_open(struct hilda_device *d, char **argv)
{
	(void)argv;
	UART_BAUDDIV = HZ / BAUD;
	UART_CTRL = 3;
	(void)UART_DATA; /* what came before; and QEMU looks for input again only after a reading */
	d->put = put;
	d->get = get;
	d->ticks = ticks;
	d->hz = HZ;
	d->timer = "timer0";
	d->reset = reset;
	d->kept = &kept;
	d->memory = memory;
	d->stack_low = (uint8_t *)link_stack_low;
	d->stack_top = (uint8_t *)link_stack_top;
	d->board = "mps2-an386";
}

void reset_handler(void)
{
	const uint32_t *from = link_data_load;
	uint32_t *to;

	TIMER_RELOAD = 0xFFFFFFFFu;
	TIMER_VALUE = 0xFFFFFFFFu;
	TIMER_CTRL = 1;
	for (to = link_data_start; to < link_data_end;)
		*to++ = *from++;
	for (to = link_bss_start; to < link_bss_end;)
		*to++ = 0;
	main(0, NULL);
	for (;;)
		;
}

static void fault_handler(void)
{
	reset(NULL);
}

struct vectors {
	const void *stack;
	void (*handlers[15])(void);
};

static const struct vectors vectors __attribute__((section(".vectors"), used)) = {link_stack_top,
	{reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler}};
