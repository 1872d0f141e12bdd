#include "common/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"

#define US_PER_MS 1000

/* The watchdog is this process's, or it is somebody else's further up. */
static int64_t watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t us, whose;

	if (!usec || number_i64(usec, 1, INT64_MAX, &us))
		return 0;
	if (pid && (number_i64(pid, 1, INT32_MAX, &whose) || whose != getpid()))
		return 0;
	return us < US_PER_MS ? 1 : us / US_PER_MS;
}

static int dial(const char *name, int *out, struct fault *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_(file_close) int fd = -1;
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(address.sun_path))
		return fault_set(f, EINVAL, "NOTIFY_SOCKET=%s is no path of a socket", name);
	memcpy(address.sun_path, name, n);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
		connect(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)))
		return fault_errno(f, errno, "the service manager's socket %s", name);
	*out = fd;
	fd = -1;
	return 0;
}

int notify_open(struct notify *n, struct fault *f)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int rc = 0;

	*n = (struct notify)NOTIFY_INIT;
	if (name && *name)
		rc = dial(name, &n->fd, f);
	if (n->fd >= 0)
		n->watchdog_ms = watchdog_ms();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return rc;
}

void notify_say(const struct notify *n, const char *format, ...)
{
	char text[NOTIFY_TEXT_BYTES];
	va_list args;

	if (n->fd < 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* A manager that has gone, or whose queue is full: the next sign of life comes soon. */
	(void)!send(n->fd, text, strlen(text), MSG_NOSIGNAL);
}

void notify_close(struct notify *n)
{
	file_close(&n->fd);
}
