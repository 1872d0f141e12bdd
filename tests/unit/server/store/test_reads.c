/* What REST shows: pages and filters of jobs, runs with metrics, samples, results, uploads. */
#include "server/store/internal.h"
#include "server/store/result_prepare.h"
#include "tests/unit/server/store/lab.h"

#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static json_t *jobs(struct lab *lab, const struct read_jobs_filter *f)
{
	struct buffer b = BUFFER_INIT(8 << 20);
	struct store_reader *r = store_reader_borrow(lab->store, NULL);
	json_t *o;

	assert_int_equal(read_jobs(r, f, &b), 0);
	store_reader_return(lab->store, r);
	o = json_loads(b.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	buffer_done(&b);
	return o;
}

/* The ids of a page as text, and where the next one starts. */
static const char *ids(struct lab *lab, const struct read_jobs_filter *f)
{
	static char out[4][1024];
	static unsigned turn;
	char *text = out[turn++ % 4];
	json_t *o = jobs(lab, f), *job, *next = json_object_get(o, "next");
	size_t i, at = 0;

	text[0] = 0;
	json_array_foreach (json_object_get(o, "items"), i, job)
		at += (size_t)snprintf(text + at, 1024 - at, "%lld ",
			(long long)json_integer_value(json_object_get(job, "id")));
	if (json_is_integer(next))
		snprintf(text + at, 1024 - at, "next %lld", (long long)json_integer_value(next));
	json_decref(o);
	return text;
}

static void pages_go_from_new_to_old(void **state)
{
	struct lab *lab = *state;

	for (int i = 0; i < 5; i++)
		lab_submit(lab, "mps3-an547", "");
	assert_string_equal(ids(lab, &(struct read_jobs_filter){0}), "5 4 3 2 1 ");
	assert_string_equal(
		ids(lab, &(struct read_jobs_filter){.page = {.limit = 2}}), "5 4 next 4");
	assert_string_equal(ids(lab, &(struct read_jobs_filter){.page = {.after = 4, .limit = 2}}),
		"3 2 next 2");
	assert_string_equal(
		ids(lab, &(struct read_jobs_filter){.page = {.after = 2, .limit = 2}}), "1 ");
	assert_string_equal(
		ids(lab, &(struct read_jobs_filter){.page = {.after = 3, .limit = 2}}), "2 1 ");
}

static void filters_combine(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct op_job_cancel cancel = {.job = 2};
	int64_t run, epoch;

	lab_submit(lab, "mps3-an547", ",\"labels\":{\"model\":\"a\",\"quant\":\"int8\"}");
	lab_submit(lab, "mps3-an547", ",\"labels\":{\"model\":\"a\",\"quant\":\"int4\"}");
	lab_submit(lab, "mps3-an547", ",\"labels\":{\"model\":\"b\",\"quant\":\"int8\"}");
	lab_submit(lab, "mps3-an547", "");
	op_job_cancel_setup(&cancel);
	assert_int_equal(store_call(lab->store, &cancel.op), 0);
	lab_agent(lab, &a);
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_not_equal(run, 0);
#define FILTER(...) ids(lab, &(struct read_jobs_filter){__VA_ARGS__})
	assert_string_equal(FILTER(.state = "queued"), "4 3 ");
	assert_string_equal(FILTER(.state = "live"), "4 3 1 ");
	assert_string_equal(FILTER(.state = "canceled"), "2 ");
	assert_string_equal(FILTER(.board = "m55-1"), "1 ");
	assert_string_equal(FILTER(.labels = {{"model", "a"}}, .n_labels = 1), "2 1 ");
	assert_string_equal(
		FILTER(.labels = {{"model", "a"}, {"quant", "int8"}}, .n_labels = 2), "1 ");
	assert_string_equal(
		FILTER(.labels = {{"model", "a"}}, .n_labels = 1, .state = "canceled"), "2 ");
	assert_string_equal(FILTER(.labels = {{"model", "' OR 1=1 --"}}, .n_labels = 1), "");
#undef FILTER
	lab_agent_done(&a);
}

/* ---- a run with a real result ---- */

static void put_result(struct lab *lab, int64_t run, int64_t epoch, const char *body)
{
	struct op_result_put x = {.run = run, .epoch = epoch};
	struct store_reader *r = store_reader_borrow(lab->store, NULL);
	struct result *result = NULL;
	struct fault f = {0};

	if (result_prepare(r, run, body, strlen(body), &result, &f))
		fail_msg("%s", f.text);
	store_reader_return(lab->store, r);
	x.result = result;
	op_result_put_setup(&x);
	if (store_call(lab->store, &x.op))
		fail_msg("%s", x.op.fault.text);
	result_free(result);
}

static char *warm_body(size_t n)
{
	struct buffer b = BUFFER_INIT(1 << 20);

	buffer_add_text(&b,
		"{\"result_id\":\"abc\",\"outcome\":\"passed\",\"timer\":{\"hz\":1000000},"
		"\"model\":{\"model\":\"linformer\",\"quant\":\"int8\"},"
		"\"stages\":[{\"stage\":\"flash\",\"start_ms\":0,\"end_ms\":812}],"
		"\"footprint\":{\"flash_bytes\":4096},"
		"\"phases\":[{\"phase\":\"warm\",\"boot\":0,\"window_ticks\":9,\"ticks\":[");
	for (size_t i = 0; i < n; i++)
		buffer_printf(&b, "%s%zu", i ? "," : "", i + 1);
	buffer_add_text(&b, "]}]}");
	return b.data;
}

static int64_t finished_run(struct lab *lab, size_t n)
{
	_cleanup_free_ char *body = warm_body(n);
	struct lab_agent a = {0};
	int64_t job, run, epoch;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	put_result(lab, run, epoch, body);
	lab_agent_done(&a);
	return run;
}

static json_t *metric(json_t *run, const char *name, int64_t boot)
{
	json_t *m;
	size_t i;

	json_array_foreach (json_object_get(run, "metrics"), i, m) {
		json_t *b = json_object_get(m, "boot");
		int64_t of = json_is_null(b) ? -1 : json_integer_value(b);

		if (!strcmp(json_string_value(json_object_get(m, "metric")), name) && of == boot)
			return m;
	}
	fail_msg("no metric %s", name);
	return NULL;
}

static void a_run_shows_its_metrics_and_parts(void **state)
{
	struct lab *lab = *state;
	int64_t run = finished_run(lab, 100);
	json_t *o = lab_read(lab, read_run, run), *m = metric(o, "latency_us", -1);

	assert_int_equal(json_integer_value(json_object_get(m, "p50")), 50);
	assert_int_equal(json_integer_value(json_object_get(m, "p50_lo")), 40);
	assert_int_equal(json_integer_value(json_object_get(m, "p95_hi")), 100);
	assert_true(json_is_null(json_object_get(m, "p99")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(m, "blank"), "p99")), 368);
	assert_null(json_object_get(json_object_get(m, "blank"), "p95"));
	assert_string_equal(json_string_value(json_object_get(m, "unit")), "us");
	m = metric(o, "flash_bytes", -1);
	assert_int_equal(json_integer_value(json_object_get(m, "value")), 4096);
	assert_int_equal(json_object_size(json_object_get(m, "blank")), 0);
	assert_true(json_is_array(json_object_get(o, "stages")));
	assert_true(json_is_null(json_object_get(o, "fault")));
	assert_true(json_is_true(json_object_get(o, "virtual")));
	assert_string_equal(json_string_value(json_object_get(o, "agent")), "bench-1");
	json_decref(o);
}

static void samples_come_back_bit_for_bit(void **state)
{
	struct lab *lab = *state;
	int64_t run = finished_run(lab, 7);
	struct buffer b = BUFFER_INIT(1 << 20);
	struct store_reader *r = store_reader_borrow(lab->store, NULL);

	assert_int_equal(read_samples(r, run, "warm", "latency_us", -1, &b), 0);
	assert_string_equal(b.data,
		"{\"run\":1,\"phase\":\"warm\",\"metric\":\"latency_us\",\"unit\":\"us\","
		"\"virtual\":true,\"boots\":[{\"boot\":0,\"n\":7,\"values\":[1,2,3,4,5,6,7]}]}");
	buffer_clear(&b);
	assert_int_equal(read_samples(r, run, "warm", "latency_us", 0, &b), 0);
	buffer_clear(&b);
	assert_int_equal(read_samples(r, run, "warm", "latency_us", 1, &b), -ENOENT);
	assert_int_equal(read_samples(r, run, "cold", "latency_us", -1, &b), -ENOENT);
	assert_int_equal(b.n, 0);
	store_reader_return(lab->store, r);
	buffer_done(&b);
}

static void results_are_rows_with_their_metrics(void **state)
{
	struct lab *lab = *state;
	struct read_results_filter f = {.is_virtual = -1};
	struct buffer b = BUFFER_INIT(1 << 20);
	struct store_reader *r;
	json_t *o, *row;

	finished_run(lab, 100);
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_results(r, &f, &b), 0);
	o = json_loads(b.data, 0, NULL);
	row = json_array_get(json_object_get(o, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "model")), "linformer");
	assert_string_equal(json_string_value(json_object_get(row, "quant")), "int8");
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(row, "metrics"), "warm.latency_us.p50")),
		50);
	json_decref(o);
	buffer_clear(&b);
	f.metric = "warm.latency_us.p95";
	assert_int_equal(read_results_csv(r, &f, &b), 0);
	assert_non_null(strstr(b.data, ",labels,warm.latency_us.p95 [us]\r\n"));
	assert_non_null(strstr(b.data, ",95\r\n"));
	buffer_clear(&b);
	f.is_virtual = 0;
	assert_int_equal(read_results(r, &f, &b), 0);
	assert_string_equal(b.data, "{\"items\":[],\"next\":null}");
	store_reader_return(lab->store, r);
	buffer_done(&b);
}

static void rows_say_how_many_counts_of_instructions_differ(void **state)
{
	struct lab *lab = *state;
	struct read_results_filter f = {.is_virtual = -1};
	struct buffer b = BUFFER_INIT(1 << 20);
	struct lab_agent a = {0};
	struct store_reader *r;
	int64_t job, run, epoch;
	json_t *o, *metrics;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	put_result(lab, run, epoch,
		"{\"result_id\":\"abc\",\"outcome\":\"passed\",\"timer\":{\"hz\":1000000,"
		"\"icount_shift\":5},\"phases\":[{\"phase\":\"warm\",\"boot\":0,\"window_ticks\":9,"
		"\"ticks\":[7,8,7,9,9,7]}]}");
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_results(r, &f, &b), 0);
	o = json_loads(b.data, 0, NULL);
	metrics = json_object_get(json_array_get(json_object_get(o, "items"), 0), "metrics");
	assert_int_equal(
		json_integer_value(json_object_get(metrics, "warm.instructions.distinct")), 3);
	assert_non_null(json_object_get(metrics, "warm.latency_us.n"));
	assert_null(json_object_get(metrics, "warm.latency_us.distinct"));
	json_decref(o);
	buffer_clear(&b);
	f.metric = "warm.instructions.distinct";
	assert_int_equal(read_results_csv(r, &f, &b), 0);
	assert_non_null(strstr(b.data, ",labels,warm.instructions.distinct\r\n"));
	assert_non_null(strstr(b.data, ",3\r\n"));
	store_reader_return(lab->store, r);
	buffer_done(&b);
	lab_agent_done(&a);
}

static void names_cannot_break_csv_or_become_formulas(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct read_results_filter f = {.is_virtual = -1};
	struct buffer b = BUFFER_INIT(1 << 20);
	struct op_job_submit x;
	struct fault fault;
	struct store_reader *r;
	int64_t run, epoch;
	struct job *job =
		lab_job("{\"name\":\"=cmd(\\\"x\\\"),1\",\"board\":{\"type\":\"mps3-an547\"},"
			"\"image\":\"" LAB_IMAGE "\",\"phases\":{\"memory\":true}}");

	lab_agent(lab, &a);
	assert_int_equal(op_job_submit_setup(&x, job, NULL, 0, &fault), 0);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	op_job_submit_done(&x);
	job_free(job);
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_results_csv(r, &f, &b), 0);
	assert_non_null(strstr(b.data, "1,1,\"'=cmd(\"\"x\"\"),1\",m55-1,"));
	store_reader_return(lab->store, r);
	buffer_done(&b);
	lab_agent_done(&a);
}

static void hostile_text_stays_text_in_json(void **state)
{
	struct lab *lab = *state;
	struct op_job_cancel x = {
		.reason = "quote \" slash \\ newline \n escape \x1b del \x7f end"};
	json_t *o;

	x.job = lab_submit(lab, "mps3-an547", "");
	op_job_cancel_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	o = lab_read(lab, read_job, x.job);
	assert_string_equal(json_string_value(json_object_get(o, "detail")), x.reason);
	json_decref(o);
}

static void a_job_lists_its_runs(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, run, epoch, latest;
	struct store_reader *r;
	json_t *o;

	lab_agent(lab, &a);
	job = lab_submit(lab, "mps3-an547", "");
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_job_latest_run(r, job, &latest), 0);
	assert_int_equal(latest, 0);
	assert_int_equal(read_job_latest_run(r, 99, &latest), -ENOENT);
	store_reader_return(lab->store, r);
	o = lab_read(lab, read_job, job);
	assert_true(json_is_null(json_object_get(o, "on_board")));
	json_decref(o);
	for (int i = 0; i < 2; i++) {
		run = lab_offer(lab, &a, "m55-1", &epoch);
		o = lab_read(lab, read_job, job);
		assert_string_equal(json_string_value(json_object_get(o, "on_board")), "m55-1");
		assert_null(json_object_get(json_object_get(o, "board"), "on_board"));
		json_decref(o);
		assert_int_equal(lab_start(lab, &a, run, epoch), 0);
		lab_result(lab, run, epoch, OUTCOME_INFRASTRUCTURE, "r", NULL, NULL);
		lab_attest(lab, &a, "m55-1");
	}
	o = lab_read(lab, read_job_runs, job);
	assert_int_equal(json_array_size(json_object_get(o, "items")), 2);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(o, "items"), 0), "attempt")),
		2);
	json_decref(o);
	o = lab_board(lab, "m55-1");
	assert_int_equal(json_array_size(json_object_get(o, "last")), 2);
	json_decref(o);
	assert_null(lab_read(lab, read_job, 99));
	assert_null(lab_read(lab, read_run, 99));
	assert_null(lab_read(lab, read_job_runs, 99));
	lab_agent_done(&a);
}

static void the_log_only_grows(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct read_run_brief brief;
	struct store_reader *r;
	struct op_run_append x = {.length = 100};
	int64_t job;

	lab_agent(lab, &a);
	x.run = lab_running(lab, &a, &job, &x.epoch);
	op_run_append_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	assert_int_equal(x.have, 100);
	x.length = 60;
	assert_int_equal(store_call(lab->store, &x.op), 0);
	assert_int_equal(x.have, 100);
	x.epoch++;
	assert_int_equal(store_call(lab->store, &x.op), -EOWNERDEAD);
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_run_brief(r, x.run, &brief), 0);
	assert_int_equal(brief.log_bytes, 100);
	assert_true(brief.live);
	assert_string_equal(brief.board, "m55-1");
	store_reader_return(lab->store, r);
	assert_true(lab_saw(lab, STORE_EVENT_LOG, x.run, ""));
	lab_agent_done(&a);
}

static void uploads_go_on_where_they_were(void **state)
{
	struct lab *lab = *state;
	struct op_upload_create create = {.sha256 = SHA, .bytes = 1000};
	struct op_upload_progress progress = {.offset = 400};
	struct op_upload_finish finish = {0};
	struct read_upload_brief brief;
	struct store_reader *r;
	int64_t bytes;

	op_upload_create_setup(&create);
	assert_int_equal(store_call(lab->store, &create.op), 0);
	assert_false(create.have);
	progress.upload = finish.upload = create.upload;
	op_upload_progress_setup(&progress);
	assert_int_equal(store_call(lab->store, &progress.op), 0);
	progress.offset = 1001;
	assert_int_equal(store_call(lab->store, &progress.op), -ENOENT);
	lab_reopen(lab);
	op_upload_create_setup(&create);
	assert_int_equal(store_call(lab->store, &create.op), 0);
	assert_int_equal(create.upload, progress.upload);
	assert_int_equal(create.offset, 400);
	create.bytes = 999;
	assert_int_equal(store_call(lab->store, &create.op), -EINVAL);
	op_upload_finish_setup(&finish);
	assert_int_equal(store_call(lab->store, &finish.op), 0);
	assert_int_equal(store_call(lab->store, &finish.op), -ENOENT);
	create.bytes = 1000;
	op_upload_create_setup(&create);
	assert_int_equal(store_call(lab->store, &create.op), 0);
	assert_true(create.have);
	create.sha256 = "../../etc/passwd";
	assert_int_equal(store_call(lab->store, &create.op), -EINVAL);
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_artifact_bytes(r, SHA, &bytes), 0);
	assert_int_equal(bytes, 1000);
	assert_int_equal(read_upload_brief(r, finish.upload, &brief), -ENOENT);
	store_reader_return(lab->store, r);
}

static void an_answer_over_the_limit_is_no_half_answer(void **state)
{
	struct lab *lab = *state;
	struct buffer b = BUFFER_INIT(100);
	struct store_reader *r;

	lab_submit(lab, "mps3-an547", "");
	buffer_add_text(&b, "before");
	r = store_reader_borrow(lab->store, NULL);
	assert_int_equal(read_job(r, 1, &b), -EFBIG);
	assert_string_equal(b.data, "before");
	store_reader_return(lab->store, r);
	buffer_done(&b);
}

/* ---- reads that stay as they are while the tables grow ---- */

static void add_done(struct lab *lab, int n)
{
	char path[128], *text;
	sqlite3 *db;

	store_close(lab->store);
	lab->store = NULL;
	snprintf(path, sizeof(path), "%s/hilda.db", lab->folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_true(
		asprintf(&text,
			"CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL"
			" SELECT i + 1 FROM c WHERE i < %d) SELECT i FROM c;"
			"INSERT INTO jobs (name, state, demand, image, priority, run, board,"
			" attempts_allowed, token, created_at, queue_deadline_at, document)"
			" SELECT name, 'succeeded', demand, image, priority, run, board, 1, '', 1,"
			" 2, document FROM jobs, n WHERE id = 1;"
			"INSERT INTO runs (job, attempt, board, board_type, agent, epoch, request,"
			" state, outcome, virtual, exec, result_id, created_at, finished_at)"
			" SELECT job, 1, board, board_type, agent, 1, '', 'done', 'passed',"
			" virtual, exec, i, 1, 2 FROM runs, n WHERE id = 1;",
			n) > 0);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	free(text);
	lab_reopen(lab);
}

static int count_steps(unsigned kind, void *steps, void *statement, void *ignored)
{
	*(int *)steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
	return 0;
}

static int jobs_of_state(struct store_reader *r, const char *state, struct buffer *b)
{
	return read_jobs(r, &(struct read_jobs_filter){.state = state}, b);
}

static int all_results(struct store_reader *r, struct buffer *b)
{
	static const struct read_results_filter filters[] = {
		{.is_virtual = -1, .outcome = "timeout"},
		{.is_virtual = 0},
		{.is_virtual = -1, .board = "m55-1", .outcome = "failed", .page = {.limit = 1}},
		{.is_virtual = -1, .type = "another"},
		{.is_virtual = -1},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(filters) && !rc; i++)
		rc = read_results(r, &filters[i], b);
	return rc;
}

/* Steps of SQLite's machine for all that the pages ask for. */
static int steps_of_reads(struct lab *lab)
{
	static const char *const states[] = {
		"queued", "active", "live", "succeeded", "failed", "canceled", "lost", NULL};
	struct store_reader *r = store_reader_borrow(lab->store, NULL);
	struct buffer b = BUFFER_INIT(64 << 20);
	struct read_counts counts;
	int64_t at;
	int steps = 0;

	sqlite3_trace_v2(r->db->db, SQLITE_TRACE_PROFILE, count_steps, &steps);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		assert_int_equal(jobs_of_state(r, states[i], &b), 0);
	assert_int_equal(all_results(r, &b), 0);
	assert_int_equal(read_boards(r, &b), 0);
	assert_int_equal(read_counts(r, &counts), 0);
	assert_int_equal(read_queue_deadline(r, &at), 0);
	sqlite3_trace_v2(r->db->db, 0, NULL, NULL);
	store_reader_return(lab->store, r);
	buffer_done(&b);
	return steps;
}

static void pages_cost_the_same_with_more_jobs_done(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;
	int few, many;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	add_done(lab, 200);
	few = steps_of_reads(lab);
	add_done(lab, 4000);
	many = steps_of_reads(lab);
	if (many > few + few / 10)
		fail_msg("%d steps with 200 jobs done, %d with 4200", few, many);
	lab_agent_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(pages_go_from_new_to_old),
		LAB_TEST(filters_combine),
		LAB_TEST(a_run_shows_its_metrics_and_parts),
		LAB_TEST(samples_come_back_bit_for_bit),
		LAB_TEST(results_are_rows_with_their_metrics),
		LAB_TEST(rows_say_how_many_counts_of_instructions_differ),
		LAB_TEST(names_cannot_break_csv_or_become_formulas),
		LAB_TEST(hostile_text_stays_text_in_json),
		LAB_TEST(a_job_lists_its_runs),
		LAB_TEST(the_log_only_grows),
		LAB_TEST(uploads_go_on_where_they_were),
		LAB_TEST(an_answer_over_the_limit_is_no_half_answer),
		LAB_TEST(pages_cost_the_same_with_more_jobs_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
