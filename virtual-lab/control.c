#include "virtual-lab/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"

#define NAME "control"

int control_open(
	struct control *c, const char *folder, control_fn execute, void *arg, struct fault *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	c->execute = execute;
	c->arg = arg;
	c->fd = -1;
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i].fd = -1;
	c->folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->folder_fd < 0)
		return fault_errno(f, errno, "%s", folder);
	/* A socket's name has room for 107 bytes only; through the descriptor it is short. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" NAME, c->folder_fd);
	unlinkat(c->folder_fd, NAME, 0);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&a, sizeof(a)) ||
		listen(c->fd, CONTROL_CLIENTS))
		return fault_errno(f, errno, "cannot listen on %s/" NAME, folder);
	return 0;
}

void control_close(struct control *c)
{
	if (c->fd >= 0)
		unlinkat(c->folder_fd, NAME, 0);
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		file_close(&c->clients[i].fd);
	file_close(&c->fd);
	file_close(&c->folder_fd);
}

void control_fill(const struct control *c, struct pollfd *p)
{
	p[0] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		p[i + 1] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
}

static void greet(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (int i = 0; i < CONTROL_CLIENTS && fd >= 0; i++) {
		if (c->clients[i].fd < 0) {
			c->clients[i].fd = fd;
			c->clients[i].n = 0;
			return;
		}
	}
	if (fd >= 0) {
		static const char full[] = "error too many clients: close one\n";

		(void)!send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
}

static void reply_line(struct control *c, struct control_client *k, const char *line)
{
	char reply[CONTROL_REPLY_BYTES + 1] = "";
	size_t n;

	c->execute(c->arg, line, reply, CONTROL_REPLY_BYTES);
	n = strlen(reply);
	reply[n++] = '\n';
	if (send(k->fd, reply, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
		file_close(&k->fd);
}

static void serve_client(struct control *c, struct control_client *k)
{
	ssize_t got = recv(k->fd, k->line + k->n, sizeof(k->line) - 1 - k->n, MSG_DONTWAIT);
	char *end;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		file_close(&k->fd);
		return;
	}
	k->n += (size_t)got;
	k->line[k->n] = 0;
	while (k->fd >= 0 && (end = memchr(k->line, '\n', k->n))) {
		size_t used = (size_t)(end - k->line) + 1;

		*end = 0;
		if (end > k->line && end[-1] == '\r')
			end[-1] = 0;
		reply_line(c, k, k->line);
		memmove(k->line, k->line + used, k->n - used);
		k->n -= used;
	}
	/* A line over the limit: the talk is over. */
	if (k->n == sizeof(k->line) - 1)
		file_close(&k->fd);
}

void control_serve(struct control *c, const struct pollfd *p)
{
	if (p[0].revents)
		greet(c);
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		if (p[i + 1].revents && c->clients[i].fd == p[i + 1].fd)
			serve_client(c, &c->clients[i]);
	}
}
