/* The golden model files, whole and damaged in every way that the reader must notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/model/model.h"
#include "protocols/uart-bench/crc.h"

#define BYTES_MAX 8192

static const char *const names[] = {
	"full", "mobilebert", "linformer", "performer", "reformer", "text"};
#define NAMES (sizeof(names) / sizeof(names[0]))

static union {
	uint8_t bytes[BYTES_MAX];
	struct model_header header;
} file;
static size_t size;
static uint32_t tensor;

static void load(const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "protocols/vectors/model/%s.hlm", name);
	f = fopen(path, "re");
	assert_non_null(f);
	size = fread(file.bytes, 1, sizeof(file.bytes), f);
	fclose(f);
	assert_true(size > sizeof(struct model_header) && size < sizeof(file.bytes));
}

static struct model_tensor *tensor_of(enum model_role role)
{
	for (uint32_t i = 0; i < file.header.tensors; i++)
		if (model_tensors(&file.header)[i].role == role)
			return (struct model_tensor *)model_tensors(&file.header) + i;
	fail_msg("no tensor %s", model_role_name(role));
	return NULL;
}

/* As a writer with this mistake would have made it. */
static const char *check_sealed(void)
{
	uint32_t crc = crc32_zlib(CRC32_START, file.bytes, size - 4);

	memcpy(file.bytes + size - 4, &crc, 4);
	return model_check(file.bytes, size, &tensor);
}

static void refused(const char *words)
{
	const char *wrong = check_sealed();

	assert_non_null(wrong);
	if (!strstr(wrong, words))
		fail_msg("\"%s\" does not say \"%s\"", wrong, words);
}

static void every_golden_file_is_good(void **unused)
{
	for (size_t i = 0; i < NAMES; i++) {
		load(names[i]);
		assert_null(model_check(file.bytes, size, &tensor));
		assert_string_equal(file.header.name, names[i]);
		assert_string_equal(file.header.variant, "golden");
		if (strcmp(names[i], "text"))
			assert_string_equal(
				model_architecture_name(file.header.architecture), names[i]);
		for (uint32_t t = 0; t < file.header.tensors; t++)
			assert_non_null(model_role_name(model_tensors(&file.header)[t].role));
	}
}

static void every_flipped_bit_is_noticed(void **unused)
{
	for (size_t i = 0; i < NAMES; i++) {
		load(names[i]);
		for (size_t at = 0; at < size; at++) {
			file.bytes[at] ^= (uint8_t)(1u << at % 8);
			assert_non_null(model_check(file.bytes, size, &tensor));
			file.bytes[at] ^= (uint8_t)(1u << at % 8);
		}
	}
}

static void every_cut_is_noticed(void **unused)
{
	load("reformer");
	for (size_t n = 0; n < size; n++)
		assert_non_null(model_check(file.bytes, n, &tensor));
	assert_non_null(model_check(file.bytes, size + 4, &tensor));
}

static void what_is_wrong_is_said(void **unused)
{
	load("full");
	file.bytes[0] = 'X';
	refused("no HLDM header");
	load("full");
	file.header.version = 3;
	refused("another format version: convert it again");
	load("full");
	file.header.bytes += 4;
	refused("cut or longer");
	load("full");
	file.bytes[size / 2] ^= 1;
	assert_string_equal(
		model_check(file.bytes, size, &tensor), "Model is damaged: wrong CRC-32");
	load("full");
	file.header.architecture = 6;
	refused("unknown architecture");
	load("full");
	file.header.bits = 2;
	refused("neither 8 nor 4 bits");
	load("text");
	file.header.vocabulary = 0;
	refused("no vocabulary");
	load("full");
	file.header.tokens = MODEL_TOKENS_MAX + 1;
	refused("sizes that the kernels cannot run");
	load("linformer");
	file.header.k = 0;
	refused("no k of Linformer");
	load("performer");
	file.header.features = 6;
	refused("by fours");
	load("reformer");
	file.header.buckets = 3;
	refused("buckets of Reformer");
	load("mobilebert");
	file.header.bottleneck = 0;
	refused("bottleneck of MobileBERT");
}

static void names_are_printable_words_with_an_end(void **unused)
{
	load("full");
	memset(file.header.name, 'n', sizeof(file.header.name));
	refused("no printable word");
	load("full");
	file.header.variant[2] = ',';
	refused("no printable word");
	load("full");
	file.header.quant[0] = '\0';
	refused("no printable word");
}

static void tensors_stay_in_the_file_and_in_their_order(void **unused)
{
	load("full");
	file.header.tensors = UINT16_MAX;
	refused("table of tensors lies outside");
	load("full");
	tensor_of(MODEL_GELU)->offset = (uint32_t)size & ~15u;
	refused("outside the file");
	assert_ptr_equal(model_tensors(&file.header) + tensor, tensor_of(MODEL_GELU));
	load("full");
	tensor_of(MODEL_GELU)->offset = 0xFFFFFFF0u;
	refused("outside the file");
	load("full");
	tensor_of(MODEL_DOWN)->offset -= 16;
	refused("in another one");
	load("full");
	tensor_of(MODEL_Q)->columns++;
	refused("size of its shape");
	load("full");
	tensor_of(MODEL_Q)->bits = 16;
	refused("size of its shape");
	load("full");
	tensor_of(MODEL_K)->role = MODEL_Q;
	refused("reads next");
	assert_int_equal(model_tensors(&file.header)[tensor].layer, 0);
	load("full");
	tensor_of(MODEL_ADD1)->layer = 1;
	refused("reads next");
	load("full");
	file.header.hidden = 4;
	refused("reads next");
	load("full");
	file.header.layers = 2;
	refused("reads next");
}

static void a_row_of_int4_fills_words(void **unused)
{
	assert_int_equal(model_row_bytes(9, 8), 9);
	assert_int_equal(model_row_bytes(1, 4), 4);
	assert_int_equal(model_row_bytes(8, 4), 4);
	assert_int_equal(model_row_bytes(9, 4), 8);
	assert_null(model_architecture_name(0));
	assert_null(model_architecture_name(6));
	assert_null(model_role_name(0));
	assert_null(model_role_name(MODEL_ROLES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_file_is_good),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(names_are_printable_words_with_an_end),
		cmocka_unit_test(tensors_stay_in_the_file_and_in_their_order),
		cmocka_unit_test(a_row_of_int4_fills_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
