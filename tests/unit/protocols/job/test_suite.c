/* The suite document: what it may hold, and its mistakes. */
#include "tests/unit/protocols/job/suite_lab.h"

static void variables_can_be_overridden(void **state)
{
	const struct job_pair set = {"out", "/elsewhere"}, unknown = {"oot", "x"};
	static const char doc[] =
		"{'name':'s','vars':{'out':'build'}," MATRIX ",'image':'${out}/${board}'," JOB "}";
	_cleanup_(suite_freep) struct suite *plain = NULL, *other = NULL;
	struct suite *none = NULL;
	struct job_error e;

	assert_int_equal(parse(doc, NULL, 0, &plain, &e), 0);
	assert_string_equal(plain->cells[0].image, "build/a");
	assert_int_equal(parse(doc, &set, 1, &other, &e), 0);
	assert_string_equal(other->cells[0].image, "/elsewhere/a");
	assert_int_equal(parse(doc, &unknown, 1, &none, &e), -EINVAL);
	assert_non_null(strstr(e.fault.text, "no variable \"oot\""));
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *doc, *pointer, *says;
	} cases[] = {
		{"{'name':'s'," MATRIX ",'image':'x',"
		 "'job':{'board':{'type':'${bord}'}}}",
			"/job/board/type", "${bord} is not a variable"},
		{"{'name':'s'," MATRIX ",'image':'${x'," JOB "}", "/image", "no closing }"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'keep':3}", "/keep", "object"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'keep':{'run':3}}", "/keep/run",
			"unknown key"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'keep':{'runs':0}}", "/keep/runs",
			"1"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'keep':{'runs':100001}}", "/keep/runs",
			"100000"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'keep':{'days':1.5}}", "/keep/days",
			"whole"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'keep':{'days':'90d'}}", "/keep/days",
			"whole"},
		{"{'name':'s'," MATRIX ",'image':'x','build':'${y}'," JOB "}", "/build",
			"known are: board, quant"},
		{"{'name':'s'," MATRIX ",'image':'x',"
		 "'job':{'board':{'type':'${board}'},'frobs':1}}",
			"/job/frobs", "cell \"a int8\": unknown key \"frobs\""},
		{"{'name':'s'," MATRIX ",'image':'x','job':{'image':'x','board':{'type':'t'}}}",
			"/job/image", "the image of a suite's job"},
		{"{'name':'s'," MATRIX ",'image':'x','job':{'files':[],'board':{'type':'t'}}}",
			"/job/files", "the files of a suite's job"},
		{"{'name':'s'," MATRIX ",'image':'x','files':{'a':1}," JOB "}", "/files/a",
			"must be the path"},
		{"{'name':'s'," MATRIX ",'image':'x','files':{'a':'${b}'}," JOB "}", "/files/a",
			"${b} is not a variable"},
		{"{'name':'s','matrix':{},'image':'x'," JOB "}", "/matrix", "needs a matrix"},
		{"{'name':'s','image':'x'," JOB "}", "/matrix", "needs a matrix"},
		{"{'name':'s','matrix':{'board':'a'},'image':'x'," JOB "}", "/matrix/board",
			"must be a list"},
		{"{'name':'s','matrix':{'board':[{}]},'image':'x'," JOB "}", "/matrix/board/0",
			"must be text, a number"},
		{"{'name':'s'," MATRIX ",'vars':{'board':'x'},'image':'x'," JOB "}",
			"/matrix/board", "stands in vars"},
		{"{'name':'s'," MATRIX ",'exclude':[{'bord':'a'}],'image':'x'," JOB "}",
			"/exclude/0/bord", "not a variable of the matrix"},
		{"{'name':'s'," MATRIX ",'exclude':[{}],'image':'x'," JOB "}", "/exclude/0",
			"names no variable"},
		{"{'name':'s'," MATRIX ",'include':[{'board':'a'}],'image':'x'," JOB "}",
			"/include/0", "\"quant\" is missing"},
		{"{'name':'s'," MATRIX "," JOB "}", "", "needs name, matrix, image and job"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'jobs':4}", "/jobs", "unknown key"},
		{"{'name':'s'," MATRIX ",'image':'x','job':{'board':{'type':'${board}'},"
		 "'phases':{'warm':{'iterations':10}},"
		 "'criteria':[{'metric':'warm.latency_us.p95','max':1}]}}",
			"/job/criteria/0/metric", "needs n >= 72"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'where':[{'vars':{'v':1}}]}",
			"/where/0/matrix", ""},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB
		 ",'where':[{'matrix':{'board':'a'},'vars':{'v':1}}]}",
			"/where/0/vars/v", "not in vars, where its default stands"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB
		 ",'vars':{'v':1},'where':[{'matrix':{'model':'a'},'vars':{'v':1}}]}",
			"/where/0/matrix/model", "not a variable of the matrix"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB
		 ",'vars':{'v':1},'where':[{'matrix':{'board':'a'}}]}",
			"/where/0/vars", "names no variable of vars"},
		{"{'name':'s'," MATRIX ",'image':'x'," JOB ",'where':[{'if':{}}]}", "/where/0/if",
			""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct suite *suite = NULL;
		struct job_error e = {0};

		if (parse(cases[i].doc, NULL, 0, &suite, &e) != -EINVAL)
			fail_msg("%s was taken", cases[i].doc);
		assert_string_equal(e.pointer, cases[i].pointer);
		if (!strstr(e.fault.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", e.fault.text, cases[i].says);
	}
}

static void the_number_of_cells_is_limited(void **state)
{
	json_t *doc = json_pack("{s:s, s:{}, s:s, s:{s:{s:s}}}", "name", "s", "matrix", "image",
		"x", "job", "board", "type", "${a}");
	static const struct {
		const char *name;
		int values;
	} lists[] = {{"a", 50}, {"b", 40}, {"c", 2}};
	json_t *matrix = json_object_get(doc, "matrix");

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct suite *suite = NULL;
		json_t *list = json_array();
		struct job_error e;

		for (int k = 0; k < lists[i].values; k++)
			json_array_append_new(list, json_sprintf("v%d", k));
		json_object_set_new(matrix, lists[i].name, list);
		if (i < 2) {
			assert_int_equal(suite_parse(doc, NULL, 0, &suite, &e), 0);
			assert_int_equal(suite->n_cells, i ? SUITE_CELLS_MAX : 50);
		} else {
			assert_int_equal(suite_parse(doc, NULL, 0, &suite, &e), -EINVAL);
			assert_string_equal(e.pointer, "/matrix");
			assert_non_null(strstr(e.fault.text, "4000 cells; at most 2000"));
		}
		suite_free(suite);
	}
	json_decref(doc);
}

static void artifacts_give_the_hash_of_a_path(void **state)
{
#define HASH "sha256:abababababababababababababababababababababababababababababababab"
	static const char *const wrong[] = {"{'a':5}", "{'a':'abab'}", "{'a':'" HASH "0'}", "[]"};
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct job_error e;
	char text[400];

	assert_int_equal(parse("{'name':'s'," MATRIX
			       ",'image':'out/${board}','artifacts':{'out/a':'" HASH "'}," JOB "}",
				 NULL, 0, &suite, &e),
		0);
	assert_string_equal(suite_artifact(suite, suite->cells[0].image), HASH + 7);
	assert_null(suite_artifact(suite, suite->cells[2].image));
	assert_string_equal(suite_artifact(suite, HASH), HASH + 7);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct suite *none = NULL;

		snprintf(text, sizeof(text),
			"{'name':'s'," MATRIX ",'image':'a','artifacts':%s," JOB "}", wrong[i]);
		assert_int_equal(parse(text, NULL, 0, &none, &e), -EINVAL);
		assert_int_equal(strncmp(e.pointer, "/artifacts", 10), 0);
	}
}

static const char *hash_of(const void *suite, const char *path)
{
	return suite_artifact(suite, path);
}

static void a_cell_becomes_a_job_with_its_hashes(void **state)
{
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct job *job = NULL;
	struct job_error e;
	json_t *document;

	assert_int_equal(
		parse("{'name':'s','matrix':{'board':['a']},'image':'i','files':{'x.bin':'y'},"
		      "'artifacts':{'i':'" HASH "','y':'" HASH "'}," JOB "}",
			NULL, 0, &suite, &e),
		0);
	document = suite_cell_document(&suite->cells[0], hash_of, suite);
	assert_non_null(document);
	assert_int_equal(job_parse(document, &job, &e), 0);
	json_decref(document);
	assert_string_equal(job->image, HASH + 7);
	assert_int_equal(job->n_files, 1);
	assert_string_equal(job->files[0].name, "x.bin");
	assert_string_equal(job->files[0].sha256, HASH + 7);
	job_free(job);
}

static void what_is_kept_of_its_runs(void **state)
{
	static const struct {
		const char *keep;
		bool there;
		uint32_t runs, days;
	} cases[] = {
		{"", false, 0, 0},
		{",'keep':{}", true, 0, 0},
		{",'keep':{'runs':30}", true, 30, 0},
		{",'keep':{'days':90}", true, 0, 90},
		{",'keep':{'runs':100000,'days':36500}", true, 100000, 36500},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(suite_freep) struct suite *suite = NULL;
		_cleanup_free_ char *text = NULL;
		struct job_error e;

		assert_true(asprintf(&text, "{'name':'s'," MATRIX ",'image':'x'," JOB "%s}",
				    cases[i].keep) > 0);
		assert_int_equal(parse(text, NULL, 0, &suite, &e), 0);
		assert_int_equal(suite->keep, cases[i].there);
		assert_int_equal(suite->keep_runs, cases[i].runs);
		assert_int_equal(suite->keep_days, cases[i].days);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_can_be_overridden),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(the_number_of_cells_is_limited),
		cmocka_unit_test(artifacts_give_the_hash_of_a_path),
		cmocka_unit_test(a_cell_becomes_a_job_with_its_hashes),
		cmocka_unit_test(what_is_kept_of_its_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
