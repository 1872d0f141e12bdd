/* The depth of the queue of each submitter: counted, not by every refusal, and not for nobody. */
#include "tests/unit/server/store/lab.h"

#define QUOTA_TEST_MAX 3

static int submit_as(struct lab *lab, const char *who, int64_t max)
{
	struct job *job =
		lab_job("{\"name\":\"t\",\"board\":{\"type\":\"t\"},\"image\":\"" LAB_IMAGE
			"\",\"protocol\":\"uart-bench\","
			"\"phases\":{\"warm\":{\"iterations\":10}}}");
	struct op_job_submit x;
	int rc;

	assert_int_equal(op_job_submit_setup(&x, job, NULL, 0, NULL), 0);
	x.token = who;
	x.queue_max = max;
	rc = store_call(lab->store, &x.op);
	op_job_submit_done(&x);
	job_free(job);
	return rc;
}

static void cancel(struct lab *lab, int64_t job)
{
	struct op_job_cancel x = {.job = job};

	op_job_cancel_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
}

static void so_many_and_no_more(void **state)
{
	struct lab *lab = *state;

	for (int i = 0; i < QUOTA_TEST_MAX; i++)
		assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), 0);
	assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), -EUSERS);
	assert_int_equal(submit_as(lab, "bob", QUOTA_TEST_MAX), 0);
	for (int i = 0; i < 2 * QUOTA_TEST_MAX; i++)
		assert_int_equal(submit_as(lab, "", QUOTA_TEST_MAX), 0);
	/* What a schedule submits is not refused, but counts. */
	assert_int_equal(submit_as(lab, "ada", 0), 0);
	cancel(lab, 1);
	lab_pass(lab, 1000);
	assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), -EUSERS);
	cancel(lab, 2);
	lab_pass(lab, 1000);
	assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), 0);
}

static void who_asks_all_the_time_is_counted_once_a_second(void **state)
{
	struct lab *lab = *state;

	for (int i = 0; i < QUOTA_TEST_MAX; i++)
		assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), 0);
	assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), -EUSERS);
	cancel(lab, 1);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), -EUSERS);
		lab_pass(lab, 99);
	}
	lab_pass(lab, 10);
	assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), 0);
}

static void a_restart_forgets_nothing(void **state)
{
	struct lab *lab = *state;

	for (int i = 0; i < QUOTA_TEST_MAX; i++)
		assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), 0);
	lab_reopen(lab);
	assert_int_equal(submit_as(lab, "ada", QUOTA_TEST_MAX), -EUSERS);
}

static void more_submitters_than_places_are_counted_too(void **state)
{
	struct lab *lab = *state;
	char who[24];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 100; i++) {
			snprintf(who, sizeof(who), "user-%d", i);
			assert_int_equal(submit_as(lab, who, 2), 0);
		}
	lab_pass(lab, 1000);
	for (int i = 0; i < 100; i++) {
		snprintf(who, sizeof(who), "user-%d", i);
		assert_int_equal(submit_as(lab, who, 2), -EUSERS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(so_many_and_no_more),
		LAB_TEST(who_asks_all_the_time_is_counted_once_a_second),
		LAB_TEST(a_restart_forgets_nothing),
		LAB_TEST(more_submitters_than_places_are_counted_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
