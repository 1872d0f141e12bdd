/* The Cortex-M timer on fake registers: what a cycle counter misses while the core sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

/* In place of the real core's registers. */
#define PORT_CORTEXM_CORE_REGISTERS_H
#define SYST_CSR core.csr
#define SYST_RVR core.rvr
#define SYST_CVR core.cvr
#define SYST_CSR_ENABLE 1u
#define SYST_CSR_TICKINT 2u
#define SYST_CSR_CLKSOURCE 4u
#define SYST_MASK 0xFFFFFFu
#define SCB_ICSR core.icsr
#define ICSR_PENDSTSET (1u << 26)
#define ICSR_PENDSTCLR (1u << 25)
#define DEMCR core.demcr
#define DEMCR_TRCENA 1u
#define DWT_CTRL core.dwt_ctrl
#define DWT_CYCCNTENA 1u
#define DWT_CYCCNT (*cycle_counter())
#define __ARM_ARCH 7
#define CORE_HZ 64000000u
#define SLEEP_CLOCK_HZ 16000000u

static struct {
	uint32_t csr, rvr, cvr, icsr, demcr, dwt_ctrl;
	uint32_t cycles, sleep_clock;
	int awake;
} core;

/* Each reading takes ten cycles. */
static uint32_t *cycle_counter(void)
{
	core.cycles += core.awake ? 10 : 0;
	return &core.cycles;
}

uint32_t board_sleep_clock(void);
uint32_t board_sleep_clock(void)
{
	return core.sleep_clock;
}

#include "port/cortexm/timer.c"

static int power_on(void **unused)
{
	(void)unused;
	memset(&core, 0, sizeof(core));
	core.awake = 1;
	port_boot_ticks();
	assert_string_equal(port_timer_kind(), "dwt");
	return 0;
}

static uint64_t across_sleep(uint32_t seconds, uint32_t counted)
{
	uint64_t before = port_timer_total();

	timer_sleep();
	core.sleep_clock += seconds * SLEEP_CLOCK_HZ;
	core.cycles += counted;
	timer_wake();
	return port_timer_total() - before;
}

static void test_sleep_that_the_cycle_counter_misses(void **unused)
{
	(void)unused;
	assert_in_range(across_sleep(2, 0), 2u * CORE_HZ, 2u * CORE_HZ + 100);
	/* Over the sleeping clock's wrap. */
	core.sleep_clock = 0xFFFFFF00u;
	assert_in_range(across_sleep(1, 0), CORE_HZ, CORE_HZ + 100);
}

static void test_a_debugger_that_keeps_it_going(void **unused)
{
	(void)unused;
	assert_in_range(across_sleep(1, CORE_HZ), CORE_HZ, CORE_HZ + 100);
	assert_in_range(across_sleep(1, CORE_HZ + 5000), CORE_HZ + 5000, CORE_HZ + 5100);
}

static void test_an_iteration_is_not_what_was_slept(void **unused)
{
	(void)unused;
	across_sleep(1, 0);
	port_timer_start();
	core.cycles += 1000;
	assert_in_range(port_timer_ticks(), 1000, 1050);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sleep_that_the_cycle_counter_misses, power_on),
		cmocka_unit_test_setup(test_a_debugger_that_keeps_it_going, power_on),
		cmocka_unit_test_setup(test_an_iteration_is_not_what_was_slept, power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
