/* register, acquire, start, heartbeat: sessions, epochs, replays, checks; boards in people's hands. */
#include "tests/unit/server/store/lab.h"

static json_t *item(json_t *o, const char *list, size_t i)
{
	return json_array_get(json_object_get(o, list), i);
}

static int64_t number(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void each_register_is_a_new_session(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0}, again = {0}, other = {0};

	lab_agent(lab, &a);
	lab_register(lab, &other, "bench-2", NULL, 0, NULL, 0);
	lab_agent(lab, &again);
	assert_int_equal(a.agent, again.agent);
	assert_int_not_equal(a.agent, other.agent);
	assert_true(again.session > other.session && other.session > a.session);
	assert_string_equal(
		json_string_value(json_object_get(a.reply, "lineage")), store_lineage(lab->store));
	assert_int_equal(number(a.reply, "lease_ms"), 60000);
	/* The old session is told to register again. */
	assert_int_equal(lab_start(lab, &a, 1, 1), -ESTALE);
	lab_agent_done(&a);
	lab_agent_done(&again);
	lab_agent_done(&other);
}

static void board_of_another_online_agent_is_refused_by_name(void **state)
{
	const struct op_register_board board = LAB_BOARD("m55-1", "mps3-an547");
	struct lab *lab = *state;
	struct lab_agent a = {0}, b = {0};
	json_t *o;

	lab_agent(lab, &a);
	lab_register(lab, &b, "bench-2", &board, 1, NULL, 0);
	o = item(b.reply, "boards", 0);
	assert_false(json_is_true(json_object_get(o, "accepted")));
	assert_non_null(
		strstr(json_string_value(json_object_get(o, "detail")), "agent bench-1 on host"));
	assert_board(lab, "m55-1", "agent", "bench-1");
	/* Once the other is offline the board may move. */
	lab_pass(lab, 70001);
	lab_reap(lab);
	lab_register(lab, &b, "bench-2", &board, 1, NULL, 0);
	assert_true(json_is_true(json_object_get(item(b.reply, "boards", 0), "accepted")));
	assert_board(lab, "m55-1", "agent", "bench-2");
	lab_agent_done(&a);
	lab_agent_done(&b);
}

static void the_higher_epoch_wins(void **state)
{
	struct op_register_board board = LAB_BOARD("m55-1", "mps3-an547");
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t epoch;

	board.epoch = 17;
	lab_register(lab, &a, "bench-1", &board, 1, NULL, 0);
	assert_int_equal(number(item(a.reply, "boards", 0), "epoch"), 17);
	board.epoch = 5;
	lab_register(lab, &a, "bench-1", &board, 1, NULL, 0);
	assert_int_equal(number(item(a.reply, "boards", 0), "epoch"), 17);
	lab_submit(lab, "mps3-an547", "");
	assert_int_not_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	assert_int_equal(epoch, 18);
	lab_agent_done(&a);
}

static void runs_not_listed_are_lost_at_once_and_listed_ones_live(void **state)
{
	const struct op_register_board boards[] = {
		LAB_BOARD("a", "t"), LAB_BOARD("b", "t"), LAB_BOARD("c", "t")};
	const char *names[] = {"a", "b", "c"};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct op_held_run held[2];
	int64_t runs[3], epochs[3];
	json_t *reply;

	lab_register(lab, &a, "bench-1", boards, 3, NULL, 0);
	for (int i = 0; i < 3; i++)
		lab_submit(lab, "t", "");
	reply = lab_claim(lab, &a, "q", names, 3);
	for (size_t i = 0; i < 3; i++) {
		runs[i] = number(item(reply, "offers", i), "run");
		epochs[i] = number(item(reply, "offers", i), "epoch");
	}
	json_decref(reply);
	assert_int_equal(lab_start(lab, &a, runs[0], epochs[0]), 0);
	assert_int_equal(lab_start(lab, &a, runs[1], epochs[1]), 0);
	held[0] = (struct op_held_run){.run = runs[0], .epoch = epochs[0]};
	held[1] = (struct op_held_run){.run = 12345, .epoch = 1};
	lab_register(lab, &a, "bench-1", boards, 3, held, 2);
	assert_int_equal(json_array_size(json_object_get(a.reply, "lost")), 1);
	assert_int_equal(json_integer_value(item(a.reply, "lost", 0)), 12345);
	assert_run(lab, runs[0], "state", "running");
	assert_run(lab, runs[1], "state", "lost");
	assert_run(lab, runs[2], "state", "released");
	assert_int_equal(lab_start(lab, &a, runs[1], epochs[1]), -EOWNERDEAD);
	lab_agent_done(&a);
}

static void boards_not_listed_any_more_go_offline(void **state)
{
	const struct op_register_board boards[] = {LAB_BOARD("a", "t"), LAB_BOARD("b", "t")};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	json_t *o;

	lab_register(lab, &a, "bench-1", boards, 2, NULL, 0);
	lab_register(lab, &a, "bench-1", boards, 1, NULL, 0);
	o = lab_board(lab, "b");
	assert_true(json_is_false(json_object_get(o, "online")));
	json_decref(o);
	o = lab_board(lab, "a");
	assert_true(json_is_true(json_object_get(o, "online")));
	json_decref(o);
	lab_agent_done(&a);
}

static void same_request_gives_the_same_offers(void **state)
{
	const char *board = "m55-1";
	struct lab *lab = *state;
	struct lab_agent a = {0};
	json_t *first, *again, *offer;

	lab_agent(lab, &a);
	lab_submit(lab, "mps3-an547", "");
	lab_submit(lab, "mps3-an547", "");
	first = lab_claim(lab, &a, "q1", &board, 1);
	offer = item(first, "offers", 0);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(offer, "image"), "sha256")),
		&LAB_IMAGE[7]);
	assert_int_equal(number(offer, "attempt"), 1);
	assert_true(json_is_object(json_object_get(offer, "document")));
	again = lab_claim(lab, &a, "q1", &board, 1);
	assert_true(json_equal(first, again));
	json_decref(again);
	/* The answer was lost and the agent asks anew: still the same, never a second. */
	again = lab_claim(lab, &a, "q2", &board, 1);
	assert_true(json_equal(first, again));
	json_decref(again);
	lab_reopen(lab);
	again = lab_claim(lab, &a, "q1", &board, 1);
	assert_true(json_equal(first, again));
	json_decref(again);
	json_decref(first);
	lab_agent_done(&a);
}

static void start_can_be_repeated_and_needs_the_right_epoch_and_agent(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0}, other = {0};
	int64_t job = lab_submit(lab, "mps3-an547", ""), run, epoch;

	lab_agent(lab, &a);
	lab_register(lab, &other, "bench-2", NULL, 0, NULL, 0);
	run = lab_offer(lab, &a, "m55-1", &epoch);
	assert_int_equal(lab_start(lab, &a, run, epoch + 1), -EOWNERDEAD);
	assert_int_equal(lab_start(lab, &other, run, epoch), -EOWNERDEAD);
	assert_int_equal(lab_start(lab, &a, run + 1000, epoch), -ENOENT);
	assert_run(lab, run, "state", "offered");
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	assert_int_equal(lab_start(lab, &a, run, epoch), 0);
	assert_job(lab, job, "attempts", "1");
	lab_agent_done(&a);
	lab_agent_done(&other);
}

static void a_board_has_one_live_run_and_only_its_own_agent_claims_it(void **state)
{
	const char *board = "m55-1";
	struct lab *lab = *state;
	struct lab_agent a = {0}, thief = {0};
	int64_t job, epoch;
	json_t *reply;

	lab_agent(lab, &a);
	lab_running(lab, &a, &job, &epoch);
	lab_submit(lab, "mps3-an547", "");
	assert_int_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	lab_register(lab, &thief, "thief", NULL, 0, NULL, 0);
	reply = lab_claim(lab, &thief, "q", &board, 1);
	assert_int_equal(json_array_size(json_object_get(reply, "offers")), 0);
	json_decref(reply);
	lab_agent_done(&a);
	lab_agent_done(&thief);
}

static void a_board_gets_only_what_it_can_do(void **state)
{
	json_t *tags = json_pack("[s]", "helium"), *phases = json_pack("[s]", "warm");
	json_t *protocols = json_pack("[s]", "uart-bench");
	struct op_register_board board = LAB_BOARD("m55-1", "mps3-an547");
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t no_tag = lab_submit(lab, "mps3-an547", ""), fits, epoch;

	board.tags = tags;
	board.phases = phases;
	board.protocols = protocols;
	lab_register(lab, &a, "bench-1", &board, 1, NULL, 0);
	lab_submit(lab, "other", "");
	(void)no_tag;
	assert_int_not_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	lab_pass(lab, 20000);
	lab_reap(lab);
	assert_int_not_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	assert_job(lab, no_tag, "state", "active");
	json_decref(tags);
	json_decref(phases);
	json_decref(protocols);
	fits = lab_submit(lab, "nowhere", "");
	assert_job(lab, fits, "waits_for", "no board of type nowhere is registered");
	lab_agent_done(&a);
}

static void a_job_waits_for_what_its_board_waits_for(void **state)
{
	struct op_heartbeat_board b = {.name = "m55-1",
		.online = true,
		.detail = "waits for PPK2 E1, which board m4-1 uses"};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job;

	lab_agent(lab, &a);
	job = lab_submit(lab, "mps3-an547", "");
	json_decref(lab_beat(lab, &a, NULL, 0, &b, 1));
	assert_job(lab, job, "waits_for", "board m55-1 waits for PPK2 E1, which board m4-1 uses");
	b.detail = "";
	json_decref(lab_beat(lab, &a, NULL, 0, &b, 1));
	assert_job(lab, job, "waits_for",
		"board m55-1 is free: the job is next in line or behind jobs of higher priority");
	lab_agent_done(&a);
}

static void a_check_is_told_once_by_acquire_and_by_every_heartbeat(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct op_offer_claim x = {0};
	int64_t job, epoch, run;
	json_t *reply;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	lab_result(lab, run, epoch, OUTCOME_INFRASTRUCTURE, "r", NULL, NULL);
	for (int i = 0; i < 2; i++) {
		x = (struct op_offer_claim){.session = a.session, .request = "q"};
		op_offer_claim_setup(&x);
		assert_int_equal(store_call(lab->store, &x.op), 0);
		assert_int_equal(x.n_checks, i == 0);
		op_offer_claim_done(&x);
	}
	reply = lab_beat(lab, &a, NULL, 0, NULL, 0);
	assert_string_equal(
		json_string_value(json_object_get(item(reply, "checks", 0), "board")), "m55-1");
	assert_int_equal(number(item(reply, "checks", 0), "epoch"), 1);
	json_decref(reply);
	lab_agent_done(&a);
}

static void an_old_or_doubtful_attestation_does_not_bring_a_board_back(void **state)
{
	struct op_heartbeat_board b = {
		.name = "m55-1", .epoch = 0, .online = true, .lock_free = true};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	lab_result(lab, run, epoch, OUTCOME_INFRASTRUCTURE, "r", NULL, NULL);
	json_decref(lab_beat(lab, &a, NULL, 0, &b, 1));
	assert_board(lab, "m55-1", "state", "quarantined");
	b.epoch = 1;
	b.lock_free = false;
	b.detail = "the probe's lock is held by pid 7";
	json_decref(lab_beat(lab, &a, NULL, 0, &b, 1));
	assert_board(lab, "m55-1", "state", "quarantined");
	b.lock_free = true;
	json_decref(lab_beat(lab, &a, NULL, 0, &b, 1));
	assert_board(lab, "m55-1", "state", "ready");
	lab_agent_done(&a);
}

static void a_silent_agent_goes_offline_and_comes_back(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t epoch;
	json_t *o;

	lab_agent(lab, &a);
	lab_pass(lab, 60000);
	store_touch_agent(lab->store, a.agent);
	lab_pass(lab, 60000);
	lab_reap(lab);
	o = lab_read(lab, read_agent, a.agent);
	assert_true(json_is_true(json_object_get(o, "online")));
	json_decref(o);
	lab_pass(lab, 10001);
	lab_reap(lab);
	o = lab_read(lab, read_agent, a.agent);
	assert_true(json_is_false(json_object_get(o, "online")));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(o, "boards"), 0)), "m55-1");
	json_decref(o);
	o = lab_board(lab, "m55-1");
	assert_true(json_is_false(json_object_get(o, "online")));
	json_decref(o);
	lab_submit(lab, "mps3-an547", "");
	/* Same session: it was only slow. */
	assert_int_not_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	o = lab_board(lab, "m55-1");
	assert_true(json_is_true(json_object_get(o, "online")));
	json_decref(o);
	lab_agent_done(&a);
}

static void many_boards_are_served_in_one_claim(void **state)
{
	enum { N = 150 };
	static char names[N][16];
	static struct op_register_board boards[N];
	static const char *list[N];
	struct lab *lab = *state;
	struct lab_agent a = {0};
	json_t *reply;

	for (size_t i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "b%03zu", i);
		boards[i] = (struct op_register_board){
			.name = names[i], .type = i == N - 1 ? "rare" : "common", .online = true};
		list[i] = names[i];
	}
	lab_register(lab, &a, "bench-1", boards, N, NULL, 0);
	for (size_t i = 0; i < 70; i++)
		lab_submit(lab, "common", "");
	lab_submit(lab, "rare", "");
	reply = lab_claim(lab, &a, "q", list, N);
	assert_int_equal(json_array_size(json_object_get(reply, "offers")), 71);
	json_decref(reply);
	lab_agent_done(&a);
}

/* ---- people and boards ---- */

static int update(struct lab *lab, const char *name, enum board_action action, const char *reason,
	int64_t until_ms)
{
	struct op_board_update x = {.name = name,
		.action = action,
		.reason = reason,
		.until_ms = until_ms,
		.admin = true};

	op_board_update_setup(&x);
	return store_call(lab->store, &x.op);
}

static void a_drained_board_gets_no_job_until_released(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch;

	lab_agent(lab, &a);
	assert_int_equal(update(lab, "m55-1", BOARD_DRAIN, "new cable", 0), 0);
	assert_board(lab, "m55-1", "state", "drained");
	assert_board(lab, "m55-1", "reason", "new cable");
	job = lab_submit(lab, "mps3-an547", "");
	assert_int_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	assert_job(lab, job, "waits_for", "board m55-1 is drained: new cable");
	assert_int_equal(update(lab, "m55-1", BOARD_RELEASE, NULL, 0), 0);
	assert_int_not_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	assert_int_equal(update(lab, "nobody", BOARD_DRAIN, "", 0), -ENOENT);
	lab_agent_done(&a);
}

static void draining_a_busy_board_waits_for_its_run(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	assert_int_equal(update(lab, "m55-1", BOARD_DRAIN, "later", 0), 0);
	assert_board(lab, "m55-1", "state", "busy");
	assert_board(lab, "m55-1", "hold", "drained");
	assert_int_equal(update(lab, "m55-1", BOARD_HEALTH, "", 0), -EBUSY);
	lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL);
	assert_board(lab, "m55-1", "state", "drained");
	assert_board(lab, "m55-1", "reason", "later");
	lab_agent_done(&a);
}

static void a_reservation_ends_by_itself(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};

	lab_agent(lab, &a);
	assert_int_equal(update(lab, "m55-1", BOARD_RESERVE, "for Ada", lab->wall_ms + 5000), 0);
	assert_board(lab, "m55-1", "state", "reserved");
	lab_pass(lab, 4000);
	lab_reap(lab);
	assert_board(lab, "m55-1", "state", "reserved");
	lab_pass(lab, 1001);
	lab_reap(lab);
	assert_board(lab, "m55-1", "state", "ready");
	lab_agent_done(&a);
}

static void a_second_drain_learns_of_the_first(void **state)
{
	struct op_board_update first = {
		.name = "m55-1", .action = BOARD_DRAIN, .reason = "new cable", .admin = true};
	struct op_board_update second = {
		.name = "m55-1", .action = BOARD_DRAIN, .reason = "moving house", .admin = true};
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	op_board_update_setup(&first);
	op_board_update_setup(&second);
	assert_int_equal(store_call(lab->store, &first.op), 0);
	assert_int_equal(store_call(lab->store, &second.op), -EBUSY);
	assert_non_null(strstr(second.op.fault.text, "as soon as it is idle: new cable"));
	/* The same word again is no other wish. */
	assert_int_equal(store_call(lab->store, &first.op), 0);
	/* Its job goes on to its end, and no other follows. */
	assert_run(lab, run, "state", "running");
	lab_submit(lab, "mps3-an547", "");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	assert_board(lab, "m55-1", "state", "drained");
	assert_board(lab, "m55-1", "reason", "new cable");
	assert_int_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	assert_int_equal(store_call(lab->store, &second.op), -EBUSY);
	assert_null(strstr(second.op.fault.text, "as soon as"));
	first.action = BOARD_RELEASE;
	assert_int_equal(store_call(lab->store, &first.op), 0);
	assert_int_equal(store_call(lab->store, &second.op), 0);
	assert_board(lab, "m55-1", "reason", "moving house");
	lab_agent_done(&a);
}

static void beats_with(
	struct lab *lab, const struct lab_agent *a, bool lock_free, const char *detail)
{
	const struct op_heartbeat_board b = {.name = "m55-1",
		.epoch = 1000,
		.online = true,
		.lock_free = lock_free,
		.detail = detail};

	json_decref(lab_beat(lab, a, NULL, 0, &b, 1));
}

/* A board whose check fails stays away and says why; the one that passes brings it back. */
static void a_failed_check_is_the_boards_reason(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;

	lab_agent(lab, &a);
	run = lab_running(lab, &a, &job, &epoch);
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_INFRASTRUCTURE, "r", NULL, NULL), 0);
	beats_with(lab, &a, false, "the health check failed in boot: no banner");
	assert_board(lab, "m55-1", "state", "quarantined");
	assert_board(lab, "m55-1", "reason", "the health check failed in boot: no banner");
	assert_int_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	beats_with(lab, &a, true, "");
	assert_board(lab, "m55-1", "state", "ready");
	assert_board(lab, "m55-1", "reason", "");
	assert_int_not_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	lab_agent_done(&a);
}

static void boards_are_checked_now_and_then(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	int64_t job, epoch, run;

	lab->health_every_ms = 3600000;
	lab_reopen(lab);
	lab_agent(lab, &a);
	lab_reap(lab);
	assert_board(lab, "m55-1", "state", "quarantined");
	beats_with(lab, &a, true, "");
	assert_board(lab, "m55-1", "state", "ready");
	lab_pass(lab, 3599000);
	beats_with(lab, &a, false, "");
	lab_reap(lab);
	assert_board(lab, "m55-1", "state", "ready");
	/* At work when its time comes: after that, before the next job. */
	run = lab_running(lab, &a, &job, &epoch);
	lab_pass(lab, 2000);
	lab_reap(lab);
	assert_board(lab, "m55-1", "state", "busy");
	lab_submit(lab, "mps3-an547", "");
	assert_int_equal(lab_result(lab, run, epoch, OUTCOME_PASSED, "r", NULL, NULL), 0);
	assert_board(lab, "m55-1", "state", "quarantined");
	assert_int_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	beats_with(lab, &a, true, "");
	assert_int_not_equal(lab_offer(lab, &a, "m55-1", &epoch), 0);
	lab_agent_done(&a);
}

/* Without scope admin. */
static int as(struct lab *lab, const char *who, enum board_action action, int64_t until_ms)
{
	struct op_board_update x = {
		.name = "m55-1", .action = action, .reason = "r", .until_ms = until_ms, .who = who};

	op_board_update_setup(&x);
	return store_call(lab->store, &x.op);
}

static void a_reservation_is_its_owners(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};
	struct op_board_open open = {.name = "m55-1", .who = "ada"};

	lab_agent(lab, &a);
	op_board_open_setup(&open);
	assert_int_equal(store_call(lab->store, &open.op), -EACCES);
	assert_int_equal(as(lab, "ada", BOARD_RESERVE, lab->wall_ms + 5000), 0);
	assert_board(lab, "m55-1", "hold_owner", "ada");
	assert_int_equal(as(lab, "bob", BOARD_RESERVE, lab->wall_ms + 5000), -EBUSY);
	assert_int_equal(as(lab, "bob", BOARD_RELEASE, 0), -EACCES);
	assert_int_equal(store_call(lab->store, &open.op), 0);
	assert_int_equal(open.until_ms, lab->wall_ms + 5000);
	open.who = "bob";
	assert_int_equal(store_call(lab->store, &open.op), -EACCES);
	assert_int_equal(as(lab, "ada", BOARD_RELEASE, 0), 0);
	assert_board(lab, "m55-1", "state", "ready");
	/* A drain is an administrator's. */
	assert_int_equal(update(lab, "m55-1", BOARD_DRAIN, "cable", 0), 0);
	assert_int_equal(as(lab, "ada", BOARD_RESERVE, lab->wall_ms + 5000), -EBUSY);
	assert_int_equal(as(lab, "ada", BOARD_RELEASE, 0), -EACCES);
	lab_agent_done(&a);
}

static void a_health_check_can_be_asked_for(void **state)
{
	struct lab *lab = *state;
	struct lab_agent a = {0};

	lab_agent(lab, &a);
	assert_int_equal(update(lab, "m55-1", BOARD_HEALTH, "looks odd", 0), 0);
	assert_board(lab, "m55-1", "state", "quarantined");
	assert_board(lab, "m55-1", "reason", "looks odd");
	lab_attest(lab, &a, "m55-1");
	assert_board(lab, "m55-1", "state", "ready");
	assert_board(lab, "m55-1", "reason", "");
	lab_agent_done(&a);
}

/* What a waiting acquire is woken for: the types of its boards that stay without a job. */
static void a_claim_says_which_types_it_still_wants(void **state)
{
	struct lab *lab = *state;
	const struct op_register_board boards[] = {
		LAB_BOARD("a-1", "one"), LAB_BOARD("b-1", "two")};
	const char *names[] = {"a-1", "b-1"};
	struct op_offer_claim x = {.request = "r", .boards = names, .n_boards = 2};
	struct lab_agent a = {0};

	lab_register(lab, &a, "bench-1", boards, 2, NULL, 0);
	lab_submit(lab, "two", "");
	x.session = a.session;
	op_offer_claim_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	assert_int_equal(x.n_offers, 1);
	assert_true(x.wants == store_type_bits("one"));
	assert_true(store_type_bits("one") != store_type_bits("two"));
	assert_true(store_type_bits("") == UINT64_MAX);
	op_offer_claim_done(&x);
	lab_agent_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(each_register_is_a_new_session),
		LAB_TEST(board_of_another_online_agent_is_refused_by_name),
		LAB_TEST(the_higher_epoch_wins),
		LAB_TEST(runs_not_listed_are_lost_at_once_and_listed_ones_live),
		LAB_TEST(boards_not_listed_any_more_go_offline),
		LAB_TEST(same_request_gives_the_same_offers),
		LAB_TEST(start_can_be_repeated_and_needs_the_right_epoch_and_agent),
		LAB_TEST(a_board_has_one_live_run_and_only_its_own_agent_claims_it),
		LAB_TEST(a_board_gets_only_what_it_can_do),
		LAB_TEST(a_job_waits_for_what_its_board_waits_for),
		LAB_TEST(a_check_is_told_once_by_acquire_and_by_every_heartbeat),
		LAB_TEST(an_old_or_doubtful_attestation_does_not_bring_a_board_back),
		LAB_TEST(a_silent_agent_goes_offline_and_comes_back),
		LAB_TEST(many_boards_are_served_in_one_claim),
		LAB_TEST(a_drained_board_gets_no_job_until_released),
		LAB_TEST(draining_a_busy_board_waits_for_its_run),
		LAB_TEST(a_reservation_ends_by_itself),
		LAB_TEST(a_reservation_is_its_owners),
		LAB_TEST(a_health_check_can_be_asked_for),
		LAB_TEST(a_second_drain_learns_of_the_first),
		LAB_TEST(a_failed_check_is_the_boards_reason),
		LAB_TEST(boards_are_checked_now_and_then),
		LAB_TEST(a_claim_says_which_types_it_still_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
