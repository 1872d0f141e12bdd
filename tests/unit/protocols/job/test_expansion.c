/* A matrix becomes cells. */
#include "tests/unit/protocols/job/suite_lab.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_product_in_order),
		cmocka_unit_test(cells_are_excluded_and_included),
		cmocka_unit_test(a_text_that_is_a_variable_keeps_the_type),
		cmocka_unit_test(files_and_labels_that_come_out_empty_are_left_out),
		cmocka_unit_test(vars_may_hold_variables),
		cmocka_unit_test(vars_have_other_values_where_the_matrix_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
