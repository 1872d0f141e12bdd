#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/cleanup.h"
#include "protocols/uart-bench/crc.h"
#include "protocols/uart-bench/decode.h"
#include "tests/unit/protocols/uart-bench/vector.h"

/* Every event of the input as one line of text, fed in pieces of `step` bytes. */
static char *decode_all(const char *data, size_t n, size_t step)
{
	struct bench_decoder d;
	struct bench_event ev;
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	bench_decoder_init(&d);
	for (size_t at = 0; at < n;) {
		size_t piece = n - at < step ? n - at : step;

		at += bench_decoder_feed(&d, data + at, piece, &ev);
		if (ev.kind == BENCH_NONE)
			continue;
		fprintf(f, "%d|%d|%s", ev.kind, ev.damage, ev.text);
		if (ev.kind == BENCH_RECORD) {
			fprintf(f, "|%c|%u", ev.type, ev.seq);
			for (size_t i = 0; i < ev.n_pairs; i++)
				fprintf(f, "|%s=%s", ev.pairs[i].key, ev.pairs[i].value);
		}
		fputc('\n', f);
	}
	fclose(f);
	return out;
}

/* The one event of a line, which gets its line end here. */
static struct bench_event one(struct bench_decoder *d, const char *line)
{
	struct bench_event ev;

	bench_decoder_init(d);
	assert_int_equal(bench_decoder_feed(d, line, strlen(line), &ev), strlen(line));
	assert_int_equal(ev.kind, BENCH_NONE);
	assert_int_equal(bench_decoder_feed(d, "\r\n", 2, &ev), 1);
	assert_int_equal(ev.n, strlen(ev.text));
	return ev;
}

static void with_crc(const char *body, char *out, size_t room)
{
	snprintf(out, room, "$%s*%04X", body, crc16_ccitt_false(CRC16_START, body, strlen(body)));
}

static void a_record_has_type_seq_and_pairs(void **state)
{
	struct bench_decoder d;
	char line[200];
	struct bench_event ev;

	with_crc("C,7,i=0,t=1:18446744073709551615", line, sizeof(line));
	ev = one(&d, line);
	assert_int_equal(ev.kind, BENCH_RECORD);
	assert_int_equal(ev.type, 'C');
	assert_int_equal(ev.seq, 7);
	assert_int_equal(ev.n_pairs, 2);
	assert_string_equal(bench_event_get(&ev, "t"), "1:18446744073709551615");
	assert_null(bench_event_get(&ev, "x"));
	assert_string_equal(ev.text, line);
}

static void plain_lines_and_ready(void **state)
{
	struct bench_decoder d;

	assert_int_equal(one(&d, "m-ready").kind, BENCH_READY);
	assert_int_equal(one(&d, "m-ready ").kind, BENCH_PLAIN);
	assert_int_equal(one(&d, "e-[Unknown command: lab]").kind, BENCH_PLAIN);
	assert_int_equal(one(&d, "hello world").kind, BENCH_PLAIN);
	/* A dollar sign in an error's text makes no record. */
	assert_int_equal(one(&d, "e-[Unknown command: $x]").kind, BENCH_PLAIN);
	assert_string_equal(one(&d, "e-[Unknown command: $x]").text, "e-[Unknown command: $x]");
}

static void chunking_does_not_matter(void **state)
{
	static const char *const names[] = {"warm", "cold", "id", "accuracy"};

	for (size_t v = 0; v < ARRAY_SIZE(names); v++) {
		size_t n;
		_cleanup_free_ char *data = vector_read(names[v], &n);
		_cleanup_free_ char *whole = decode_all(data, n, n);

		assert_non_null(strstr(whole, "|m-ready\n"));
		for (size_t step = 1; step < 40; step++) {
			_cleanup_free_ char *pieces = decode_all(data, n, step);

			assert_string_equal(pieces, whole);
		}
	}
}

static void line_ends_of_any_form(void **state)
{
	static const char input[] = "m-a\rm-b\nm-c\r\nm-d\n\rm-e\r\r\n\nm-f\n";
	_cleanup_free_ char *out = decode_all(input, sizeof(input) - 1, 3);

	assert_string_equal(out, "1|0|m-a\n1|0|m-b\n1|0|m-c\n1|0|m-d\n1|0|m-e\n1|0|m-f\n");
}

static void noise_in_front_is_dropped(void **state)
{
	char line[600], record[100];
	struct bench_decoder d;
	struct bench_event ev;

	with_crc("R,0,phase=cold", record, sizeof(record));
	snprintf(line, sizeof(line), "\xff\x01$$abc\x80%s", record);
	ev = one(&d, line);
	assert_int_equal(ev.kind, BENCH_RECORD);
	assert_int_equal(ev.dropped, 8);
	assert_string_equal(ev.text, record);

	/* A cut line without its end, then a whole one. */
	snprintf(line, sizeof(line), "$C,3,i=0,t=12:13%s", record);
	assert_int_equal(one(&d, line).kind, BENCH_RECORD);
	snprintf(line, sizeof(line), "m-lap-us-12%s", record);
	assert_int_equal(one(&d, line).kind, BENCH_RECORD);

	assert_int_equal(one(&d, "\xfe\x02m-ready").kind, BENCH_READY);
	ev = one(&d,
		"m-lap-us-12\xff"
		"34");
	assert_int_equal(ev.kind, BENCH_DAMAGED);
	assert_int_equal(ev.damage, BENCH_DAMAGE_NOISE);
	assert_string_equal(ev.text, "m-lap-us-12?34");
}

static void noise_longer_than_the_buffer_is_dropped(void **state)
{
	_cleanup_free_ char *line = malloc(5000);
	char record[100];

	with_crc("R,0,phase=cold", record, sizeof(record));
	for (size_t noise = 100; noise < 2000; noise += 37) {
		struct bench_decoder d;
		struct bench_event ev;

		for (size_t i = 0; i < noise; i++)
			line[i] = i % 5 ? (char)(0x80 + i % 100) : '$';
		strncpy(line + noise, record, 100);
		ev = one(&d, line);
		assert_int_equal(ev.kind, BENCH_RECORD);
		assert_int_equal(ev.dropped, noise);
		assert_string_equal(ev.text, record);
	}
}

static void the_limit_is_160_characters(void **state)
{
	char body[200] = "S,1,x=", line[220];
	struct bench_decoder d;
	struct bench_event ev;

	memset(body + 6, 'a', 154 - 6);
	with_crc(body, line, sizeof(line));
	assert_int_equal(strlen(line), 160);
	assert_int_equal(one(&d, line).kind, BENCH_RECORD);

	memset(body + 6, 'a', 155 - 6);
	with_crc(body, line, sizeof(line));
	ev = one(&d, line);
	assert_int_equal(ev.kind, BENCH_DAMAGED);
	assert_int_equal(ev.damage, BENCH_DAMAGE_LONG);

	memset(line, 'x', 161);
	line[161] = '\0';
	assert_int_equal(one(&d, line).damage, BENCH_DAMAGE_LONG);
	line[160] = '\0';
	assert_int_equal(one(&d, line).kind, BENCH_PLAIN);
}

/* Any one bit that flips in transit, or any byte that is lost, is seen. */
static void every_flip_and_loss_is_seen(void **state)
{
	char record[100];
	size_t n;

	with_crc("C,12,i=88,t=123456:123457:99", record, sizeof(record));
	n = strlen(record);
	for (size_t bit = 0; bit < n * 8; bit++) {
		char line[101] = {0};
		_cleanup_free_ char *out = NULL;

		memcpy(line, record, n);
		line[bit / 8] ^= (char)(1 << bit % 8);
		line[n] = '\n';
		out = decode_all(line, n + 1, n + 1);
		if (strstr(out, "3|0|"))
			fail_msg("bit %zu: %s", bit, out);
	}
	for (size_t lost = 0; lost < n; lost++) {
		struct bench_decoder d;
		char line[101] = {0};

		memcpy(line, record, lost);
		memcpy(line + lost, record + lost + 1, n - lost - 1);
		assert_int_not_equal(one(&d, line).kind, BENCH_RECORD);
	}
}

static void records_of_bad_form_are_damaged(void **state)
{
	static const char *const bodies[] = {"c,1,a=b", "C", "C,", "C,x", "C,-1", "C,4294967296",
		"CC,1,a=b", "C,1,", "C,1,a", "C,1,=b", "C,1,a=b,", "C,1,a=b,,c=d", ""};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct bench_decoder d;
		struct bench_event ev;
		char line[200];

		with_crc(bodies[i], line, sizeof(line));
		ev = one(&d, line);
		assert_int_equal(ev.kind, BENCH_DAMAGED);
		assert_int_equal(ev.damage, BENCH_DAMAGE_FORM);
	}
}

static void a_record_without_checksum_is_cut(void **state)
{
	struct bench_decoder d;

	assert_int_equal(one(&d, "$C,1,i=0,t=12").damage, BENCH_DAMAGE_CUT);
	assert_int_equal(one(&d, "$C,1,i=0,t=12*").damage, BENCH_DAMAGE_CUT);
	assert_int_equal(one(&d, "$C,1,i=0,t=12*AB").damage, BENCH_DAMAGE_CUT);
	assert_int_equal(one(&d, "$C,1,i=0,t=12*ABCG").damage, BENCH_DAMAGE_CRC);
	assert_int_equal(one(&d, "$C,1,i=0,t=12*ABCDE").damage, BENCH_DAMAGE_CRC);
	assert_int_equal(one(&d, "$").damage, BENCH_DAMAGE_CUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_type_seq_and_pairs),
		cmocka_unit_test(plain_lines_and_ready),
		cmocka_unit_test(chunking_does_not_matter),
		cmocka_unit_test(line_ends_of_any_form),
		cmocka_unit_test(noise_in_front_is_dropped),
		cmocka_unit_test(noise_longer_than_the_buffer_is_dropped),
		cmocka_unit_test(the_limit_is_160_characters),
		cmocka_unit_test(every_flip_and_loss_is_seen),
		cmocka_unit_test(records_of_bad_form_are_damaged),
		cmocka_unit_test(a_record_without_checksum_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
