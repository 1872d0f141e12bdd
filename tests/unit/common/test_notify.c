#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/notify.h"

/* A manager's end, at a path or at an abstract name. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name, n);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		0);
	return fd;
}

static void hears(int fd, const char *text)
{
	char got[1024] = "";

	assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) >= 0);
	assert_string_equal(got, text);
}

static void talk(const char *name)
{
	struct notify n;
	struct fault f = {0};
	char pid[16];
	int fd = listen_at(name);

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "120000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_open(&n, &f), 0);
	assert_int_equal(n.watchdog_ms, 120000);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	notify_say(&n, "READY=1\nSTATUS=port %d", 8080);
	hears(fd, "READY=1\nSTATUS=port 8080");
	close(fd);
	notify_say(&n, "WATCHDOG=1"); /* nobody is there any more: no harm */
	notify_close(&n);
	assert_int_equal(n.fd, -1);
}

static void a_manager_at_a_path_and_at_an_abstract_name(void **state)
{
	char folder[] = "/tmp/hilda-notify-XXXXXX", path[64], name[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(name, sizeof(name), "@hilda-notify-%d", (int)getpid());
	talk(path);
	talk(name);
	unlink(path);
	rmdir(folder);
}

static void without_a_manager_nothing_is_said(void **state)
{
	struct notify n;
	struct fault f = {0};

	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "1000000", 1);
	assert_int_equal(notify_open(&n, &f), 0);
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog_ms, 0);
	notify_say(&n, "READY=1");
	notify_close(&n);
}

static void a_watchdog_of_somebody_else_is_not_ours(void **state)
{
	char name[64];
	struct notify n;
	struct fault f = {0};
	int fd;

	snprintf(name, sizeof(name), "@hilda-other-%d", (int)getpid());
	fd = listen_at(name);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_open(&n, &f), 0);
	assert_true(n.fd >= 0);
	assert_int_equal(n.watchdog_ms, 0);
	notify_close(&n);
	close(fd);
}

static void what_is_no_socket_is_named(void **state)
{
	static const char *const wrong[] = {"relative", "/nonexistent/socket", "@", "/"};
	char long_name[200];
	struct notify n;

	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = 0;
	for (size_t i = 0; i <= sizeof(wrong) / sizeof(*wrong); i++) {
		const char *name = i < 4 ? wrong[i] : long_name;
		struct fault f = {0};

		setenv("NOTIFY_SOCKET", name, 1);
		assert_true(notify_open(&n, &f) < 0);
		assert_non_null(strstr(f.text, name));
		assert_int_equal(n.fd, -1);
		assert_null(getenv("NOTIFY_SOCKET"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manager_at_a_path_and_at_an_abstract_name),
		cmocka_unit_test(without_a_manager_nothing_is_said),
		cmocka_unit_test(a_watchdog_of_somebody_else_is_not_ours),
		cmocka_unit_test(what_is_no_socket_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
