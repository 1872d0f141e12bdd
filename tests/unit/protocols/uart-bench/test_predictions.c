/* What `lab accuracy` says of each sample: class, label, a hash of its logits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "common/cleanup.h"
#include "tests/unit/protocols/uart-bench/feed.h"
#include "tests/unit/protocols/uart-bench/vector.h"

static void predictions_and_the_crc_of_their_logits(void **state)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	_cleanup_(bench_predictions_done) struct bench_predictions p = {0};
	json_t *expected = vector_expected("accuracy");
	json_t *list = json_object_get(expected, "classes");
	_cleanup_free_ char *data = NULL;
	struct fault f;
	size_t size;

	data = vector_read("accuracy", &size);
	assert_int_equal(feed(run, data, size, 0, &f), 0);
	assert_int_equal(bench_run_check(run, &f), 0);
	assert_int_equal(bench_run_predictions(run, &p, &f), 0);
	assert_int_equal(p.n, json_array_size(list));
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(p.classes[i], json_integer_value(json_array_get(list, i)));
	assert_int_equal(p.logits_crc, json_integer_value(json_object_get(expected, "logits_crc")));
	assert_null(p.labels);
	json_decref(expected);
}

static int read_lines(const char *const *lines, struct bench_predictions *p)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	struct fault f;

	for (; *lines; lines++)
		assert_int_equal(feed_line(run, *lines, &f), 0);
	return bench_run_predictions(run, p, &f);
}

/* More logits than a line holds: the encoder goes on in a line with `from`. */
static void a_line_with_from_is_no_new_sample(void **state)
{
	static const char *const split[] = {"P,0,i=0,p=2,l=1:-2", "P,1,i=0,p=2,from=2,l=3:4",
		"P,2,i=0,p=2,from=4,l=5", "P,3,i=1,p=0,l=9", NULL};
	static const char *const joined[] = {"P,0,i=0,p=2,l=1:-2:3:4:5", "P,1,i=1,p=0,l=9", NULL};
	static const char *const bad[][3] = {
		{"P,0,i=0,p=2,from=2,l=3:4", NULL},			/* of no sample */
		{"P,0,i=0,p=2,l=1:-2", "P,1,i=0,p=2,from=3,l=4", NULL}, /* a hole */
		{"P,0,i=0,p=2,l=1:-2", "P,1,i=0,p=1,from=2,l=4", NULL}, /* another class */
		{"P,0,i=0,p=2,l=1:-2", "P,1,i=1,p=2,from=2,l=4", NULL}, /* another sample */
		{"P,0,i=0,p=2,l=1:-2", "P,1,i=0,p=2,from=x,l=4", NULL},
	};
	_cleanup_(bench_predictions_done) struct bench_predictions a = {0}, b = {0}, c = {0};

	assert_int_equal(read_lines(split, &a), 0);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.classes[0], 2);
	assert_int_equal(a.classes[1], 0);
	assert_int_equal(read_lines(joined, &b), 0);
	assert_int_equal(b.n, 2);
	assert_int_equal(a.logits_crc, b.logits_crc);
	assert_memory_equal(a.logits, b.logits, 2 * sizeof(a.logits[0]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(read_lines(bad[i], &c), -EBADMSG);
}

static void each_sample_has_a_hash_of_its_own(void **state)
{
	static const char *const lines[] = {
		"P,0,i=0,p=1,l=1:2", "P,1,i=1,p=1,l=1:3", "P,2,i=2,p=1,l=1:2", NULL};
	_cleanup_(bench_predictions_done) struct bench_predictions p = {0};

	assert_int_equal(read_lines(lines, &p), 0);
	/* zlib's own word for it, from elsewhere: the text and a line feed. */
	assert_int_equal(p.logits[0], crc32_zlib(CRC32_START, "1:2\n", 4));
	assert_int_equal(p.logits[1], crc32_zlib(CRC32_START, "1:3\n", 4));
	assert_int_equal(p.logits[2], p.logits[0]);
	assert_int_equal(p.logits_crc, crc32_zlib(CRC32_START, "1:2\n1:3\n1:2\n", 12));
}

static void labels_are_for_all_samples_or_for_none(void **state)
{
	static const char *const all[] = {
		"P,0,i=0,p=1,y=1,l=1", "P,1,i=1,p=1,y=0,l=1", "P,2,i=1,p=1,y=0,from=1,l=1", NULL};
	static const char *const some[] = {"P,0,i=0,p=1,y=1,l=1", "P,1,i=1,p=1,l=1", NULL};
	static const char *const odd[] = {"P,0,i=0,p=1,y=-1,l=1", NULL};
	_cleanup_(bench_predictions_done) struct bench_predictions p = {0}, none = {0};

	assert_int_equal(read_lines(all, &p), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.labels[0], 1);
	assert_int_equal(p.labels[1], 0);
	assert_int_equal(read_lines(some, &none), -EBADMSG);
	assert_int_equal(read_lines(odd, &none), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predictions_and_the_crc_of_their_logits),
		cmocka_unit_test(a_line_with_from_is_no_new_sample),
		cmocka_unit_test(each_sample_has_a_hash_of_its_own),
		cmocka_unit_test(labels_are_for_all_samples_or_for_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
