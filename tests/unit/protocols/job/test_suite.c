#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "common/cleanup.h"
#include "protocols/job/suite.h"

/* Single quotes stand for double ones, to keep the documents readable. */
static int parse(const char *text, const struct job_pair *overrides, size_t n, struct suite **suite,
	struct job_error *e)
{
	_cleanup_free_ char *copy = strdup(text);
	json_error_t why;
	json_t *doc;
	int err;

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	doc = json_loads(copy, 0, &why);
	if (!doc)
		fail_msg("%s: %s", why.text, copy);
	err = suite_parse(doc, overrides, n, suite, e);
	json_decref(doc);
	return err;
}

#define JOB "'job':{'board':{'type':'${board}'}}"
#define MATRIX "'matrix':{'board':['a','b'],'quant':['int8','int4']}"

static void the_product_in_order(void **state)
{
	static const char *const titles[] = {"a int8", "a int4", "b int8", "b int4"};
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct job_error e;

	assert_int_equal(parse("{'name':'s'," MATRIX ",'image':'out/${board}-${quant}.elf',"
			       "'build':'make Q=${quant} $${x} $5'," JOB "}",
				 NULL, 0, &suite, &e),
		0);
	assert_int_equal(suite->n_cells, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct suite_cell *cell = &suite->cells[i];
		json_t *labels = json_object_get(cell->job, "labels");
		char text[100];

		assert_string_equal(cell->title, titles[i]);
		snprintf(text, sizeof(text), "out/%s-%s.elf", suite_cell_value(cell, "board"),
			suite_cell_value(cell, "quant"));
		assert_string_equal(cell->image, text);
		snprintf(text, sizeof(text), "make Q=%s ${x} $5", suite_cell_value(cell, "quant"));
		assert_string_equal(cell->build, text);
		assert_string_equal(json_string_value(json_object_get(labels, "suite")), "s");
		assert_string_equal(json_string_value(json_object_get(labels, "quant")),
			suite_cell_value(cell, "quant"));
		snprintf(text, sizeof(text), "s: %s", titles[i]);
		assert_string_equal(json_string_value(json_object_get(cell->job, "name")), text);
	}
	assert_null(suite_cell_value(&suite->cells[0], "model"));
}

static void cells_are_excluded_and_included(void **state)
{
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct job_error e;

	assert_int_equal(parse("{'name':'s'," MATRIX ",'image':'x'," JOB ","
			       "'exclude':[{'board':'a','quant':['int4','int2']},{'board':'b'}],"
			       "'include':[{'board':'c','quant':'int4'}]}",
				 NULL, 0, &suite, &e),
		0);
	assert_int_equal(suite->n_cells, 2);
	assert_string_equal(suite->cells[0].title, "a int8");
	assert_string_equal(suite->cells[1].title, "c int4");
}

static void a_text_that_is_a_variable_keeps_the_type(void **state)
{
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct job_error e;
	json_t *phases;

	assert_int_equal(
		parse("{'name':'s','matrix':{'n':[100,400],'memory':[true]},'image':'x',"
		      "'job':{'board':{'name':'b-${n}'},'phases':{'warm':{'iterations':'${n}'},"
		      "'memory':'${memory}'}}}",
			NULL, 0, &suite, &e),
		0);
	phases = json_object_get(suite->cells[1].job, "phases");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(phases, "warm"), "iterations")),
		400);
	assert_true(json_is_true(json_object_get(phases, "memory")));
	assert_string_equal(suite->cells[1].title, "400 true");
}

static void files_and_labels_that_come_out_empty_are_left_out(void **state)
{
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct job_error e;
	json_t *labels;

	assert_int_equal(parse("{'name':'s','vars':{'list':'','base':''},"
			       "'matrix':{'board':['a','b'],'heads':['','4']},'image':'x',"
			       "'where':[{'matrix':{'board':'b'},'vars':{'list':'data/all.bin'}},"
			       "{'matrix':{'heads':'4'},'vars':{'base':'full'}}],"
			       "'files':{'samples.bin':'${list}','${no}':'of-${board}'},"
			       "'job':{'board':{'type':'${board}'},'labels':{'base':'${base}'}}}",
				 NULL, 0, &suite, &e),
		-EINVAL);
	assert_string_equal(e.pointer, "/job/files/0/name");
	assert_int_equal(parse("{'name':'s','vars':{'list':'','base':''},"
			       "'matrix':{'board':['a','b'],'heads':['','4']},'image':'x',"
			       "'where':[{'matrix':{'board':'b'},'vars':{'list':'data/all.bin'}},"
			       "{'matrix':{'heads':'4'},'vars':{'base':'full'}}],"
			       "'files':{'samples.bin':'${list}','other':'of-${board}'},"
			       "'job':{'board':{'type':'${board}'},'labels':{'base':'${base}'}}}",
				 NULL, 0, &suite, &e),
		0);
	assert_int_equal(suite->cells[0].n_files, 1);
	assert_string_equal(suite->cells[0].files[0].key, "other");
	assert_string_equal(suite->cells[0].files[0].value, "of-a");
	assert_int_equal(suite->cells[3].n_files, 2);
	assert_string_equal(suite->cells[3].files[0].key, "samples.bin");
	assert_string_equal(suite->cells[3].files[0].value, "data/all.bin");
	labels = json_object_get(suite->cells[0].job, "labels");
	assert_null(json_object_get(labels, "heads"));
	assert_null(json_object_get(labels, "base"));
	labels = json_object_get(suite->cells[1].job, "labels");
	assert_string_equal(json_string_value(json_object_get(labels, "heads")), "4");
	assert_string_equal(json_string_value(json_object_get(labels, "base")), "full");
}

static void vars_may_hold_variables(void **state)
{
	const struct job_pair set = {"out", "/else"};
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct suite *none = NULL;
	struct job_error e;

	assert_int_equal(parse("{'name':'s','vars':{'out':'build','list':'${out}/${board}.bin'},"
			       "'matrix':{'board':['a']},'image':'${list}'," JOB "}",
				 &set, 1, &suite, &e),
		0);
	assert_string_equal(suite->cells[0].image, "/else/a.bin");
	assert_int_equal(parse("{'name':'s','vars':{'list':'${nix}'},'matrix':{'board':['a']},"
			       "'image':'x'," JOB "}",
				 NULL, 0, &none, &e),
		-EINVAL);
	assert_string_equal(e.pointer, "/vars/list");
}

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

static void vars_have_other_values_where_the_matrix_fits(void **state)
{
	static const char *const images[] = {"a-int8-x-1", "a-int4-y-1", "b-int8--0", "b-int4-y-1"};
	_cleanup_(suite_freep) struct suite *suite = NULL;
	struct job_error e;

	assert_int_equal(parse("{'name':'s'," MATRIX ",'vars':{'v':'','n':0},"
			       "'where':[{'matrix':{'board':['a','c']},'vars':{'v':'x','n':1}},"
			       "{'matrix':{'quant':'int4'},'vars':{'v':'y','n':1}},"
			       "{'matrix':{'quant':'int4','board':'c'},'vars':{'v':'z'}}],"
			       "'image':'${board}-${quant}-${v}-${n}',"
			       "'job':{'board':{'type':'t'},'priority':'${n}'}}",
				 NULL, 0, &suite, &e),
		0);
	assert_int_equal(suite->n_cells, ARRAY_SIZE(images));
	for (size_t i = 0; i < suite->n_cells; i++) {
		json_t *priority = json_object_get(suite->cells[i].job, "priority");

		assert_string_equal(suite->cells[i].image, images[i]);
		assert_int_equal(json_integer_value(priority), i != 2);
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
		cmocka_unit_test(the_product_in_order),
		cmocka_unit_test(cells_are_excluded_and_included),
		cmocka_unit_test(a_text_that_is_a_variable_keeps_the_type),
		cmocka_unit_test(files_and_labels_that_come_out_empty_are_left_out),
		cmocka_unit_test(vars_may_hold_variables),
		cmocka_unit_test(variables_can_be_overridden),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(vars_have_other_values_where_the_matrix_fits),
		cmocka_unit_test(the_number_of_cells_is_limited),
		cmocka_unit_test(artifacts_give_the_hash_of_a_path),
		cmocka_unit_test(a_cell_becomes_a_job_with_its_hashes),
		cmocka_unit_test(what_is_kept_of_its_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
