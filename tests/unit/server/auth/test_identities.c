/* Tokens that are alive, on a real store with virtual time: found, over, revoked, too often, traded. */
#include "server/auth/identities.h"

#include <pthread.h>
#include <sqlite3.h>

#include "server/auth/auth.h"
#include "server/auth/scope.h"
#include "tests/unit/server/store/lab.h"

static const struct rate fast = {.per_s = 0, .burst = 1};

static int try_create(struct lab *lab, const char *name, int64_t expires_ms,
	struct token_parts *parts, int64_t *token)
{
	int rc;
	char text[TOKEN_TEXT_BYTES];
	struct op_token_create x = {
		.name = name, .scopes = SCOPE_BIT(SCOPE_READ), .expires_ms = expires_ms};

	token_make(TOKEN_ACCESS, text, parts);
	x.public = parts->public;
	x.secret = parts->hash;
	op_token_create_setup(&x);
	rc = store_call(lab->store, &x.op);
	*token = x.token;
	return rc;
}

static int64_t create(
	struct lab *lab, const char *name, int64_t expires_ms, struct token_parts *parts)
{
	int64_t token;

	assert_int_equal(try_create(lab, name, expires_ms, parts, &token), 0);
	return token;
}

static void one_is_found_by_its_secret_until_it_is_over_or_revoked(void **state)
{
	struct lab *lab = *state;
	struct token_parts ada, bob, wrong;
	int64_t token = create(lab, "ada", lab->wall_ms + 1000, &ada);
	struct op_token_revoke revoke = {.token = create(lab, "bob", 0, &bob)};
	struct identities *all;
	struct identity who;

	assert_int_equal(identities_open(lab->store, &fast, &all, NULL), 0);
	assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_GOOD);
	assert_string_equal(who.name, "ada");
	assert_int_equal(who.token, token);
	wrong = ada;
	wrong.hash[31] ^= 1;
	assert_int_equal(identities_find(all, &wrong, lab->wall_ms, &who), IDENTITY_UNKNOWN);
	assert_int_equal(identities_find(all, &ada, lab->wall_ms + 1000, &who), IDENTITY_EXPIRED);
	assert_int_equal(identities_again(all, token, lab->wall_ms, &who), IDENTITY_GOOD);
	op_token_revoke_setup(&revoke);
	assert_int_equal(store_call(lab->store, &revoke.op), 0);
	assert_int_equal(identities_find(all, &bob, lab->wall_ms, &who), IDENTITY_GOOD);
	assert_int_equal(identities_reload(all), 0);
	assert_int_equal(identities_find(all, &bob, lab->wall_ms, &who), IDENTITY_UNKNOWN);
	assert_int_equal(identities_again(all, revoke.token, lab->wall_ms, &who), IDENTITY_UNKNOWN);
	identities_close(all);
}

static void a_bucket_outlives_a_reload(void **state)
{
	const struct rate slow = {.per_s = 1, .burst = 2};
	struct lab *lab = *state;
	struct token_parts first, ada, last;
	struct op_token_revoke revoke = {.token = create(lab, "first", 0, &first)};
	struct identities *all;
	struct identity who;

	create(lab, "ada", 0, &ada);
	assert_int_equal(identities_open(lab->store, &slow, &all, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_GOOD);
	assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_HURRIED);
	assert_int_equal(who.wait_ms, 1000);
	/* One before it goes, one behind it comes. */
	op_token_revoke_setup(&revoke);
	assert_int_equal(store_call(lab->store, &revoke.op), 0);
	create(lab, "last", 0, &last);
	assert_int_equal(identities_reload(all), 0);
	assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_HURRIED);
	assert_int_equal(identities_find(all, &last, lab->wall_ms, &who), IDENTITY_GOOD);
	lab_pass(lab, 1000);
	assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_GOOD);
	identities_close(all);
}

/* What is past its time may still end its run, but no oftener than others. */
static void a_token_past_its_time_takes_from_its_bucket(void **state)
{
	const struct rate slow = {.per_s = 1, .burst = 2};
	struct lab *lab = *state;
	struct token_parts ada;
	struct identities *all;
	struct identity who;

	create(lab, "ada", lab->wall_ms, &ada);
	assert_int_equal(identities_open(lab->store, &slow, &all, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_EXPIRED);
	assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_HURRIED);
	assert_true(who.wait_ms > 0);
	assert_true(identity_is_over(&who, lab->wall_ms));
	assert_false(identity_is_over(&who, lab->wall_ms - 1));
	identities_close(all);
}

/* ---- reloads ---- */

static void sql(struct lab *lab, const char *text)
{
	char path[96];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/hilda.db", lab->folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

#define THREADS 4
#define CHANGES 20
#define LOOKS 100

struct changer {
	pthread_t thread;
	struct lab *lab;
	struct identities *all;
	int number, failed, wrong;
};

/* What somebody has changed and read anew is so from there on, whoever else reads. */
static void *change(void *arg)
{
	struct changer *c = arg;

	for (int i = 0; i < CHANGES; i++) {
		char name[32];
		struct token_parts parts;
		struct op_token_revoke revoke = {0};
		struct identity who;

		snprintf(name, sizeof(name), "t%d-%d", c->number, i);
		/* An assertion is for the test's own thread. */
		c->failed += try_create(c->lab, name, 0, &parts, &revoke.token) != 0;
		c->failed += identities_reload(c->all) != 0;
		for (int k = 0; k < LOOKS; k++)
			c->wrong += identities_find(c->all, &parts, c->lab->wall_ms, &who) !=
				IDENTITY_GOOD;
		op_token_revoke_setup(&revoke);
		c->failed += store_call(c->lab->store, &revoke.op) != 0;
		c->failed += identities_reload(c->all) != 0;
		for (int k = 0; k < LOOKS; k++)
			c->wrong += identities_find(c->all, &parts, c->lab->wall_ms, &who) !=
				IDENTITY_UNKNOWN;
	}
	return NULL;
}

static void an_older_list_never_comes_behind_a_newer_one(void **state)
{
	struct lab *lab = *state;
	struct changer changers[THREADS];
	struct identities *all;

	/* So many that a read takes its time. */
	sql(lab,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
		" INSERT INTO tokens (public, secret, name, scopes, host, created_at)"
		" SELECT printf('%012d', i), zeroblob(32), 'n' || i, 2, '', 1 FROM n");
	assert_int_equal(identities_open(lab->store, &fast, &all, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		changers[i] = (struct changer){.lab = lab, .all = all, .number = i};
		assert_int_equal(
			pthread_create(&changers[i].thread, NULL, change, &changers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(changers[i].thread, NULL);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(changers[i].failed, 0);
		assert_int_equal(changers[i].wrong, 0);
	}
	identities_close(all);
}

static void a_reload_that_failed_is_tried_again_by_each_lookup(void **state)
{
	struct lab *lab = *state;
	struct token_parts ada;
	struct op_token_revoke revoke = {.token = create(lab, "ada", 0, &ada)};
	struct identities *all;
	struct identity who;

	assert_int_equal(identities_open(lab->store, &fast, &all, NULL), 0);
	op_token_revoke_setup(&revoke);
	assert_int_equal(store_call(lab->store, &revoke.op), 0);
	sql(lab, "ALTER TABLE tokens RENAME TO away");
	assert_int_not_equal(identities_reload(all), 0);
	assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_GOOD);
	sql(lab, "ALTER TABLE away RENAME TO tokens");
	assert_int_equal(identities_find(all, &ada, lab->wall_ms, &who), IDENTITY_UNKNOWN);
	identities_close(all);
}

/* Nothing but the end of its state is left of a request whose caller is gone. */
static void a_change_is_known_though_nobody_waits_for_its_answer(void **state)
{
	struct lab *lab = *state;
	struct token_parts ada;
	struct op_token_revoke revoke = {.token = create(lab, "ada", 0, &ada)};
	struct auth_change change = {0};
	struct identity who;

	auth_change_done(&change); /* nothing was begun */
	assert_int_equal(identities_open(lab->store, &fast, &change.identities, NULL), 0);
	op_token_revoke_setup(&revoke);
	assert_int_equal(store_call(lab->store, &revoke.op), 0);
	change.op = &revoke.op;
	auth_change_done(&change);
	assert_int_equal(
		identities_find(change.identities, &ada, lab->wall_ms, &who), IDENTITY_UNKNOWN);
	identities_close(change.identities);
}

/* ---- enrolment ---- */

static int64_t offer(struct lab *lab, const char *host, int64_t term_ms, struct token_parts *word)
{
	char text[TOKEN_TEXT_BYTES];
	struct op_enrolment_create x = {.host = host, .expires_ms = lab->wall_ms + term_ms};

	token_make(TOKEN_ENROLMENT, text, word);
	x.public = word->public;
	x.secret = word->hash;
	op_enrolment_create_setup(&x);
	assert_int_equal(store_call(lab->store, &x.op), 0);
	return x.enrolment;
}

static int trade(struct lab *lab, const struct token_parts *word, struct token_parts *token)
{
	char text[TOKEN_TEXT_BYTES];
	struct op_enroll x = {.word_public = word->public, .word_secret = word->hash};

	token_make(TOKEN_ACCESS, text, token);
	x.public = token->public;
	x.secret = token->hash;
	op_enroll_setup(&x);
	return store_call(lab->store, &x.op);
}

static void a_word_is_good_once_in_its_time_and_for_its_host(void **state)
{
	struct lab *lab = *state;
	struct token_parts word, wrong, late, again, first, second, unused;
	struct identities *all;
	struct identity who;

	offer(lab, "bench-3", 1000, &word);
	offer(lab, "bench-4", 1000, &late);
	wrong = word;
	wrong.hash[0] ^= 1;
	assert_int_equal(trade(lab, &wrong, &unused), -ENOENT);
	lab_pass(lab, 999);
	assert_int_equal(trade(lab, &word, &first), 0);
	assert_int_equal(trade(lab, &word, &unused), -EALREADY);
	lab_pass(lab, 1);
	assert_int_equal(trade(lab, &late, &unused), -EKEYEXPIRED);
	assert_int_equal(trade(lab, &word, &unused), -EALREADY);
	assert_int_equal(identities_open(lab->store, &fast, &all, NULL), 0);
	assert_int_equal(identities_find(all, &first, lab->wall_ms, &who), IDENTITY_GOOD);
	assert_string_equal(who.host, "bench-3");
	assert_int_equal(who.scopes, SCOPE_BIT(SCOPE_AGENT));
	/* Once more: the token of before is good no longer. */
	offer(lab, "bench-3", 1000, &again);
	assert_int_equal(trade(lab, &again, &second), 0);
	assert_int_equal(identities_reload(all), 0);
	assert_int_equal(identities_find(all, &first, lab->wall_ms, &who), IDENTITY_UNKNOWN);
	assert_int_equal(identities_find(all, &second, lab->wall_ms, &who), IDENTITY_GOOD);
	identities_close(all);
}

static void a_host_has_one_living_word_and_none_behind_a_trade_or_a_revocation(void **state)
{
	struct lab *lab = *state;
	struct token_parts older, newer, other, spare, token, unused;
	struct op_token_revoke revoke = {0};
	struct identities *all;
	struct identity who;

	offer(lab, "bench-4", 1000, &other);
	offer(lab, "bench-3", 1000, &older);
	offer(lab, "bench-3", 1000, &newer);
	assert_int_equal(trade(lab, &older, &unused), -EALREADY);
	assert_int_equal(trade(lab, &newer, &token), 0);
	/* Somebody who kept a word does not come back by it once the token is revoked. */
	offer(lab, "bench-3", 1000, &spare);
	assert_int_equal(identities_open(lab->store, &fast, &all, NULL), 0);
	assert_int_equal(identities_find(all, &token, lab->wall_ms, &who), IDENTITY_GOOD);
	identities_close(all);
	revoke.token = who.token;
	op_token_revoke_setup(&revoke);
	assert_int_equal(store_call(lab->store, &revoke.op), 0);
	assert_int_equal(trade(lab, &spare, &unused), -EALREADY);
	/* Another host's is as it was. */
	assert_int_equal(trade(lab, &other, &unused), 0);
}

static void a_persons_token_is_not_taken_by_an_agent_of_its_name(void **state)
{
	struct lab *lab = *state;
	struct token_parts word, ada, unused;
	struct op_token_revoke revoke;

	offer(lab, "ada", 1000, &word);
	revoke.token = create(lab, "ada", 0, &ada);
	assert_int_equal(trade(lab, &word, &unused), -EEXIST);
	/* It was not spent. */
	revoke = (struct op_token_revoke){.token = revoke.token};
	op_token_revoke_setup(&revoke);
	assert_int_equal(store_call(lab->store, &revoke.op), 0);
	assert_int_equal(trade(lab, &word, &unused), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(one_is_found_by_its_secret_until_it_is_over_or_revoked),
		LAB_TEST(a_bucket_outlives_a_reload),
		LAB_TEST(a_token_past_its_time_takes_from_its_bucket),
		LAB_TEST(an_older_list_never_comes_behind_a_newer_one),
		LAB_TEST(a_reload_that_failed_is_tried_again_by_each_lookup),
		LAB_TEST(a_change_is_known_though_nobody_waits_for_its_answer),
		LAB_TEST(a_word_is_good_once_in_its_time_and_for_its_host),
		LAB_TEST(a_host_has_one_living_word_and_none_behind_a_trade_or_a_revocation),
		LAB_TEST(a_persons_token_is_not_taken_by_an_agent_of_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
