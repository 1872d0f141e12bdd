/* Restarts, full disks, versions, locks. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/failpoint.h"
#include "tests/unit/server/store/lab.h"

static void live_leases_get_a_full_term_after_a_restart(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, run, epoch;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	lab_pass(lab, 69000);
	lab_reopen(lab);
	lab_pass(lab, 69000);
	lab_reap(lab);
	assert_run(lab, run, "state", "running");
	/* The result of a run that outlived the server. */
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	assert_job(lab, job, "state", "succeeded");
	lab_agent_done(&a);
}

static void leases_end_after_a_restart_too(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, run, epoch, offered;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	lab_reopen(lab);
	lab_pass(lab, 70001);
	lab_reap(lab);
	assert_run(lab, run, "state", "lost");
	assert_job(lab, job, "state", "queued");
	lab_attest(lab, &a, "m55-1");
	offered = lab_offer(lab, &a, "m55-1", &epoch);
	lab_reopen(lab);
	lab_pass(lab, 15001);
	lab_reap(lab);
	assert_run(lab, offered, "state", "released");
	assert_job(lab, job, "attempts", "1");
	assert_board(lab, "m55-1", "state", "ready");
	lab_agent_done(&a);
}

static void replay_of_a_result_after_a_restart_is_the_same_answer(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, run, epoch;
	bool adopted, replayed;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", &adopted, NULL), 0);
	lab_reopen(lab);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", &adopted, &replayed), 0);
	assert_true(adopted && replayed);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_FAILED, "s", NULL, NULL), -EEXIST);
	assert_int_equal(
		lab_result(lab, run, epoch + 1, OUTCOME_PASSED, "r", NULL, NULL), -EOWNERDEAD);
	assert_run(lab, run, "outcome", "passed");
	lab_agent_done(&a);
}

static void lineage_is_kept(void **state)
{
	struct lab *lab = *state;
	char before[STORE_LINEAGE_BYTES];

	snprintf(before, sizeof(before), "%s", store_lineage(lab->store));
	assert_int_equal(strlen(before), 32);
	lab_reopen(lab);
	assert_string_equal(store_lineage(lab->store), before);
}

/* ---- killed with SIGKILL while it commits ---- */

#define ACKNOWLEDGED_MAX 100000

/* Submits until it is killed; writes each id after its commit was reported. */
static void child_submits(const char *folder, int fd)
{
	struct store_options o = {.folder = folder};
	struct lab lab = {0};
	struct fault f = {0};

	if (store_open(&o, &lab.store, &f))
		_exit(1);
	for (;;) {
		int64_t id = lab_submit(&lab, "mps3-an547", "");

		if (write(fd, &id, sizeof(id)) != sizeof(id))
			_exit(1);
	}
}

static void nothing_acknowledged_is_lost_by_a_kill(void **state)
{
	struct lab *lab = *state;

	store_close(lab->store);
	lab->store = NULL;
	for (int round = 0; round < 5; round++) {
		int64_t id, last = 0;
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			child_submits(lab->folder, fds[1]);
		close(fds[1]);
		/* In the middle of its work, at another commit each time. */
		for (int i = 0; i < 20 + 7 * round; i++) {
			assert_int_equal(read(fds[0], &id, sizeof(id)), sizeof(id));
			last = id;
		}
		kill(pid, SIGKILL);
		while (read(fds[0], &id, sizeof(id)) == sizeof(id))
			last = id;
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		lab_reopen(lab);
		assert_job(lab, last, "state", "queued");
		store_close(lab->store);
		lab->store = NULL;
	}
	lab_reopen(lab);
}

/* ---- killed at named places ---- */

/* A child that opens the store, arms a failpoint and lets `work` run into it. */
static void die_at(struct lab *lab, const char *where, void (*work)(struct lab *))
{
	char armed[80];
	int status;
	pid_t pid;

	store_close(lab->store);
	lab->store = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct store_options o = {.folder = lab->folder};
		struct lab child = {0};
		struct fault f = {0};

		snprintf(armed, sizeof(armed), "%s=kill", where);
		setenv("HILDA_FAILPOINTS", armed, 1);
		if (store_open(&o, &child.store, &f) || failpoint_arm(&f))
			_exit(1);
		work(&child);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	lab_reopen(lab);
}

static void submits(struct lab *lab)
{
	lab_submit(lab, "mps3-an547", "");
}

static void a_kill_before_the_commit_leaves_nothing_after_it_everything(void **state)
{
	struct lab *lab = *state;

	die_at(lab, "server.commit", submits);
	assert_null(lab_read(lab, read_job, 1));
	die_at(lab, "server.committed", submits);
	assert_job(lab, 1, "state", "queued");
}

static struct lab_agent agent_of_crash;
static int64_t run_of_crash, epoch_of_crash;

static void claims(struct lab *lab)
{
	lab_offer(lab, &agent_of_crash, "m55-1", &epoch_of_crash);
}

static void starts(struct lab *lab)
{
	lab_start(lab, &agent_of_crash, run_of_crash, epoch_of_crash);
}

static void gives_result(struct lab *lab)
{
	lab_result(lab, run_of_crash, epoch_of_crash, OUTCOME_PASSED, "r", NULL, NULL);
}

static void cancels(struct lab *lab)
{
	struct op_job_cancel x = {.job = 1};

	op_job_cancel_setup(&x);
	store_call(lab->store, &x.op);
}

/* Each call's answer is lost with the server; the agent asks again and everything goes on. */
static void answers_lost_by_a_kill_are_given_again(void **state)
{
	struct lab *lab = *state;
	bool replayed = false;
	json_t *reply;
	const char *board = "m55-1";

	lab_agent(lab, &agent_of_crash);
	lab_submit(lab, "mps3-an547", "");
	die_at(lab, "server.committed.claim", claims);
	assert_job(lab, 1, "state", "active");
	reply = lab_claim(lab, &agent_of_crash, "anew", &board, 1);
	run_of_crash = json_integer_value(
		json_object_get(json_array_get(json_object_get(reply, "offers"), 0), "run"));
	epoch_of_crash = json_integer_value(
		json_object_get(json_array_get(json_object_get(reply, "offers"), 0), "epoch"));
	json_decref(reply);
	assert_int_equal(run_of_crash, 1);
	die_at(lab, "server.committed.start", starts);
	assert_int_equal(lab_start(lab, &agent_of_crash, run_of_crash, epoch_of_crash), 0);
	assert_job(lab, 1, "attempts", "1");
	die_at(lab, "server.committed.cancel", cancels);
	assert_job(lab, 1, "cancel_reason", "canceled by the user");
	die_at(lab, "server.committed.result", gives_result);
	assert_int_equal(
		lab_result(lab, run_of_crash, epoch_of_crash, OUTCOME_PASSED, "r", NULL, &replayed),
		0);
	assert_true(replayed);
	assert_job(lab, 1, "state", "succeeded");
	lab_agent_done(&agent_of_crash);
}

static void closes(struct lab *lab)
{
	for (int i = 0; i < 50; i++)
		lab_submit(lab, "mps3-an547", "");
	store_close(lab->store);
}

static void a_kill_at_a_checkpoint_loses_nothing(void **state)
{
	struct lab *lab = *state;

	die_at(lab, "server.checkpoint", closes);
	assert_job(lab, 50, "state", "queued");
}

/* Shared with the child that dies: how many were acknowledged. */
static int64_t *acknowledged_by_child;

static void fills_the_log(struct lab *lab)
{
	for (int i = 0; i < 5000; i++)
		*acknowledged_by_child = lab_submit(lab, "mps3-an547", "");
}

static void a_kill_at_a_step_of_a_checkpoint_loses_nothing(void **state)
{
	static const char *const places[] = {"server.checkpoint", "server.checkpointed"};
	struct lab *lab = *state;
	int64_t known = 0;

	acknowledged_by_child = mmap(
		NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(acknowledged_by_child != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		die_at(lab, places[i], fills_the_log);
		/* It died by its own log, long before it had submitted all. */
		assert_in_range(*acknowledged_by_child, known + 1, known + 4999);
		known = *acknowledged_by_child;
		for (int64_t job = 1; job <= known; job++)
			assert_job(lab, job, "state", "queued");
	}
	munmap(acknowledged_by_child, sizeof(int64_t));
}

/* ---- a full disk ---- */

static int add_artifact(struct lab *lab, unsigned n)
{
	struct op_artifact_add x = {.bytes = 1};
	char sha256[65];

	snprintf(sha256, sizeof(sha256), "%064x", n);
	x.sha256 = sha256;
	op_artifact_add_setup(&x);
	return store_call(lab->store, &x.op);
}

static bool has_artifact(struct lab *lab, unsigned n)
{
	struct store_reader *r = store_reader_borrow(lab->store, NULL);
	char sha256[65];
	int64_t bytes;
	int rc;

	snprintf(sha256, sizeof(sha256), "%064x", n);
	rc = read_artifact_bytes(r, sha256, &bytes);
	store_reader_return(lab->store, r);
	return rc == 0;
}

#define FULL_ADDS 600

static void full_disk_fails_operations_and_recovers(void **state)
{
	struct lab *lab = *state;
	bool acknowledged[FULL_ADDS + 1] = {0};
	struct rlimit before, small;
	char wal[128];
	struct stat st;
	struct fault f = {0};
	int rc = 0, refused = 0, unhealthy = 0;

	signal(SIGXFSZ, SIG_IGN);
	snprintf(wal, sizeof(wal), "%s/hilda.db-wal", lab->folder);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = (rlim_t)st.st_size + 20000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	/* It may find room again by emptying its log; every answer must be the truth. */
	for (unsigned i = 0; i < FULL_ADDS && refused < 20; i++) {
		rc = add_artifact(lab, i);
		acknowledged[i] = rc == 0;
		refused += rc == -ENOSPC;
		unhealthy += rc && store_health(lab->store, &f) == -ENOSPC;
		if (rc && rc != -ENOSPC)
			break;
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(rc == 0 || rc == -ENOSPC);
	assert_true(refused > 0);
	assert_int_equal(unhealthy, refused);
	assert_non_null(strstr(f.text, "free space"));
	assert_int_equal(add_artifact(lab, FULL_ADDS), 0);
	acknowledged[FULL_ADDS] = true;
	assert_int_equal(store_health(lab->store, NULL), 0);
	for (int again = 0; again < 2; again++) {
		for (unsigned i = 0; i <= FULL_ADDS; i++)
			assert_int_equal(has_artifact(lab, i), acknowledged[i]);
		lab_reopen(lab);
	}
}

/* ---- versions and locks ---- */

static void a_second_server_on_the_folder_is_refused_by_name(void **state)
{
	struct lab *lab = *state;
	struct store_options o = {.folder = lab->folder};
	struct store *second = NULL;
	struct fault f = {0};
	char pid[32];

	assert_int_equal(store_open(&o, &second, &f), -EWOULDBLOCK);
	assert_null(second);
	snprintf(pid, sizeof(pid), "%d", getpid());
	assert_non_null(strstr(f.text, lab->folder));
	assert_non_null(strstr(f.text, pid));
}

static void execute(const char *folder, const char *text)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/hilda.db", folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_database_of_a_newer_version_is_refused(void **state)
{
	struct lab *lab = *state;
	struct fault f = {0};
	char back[80];

	lab_submit(lab, "mps3-an547", "");
	store_close(lab->store);
	lab->store = NULL;
	execute(lab->folder, "PRAGMA user_version = 999");
	assert_int_equal(lab_open(lab, &f), -EPROTO);
	assert_non_null(strstr(f.text, "version 999"));
	/* And left as it was. */
	snprintf(back, sizeof(back), "SELECT document FROM jobs; PRAGMA user_version = %d",
		STORE_SCHEMA_VERSION);
	execute(lab->folder, back);
	lab_reopen(lab);
	assert_job(lab, 1, "state", "queued");
}

static void an_older_version_is_migrated(void **state)
{
	struct lab *lab = *state;
	char folder[80];
	struct store_options o = {.folder = folder};
	struct store *s = NULL;
	struct fault f = {0};

	/* Version 0: a file that SQLite made and nobody filled. */
	snprintf(folder, sizeof(folder), "%s/older", lab->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	execute(folder, "PRAGMA journal_mode = DELETE; PRAGMA user_version = 0; VACUUM");
	if (store_open(&o, &s, &f))
		fail_msg("%s", f.text);
	store_close(s);
	execute(folder, "SELECT 1 FROM jobs; SELECT 1 FROM metrics");
}

/* The queue of a server before submitters took turns. */
static void a_queue_of_version_5_goes_on(void **state)
{
	static const char *const files[] = {"db/001-initial.sql", "db/002-captures.sql",
		"db/003-latest.sql", "db/004-suites.sql", "db/005-tokens.sql"};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t epoch, run;
	char path[96];

	store_close(lab->store);
	lab->store = NULL;
	snprintf(path, sizeof(path), "%s/hilda.db", lab->folder);
	assert_int_equal(unlink(path), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = NULL;
		size_t n;

		assert_int_equal(file_read(files[i], 1 << 20, &text, &n, NULL), 0);
		execute(lab->folder, text);
	}
	execute(lab->folder,
		"PRAGMA user_version = 5; INSERT INTO demands (id, text, board_type) VALUES (1,"
		" '{\"board\":{\"type\":\"mps3-an547\",\"tags\":[],\"name\":null},"
		"\"protocol\":\"uart-bench\",\"phases\":[\"warm\"]}', 'mps3-an547');"
		"INSERT INTO jobs (id, name, state, demand, image, priority, attempts_allowed, token,"
		" created_at, queue_deadline_at, document) VALUES (7, 'old', 'queued', 1, 'i', 50, 3,"
		" 'ada', 1789999990000, 1799999990000, '{}')");
	lab_reopen(lab);
	execute(lab->folder, "SELECT placing FROM jobs; SELECT served FROM submitters");
	lab_agent(lab, &a);
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_run(lab, run, "state", "offered");
	assert_job(lab, 7, "state", "active");
	lab_agent_done(&a);
}

static void a_migration_that_fails_leaves_the_version(void **state)
{
	struct lab *lab = *state;
	char folder[80];
	struct store_options o = {.folder = folder};
	struct store *s = NULL;
	struct fault f = {0};

	snprintf(folder, sizeof(folder), "%s/odd", lab->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	execute(folder, "CREATE TABLE artifacts (mine TEXT)");
	assert_true(store_open(&o, &s, &f) < 0);
	assert_non_null(strstr(f.text, "migration from version 0 to 1"));
	/* Nothing of the step is there: the same names can be made. */
	execute(folder, "CREATE TABLE jobs (mine TEXT); CREATE TABLE meta (mine TEXT)");
}

static void what_is_no_database_is_refused(void **state)
{
	struct lab *lab = *state;
	struct fault f = {0};
	char path[128], junk[4096];
	int fd;

	store_close(lab->store);
	lab->store = NULL;
	snprintf(path, sizeof(path), "%s/hilda.db", lab->folder);
	memset(junk, 'x', sizeof(junk));
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	close(fd);
	assert_true(lab_open(lab, &f) < 0);
	assert_non_null(strstr(f.text, "hilda.db"));
	unlink(path);
	lab_reopen(lab);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
	struct lab *lab = *state;
	char folder[128];
	struct store_options o = {.folder = folder};
	struct store *s = NULL;
	struct fault f = {0};

	/* A file stands where a folder is wanted: refused also for root. */
	snprintf(folder, sizeof(folder), "%s/hilda.db/data", lab->folder);
	assert_true(store_open(&o, &s, &f) < 0);
	assert_non_null(strstr(f.text, "hilda.db"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(live_leases_get_a_full_term_after_a_restart),
		LAB_TEST(leases_end_after_a_restart_too),
		LAB_TEST(replay_of_a_result_after_a_restart_is_the_same_answer),
		LAB_TEST(lineage_is_kept),
		LAB_TEST(nothing_acknowledged_is_lost_by_a_kill),
		LAB_TEST(a_kill_before_the_commit_leaves_nothing_after_it_everything),
		LAB_TEST(answers_lost_by_a_kill_are_given_again),
		LAB_TEST(a_kill_at_a_checkpoint_loses_nothing),
		LAB_TEST(a_kill_at_a_step_of_a_checkpoint_loses_nothing),
		LAB_TEST(full_disk_fails_operations_and_recovers),
		LAB_TEST(a_second_server_on_the_folder_is_refused_by_name),
		LAB_TEST(a_database_of_a_newer_version_is_refused),
		LAB_TEST(an_older_version_is_migrated),
		LAB_TEST(a_queue_of_version_5_goes_on),
		LAB_TEST(a_migration_that_fails_leaves_the_version),
		LAB_TEST(what_is_no_database_is_refused),
		LAB_TEST(a_folder_that_cannot_be_made_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
