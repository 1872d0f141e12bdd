#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/cleanup.h"
#include "protocols/uart-bench/hilda_report.h"
#include "tests/unit/protocols/uart-bench/vector.h"

#define STEPS 120

struct sink {
	char bytes[16384];
	size_t n;
};

static void put(void *arg, const char *bytes, size_t n)
{
	struct sink *s = arg;

	assert_true(s->n + n <= sizeof(s->bytes));
	memcpy(s->bytes + s->n, bytes, n);
	s->n += n;
}

static void same_as_golden(const struct sink *s, const char *name)
{
	size_t n;
	_cleanup_free_ char *golden = vector_read(name, &n);

	if (s->n != n || memcmp(s->bytes, golden, n))
		fail_msg("%s:\nexpected:\n%.*s\nencoded:\n%.*s", name, (int)n, golden, (int)s->n,
			s->bytes);
}

static void the_golden_warm_run(void **state)
{
	struct sink s = {.n = 0};
	struct hilda_report r;
	uint64_t window = 0;

	for (uint64_t i = 0; i < 40; i++)
		window += 4294967296 + 1000 * i + i * i % 7;
	hilda_report_init(&r, put, &s);
	hilda_report_open(&r, 'R');
	hilda_report_u64(&r, "run", 3);
	hilda_report_text(&r, "phase", "warm");
	hilda_report_u64(&r, "n", 40);
	hilda_report_u64(&r, "warmup", 5);
	hilda_report_u64(&r, "batch", 1);
	hilda_report_text(&r, "irq", "masked");
	hilda_report_text(&r, "cache", "none");
	hilda_report_u64(&r, "overhead", 12);
	hilda_report_u64(&r, "window", window);
	hilda_report_text(&r, "inputs", "rotate");
	for (int64_t i = 0; i < 40; i++) {
		if (i % 8 == 0) {
			hilda_report_open(&r, 'C');
			hilda_report_u64(&r, "i", (uint64_t)i);
			hilda_report_list(&r, "t");
		}
		assert_true(hilda_report_item(&r, 4294967296 + 1000 * i + i * i % 7));
	}
	hilda_report_end(&r, "ok", NULL);
	hilda_report_plain(&r, "m-ready");
	same_as_golden(&s, "warm");
}

static void the_golden_accuracy_run(void **state)
{
	static const uint32_t classes[] = {9, 2, 1, 1, 6};
	struct sink s = {.n = 0};
	struct hilda_report r;

	hilda_report_init(&r, put, &s);
	hilda_report_open(&r, 'R');
	hilda_report_u64(&r, "run", 4);
	hilda_report_text(&r, "phase", "accuracy");
	hilda_report_u64(&r, "n", 5);
	hilda_report_text(&r, "inputs", "rotate");
	for (uint32_t i = 0; i < 5; i++) {
		const int8_t logits[] = {-3, 7, (int8_t)i, -128, 127};

		hilda_report_prediction(&r, i, classes[i], logits, 5);
	}
	hilda_report_end(&r, "ok", NULL);
	hilda_report_plain(&r, "m-ready");
	same_as_golden(&s, "accuracy");
}

static void the_golden_identity(void **state)
{
	uint8_t hash[32];
	struct sink s = {.n = 0};
	struct hilda_report r;

	memset(hash, 0xAB, sizeof(hash));
	hilda_report_init(&r, put, &s);
	hilda_report_open(&r, 'H');
	hilda_report_u64(&r, "proto", HILDA_PROTO);
	hilda_report_text(&r, "fw", "hilda-0.1.0");
	hilda_report_text(&r, "git", "0123456789ab");
	hilda_report_text(&r, "cc", "DEADBEEF");
	hilda_report_text(&r, "board", "mps3-an547");
	hilda_report_text(&r, "uid", "00000000");
	hilda_report_open(&r, 'H');
	hilda_report_u64(&r, "hz", 32000000);
	hilda_report_text(&r, "timer", "systick");
	hilda_report_text(&r, "reset", "soft");
	hilda_report_u64(&r, "max_n", 4096);
	hilda_report_open(&r, 'M');
	hilda_report_text(&r, "model", "full-nano");
	hilda_report_text(&r, "quant", "int8");
	hilda_report_text(&r, "variant", "none");
	hilda_report_u64(&r, "in", 784);
	hilda_report_u64(&r, "out", 10);
	hilda_report_u64(&r, "samples", 100);
	hilda_report_u64(&r, "bytes", 12345);
	hilda_report_open(&r, 'M');
	hilda_report_bytes(&r, "sha256", hash, sizeof(hash));
	hilda_report_end(&r, "ok", NULL);
	hilda_report_plain(&r, "m-ready");
	same_as_golden(&s, "id");
}

static void steps_of(uint32_t steps[STEPS])
{
	for (uint64_t i = 0; i < STEPS; i++) {
		uint64_t modulus = 1;

		for (uint64_t d = 0; d < 1 + i % 10; d++)
			modulus *= 10;
		steps[i] = (uint32_t)((7919 * i * i * i + 13) % modulus);
	}
}

/* Lines that are full, keys that do not fit, values that may not be sent. */
static void encode_splitting(struct hilda_report *r)
{
	char longer[HILDA_VALUE_MAX + 40];
	uint32_t steps[STEPS];

	steps_of(steps);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	hilda_report_open(r, 'R');
	hilda_report_u64(r, "run", UINT32_MAX);
	hilda_report_text(r, "phase", "warm");
	hilda_report_u64(r, "n", STEPS);
	hilda_report_u64(r, "warmup", UINT32_MAX);
	hilda_report_u64(r, "batch", 1);
	hilda_report_text(r, "irq", "masked");
	hilda_report_text(r, "cache", "none");
	hilda_report_u64(r, "overhead", UINT32_MAX);
	hilda_report_u64(r, "window", UINT64_MAX);
	hilda_report_text(r, "inputs", "rotate");
	hilda_report_ticks(r, steps, STEPS);
	hilda_report_open(r, 'S');
	hilda_report_i64(r, "low", INT64_MIN);
	hilda_report_hex(r, "address", 0xBEEF);
	hilda_report_text(r, "text", "a,b*c$d\re\377f");
	hilda_report_text(r, "long", longer);
	hilda_report_end(r, "ok", NULL);
}

static void full_lines_are_split_as_golden(void **state)
{
	struct sink s = {.n = 0};
	struct hilda_report r;

	hilda_report_init(&r, put, &s);
	encode_splitting(&r);
	hilda_report_plain(&r, "m-ready");
	same_as_golden(&s, "encoder");
}

static void no_line_is_longer_than_allowed(void **state)
{
	struct sink s = {.n = 0};
	struct hilda_report r;
	const char *line = s.bytes;

	hilda_report_init(&r, put, &s);
	encode_splitting(&r);
	while (line < s.bytes + s.n) {
		const char *end = memchr(line, '\r', (size_t)(s.bytes + s.n - line));

		assert_non_null(end);
		assert_true(end - line <= HILDA_LINE_MAX);
		assert_int_equal(end[1], '\n');
		line = end + 2;
	}
}

static void any_line_can_be_made_again(void **state)
{
	struct sink all = {.n = 0}, one;
	struct hilda_report r;
	const char *line = all.bytes;
	uint32_t seq = 0;

	hilda_report_init(&r, put, &all);
	encode_splitting(&r);
	while (line < all.bytes + all.n) {
		const char *end = memchr(line, '\n', (size_t)(all.bytes + all.n - line));

		one.n = 0;
		hilda_report_init(&r, put, &one);
		hilda_report_replay(&r, seq++);
		encode_splitting(&r);
		assert_int_equal(one.n, end + 1 - line);
		assert_memory_equal(one.bytes, line, one.n);
		assert_true(hilda_report_replayed(&r));
		line = end + 1;
	}
	one.n = 0;
	hilda_report_init(&r, put, &one);
	hilda_report_replay(&r, seq);
	encode_splitting(&r);
	assert_int_equal(one.n, 0);
	assert_false(hilda_report_replayed(&r));
}

static void a_long_message_is_cut_and_shows_it(void **state)
{
	struct sink s = {.n = 0};
	struct hilda_report r;
	char message[300];

	memset(message, 'm', sizeof(message));
	message[sizeof(message) - 1] = '\0';
	hilda_report_init(&r, put, &s);
	hilda_report_end(&r, "model", message);
	assert_int_equal(s.n, HILDA_LINE_MAX + 2);
	assert_memory_equal(s.bytes, "$E,0,lines=0,crc=00000000,status=model,msg=mmm", 46);
	assert_int_equal(s.bytes[HILDA_LINE_MAX - 6], '~');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_warm_run),
		cmocka_unit_test(the_golden_accuracy_run),
		cmocka_unit_test(the_golden_identity),
		cmocka_unit_test(full_lines_are_split_as_golden),
		cmocka_unit_test(no_line_is_longer_than_allowed),
		cmocka_unit_test(any_line_can_be_made_again),
		cmocka_unit_test(a_long_message_is_cut_and_shows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
