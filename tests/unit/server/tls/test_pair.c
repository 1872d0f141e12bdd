/* A certificate and its key: made, written, read again, refused for what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/file.h"
#include "server/tls/pair.h"

#define NOW_MS INT64_C(1800000000000)
#define DAY_MS INT64_C(86400000)

static char folder[64], cert[96], key[96];

static void put(const struct tls_pair *p)
{
	assert_int_equal(file_write_durable(cert, p->cert, strlen(p->cert), 0644, NULL), 0);
	assert_int_equal(file_write_durable(key, p->key, strlen(p->key), 0600, NULL), 0);
}

static struct tls_pair *make(const char *name)
{
	struct tls_pair *p;

	assert_int_equal(tls_pair_make(&name, 1, NOW_MS, &p, NULL), 0);
	return p;
}

static void refused(int64_t now_ms, const char *words)
{
	struct tls_pair *p = NULL;
	struct fault f = {0};

	assert_true(tls_pair_load(cert, key, now_ms, &p, &f) < 0);
	assert_null(p);
	if (!strstr(f.text, words))
		fail_msg("no '%s' in: %s", words, f.text);
}

static void what_is_made_can_be_read_and_speaks_for_its_names(void **state)
{
	static const char *const names[] = {"lab.example", "10.1.2.3", "::1"};
	struct tls_pair *made, *p;

	assert_int_equal(tls_pair_make(names, 3, NOW_MS, &made, NULL), 0);
	put(made);
	assert_int_equal(tls_pair_load(cert, key, NOW_MS, &p, NULL), 0);
	assert_string_equal(p->fingerprint, made->fingerprint);
	assert_int_equal(p->expires_ms, made->expires_ms);
	assert_int_equal(p->expires_ms, NOW_MS + TLS_TERM_DAYS * DAY_MS);
	assert_true(tls_pair_names(p, "lab.example"));
	assert_true(tls_pair_names(p, "LAB.example"));
	assert_true(tls_pair_names(p, "10.1.2.3"));
	assert_true(tls_pair_names(p, "::1"));
	assert_false(tls_pair_names(p, "example"));
	assert_false(tls_pair_names(p, "x.lab.example"));
	assert_false(tls_pair_names(p, "10.1.2.4"));
	assert_false(tls_pair_names(p, "hildad"));
	tls_pair_free(p);
	tls_pair_free(made);
}

static void its_time_is_looked_at(void **state)
{
	struct tls_pair *made = make("a"), *p;

	put(made);
	refused(made->expires_ms, "time was over at");
	refused(NOW_MS - 2 * DAY_MS, "begins at");
	assert_int_equal(tls_pair_load(cert, key, made->expires_ms - 1, &p, NULL), 0);
	tls_pair_free(p);
	tls_pair_free(made);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct tls_pair *one = make("a"), *other = make("a");

	assert_string_not_equal(one->fingerprint, other->fingerprint);
	put(one);
	assert_int_equal(file_write_durable(key, other->key, strlen(other->key), 0600, NULL), 0);
	refused(NOW_MS, "is not the key of");
	assert_int_equal(file_write_durable(key, "no key", 6, 0600, NULL), 0);
	refused(NOW_MS, "no key in PEM");
	assert_int_equal(file_write_durable(cert, "no certificate", 14, 0644, NULL), 0);
	refused(NOW_MS, "no certificate in PEM");
	put(one);
	assert_int_equal(chmod(key, 0604), 0);
	refused(NOW_MS, "chmod 600");
	assert_int_equal(remove(key), 0);
	refused(NOW_MS, "tls init");
	tls_pair_free(one);
	tls_pair_free(other);
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const names[] = {
		"", "a b", "a:80", "[::1]", "-a", ".a", "http://a", "a/b"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct tls_pair *p = NULL;
		struct fault f = {0};

		assert_int_equal(tls_pair_make(&names[i], 1, NOW_MS, &p, &f), -EINVAL);
		assert_non_null(strstr(f.text, "neither a host name nor an address"));
	}
}

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/hilda-tls-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return file_remove_tree(folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_can_be_read_and_speaks_for_its_names),
		cmocka_unit_test(its_time_is_looked_at),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(what_is_no_name_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
