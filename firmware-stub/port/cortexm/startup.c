/* From the reset vector to bench_main, the vector table, and the way into a fault report. */
#include "port/port.h"

#include "core/fault.h"
#include "port/cortexm/board.h"
#include "port/cortexm/core_registers.h"

#define IRQ_VECTORS 64
#define FAULT_STACK_WORDS 160
#define IPSR_NMI 2
/* A board whose watchdog is an interrupt and no NMI names it. */
#ifndef WATCHDOG_IRQ
#define WATCHDOG_IRQ (IRQ_VECTORS - 1)
#endif

extern uint32_t link_stack_low[], link_stack_top[];
extern uint32_t link_data_start[], link_data_end[], link_data_load[];
extern uint32_t link_bss_start[], link_bss_end[];
extern uint32_t link_noinit_start[], link_noinit_end[];
extern uint8_t link_text_start[], link_text_end[], link_rodata_start[], link_rodata_end[];

static struct noinit kept __attribute__((section(".noinit")));
uint32_t fault_stack[FAULT_STACK_WORDS] __attribute__((aligned(8), used, section(".noinit")));

void reset_handler(void) __attribute__((noreturn));
void start(void) __attribute__((noreturn, used));
void fault_handler(void);
void fault_entry(const uint32_t *frame, uint32_t ipsr) __attribute__((noreturn, used));
void irq_handler(void);
/* Boards that do not use SysTick have no other. */
void systick_handler(void) __attribute__((weak, alias("irq_handler")));

/* M55 and M4/M7 with FPU boot with it off, and the compiler may use it from its first instruction. */
__attribute__((naked)) void reset_handler(void)
{
	__asm__ volatile("ldr r0, =link_stack_top\n"
			 "msr msp, r0\n"
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
			 "ldr r0, =0xE000ED88\n" /* CPACR: CP10 and CP11 */
			 "ldr r1, [r0]\n"
			 "orr r1, r1, #0xF00000\n"
			 "str r1, [r0]\n"
			 "dsb\n"
			 "isb\n"
#endif
#if __ARM_ARCH == 8
			 "ldr r0, =link_stack_low\n"
			 "msr msplim, r0\n"
#endif
			 "ldr r0, =start\n"
			 "bx r0\n"
			 ".ltorg\n");
}

void start(void)
{
	const uint32_t *from = link_data_load;

	board_clocks();
	timer_boot_start();
	for (uint32_t *to = link_data_start; to < link_data_end;)
		*to++ = *from++;
	for (uint32_t *to = link_bss_start; to < link_bss_end;)
		*to++ = 0;
	bench_main();
	for (;;)
		wait_for_interrupt();
}

/*
 * The faulting stack may be used up, so the report runs on one of its own. v6-M instructions only.
 */
__attribute__((naked)) void fault_handler(void)
{
	__asm__ volatile("movs r0, #4\n"
			 "mov r1, lr\n"
			 "tst r0, r1\n"
			 "beq 1f\n"
			 "mrs r0, psp\n"
			 "b 2f\n"
			 "1: mrs r0, msp\n"
			 "2: mrs r1, ipsr\n"
#if __ARM_ARCH == 8
			 "movs r2, #0\n"
			 "msr msplim, r2\n"
#endif
			 "ldr r2, =fault_stack+%c0\n"
			 "msr msp, r2\n"
			 "ldr r2, =fault_entry\n"
			 "bx r2\n"
			 ".ltorg\n"
			 :
			 : "i"(sizeof(fault_stack)));
}

/* v8-M stops at MSPLIM: the frame's place is inside the stack, but nothing was written there. */
static int overflowed(void)
{
#if __ARM_ARCH == 8
	return (SCB_CFSR & CFSR_STKOF) != 0;
#else
	return 0;
#endif
}

void fault_entry(const uint32_t *frame, uint32_t ipsr)
{
	struct fault_state f = {.kind = "hardfault", .sp = (uint32_t)(uintptr_t)frame};

	if (ipsr == IPSR_NMI || ipsr == 16 + WATCHDOG_IRQ) {
		f.kind = "watchdog";
		f.message = "the watchdog was not fed";
	}
	if (frame >= link_stack_low && frame + 8 <= link_stack_top && !overflowed()) {
		f.lr = frame[5];
		f.pc = frame[6];
		f.xpsr = frame[7];
		f.sp += 32;
	} else {
		f.message = "stack overflow: the frame is lost";
	}
#if __ARM_ARCH >= 7
	f.cfsr = SCB_CFSR;
	f.hfsr = SCB_HFSR;
	f.mmfar = SCB_MMFAR;
	f.bfar = SCB_BFAR;
#endif
	fault_report(&f);
}

__attribute__((weak)) void board_clocks(void)
{
}

void irq_handler(void)
{
	uint32_t ipsr;

	__asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
	board_irq(ipsr - 16);
}

struct vectors {
	const void *stack;
	void (*handlers[16 + IRQ_VECTORS])(void);
};

extern const struct vectors vectors;
const struct vectors vectors __attribute__((section(".vectors"), used)) = {
	link_stack_top,
	{reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
		fault_handler, 0, 0, 0, fault_handler, fault_handler, 0, fault_handler,
		systick_handler, [15 ... 14 + WATCHDOG_IRQ] = irq_handler,
		[15 + WATCHDOG_IRQ] = fault_handler,
		[16 + WATCHDOG_IRQ... 15 + IRQ_VECTORS] = irq_handler},
};

struct noinit *port_noinit(void)
{
	return &kept;
}

void port_reset(void)
{
	__asm__ volatile("dsb" ::: "memory");
	SCB_AIRCR = AIRCR_SYSRESETREQ;
	for (;;)
		__asm__ volatile("dsb" ::: "memory");
}

void port_crash(void)
{
	__asm__ volatile("udf #0");
}

void port_stack(uint8_t **low, uint8_t **top)
{
	*low = (uint8_t *)link_stack_low;
	*top = (uint8_t *)link_stack_top;
}

void port_sizes(struct port_sizes *s)
{
	s->text = (uint32_t)(link_text_end - link_text_start);
	s->rodata = (uint32_t)(link_rodata_end - link_rodata_start);
	s->data = 4 * (uint32_t)(link_data_end - link_data_start);
	/* What a reset leaves alone is static RAM too. */
	s->bss =
		4 * (uint32_t)(link_bss_end - link_bss_start + link_noinit_end - link_noinit_start);
}
