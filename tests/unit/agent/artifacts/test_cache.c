#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "agent/artifacts/cache.h"
#include "common/sha256.h"
#include "tests/unit/agent/temporary.h"

static int64_t now_ms;
static unsigned fetched;
static const char *served; /* what the server sends */

static int64_t wall(void *arg)
{
	return now_ms++;
}

static const struct clock virtual_clock = {.wall_ms = wall};

static int fetch(
	void *arg, const char *sha256, int fd, int64_t timeout_ms, int cancel_fd, struct fault *f)
{
	__atomic_add_fetch(&fetched, 1, __ATOMIC_RELAXED);
	if (!served)
		return fault_set(f, EREMOTEIO, "no artifact %s", sha256);
	return file_write_all(fd, served, strlen(served));
}

static struct cache *open_cache(uint64_t cap)
{
	struct cache_options o = {
		.folder = temporary, .cap_bytes = cap, .clock = &virtual_clock, .fetch = fetch};
	struct cache *c;
	struct fault f;

	assert_int_equal(cache_open(&o, &c, &f), 0);
	return c;
}

static int get(struct cache *c, const char *content, char hash[SHA256_HEX_BYTES], struct fault *f)
{
	char path[FILE_PATH_BYTES];

	served = content;
	sha256_hex(content, strlen(content), hash);
	return cache_get(c, hash, 1000, -1, path, f);
}

static bool there(const char *hash)
{
	return access(in_temporary(hash), F_OK) == 0;
}

static int setup(void **state)
{
	fetched = 0;
	now_ms = 1000;
	return make_temporary(state);
}

static void an_artifact_is_fetched_once_also_over_restarts(void **state)
{
	struct cache *c = open_cache(1000);
	char hash[SHA256_HEX_BYTES];
	struct fault f;

	assert_int_equal(get(c, "one", hash, &f), 0);
	assert_int_equal(get(c, "one", hash, &f), 0);
	cache_close(c);
	c = open_cache(1000);
	assert_int_equal(get(c, "one", hash, &f), 0);
	assert_int_equal(fetched, 1);
	cache_close(c);
}

static void another_hash_is_refused(void **state)
{
	struct cache *c = open_cache(1000);
	char hash[SHA256_HEX_BYTES], path[FILE_PATH_BYTES];
	struct fault f;

	sha256_hex("one", 3, hash);
	served = "two";
	assert_int_equal(cache_get(c, hash, 1000, -1, path, &f), -EBADMSG);
	assert_non_null(strstr(f.text, hash));
	assert_false(there(hash));
	/* And may be right the next time. */
	assert_int_equal(get(c, "one", hash, &f), 0);
	cache_close(c);
}

static void what_a_power_cut_left_is_fetched_again(void **state)
{
	struct cache *c;
	char hash[SHA256_HEX_BYTES];
	struct fault f;

	sha256_hex("one", 3, hash);
	assert_int_equal(file_write_durable(in_temporary(hash), "on", 2, 0644, &f), 0);
	assert_int_equal(file_write_durable(in_temporary("part-x"), "on", 2, 0644, &f), 0);
	c = open_cache(1000);
	assert_false(there("part-x"));
	assert_int_equal(get(c, "one", hash, &f), 0);
	assert_int_equal(fetched, 1);
	cache_close(c);
}

static void the_oldest_unused_goes_first(void **state)
{
	struct cache *c = open_cache(10);
	char held[SHA256_HEX_BYTES], old[SHA256_HEX_BYTES], young[SHA256_HEX_BYTES];
	struct fault f;

	assert_int_equal(get(c, "held", held, &f), 0);
	assert_int_equal(get(c, "old.", old, &f), 0);
	cache_put(c, old);
	assert_int_equal(get(c, "new.", young, &f), 0);
	assert_true(there(held));
	assert_false(there(old));
	assert_true(there(young));
	cache_close(c);
}

static void what_the_server_has_not_is_said(void **state)
{
	struct cache *c = open_cache(10);
	char hash[SHA256_HEX_BYTES], path[FILE_PATH_BYTES];
	struct fault f;

	sha256_hex("one", 3, hash);
	served = NULL;
	assert_int_equal(cache_get(c, hash, 1000, -1, path, &f), -EREMOTEIO);
	assert_int_equal(cache_get(c, "../../etc/passwd", 1000, -1, path, &f), -EINVAL);
	cache_close(c);
}

static struct cache *shared;

static void *get_shared(void *arg)
{
	char hash[SHA256_HEX_BYTES], path[FILE_PATH_BYTES];
	struct fault f;

	sha256_hex("one", 3, hash);
	return (void *)(intptr_t)cache_get(shared, hash, 1000, -1, path, &f);
}

static void many_threads_fetch_once(void **state)
{
	pthread_t threads[8];

	shared = open_cache(1000);
	served = "one";
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, get_shared, NULL), 0);
	for (int i = 0; i < 8; i++) {
		void *rc;

		pthread_join(threads[i], &rc);
		assert_ptr_equal(rc, NULL);
	}
	assert_int_equal(fetched, 1);
	cache_close(shared);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_artifact_is_fetched_once_also_over_restarts),
		TEST(another_hash_is_refused),
		TEST(what_a_power_cut_left_is_fetched_again),
		TEST(the_oldest_unused_goes_first),
		TEST(what_the_server_has_not_is_said),
		TEST(many_threads_fetch_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
