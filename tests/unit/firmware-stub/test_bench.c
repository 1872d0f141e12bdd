/* The bench core on a port that is all fake: a scripted console, a clock that moves when read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "core/fault.h"
#include "core/words.h"
#include "nn/model.h"
#include "port/port.h"

#define STACK_BYTES_FAKE 16384
#define TICKS_A_READING 5
#define CHANGES_MAX 2048

const char port_board[] = "fake";
const char port_cache[] = "none";

static struct {
	const char *script;
	char out[65536];
	size_t n;
	struct noinit noinit;
	uint64_t now, started;
	bool dead_timer, in_window, wrote_in_window;
	int resets;
	jmp_buf reset;
	/* Ticks that pass with each reading of the total: in windows always, outside where a test asks. */
	uint64_t total, total_step;
	uint32_t changes[CHANGES_MAX];
	uint64_t change_ticks[CHANGES_MAX];
	uint32_t n_changes, sent_changes, room, lost;
	const void *lent;
} port;

void port_init(void)
{
}

void port_unique_id(char *out, size_t size)
{
	snprintf(out, size, "one,of*the$kind");
}

struct noinit *port_noinit(void)
{
	return &port.noinit;
}

void port_reset(void)
{
	port.resets++;
	longjmp(port.reset, 1);
}

void port_console_init(void)
{
}

void port_write(const char *bytes, size_t n)
{
	port.wrote_in_window |= port.in_window;
	assert_true(port.n + n < sizeof(port.out));
	memcpy(port.out + port.n, bytes, n);
	port.n += n;
	port.out[port.n] = '\0';
}

void port_drain(void)
{
}

int port_read(void)
{
	return *port.script ? (unsigned char)*port.script++ : -1;
}

const char *port_timer_kind(void)
{
	return "fakeclock";
}

uint32_t port_timer_hz(void)
{
	return 1000000;
}

void port_timer_start(void)
{
	port.started = port.now;
}

uint64_t port_timer_ticks(void)
{
	if (!port.dead_timer)
		port.now += TICKS_A_READING;
	return port.now - port.started;
}

uint64_t port_timer_total(void)
{
	port.total += port.total_step ? port.total_step : port.in_window ? TICKS_A_READING : 0;
	return UINT64_C(0x100000007) + port.total;
}

uint64_t port_boot_ticks(void)
{
	return 4242;
}

const char *port_quiet(void)
{
	port.in_window = true;
	return "masked";
}

void port_unquiet(void)
{
	port.in_window = false;
}

void port_watchdog(uint32_t timeout_ms)
{
}

void port_watchdog_feed(void)
{
}

void port_markers(uint32_t state)
{
	assert_in_range(port.n_changes, 0, CHANGES_MAX - 1);
	port.change_ticks[port.n_changes] = port.total;
	port.changes[port.n_changes++] = state;
}

uint32_t port_markers_send(void)
{
	assert_false(port.in_window);
	port.sent_changes = port.n_changes;
	return port.lost;
}

uint32_t port_markers_room(size_t bytes)
{
	assert_int_equal(bytes, RESULTS_BYTES);
	return port.room;
}

void port_markers_lend(void *memory, size_t bytes)
{
	assert_int_equal((uintptr_t)memory % sizeof(uint64_t), 0);
	port.lent = memory;
}

void port_stack(uint8_t **low, uint8_t **top)
{
	*top = (uint8_t *)__builtin_frame_address(0);
	*low = *top - STACK_BYTES_FAKE;
}

void port_sizes(struct port_sizes *s)
{
	*s = (struct port_sizes){1000, 200, 30, 4};
}

void port_crash(void)
{
	const struct fault_state f = {.kind = "hardfault", .pc = 0x1234, .cfsr = 0x10000};

	fault_report(&f);
}

/* Runs until the script is read, over any number of resets. */
static const char *play(const char *script)
{
	port.script = script;
	port.n = 0;
	port.resets = 0;
	port.wrote_in_window = false;
	port.in_window = false;
	(void)setjmp(port.reset);
	bench_main();
	return port.out;
}

static int power_on(void **unused)
{
	memset(&port, 0, sizeof(port));
	memset(&port.noinit, 0x5C, sizeof(port.noinit));
	return 0;
}

static void has(const char *text)
{
	if (!strstr(port.out, text))
		fail_msg("no \"%s\" in:\n%s", text, port.out);
}

static void the_banner_comes_first(void **unused)
{
	play("");
	assert_string_equal(port.out,
		"\r\nm-timestamp-mode-performance\r\nm-lap-us-7\r\n"
		"m-init-done\r\nm-ready\r\n");
}

static void plain_commands_are_answered_as_mlperf_s_firmware_does(void **unused)
{
	play("name%profile%timestamp%foo%");
	has("m-name-dut-[hilda]\r\nm-ready\r\n");
	has("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[full-nano]\r\nm-ready");
	has("m-lap-us-7\r\nm-ready\r\ne-[Unknown command: foo]\r\nm-ready\r\n");
}

static void identity_names_board_model_and_reset(void **unused)
{
	play("lab id%");
	has(",board=fake,uid=one_of_the_kind,hz=1000000,timer=fakeclock,reset=power,max_n=1024*");
	has("model=full-nano,quant=int8,");
	has(",sha256=");
	has(",lines=3,");
}

static void a_warm_run_sends_all_ticks_after_the_window(void **unused)
{
	play("lab warm 3 2%");
	has("$R,0,run=1,phase=warm,n=3,warmup=2,batch=1,irq=masked,cache=none,overhead=5,");
	has("inputs=rotate,count=3*");
	/* Between two readings of the clock the overhead passes, and nothing else. */
	has("$C,1,i=0,t=0:0:0*");
	has("$E,2,lines=2,");
	assert_false(port.wrote_in_window);
}

/* The total moves by a quarter of a second with each inference: four of them in each second. */
static void a_sustained_run_counts_by_the_second(void **unused)
{
	port.total_step = 250000;
	play("lab sustained 3%");
	has(",phase=sustained,n=12,warmup=1,batch=1,irq=masked,");
	has(",window=3250000,inputs=rotate,count=8,seconds=3,stride=1*");
	/* The one that ends with the last second is in none. */
	has("$T,1,i=0,c=3:4:4*");
	has("$C,2,i=0,t=0:0:0:0:0:0:0:0:0:0:0:0*");
	assert_false(port.wrote_in_window);
	play("lab sustained 0%lab sustained 513%");
	has("e-[Seconds: a number from 1 to 512]\r\nm-ready\r\ne-[Seconds: a number from 1 to 512]");
}

/* 4096 bytes of results: one second and 1023 ticks. 3000 inferences end with every fourth kept. */
static void a_sustained_run_thins_its_ticks_out(void **unused)
{
	unsigned items = 0;

	port.total_step = 1000000 / 3000;
	play("lab sustained 1%");
	has(",stride=4*");
	has("n=3004,");
	for (const char *p = port.out; (p = strstr(p, "$C,")); p++) {
		const char *at = strstr(p, ",t=");

		for (; *at != '*'; at++)
			items += *at == ':';
		items++;
	}
	assert_int_equal(items, 3004 / 4);
}

/* A change but for D1, whose level outlives a run. */
static uint32_t change(uint32_t i)
{
	return port.changes[i] & ~MARKER_BATCH;
}

/* Edges of a pin between two changes. */
static unsigned edges(uint32_t pin, uint32_t from, uint32_t to)
{
	unsigned n = 0;

	for (uint32_t i = from + 1; i < to; i++)
		n += ((port.changes[i] ^ port.changes[i - 1]) & pin) != 0;
	return n;
}

static void a_warm_window_is_marked(void **unused)
{
	play("lab warm 3 2%lab warm 1 0%");
	assert_int_equal(port.n_changes, 4);
	assert_int_equal(change(0), MARKER_WINDOW | MARKER_RUN | MARKER_MAC);
	assert_int_equal(change(1), MARKER_RUN | MARKER_SLEEP);
	assert_int_equal(change(2), MARKER_WINDOW | MARKER_MAC);
	assert_int_equal(change(3), MARKER_SLEEP);
	assert_null(port.lent);
}

static void an_energy_window_has_an_edge_for_each_batch(void **unused)
{
	play("lab energy 5 3%");
	has("$R,0,run=1,phase=energy,n=15,warmup=2,batch=3,irq=masked,cache=none,overhead=0,");
	has("$E,1,lines=1,");
	has("status=ok*");
	assert_false(port.wrote_in_window);
	/* With pins there is no need to say what the core does: up, five edges, down, asleep. */
	assert_int_equal(port.n_changes, 8);
	assert_int_equal(port.sent_changes, 8);
	assert_int_equal(change(0), MARKER_WINDOW | MARKER_RUN | MARKER_MAC);
	assert_int_equal(edges(MARKER_BATCH, 0, 8), 5);
	assert_int_equal(edges(MARKER_WINDOW, 0, 6), 0);
	assert_int_equal(port.changes[6] & MARKER_WINDOW, 0);
	assert_int_equal(change(7), MARKER_RUN | MARKER_SLEEP);
}

static void the_window_is_as_long_as_d0_and_shows_the_last_edge(void **unused)
{
	char text[64];
	uint64_t width;

	play("lab energy 2 1%");
	width = port.change_ticks[3] - port.change_ticks[0];
	snprintf(text, sizeof(text), ",window=%llu,", (unsigned long long)width);
	has(text);
	/* The clock counts microseconds here. */
	assert_true(port.change_ticks[3] - port.change_ticks[2] >= 50);
}

static void d1_changes_nowhere_but_at_the_end_of_a_batch(void **unused)
{
	play("lab energy 3 1%lab warm 1 1%lab energy 2 1%");
	assert_int_equal(port.n_changes, 6 + 2 + 5);
	assert_int_equal(edges(MARKER_BATCH, 0, port.n_changes), 5);
	assert_int_equal(edges(MARKER_BATCH, 4, 10), 1);
	assert_int_equal(edges(MARKER_RUN, 0, port.n_changes), 2);
}

static void records_say_what_the_core_does_while_there_is_room(void **unused)
{
	port.room = 2 * 6 + 3;
	play("lab energy 3 2%");
	assert_int_equal(port.n_changes, port.room);
	assert_non_null(port.lent);
	assert_int_equal(change(0), MARKER_WINDOW | MARKER_RUN | MARKER_BUSY);
	for (uint32_t i = 1; i < 13; i++)
		assert_int_equal(port.changes[i] & (MARKER_BUSY | MARKER_MAC),
			i % 2 ? MARKER_MAC : MARKER_BUSY);
	assert_int_equal(edges(MARKER_BATCH, 0, 15), 3);
	assert_int_equal(change(13), MARKER_RUN | MARKER_BUSY);
	assert_int_equal(change(14), MARKER_RUN | MARKER_SLEEP);
}

static void without_room_for_all_of_it_the_edges_of_d1_stay(void **unused)
{
	port.room = 2 * 6 + 2;
	play("lab energy 3 2%");
	assert_int_equal(port.n_changes, 3 + 3);
	assert_int_equal(edges(MARKER_BATCH, 0, 6), 3);
	assert_int_equal(port.changes[1] & (MARKER_BUSY | MARKER_MAC), MARKER_MAC);
}

static void lost_changes_are_told(void **unused)
{
	port.lost = 1;
	play("lab energy 3 2%");
	has("status=dropped,msg=More marker changes than there is room for*");
}

static void a_batch_is_the_smallest_power_of_two_of_five_milliseconds(void **unused)
{
	/* The clock is read once for each inference and once before: 4 + 1 milliseconds. */
	port.total_step = 1000;
	play("lab energy 2 0%");
	has("n=8,warmup=9,batch=4,");
	port.total_step = 1001;
	play("lab energy 2 0%");
	has("n=8,warmup=9,batch=4,");
	port.total_step = 999;
	play("lab energy 2 0%");
	has("n=16,warmup=17,batch=8,");
	port.total_step = 5000;
	play("lab energy 2 0%");
	has("n=2,warmup=3,batch=1,");
}

static void pins_take_more_batches_than_records(void **unused)
{
	play("lab energy 16385 1%");
	has("e-[Batches: a number from 1 to 16384]");
	port.room = 100000;
	play("lab energy 16385 1%");
	has("e-[Batches: a number from 1 to 16384]");
}

static void a_dead_timer_reports_nothing(void **unused)
{
	port.dead_timer = true;
	play("lab warm 3 2%lab energy 3 2%");
	has("e-[Timer does not tick: fakeclock]\r\nm-ready\r\n"
	    "e-[Timer does not tick: fakeclock]\r\nm-ready\r\n");
	assert_null(strstr(port.out, "$R"));
}

static void a_dead_timer_makes_no_cold_start(void **unused)
{
	port.dead_timer = true;
	play("lab cold%");
	has("e-[Timer does not tick: fakeclock]\r\nm-ready\r\n");
	assert_int_equal(port.resets, 0);
	/* A start by power was measured before anybody could ask. */
	play("lab resend 2%");
	has("$E,2,lines=2,");
	has(",status=timer,msg=the timer does not tick*");
}

static void cold_resets_and_reports_unasked(void **unused)
{
	play("lab cold%");
	assert_int_equal(port.resets, 1);
	has("m-init-done\r\nm-ready\r\n$R,0,run=0,phase=cold,n=1,");
	has("kind=reset*");
	has("$C,1,boot=4242,load=0,first=0*");
	/* Once only: the next reset is an ordinary one, and of unknown cause. */
	play("lab id%");
	assert_null(strstr(port.out, "phase=cold"));
	has("reset=unknown");
}

static void memory_is_measured_and_not_believed(void **unused)
{
	const char *line;
	unsigned stack_used, stack_size, arena_used;

	play("lab memory%");
	line = strstr(port.out, "$S,0,");
	assert_non_null(line);
	assert_int_equal(
		sscanf(line,
			"$S,0,stack_used=%u,stack_size=%u,heap_used=0,heap_size=0,arena_used=%u,",
			&stack_used, &stack_size, &arena_used),
		3);
	assert_true(stack_used > 0 && stack_used < stack_size);
	assert_true(arena_used > 0 && arena_used <= model_arena_bytes);
	has("text=1000,rodata=200,data=30,bss=4,");
	has("status=ok*");
}

static void resend_gives_the_same_line(void **unused)
{
	char wanted[256];
	const char *line, *end;

	play("lab accuracy 3%lab resend 2%lab resend 9%");
	line = strstr(port.out, "$P,2,i=1,");
	assert_non_null(line);
	end = strstr(line, "\r\n");
	snprintf(wanted, sizeof(wanted), "m-ready\r\n%.*s\r\nm-ready\r\n", (int)(end - line), line);
	has(wanted);
	has("e-[The last run has no line 9]\r\nm-ready");
}

static void predictions_say_which_list_they_are_of(void **unused)
{
	play("lab accuracy 8%lab accuracy 3%lab accuracy 9%");
	has("phase=accuracy,n=8,");
	has("inputs=list,list=0x");
	has(",from=image*");
	has("e-[Samples: a number from 1 to 8]");
	/* The image's list has no labels. */
	assert_null(strstr(port.out, ",y="));
}

static void a_warm_run_takes_the_inputs_that_are_asked_for(void **unused)
{
	play("lab warm 3 1 fixed%lab warm 20 1 list%lab warm 20 1 rotate%lab warm 2 1 list%");
	has("phase=warm,n=3,warmup=1,batch=1,irq=masked,cache=none,overhead=5,");
	has("inputs=fixed,count=1*");
	has("inputs=list,count=8*");
	has("inputs=rotate,count=8*");
	has("inputs=list,count=2*");
	/* Patches are all of one length. */
	assert_null(strstr(port.out, "$I,"));
}

static void the_slowest_input_is_there_until_another_run_takes_its_place(void **unused)
{
	play("lab warm 2 1 worst%lab search 12 7%lab warm 2 1 worst%lab warm 2 1 worst%"
	     "lab accuracy 1%lab warm 2 1 worst%lab warm 2 1 best%lab search 1000 1%");
	has("e-[Inputs: there is no worst one before lab search]\r\nm-ready\r\n$R,0,run=1,");
	has("phase=search,n=12,warmup=1,");
	has("inputs=search,count=12,seed=7,worst=0*");
	has("$R,0,run=2,phase=warm,n=2,");
	has("inputs=worst,count=1*");
	has("$R,0,run=3,phase=warm,n=2,");
	has("m-ready\r\ne-[Inputs: there is no worst one before lab search]\r\n"
	    "m-ready\r\ne-[Inputs: rotate fixed list or worst; not best]");
	/* Some of the results' memory is the worst input's. */
	has("e-[Inputs: a number from 1 to 828]");
}

static void a_profile_names_every_part_once(void **unused)
{
	play("lab profile 5%lab resend 3%lab warm 1 0%");
	has("phase=profile,n=5,warmup=1,");
	/* Each mark is one reading of this clock after the one before: the overhead, and no more. */
	has("$L,1,i=0,part=embed,min=0,median=0*");
	has("$L,2,i=1,part=qkv,layer=0,");
	has("$L,5,i=4,part=feed-forward,layer=0,");
	has("$L,8,i=7,part=project,layer=1,");
	has("$L,10,i=9,part=classify,min=0,median=0*");
	has("$E,11,lines=11,");
	has("m-ready\r\n$L,3,i=2,part=attention,layer=0,min=0,median=0*");
	assert_false(port.wrote_in_window);
	/* Nobody listens afterwards: the clock is read as often as ever. */
	has("$C,1,i=0,t=0*");
}

static void what_cannot_be_done_is_refused_in_words(void **unused)
{
	port.room = 512;
	play("lab train 5%lab profile 0%lab profile 103%lab profile%lab warm 0 5%lab warm 1025 5%lab warm x 5%lab warm 5%lab accuracy 410%"
	     "lab fault nonsense%lab%lab warm 99999999999 1%"
	     "lab energy 0 1%lab energy 510 1%lab energy 3 65537%lab energy 3%");
	has("e-[Unsupported verb: train]");
	/* Ten parts, four bytes each. */
	has("e-[Iterations: a number from 1 to 102]\r\nm-ready\r\n"
	    "e-[Iterations: a number from 1 to 102]");
	has("e-[Wrong number of words after: profile]");
	has("e-[Batches: a number from 1 to 509]");
	has("e-[Inferences in a batch: a number from 0 to 65536]");
	has("e-[Wrong number of words after: energy]");
	has("e-[Iterations: a number from 1 to 1024]");
	has("e-[Wrong number of words after: warm]");
	has("e-[Samples: a number from 1 to 8]");
	has("e-[Unknown fault: nonsense]");
	has("e-[Unsupported verb: ]");
	assert_null(strstr(port.out, "$R"));
}

static void a_command_that_is_too_long_is_refused_whole(void **unused)
{
	char script[400];

	memset(script, 'x', sizeof(script));
	strncpy(script + 300, "%name%", sizeof(script) - 300);
	play(script);
	has("e-[Command is longer than 78 characters]\r\nm-ready\r\nm-name-dut-[hilda]");
}

static void a_fault_says_its_last_words_and_resets(void **unused)
{
	play("lab fault hardfault%lab id%");
	assert_int_equal(port.resets, 1);
	has("$X,0,kind=hardfault,pc=0x00001234,lr=0x00000000,sp=0x00000000,xpsr=0x00000000,"
	    "cfsr=0x00010000,");
	has("reset=soft");
}

static void words_are_split_and_read(void **unused)
{
	char line[] = "lab warm 400 5", many[] = "a b c d e f", none[] = "";
	char *words[WORDS_MAX];
	uint32_t n;

	assert_int_equal(words_split(line, words), 4);
	assert_string_equal(words[2], "400");
	assert_int_equal(words_split(many, words), -1);
	assert_int_equal(words_split(none, words), 1);
	assert_int_equal(words_u32("4294967295", &n), 0);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(words_u32("4294967296", &n), -1);
	assert_int_equal(words_u32("", &n), -1);
	assert_int_equal(words_u32("-1", &n), -1);
}

#define TEST(name) cmocka_unit_test_setup(name, power_on)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_banner_comes_first),
		TEST(plain_commands_are_answered_as_mlperf_s_firmware_does),
		TEST(identity_names_board_model_and_reset),
		TEST(a_warm_run_sends_all_ticks_after_the_window),
		TEST(a_sustained_run_counts_by_the_second),
		TEST(a_sustained_run_thins_its_ticks_out),
		TEST(a_warm_window_is_marked),
		TEST(an_energy_window_has_an_edge_for_each_batch),
		TEST(the_window_is_as_long_as_d0_and_shows_the_last_edge),
		TEST(d1_changes_nowhere_but_at_the_end_of_a_batch),
		TEST(records_say_what_the_core_does_while_there_is_room),
		TEST(without_room_for_all_of_it_the_edges_of_d1_stay),
		TEST(lost_changes_are_told),
		TEST(a_batch_is_the_smallest_power_of_two_of_five_milliseconds),
		TEST(pins_take_more_batches_than_records),
		TEST(a_dead_timer_reports_nothing),
		TEST(a_dead_timer_makes_no_cold_start),
		TEST(cold_resets_and_reports_unasked),
		TEST(memory_is_measured_and_not_believed),
		TEST(resend_gives_the_same_line),
		TEST(predictions_say_which_list_they_are_of),
		TEST(a_warm_run_takes_the_inputs_that_are_asked_for),
		TEST(the_slowest_input_is_there_until_another_run_takes_its_place),
		TEST(a_profile_names_every_part_once),
		TEST(what_cannot_be_done_is_refused_in_words),
		TEST(a_command_that_is_too_long_is_refused_whole),
		TEST(a_fault_says_its_last_words_and_resets),
		TEST(words_are_split_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
