/* The loop for other people's firmware, on a board that is all fake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "protocols/uart-bench/decode.h"
#include "protocols/uart-bench/run.h"
#include "report/device.h"

#define RESULTS 32
#define INFER_TICKS 1000
#define READING_TICKS 5
#define STACK_FAKE 16384

static struct {
	struct hilda_device d;
	const char *script;
	char out[32768];
	size_t n;
	uint64_t now, sleeps;
	int dead, in_window, wrote_in_window, resets;
	uint32_t asked[128], n_asked;
	uint32_t levels[64], n_levels;
	uint32_t results[RESULTS];
	volatile uint32_t kept;
	int8_t logits[3];
	const char *wrong;
	jmp_buf reset;
} board;

static void put(void *arg, const char *bytes, size_t n)
{
	assert_ptr_equal(arg, &board);
	board.wrote_in_window |= board.in_window;
	assert_true(board.n + n < sizeof(board.out));
	memcpy(board.out + board.n, bytes, n);
	board.n += n;
	board.out[board.n] = '\0';
}

/* An underscore in a script is a moment without a byte, and a long one where a test asks. */
static int get(void *arg)
{
	(void)arg;
	if (!*board.script)
		return HILDA_CLOSED;
	if (*board.script != '_')
		return (unsigned char)*board.script++;
	board.script++;
	board.now += board.sleeps;
	return HILDA_NOTHING;
}

/* A counter of 32 bits: what is above them is noise. */
static uint64_t ticks(void *arg)
{
	(void)arg;
	if (!board.dead)
		board.now += READING_TICKS;
	return (board.now & 0xFFFFFFFFu) | UINT64_C(0xABCD) << 32;
}

static void infer(void *arg, uint32_t i)
{
	(void)arg;
	if (board.n_asked < 128)
		board.asked[board.n_asked++] = i;
	board.now += board.dead ? 0 : INFER_TICKS + i;
	board.logits[0] = (int8_t)(i == 0 ? 9 : -9);
	board.logits[1] = (int8_t)(i == 1 ? 9 : -9);
	board.logits[2] = 0;
}

static const char *load(void *arg)
{
	(void)arg;
	board.now += 300;
	return board.wrong;
}

static void quiet(void *arg, int on)
{
	(void)arg;
	board.in_window = on;
}

static void markers(void *arg, uint32_t levels)
{
	(void)arg;
	assert_in_range(board.n_levels, 0, 63);
	board.levels[board.n_levels++] = levels;
}

static void reset(void *arg)
{
	(void)arg;
	board.resets++;
	longjmp(board.reset, 1);
}

static void memory(void *arg, struct hilda_memory *m)
{
	(void)arg;
	m->heap_used = 77;
	m->bss = 4096;
}

static int power_on(void **unused)
{
	struct hilda_device *d = &board.d;

	(void)unused;
	memset(&board, 0, sizeof(board));
	d->put = put;
	d->get = get;
	d->ticks = ticks;
	d->hz = 1000000;
	d->infer = infer;
	d->results = board.results;
	d->results_n = RESULTS;
	d->arg = &board;
	d->samples = 3;
	return 0;
}

/* Until the script is read, over any number of resets. */
static void play(const char *script)
{
	board.script = script;
	board.n = 0;
	board.resets = 0;
	if (setjmp(board.reset))
		board.d.fill = 0;
	hilda_device_run(&board.d);
}

static void has(const char *text)
{
	if (!strstr(board.out, text))
		fail_msg("no \"%s\" in:\n%s", text, board.out);
}

static void has_not(const char *text)
{
	if (strstr(board.out, text))
		fail_msg("\"%s\" in:\n%s", text, board.out);
}

/* What the agent makes of the last run. */
static struct bench_run *decoded(void)
{
	struct bench_run *run = bench_run_new();
	struct bench_decoder decoder;
	struct fault f = {0};

	bench_decoder_init(&decoder);
	for (size_t at = 0; at < board.n;) {
		struct bench_event ev;

		at += bench_decoder_feed(&decoder, board.out + at, board.n - at, &ev);
		if (ev.kind == BENCH_RECORD)
			assert_int_equal(bench_run_add(run, &ev, &f), 0);
	}
	assert_int_equal(bench_run_check(run, &f), 0);
	return run;
}

static void test_who_it_is(void **unused)
{
	struct bench_run *run;
	struct fault f = {0};
	uint64_t n;

	(void)unused;
	board.d.board = "mine";
	board.d.weights = "abc";
	board.d.weights_bytes = 3;
	play("name%lab id%profile%");
	assert_memory_equal(board.out, "\r\nm-timestamp-mode-performance\r\nm-lap-us-", 41);
	has("m-init-done\r\nm-ready\r\nm-name-dut-[hilda]\r\nm-ready\r\n");
	has("m-model-[unknown]\r\nm-ready\r\n");
	has("sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	run = decoded();
	assert_string_equal(bench_run_get(run, 'H', "board"), "mine");
	assert_string_equal(bench_run_get(run, 'H', "reset"), "unknown");
	assert_int_equal(bench_run_u64(run, 'H', "max_n", &n, &f), 0);
	assert_int_equal(n, RESULTS);
	bench_run_free(run);
}

static void test_warm_takes_the_inputs_in_turn(void **unused)
{
	static const uint32_t order[] = {0, 0, 1, 0, 1, 2, 0};
	struct bench_run *run;
	struct fault f = {0};
	uint64_t *list;
	size_t n;

	(void)unused;
	board.d.quiet = quiet;
	play("lab warm 4 2%");
	run = decoded();
	assert_int_equal(bench_run_ticks(run, &list, &n, &f), 0);
	assert_int_equal(n, 4);
	/* The two readings' own cost is gone. */
	assert_int_equal(list[0], INFER_TICKS);
	assert_int_equal(list[2], INFER_TICKS + 2);
	assert_int_equal(list[3], INFER_TICKS);
	assert_int_equal(board.n_asked, 7); /* the first of the boot, two warm-ups, four */
	assert_memory_equal(board.asked, order, sizeof(order));
	assert_string_equal(bench_run_get(run, 'R', "inputs"), "rotate");
	assert_string_equal(bench_run_get(run, 'R', "irq"), "masked");
	assert_false(board.wrote_in_window);
	free(list);
	bench_run_free(run);
}

static void test_fixed_inputs(void **unused)
{
	(void)unused;
	play("lab warm 3 0 fixed%");
	has("inputs=fixed");
	assert_int_equal(board.asked[2], 0);
	play("lab warm 3 0 worst%");
	has("e-[Inputs: rotate or fixed; not worst]");
}

static void test_a_counter_wraps_in_an_inference(void **unused)
{
	(void)unused;
	board.now = UINT64_C(0xFFFFFFFF) - 1500;
	play("lab warm 4 0%");
	has("t=1000:1001:1002:1000*");
}

static void test_time_goes_on_over_wraps(void **unused)
{
	(void)unused;
	board.sleeps = UINT64_C(0x80000000);
	/* The loop looks at the counter whenever nothing has come: five times half a wrap. */
	play("_____timestamp%");
	assert_in_range(board.d.total_ticks, UINT64_C(0x280000000), UINT64_C(0x280010000));
}

static void test_cold_is_the_first_of_a_boot(void **unused)
{
	struct bench_run *run;
	struct bench_cold cold;
	struct fault f = {0};

	(void)unused;
	board.d.load = load;
	board.d.reset = reset;
	board.d.kept = &board.kept;
	board.kept = 0x12345678;
	play("lab cold%");
	assert_int_equal(board.resets, 1);
	run = decoded();
	assert_int_equal(bench_run_cold(run, &cold, &f), 0);
	assert_int_equal(cold.load_ticks, 300);
	assert_int_equal(cold.first_ticks, INFER_TICKS);
	assert_true(cold.boot_ticks > 0);
	bench_run_free(run);
	/* A reset by somebody else is no cold run, and no power-on. */
	play("lab id%");
	has("reset=unknown");
	has_not("phase=cold");
	board.kept = 0;
	play("lab id%");
	has("reset=power");
}

static void test_the_first_run_is_there_for_a_resend(void **unused)
{
	(void)unused;
	play("lab resend 0%lab resend 7%");
	has("$R,0,run=0,phase=cold,");
	has("e-[The last run has no line 7]");
}

static void test_a_line_again(void **unused)
{
	char line[200];
	const char *at;

	(void)unused;
	play("lab warm 4 0%lab resend 1%");
	at = strstr(board.out, "$C,1,");
	assert_non_null(at);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\r"), at);
	assert_non_null(strstr(at + 1, line));
}

static void test_what_is_not_there_is_refused(void **unused)
{
	(void)unused;
	play("lab cold%lab energy 1 0%lab accuracy 1%lab fly%lab%nonsense%lab warm 1%");
	has("e-[Unsupported verb: cold]\r\nm-ready");
	has("e-[Unsupported verb: energy]\r\nm-ready");
	has("e-[Unsupported verb: accuracy]\r\nm-ready");
	has("e-[Unsupported verb: fly]\r\nm-ready");
	has("e-[Unsupported verb: ]\r\nm-ready");
	has("e-[Unknown command: nonsense]\r\nm-ready");
	has("e-[Wrong number of words after: warm]\r\nm-ready");
	has_not("$");
}

static void test_numbers_and_lengths_have_limits(void **unused)
{
	char long_one[120];

	(void)unused;
	play("lab warm 33 0%lab warm 0 0%lab warm 4294967296 0%lab warm 4 x%");
	has("e-[Iterations: a number from 1 to 32]");
	has("e-[Warm-up: a number from 0 to 4294967295]");
	has_not("$");
	memset(long_one, 'x', sizeof(long_one));
	memcpy(long_one + 79, "%name%", 7);
	play(long_one);
	has("e-[Command is longer than 78 characters]\r\nm-ready\r\nm-name-dut-[hilda]");
}

static void test_a_dead_counter_is_told(void **unused)
{
	(void)unused;
	board.dead = 1;
	board.d.timer = "dwt";
	play("lab warm 4 0%");
	has("e-[Timer does not tick: dwt]");
	has_not("$C");
}

static void test_a_dead_counter_makes_no_cold_start(void **unused)
{
	(void)unused;
	board.dead = 1;
	board.d.timer = "dwt";
	board.d.reset = reset;
	board.d.kept = &board.kept;
	play("lab cold%");
	has("e-[Timer does not tick: dwt]");
	assert_int_equal(board.resets, 0);
	play("lab resend 2%");
	has(",status=timer,msg=the timer does not tick*");
}

static void test_a_model_that_cannot_be_loaded(void **unused)
{
	(void)unused;
	board.d.load = load;
	board.wrong = "The arena is too small";
	play("lab warm 4 0%lab id%");
	has("e-[The arena is too small]");
	has("$H,0,");
	assert_int_equal(board.n_asked, 0);
}

static void test_accuracy(void **unused)
{
	static const uint8_t labels[] = {2, 1, 2};
	struct bench_run *run;
	struct fault f = {0};
	struct bench_predictions seen = {0};

	(void)unused;
	board.d.logits = board.logits;
	board.d.outputs = 3;
	board.d.labels = labels;
	play("lab accuracy 3%");
	has("$P,1,i=0,p=0,y=2,l=9:-9:0*");
	run = decoded();
	assert_int_equal(bench_run_predictions(run, &seen, &f), 0);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.classes[0], 0);
	assert_int_equal(seen.classes[1], 1);
	assert_int_equal(seen.classes[2], 2);
	bench_predictions_done(&seen);
	bench_run_free(run);
	play("lab accuracy 4%");
	has("e-[Samples: a number from 1 to 3]");
}

static void test_memory_says_what_is_known(void **unused)
{
	struct bench_run *run;
	struct fault f = {0};
	uint64_t used;

	(void)unused;
	board.d.stack_top = (uint8_t *)__builtin_frame_address(0);
	board.d.stack_low = board.d.stack_top - STACK_FAKE;
	board.d.memory = memory;
	play("lab memory%");
	run = decoded();
	assert_int_equal(bench_run_u64(run, 'S', "stack_used", &used, &f), 0);
	assert_in_range(used, 256, STACK_FAKE - 1);
	assert_string_equal(bench_run_get(run, 'S', "heap_used"), "77");
	assert_string_equal(bench_run_get(run, 'S', "bss"), "4096");
	assert_null(bench_run_get(run, 'S', "text"));
	bench_run_free(run);
}

static void test_the_pins_of_an_energy_window(void **unused)
{
	static const uint32_t first[] = {0, HILDA_D2 | HILDA_D0, HILDA_D2 | HILDA_D1 | HILDA_D0,
		HILDA_D2 | HILDA_D0, HILDA_D2 | HILDA_D1 | HILDA_D0, HILDA_D2 | HILDA_D1};

	(void)unused;
	board.d.markers = markers;
	play("lab energy 3 0%");
	/* 5 ms at 1 MHz and 1 ms each: eight in a batch; D1 keeps its level behind the window. */
	has("phase=energy,n=24,warmup=17,batch=8,");
	assert_int_equal(board.n_levels, 6);
	assert_memory_equal(board.levels, first, sizeof(first));
}

static void test_polling_returns(void **unused)
{
	(void)unused;
	board.script = "na_me%";
	hilda_device_start(&board.d);
	assert_int_equal(hilda_device_poll(&board.d), 0);
	has_not("m-name");
	assert_int_equal(hilda_device_poll(&board.d), -1);
	has("m-name-dut-[hilda]\r\nm-ready\r\n");
}

static void test_last_words(void **unused)
{
	(void)unused;
	hilda_device_fault(&board.d, "hardfault", 0x1234, 0x5678, "no, really");
	has("\r\n$X,0,kind=hardfault,pc=0x00001234,lr=0x00005678,msg=no_ really*");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_it_is, power_on),
		cmocka_unit_test_setup(test_warm_takes_the_inputs_in_turn, power_on),
		cmocka_unit_test_setup(test_fixed_inputs, power_on),
		cmocka_unit_test_setup(test_a_counter_wraps_in_an_inference, power_on),
		cmocka_unit_test_setup(test_time_goes_on_over_wraps, power_on),
		cmocka_unit_test_setup(test_cold_is_the_first_of_a_boot, power_on),
		cmocka_unit_test_setup(test_the_first_run_is_there_for_a_resend, power_on),
		cmocka_unit_test_setup(test_a_line_again, power_on),
		cmocka_unit_test_setup(test_what_is_not_there_is_refused, power_on),
		cmocka_unit_test_setup(test_numbers_and_lengths_have_limits, power_on),
		cmocka_unit_test_setup(test_a_dead_counter_is_told, power_on),
		cmocka_unit_test_setup(test_a_dead_counter_makes_no_cold_start, power_on),
		cmocka_unit_test_setup(test_a_model_that_cannot_be_loaded, power_on),
		cmocka_unit_test_setup(test_accuracy, power_on),
		cmocka_unit_test_setup(test_memory_says_what_is_known, power_on),
		cmocka_unit_test_setup(test_the_pins_of_an_energy_window, power_on),
		cmocka_unit_test_setup(test_polling_returns, power_on),
		cmocka_unit_test_setup(test_last_words, power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
