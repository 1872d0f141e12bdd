#include "unit.h"

#include "fake_target.h"

#define DHCSR 0xe000edf0
#define DCRSR 0xe000edf4
#define DCRDR 0xe000edf8
#define DEMCR 0xe000edfc
#define DFSR 0xe000ed30
#define AIRCR 0xe000ed0c
#define COMPARATOR(n) (FP_COMP + 4 * (n))

#define KEY 0xa05f0000
#define RUN (KEY | 1)
#define HALT (KEY | 3)
#define STEP (KEY | 0xd)
#define S_HALT (1u << 17)
#define S_LOCKUP (1u << 19)
#define S_RESET_ST (1u << 25)
#define RESET 0x05fa0004

static void put(struct fake *k, uint32_t address, uint32_t value)
{
	assert_int_equal(memory_write(&k->memory, address, 4, value), 0);
}

static uint32_t get(struct fake *k, uint32_t address)
{
	uint32_t value = 0;

	assert_int_equal(memory_read(&k->memory, address, 4, &value), 0);
	return value;
}

static void halt_and_resume(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	assert_false(get(&k, DHCSR) & S_HALT);
	put(&k, DHCSR, 3); /* without the key nothing happens */
	assert_int_equal(k.halts, 0);
	put(&k, DHCSR, KEY | 2); /* nor without C_DEBUGEN */
	assert_int_equal(k.halts, 0);
	put(&k, DHCSR, HALT);
	assert_int_equal(k.halts, 1);
	assert_true(get(&k, DHCSR) & S_HALT);
	assert_int_equal(get(&k, DFSR), 1);
	put(&k, DFSR, 1);
	assert_int_equal(get(&k, DFSR), 0);
	put(&k, DHCSR, HALT); /* once more is nothing */
	assert_int_equal(k.halts, 1);
	put(&k, DHCSR, RUN);
	assert_false(get(&k, DHCSR) & S_HALT);
	assert_int_equal(k.resumes, 1);
}

static void resume_waits_for_the_next_move(void **state)
{
	struct fake k;
	uint32_t v;

	fake_init(&k, "mps2-an386");
	put(&k, DHCSR, HALT);
	put(&k, DHCSR, RUN);
	put(&k, DEMCR, 0x01000000);
	put(&k, DFSR, 0x1f);
	put(&k, DHCSR, RUN);
	assert_int_equal(k.resumes, 0);
	k.registers[CORE_PC] = 0x666;
	put(&k, AIRCR, RESET);
	/* It ran once, from the vector. */
	assert_int_equal(k.resumes, 1);
	assert_int_equal(k.registers[CORE_PC], 0x100);

	for (int way = 0; way < 4; way++) {
		fake_init(&k, "mps2-an386");
		put(&k, DHCSR, HALT);
		put(&k, DHCSR, RUN);
		assert_int_equal(k.resumes, 0);
		if (way == 0)
			memory_read(&k.memory, FAKE_RAM, 4, &v);
		else if (way == 1)
			memory_write(&k.memory, FAKE_RAM, 4, 0);
		else if (way == 2)
			memory_write(&k.memory, 0x40004000, 4, 0);
		else
			debug_settle(&k.debug);
		assert_int_equal(k.resumes, 1);
		assert_true(k.debug.running);
		debug_settle(&k.debug);
		assert_int_equal(k.resumes, 1);
	}

	/* Halted again before it moved. */
	put(&k, DHCSR, HALT);
	put(&k, DHCSR, RUN);
	put(&k, DHCSR, HALT);
	assert_true(get(&k, DHCSR) & S_HALT);
	assert_int_equal(k.resumes, 1);
}

static void run(struct fake *k)
{
	put(k, DHCSR, RUN);
	assert_int_equal(debug_settle(&k->debug), 0);
}

static void a_core_that_stops_by_itself_is_seen(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	run(&k);
	k.stopped_itself = true;
	assert_true(get(&k, DHCSR) & S_HALT);
	assert_int_equal(get(&k, DFSR), 2);
}

static void step_is_one_instruction(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, DHCSR, HALT);
	put(&k, DHCSR, STEP);
	assert_int_equal(k.steps, 1);
	assert_int_equal(k.resumes, 0);
	assert_int_equal(k.registers[CORE_PC], 0x102);
	assert_true(get(&k, DHCSR) & S_HALT);
}

static void a_halt_ends_wfi(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	memcpy(k.low + 0x100, "\x30\xbf", 2);
	k.registers[CORE_PC] = 0x102;
	put(&k, DHCSR, HALT);
	/* One step, with something pending that is taken back. */
	assert_int_equal(k.steps, 1);
	assert_int_equal(k.device_address, 0xe000ed04);
	assert_int_equal(k.device, 1u << 27);
	assert_true(get(&k, DHCSR) & S_HALT);
	/* A core that does not sleep is left alone. */
	run(&k);
	k.registers[CORE_PC] = 0x200;
	put(&k, DHCSR, HALT);
	assert_int_equal(k.steps, 1);
}

static void wfi_is_stepped_over(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, DHCSR, HALT);
	memcpy(k.low + 0x100, "\x30\xbf", 2);
	put(&k, DHCSR, STEP);
	assert_int_equal(k.steps, 0);
	assert_int_equal(k.registers[CORE_PC], 0x102);
	assert_true(get(&k, DHCSR) & S_HALT);
}

static void registers_pass_through_or_are_kept(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, DHCSR, HALT);
	for (unsigned i = 0; i < DEBUG_SELECTORS; i++) {
		put(&k, DCRDR, 0x1000 + i);
		put(&k, DCRSR, 0x10000 | i);
	}
	assert_int_equal(k.registers[7], 0x1007);
	assert_int_equal(k.registers[CORE_XPSR], 0x1010);
	/* MSP is the stack pointer of a core that has not switched. */
	assert_int_equal(k.registers[CORE_SP], 0x1000 + 0x1a);
	put(&k, DCRSR, 18);
	assert_int_equal(get(&k, DCRDR), 0x1012);
	put(&k, DCRSR, 20);
	assert_int_equal(get(&k, DCRDR), 0x1014);
	put(&k, DCRSR, 0x5f);
	assert_int_equal(get(&k, DCRDR), 0x105f);
}

static void registers_need_a_halted_core(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, DCRDR, 5);
	put(&k, DCRSR, 0x10000);
	assert_int_equal(k.registers[0], 0);
}

static void reset_is_remembered_once(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	get(&k, DHCSR);
	put(&k, AIRCR, 4); /* no key */
	assert_int_equal(k.resets, 0);
	put(&k, AIRCR, RESET);
	assert_int_equal(k.resets, 1);
	assert_true(k.running);
	assert_true(get(&k, DHCSR) & S_RESET_ST);
	assert_false(get(&k, DHCSR) & S_RESET_ST);
}

static void vector_catch_stops_at_the_vector(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	run(&k);
	put(&k, DEMCR, 0x01000001);
	put(&k, AIRCR, RESET);
	assert_true(get(&k, DHCSR) & S_HALT);
	assert_int_equal(get(&k, DFSR) & 8, 8);
	assert_int_equal(k.registers[CORE_PC], 0x100);
	assert_int_equal(k.resumes, 0);
	/* Without a debugger the bit means nothing. */
	put(&k, DHCSR, KEY);
	put(&k, AIRCR, RESET);
	assert_true(k.running);
}

static void other_aircr_writes_pass(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, AIRCR, 0x05fa0300);
	assert_int_equal(k.device_address, AIRCR);
	assert_int_equal(k.device, 0x05fa0300);
	assert_int_equal(k.resets, 0);
}

static void comparators_become_breakpoints(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386"); /* revision 0 */
	assert_int_equal(get(&k, FP_CTRL), 0x60);
	put(&k, DHCSR, HALT);
	put(&k, FP_CTRL, 3);
	put(&k, COMPARATOR(0), 0x40000201); /* lower halfword of 0x200 */
	put(&k, COMPARATOR(1), 0x80000301); /* upper halfword of 0x300 */
	put(&k, COMPARATOR(2), 0x40000400); /* not enabled */
	run(&k);
	assert_true(fake_has_breakpoint(&k, 0x200));
	assert_true(fake_has_breakpoint(&k, 0x302));
	assert_false(fake_has_breakpoint(&k, 0x400));
	put(&k, DHCSR, HALT);
	assert_int_equal(k.n_breakpoints, 0);

	fake_init(&k, "mps2-an500"); /* revision 1 */
	assert_int_equal(get(&k, FP_CTRL), 0x10000080);
	put(&k, DHCSR, HALT);
	put(&k, FP_CTRL, 3);
	put(&k, COMPARATOR(7), 0x203 | 1);
	run(&k);
	assert_true(fake_has_breakpoint(&k, 0x202));
}

static void a_running_core_takes_a_new_comparator(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	run(&k);
	put(&k, FP_CTRL, 3);
	put(&k, COMPARATOR(0), 0x40000201);
	assert_true(fake_has_breakpoint(&k, 0x200));
	assert_true(k.running);
	put(&k, COMPARATOR(0), 0);
	assert_false(fake_has_breakpoint(&k, 0x200));
	assert_true(k.running);
}

static void bkpt_near_pc_in_ram_is_planted(void **state)
{
	struct fake k;

	fake_init(&k, "microbit");
	put(&k, DHCSR, HALT);
	memcpy(k.ram + 0x20, "\x00\xbe", 2);
	memcpy(k.ram + 0x30, "\xab\xbe", 2);  /* semihosting: the emulator's */
	memcpy(k.ram + 0x400, "\x01\xbe", 2); /* too far */
	memcpy(k.low + 0x110, "\x00\xbe", 2);
	k.registers[CORE_PC] = 0x20000000;
	run(&k);
	assert_int_equal(k.n_breakpoints, 1);
	assert_true(fake_has_breakpoint(&k, 0x20000020));
	put(&k, DHCSR, HALT);
	assert_int_equal(k.n_breakpoints, 0);
	/* Flash is not searched, and nothing is without a debugger. */
	k.registers[CORE_PC] = 0x100;
	run(&k);
	assert_int_equal(k.n_breakpoints, 0);
	put(&k, DHCSR, HALT);
	k.registers[CORE_PC] = 0x20000000;
	put(&k, DHCSR, KEY);
	debug_settle(&k.debug);
	assert_int_equal(k.n_breakpoints, 0);
	assert_true(k.running);
}

static void bkpt_that_the_debugger_wrote_is_planted(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, DHCSR, HALT);
	memory_write(&k.memory, 0x4000, 2, 0xbe11);
	memory_write(&k.memory, 0x5000, 2, 0xbf00);
	run(&k);
	assert_true(fake_has_breakpoint(&k, 0x4000));
	assert_int_equal(k.n_breakpoints, 1);
	put(&k, DHCSR, HALT);
	memory_write(&k.memory, 0x4000, 2, 0x4770);
	run(&k);
	assert_int_equal(k.n_breakpoints, 0);
}

static void a_core_that_cannot_run_is_parked(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	put(&k, DHCSR, HALT);
	k.registers[CORE_XPSR] = 0;
	run(&k);
	assert_int_equal(k.resumes, 0);
	assert_true(get(&k, DHCSR) & S_LOCKUP);
	assert_false(get(&k, DHCSR) & S_HALT);
	put(&k, DHCSR, HALT);
	assert_int_equal(k.halts, 1); /* there was nothing to stop */
	assert_false(get(&k, DHCSR) & S_LOCKUP);
	k.registers[CORE_XPSR] = 1 << 24;
	k.registers[CORE_PC] = 0x40004000;
	run(&k);
	assert_true(get(&k, DHCSR) & S_LOCKUP);
	put(&k, DHCSR, HALT);
	put(&k, DHCSR, STEP);
	assert_int_equal(k.steps, 0);
	assert_true(get(&k, DHCSR) & S_LOCKUP);
	put(&k, AIRCR, RESET);
	assert_true(k.running);
	assert_false(get(&k, DHCSR) & S_LOCKUP);
}

static void lockup_ends_by_reset(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	debug_lock_up(&k.debug);
	assert_true(get(&k, DHCSR) & S_LOCKUP);
	assert_int_equal(debug_reset(&k.debug), 0);
	assert_false(get(&k, DHCSR) & S_LOCKUP);
	assert_int_equal(k.halts, 0);
}

static void errors_of_the_core_come_through(void **state)
{
	struct fake k;

	fake_init(&k, "mps2-an386");
	k.broken = -ETIMEDOUT;
	assert_int_equal(memory_write(&k.memory, DHCSR, 4, HALT), -ETIMEDOUT);
	k.broken = 0;
	assert_false(get(&k, DHCSR) & S_HALT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halt_and_resume),
		cmocka_unit_test(resume_waits_for_the_next_move),
		cmocka_unit_test(a_core_that_stops_by_itself_is_seen),
		cmocka_unit_test(step_is_one_instruction),
		cmocka_unit_test(a_halt_ends_wfi),
		cmocka_unit_test(wfi_is_stepped_over),
		cmocka_unit_test(registers_pass_through_or_are_kept),
		cmocka_unit_test(registers_need_a_halted_core),
		cmocka_unit_test(reset_is_remembered_once),
		cmocka_unit_test(vector_catch_stops_at_the_vector),
		cmocka_unit_test(other_aircr_writes_pass),
		cmocka_unit_test(comparators_become_breakpoints),
		cmocka_unit_test(a_running_core_takes_a_new_comparator),
		cmocka_unit_test(bkpt_near_pc_in_ram_is_planted),
		cmocka_unit_test(bkpt_that_the_debugger_wrote_is_planted),
		cmocka_unit_test(a_core_that_cannot_run_is_parked),
		cmocka_unit_test(lockup_ends_by_reset),
		cmocka_unit_test(errors_of_the_core_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
