/* A host build's replies as a file of the job, and whether they are about what the device did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/bench/reference.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "protocols/uart-bench/hilda_report.h"

#define SHA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct text {
	char bytes[4096];
	size_t n;
};

static void put(void *arg, const char *bytes, size_t n)
{
	struct text *t = arg;

	assert_true(t->n + n < sizeof(t->bytes));
	memcpy(t->bytes + t->n, bytes, n);
	t->n += n;
}

/* As the host build prints it: banner, identity, predictions. */
static void make(struct text *t)
{
	static const int8_t logits[3][2] = {{5, -5}, {-1, 1}, {2, 1}};
	struct hilda_report r;

	t->n = 0;
	hilda_report_init(&r, put, t);
	hilda_report_plain(&r, "");
	hilda_report_plain(&r, "m-init-done");
	hilda_report_plain(&r, "m-ready");
	hilda_report_run(&r);
	hilda_report_open(&r, 'M');
	hilda_report_text(&r, "sha256", SHA);
	hilda_report_end(&r, "ok", NULL);
	hilda_report_plain(&r, "m-ready");
	hilda_report_run(&r);
	hilda_report_open(&r, 'R');
	hilda_report_text(&r, "phase", "accuracy");
	hilda_report_hex(&r, "list", 0xABCD);
	for (uint32_t i = 0; i < 3; i++)
		hilda_report_labelled(&r, i, i % 2, 1, logits[i], 2);
	hilda_report_end(&r, "ok", NULL);
	hilda_report_plain(&r, "m-ready");
}

static int read_text(const struct text *t, struct reference *out, struct fault *f)
{
	char path[] = "/tmp/hilda-reference-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, t->bytes, t->n), 0);
	close(fd);
	rc = reference_read(path, out, f);
	unlink(path);
	return rc;
}

static void replies_are_read_as_they_came(void **state)
{
	_cleanup_(reference_done) struct reference r = {0};
	struct fault f = {0};
	struct text t;

	make(&t);
	assert_int_equal(read_text(&t, &r, &f), 0);
	assert_string_equal(r.model_sha256, SHA);
	assert_string_equal(r.list, "0x0000ABCD");
	assert_int_equal(r.predictions.n, 3);
	assert_int_equal(r.predictions.classes[1], 1);
	assert_non_null(r.predictions.labels);
}

static void a_damaged_or_cut_text_is_refused(void **state)
{
	struct reference r = {0};
	struct fault f = {0};
	struct text t;
	char *at;

	make(&t);
	at = memmem(t.bytes, t.n, "l=-1", 4);
	at[3] = '2';
	assert_int_equal(read_text(&t, &r, &f), -EINVAL);
	assert_non_null(strstr(f.text, "damaged"));
	make(&t);
	t.n -= 40; /* within $E */
	assert_int_equal(read_text(&t, &r, &f), -EINVAL);
	assert_non_null(strstr(f.text, "cut"));
	make(&t);
	t.n = (size_t)((char *)memmem(t.bytes, t.n, "$R,", 3) - t.bytes);
	assert_int_equal(read_text(&t, &r, &f), -EINVAL);
	assert_non_null(strstr(f.text, "no reply to `lab accuracy N`"));
	/* Without a line, the count does not hold. */
	make(&t);
	at = memmem(t.bytes, t.n, "$P,2", 4);
	memmove(at, strchr(at, '\n') + 1, (size_t)(t.bytes + t.n - strchr(at, '\n') - 1));
	t.n -= (size_t)(strchr(at, '\n') - at);
	assert_int_equal(read_text(&t, &r, &f), -EINVAL);
}

static void another_model_list_or_number_is_named(void **state)
{
	_cleanup_(reference_done) struct reference r = {0};
	struct fault f = {0};
	struct text t;

	make(&t);
	assert_int_equal(read_text(&t, &r, &f), 0);
	assert_int_equal(reference_fits(&r, SHA, "0x0000ABCD", 3, &f), 0);
	assert_int_equal(reference_fits(&r, NULL, NULL, 3, &f), 0);
	assert_int_equal(reference_fits(&r, "ff", "0x0000ABCD", 3, &f), -EINVAL);
	assert_non_null(strstr(f.text, "another model (001122334455, the device has ff)"));
	assert_int_equal(reference_fits(&r, SHA, "0x0000ABCE", 3, &f), -EINVAL);
	assert_non_null(strstr(f.text, "another list of samples"));
	assert_int_equal(reference_fits(&r, SHA, "0x0000ABCD", 4, &f), -EINVAL);
	assert_non_null(strstr(f.text, "has 3 samples, the device predicted 4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read_as_they_came),
		cmocka_unit_test(a_damaged_or_cut_text_is_refused),
		cmocka_unit_test(another_model_list_or_number_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
