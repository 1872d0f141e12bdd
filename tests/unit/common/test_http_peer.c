#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/http_peer.h"

/* What one that is there shows, `hilda-agent enroll` is tested with. */
static void who_speaks_no_tls_or_is_not_there_shows_nothing(void **state)
{
	struct fault f = {0};
	char *pem = NULL;

	assert_int_equal(http_peer_certificate("http://127.0.0.1:1", 1000, &pem, &f), -EINVAL);
	assert_non_null(strstr(f.text, "does not begin with https://"));
	assert_int_equal(
		http_peer_certificate("https://127.0.0.1:1", 10000, &pem, &f), -ECONNREFUSED);
	assert_non_null(strstr(f.text, "no TLS with https://127.0.0.1:1: "));
	assert_null(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_speaks_no_tls_or_is_not_there_shows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
