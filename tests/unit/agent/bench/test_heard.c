#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/bench/heard.h"

#define WAITED_NS INT64_C(2500000000)

static void hear(struct heard *h, const char *text)
{
	heard_bytes(h, text, strlen(text));
}

static void the_last_bytes_are_kept_however_they_come(void **state)
{
	char all[3 * HEARD_TAIL_BYTES];
	struct heard whole = {0}, pieces = {0};

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)('a' + i % 23);
	heard_bytes(&whole, all, sizeof(all));
	for (size_t at = 0, n = 1; at < sizeof(all); at += n, n = n % 37 + 1) {
		if (n > sizeof(all) - at)
			n = sizeof(all) - at;
		heard_bytes(&pieces, all + at, n);
	}
	assert_int_equal(whole.n_tail, HEARD_TAIL_BYTES);
	assert_memory_equal(whole.tail, all + sizeof(all) - HEARD_TAIL_BYTES, HEARD_TAIL_BYTES);
	assert_int_equal(pieces.n_tail, whole.n_tail);
	assert_memory_equal(pieces.tail, whole.tail, whole.n_tail);
	assert_int_equal(pieces.total_bytes, sizeof(all));
}

static void silence_noise_and_a_bad_wire_are_told_apart(void **state)
{
	struct heard h = {0}, late = {0};
	struct fault f = {0};

	hear(&late, "\r\n");
	assert_int_equal(heard_fault_timeout(&late, "lab id", WAITED_NS, &f), -ETIMEDOUT);
	assert_non_null(strstr(f.text, "not a byte came"));
	assert_int_equal(heard_fault_timeout(&h, "lab id", WAITED_NS, &f), -ETIMEDOUT);
	assert_non_null(
		strstr(f.text, "not a byte came in 2.5 s after lab id; is the image built"));
	hear(&h, "m-name-x\n");
	h.good_lines = 1;
	assert_int_equal(heard_fault_timeout(&h, "lab id", WAITED_NS, &f), -ETIMEDOUT);
	assert_string_equal(
		f.text, "no end in 2.5 s after lab id; the firmware's last words: 'm-name-x'");
	/* A resend that is not answered: the words before it are the last ones. */
	h.bytes = 0;
	assert_int_equal(heard_fault_timeout(&h, "lab resend 3", WAITED_NS, &f), -ETIMEDOUT);
	assert_non_null(strstr(f.text, "after lab resend 3; its last words were 'm-name-x'"));
	assert_null(strstr(f.text, "is the image built"));
	hear(&h, "\x01\x80garbage");
	h.noise_bytes = 9;
	assert_int_equal(heard_fault_timeout(&h, "lab id", WAITED_NS, &f), -EBADMSG);
	assert_non_null(strstr(f.text, "9 of 18 bytes"));
	assert_int_equal(heard_fault_damaged(&h, "lab id", &f), -EILSEQ);
	assert_non_null(strstr(f.text, "9 damaged bytes came after lab id"));
}

static void bytes_that_are_no_text_are_babble(void **state)
{
	struct heard h = {0};
	struct fault f = {0};

	hear(&h, "\x80\x81\xff\x80\x81\xff\x80\x81\xff\x80\x81\xff");
	assert_int_equal(heard_fault_timeout(&h, "lab id", WAITED_NS, &f), -EILSEQ);
	assert_non_null(strstr(f.text, "12 bytes came after lab id, and no line"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_bytes_are_kept_however_they_come),
		cmocka_unit_test(silence_noise_and_a_bad_wire_are_told_apart),
		cmocka_unit_test(bytes_that_are_no_text_are_babble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
