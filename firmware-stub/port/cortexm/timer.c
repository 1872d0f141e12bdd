/*
 * DWT_CYCCNT where it counts, else SysTick; both in 64 bits. SysTick has 24 bits and an interrupt at
 * each wrap; CYCCNT has 32 and is looked at more often than it wraps (once an inference). Under QEMU
 * CYCCNT reads zero for ever, without a fault, so it is tried, not believed. While the core sleeps
 * between commands SysTick is off: it would keep an emulated board's host busy. CYCCNT stops by itself
 * there, unless a debugger keeps the clock going; what it missed is taken from another counter, so that
 * the time between two answers to `timestamp` is true.
 */
#include "port/port.h"

#include "port/cortexm/board.h"
#include "port/cortexm/core_registers.h"

#define TRIAL_LOOPS 16

static volatile uint32_t wraps;
static uint64_t waking_ticks; /* of the starts before this one, and asleep where that is known */
static uint32_t boot_ticks, last_cycles, has_dwt;
static uint64_t cycles;
#ifdef SLEEP_CLOCK_HZ
static uint64_t asleep_since_cycles;
static uint32_t asleep_since;
#endif

void systick_handler(void);
void systick_handler(void)
{
	wraps++;
}

static void systick_start(void)
{
	SYST_CSR = 0;
	SCB_ICSR = ICSR_PENDSTCLR;
	wraps = 0;
	SYST_RVR = SYST_MASK;
	SYST_CVR = 0;
	SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CLKSOURCE;
}

/* CVR reads 0 until the first tick and counts down from there, so that -CVR has passed. */
static uint64_t systick_ticks(void)
{
	uint32_t high, low, pending;

	do {
		high = wraps;
		low = (0 - SYST_CVR) & SYST_MASK;
		pending = SCB_ICSR & ICSR_PENDSTSET;
	} while (high != wraps || pending);
	return (uint64_t)high << 24 | low;
}

static int dwt_counts(void)
{
#if __ARM_ARCH >= 7
	uint32_t before;

	DEMCR |= DEMCR_TRCENA;
	DWT_CYCCNT = 0;
	DWT_CTRL |= DWT_CYCCNTENA;
	before = DWT_CYCCNT;
	for (volatile int i = 0; i < TRIAL_LOOPS; i++)
		;
	return DWT_CYCCNT != before;
#else
	return 0;
#endif
}

/* Before memory is initialised: registers only. */
void timer_boot_start(void)
{
	SYST_RVR = SYST_MASK;
	SYST_CVR = 0;
	SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_CLKSOURCE;
}

uint64_t port_boot_ticks(void)
{
	boot_ticks = (0 - SYST_CVR) & SYST_MASK;
	has_dwt = (uint32_t)dwt_counts();
	port_timer_start();
	return boot_ticks;
}

const char *port_timer_kind(void)
{
	return has_dwt ? "dwt" : "systick";
}

uint32_t port_timer_hz(void)
{
	return CORE_HZ;
}

uint64_t port_timer_ticks(void)
{
	uint32_t now;

	if (!has_dwt)
		return systick_ticks();
	now = DWT_CYCCNT;
	cycles += now - last_cycles;
	last_cycles = now;
	return cycles;
}

void port_timer_start(void)
{
	waking_ticks += port_timer_ticks();
	cycles = 0;
	if (has_dwt) {
		SYST_CSR = 0;
		last_cycles = DWT_CYCCNT;
	} else {
		systick_start();
	}
}

uint64_t port_timer_total(void)
{
	return boot_ticks + waking_ticks + port_timer_ticks();
}

static void systick_stop(void)
{
	waking_ticks += systick_ticks();
	SYST_CSR = 0;
	SCB_ICSR = ICSR_PENDSTCLR;
	SYST_CVR = 0;
	wraps = 0;
}

#ifdef SLEEP_CLOCK_HZ
static void cycles_stop(void)
{
	asleep_since_cycles = port_timer_ticks();
	asleep_since = board_sleep_clock();
}

static void cycles_go_on(void)
{
	uint64_t slept =
		(uint64_t)(board_sleep_clock() - asleep_since) * (CORE_HZ / SLEEP_CLOCK_HZ);
	uint64_t counted = port_timer_ticks() - asleep_since_cycles;

	if (slept > counted)
		waking_ticks += slept - counted;
}
#else
static void cycles_stop(void)
{
}

static void cycles_go_on(void)
{
}
#endif

void timer_sleep(void)
{
	if (has_dwt)
		cycles_stop();
	else
		systick_stop();
}

void timer_wake(void)
{
	if (has_dwt)
		cycles_go_on();
	else
		systick_start();
}
