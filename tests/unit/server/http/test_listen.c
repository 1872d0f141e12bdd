/* Addresses to listen on, and which Host headers are this machine's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "server/http/listen.h"

static void addresses_are_taken_apart(void **state)
{
	struct listen_address a;

	assert_int_equal(listen_parse("127.0.0.1:8080", &a, NULL), 0);
	assert_string_equal(a.host, "127.0.0.1");
	assert_int_equal(a.port, 8080);
	assert_int_equal(listen_parse("[::1]:0", &a, NULL), 0);
	assert_string_equal(a.host, "::1");
	assert_int_equal(listen_parse("localhost:1", &a, NULL), 0);
	assert_string_equal(a.host, "127.0.0.1");
	assert_int_equal(listen_parse(":1", &a, NULL), 0);
	assert_string_equal(a.host, "127.0.0.1");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1",
		"127.0.0.1:65536", "[::1]", "[::1:80", "[::1]x:80", "127.0.0.1: 80"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct listen_address a;
		struct fault f = {0};

		if (listen_parse(texts[i], &a, &f) == 0)
			fail_msg("'%s' was taken", texts[i]);
		assert_non_null(strstr(f.text, "HOST:PORT"));
	}
}

static void only_loopback_is_listened_on(void **state)
{
	static const char *const refused[] = {"0.0.0.0", "192.168.1.1", "::", "2001:db8::1",
		"126.0.0.1", "128.0.0.1", "::ffff:10.0.0.1"};
	struct listen_address a = {.port = 8080};
	struct fault f;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(a.host, sizeof(a.host), "%s", refused[i]);
		assert_int_equal(listen_check(&a, &f), -EPERM);
		assert_non_null(strstr(f.text, refused[i]));
		assert_non_null(strstr(f.text, "ssh -L"));
		assert_non_null(strstr(f.text, "tls init"));
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(a.host, sizeof(a.host), "%s", refused[i]);
		a.insecure = true;
		assert_int_equal(listen_check(&a, NULL), 0);
		assert_false(listen_is_loopback(&a));
		a.insecure = false;
		a.tls = true;
		assert_int_equal(listen_check(&a, NULL), 0);
		a.tls = false;
	}
	snprintf(a.host, sizeof(a.host), "127.3.2.1");
	assert_true(listen_is_loopback(&a));
	assert_int_equal(listen_check(&a, NULL), 0);
	snprintf(a.host, sizeof(a.host), "lab.example");
	assert_int_equal(listen_check(&a, NULL), -EINVAL);
}

static void a_port_in_use_is_named(void **state)
{
	struct listen_address a = {.host = "127.0.0.1"};
	struct fault f = {0};
	int fd = -1, other = -1;
	uint16_t port, unused;
	char text[8];

	assert_int_equal(listen_open(&a, &fd, &port, &f), 0);
	assert_true(port > 0);
	a.port = port;
	assert_int_equal(listen_open(&a, &other, &unused, &f), -EADDRINUSE);
	assert_int_equal(other, -1);
	snprintf(text, sizeof(text), "%u", port);
	assert_non_null(strstr(f.text, text));
	close(fd);
}

static void only_own_hosts_are_answered(void **state)
{
	static const char *const own[] = {
		"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"};
	static const char *const others[] = {"", "example.com", "localhost.example.com",
		"127.0.0.1.nip.io", "10.0.0.1", "[::2]:80", "localhost:x"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!listen_is_own_host(own[i]))
			fail_msg("'%s' was refused", own[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (listen_is_own_host(others[i]))
			fail_msg("'%s' was taken", others[i]);
}

static void an_insecure_server_answers_to_addresses_and_its_name(void **state)
{
	static const char *const own[] = {"10.0.0.1", "10.0.0.1:8080", "[2001:db8::1]:80",
		"127.0.0.1", "bench-3", "BENCH-3:8080"};
	static const char *const others[] = {
		"", "example.com", "bench-3.example.com", "10.0.0.1.nip.io", "10.0.0", "bench-3:x"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!listen_is_address_or_name(own[i], "bench-3"))
			fail_msg("'%s' was refused", own[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (listen_is_address_or_name(others[i], "bench-3") ||
			listen_is_address_or_name(others[i], ""))
			fail_msg("'%s' was taken", others[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken_apart),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(only_loopback_is_listened_on),
		cmocka_unit_test(a_port_in_use_is_named),
		cmocka_unit_test(only_own_hosts_are_answered),
		cmocka_unit_test(an_insecure_server_answers_to_addresses_and_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
