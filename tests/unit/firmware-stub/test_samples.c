/* Lists of samples from outside the image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/samples.h"
#include "nn/model.h"

#define COUNT 5
#define BYTES (12 + 8 + COUNT * 784)

static uint8_t file[BYTES + 1] __attribute__((aligned(4)));

static void put(size_t at, uint16_t value)
{
	file[at] = (uint8_t)value;
	file[at + 1] = (uint8_t)(value >> 8);
}

/* Labels 9, 8, 7...; input i is full of i + 1. */
static int make_file(void **unused)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "HLDS", 4);
	put(4, 1);
	put(6, COUNT);
	put(8, 49);
	put(10, 16);
	for (size_t i = 0; i < COUNT; i++) {
		file[12 + i] = (uint8_t)(9 - i);
		memset(file + 20 + i * 784, (int)i + 1, 784);
	}
	return 0;
}

static void the_image_has_a_list(void **unused)
{
	assert_int_equal(samples_count(), model.sample_count);
	assert_ptr_equal(samples_input(1), model.samples + 784);
	/* 255: nobody knows it, as of an untrained model. */
	assert_int_equal(samples_label(7), model.labels[7] == 255 ? -1 : model.labels[7]);
	assert_string_equal(samples_source(), "image");
	assert_false(samples_are_text());
	assert_int_equal(samples_length(samples_input(0)), 49);
}

static void a_file_takes_its_place(void **unused)
{
	uint32_t whole, part;

	assert_null(samples_take(file, BYTES));
	assert_null(samples_refused());
	assert_int_equal(samples_count(), COUNT);
	assert_int_equal(samples_label(0), 9);
	assert_int_equal(samples_label(4), 5);
	file[12 + 3] = 255;
	assert_int_equal(samples_label(3), -1);
	assert_int_equal(samples_input(0)[0], 1);
	assert_int_equal(samples_input(4)[783], 5);
	assert_ptr_equal(samples_input(COUNT + 2), samples_input(2));
	assert_string_equal(samples_source(), "file");
	whole = samples_crc(COUNT);
	part = samples_crc(2);
	assert_int_not_equal(whole, part);
	file[12 + 4]++;
	assert_int_not_equal(samples_crc(COUNT), whole);
	assert_int_equal(samples_crc(2), part);
	file[12 + 4]--;
	file[20 + 784]++;
	assert_int_not_equal(samples_crc(2), part);
}

static void a_file_that_is_wrong_is_refused_in_words(void **unused)
{
	static const struct {
		size_t at;
		uint16_t value;
		const char *word;
	} wrong[] = {{0, 0x4c49, "HLDS"}, {4, 2, "version"}, {6, 0, "empty"}, {6, 4, "cut"},
		{8, 50, "shape"}, {10, 2, "shape"}};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make_file(NULL);
		put(wrong[i].at, wrong[i].value);
		assert_non_null(strstr(samples_take(file, BYTES), wrong[i].word));
		assert_non_null(samples_refused());
		assert_string_equal(samples_source(), "image");
	}
	make_file(NULL);
	assert_non_null(strstr(samples_take(file, BYTES - 1), "cut"));
	assert_non_null(strstr(samples_take(file, BYTES + 1), "cut"));
	assert_non_null(strstr(samples_take(file, 11), "cut"));
	assert_non_null(strstr(samples_take(file, 0), "cut"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_image_has_a_list),
		cmocka_unit_test_setup(a_file_takes_its_place, make_file),
		cmocka_unit_test(a_file_that_is_wrong_is_refused_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
