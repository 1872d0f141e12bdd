#include "server/http/listen.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"

#define BACKLOG 1024

/* Splits "host:port" or "[v6]:port"; port may be absent when port_needed is false. */
static int split(const char *text, bool port_needed, struct listen_address *out)
{
	const char *host = text, *colon, *end;
	uint64_t port = 0;

	if (*text == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (!end)
			return -EINVAL;
		colon = end[1] == ':' ? end + 1 : NULL;
		if (!colon && end[1])
			return -EINVAL;
	} else {
		colon = strrchr(text, ':');
		end = colon ? colon : text + strlen(text);
	}
	if ((size_t)(end - host) >= sizeof(out->host))
		return -EINVAL;
	if (!colon && port_needed)
		return -EINVAL;
	if (colon && number_u64(colon + 1, 0, UINT16_MAX, &port) != 0)
		return -EINVAL;
	memcpy(out->host, host, (size_t)(end - host));
	out->host[end - host] = 0;
	out->port = (uint16_t)port;
	return 0;
}

int listen_parse(const char *text, struct listen_address *out, struct fault *f)
{
	struct listen_address a = {0};

	if (split(text, true, &a) != 0)
		return fault_set(f, EINVAL,
			"listen address '%s' is not HOST:PORT; write for example 127.0.0.1:8080 or "
			"[::1]:8080 (port 0 takes a free one)",
			text);
	if (!a.host[0] || strcasecmp(a.host, "localhost") == 0)
		snprintf(a.host, sizeof(a.host), "127.0.0.1");
	*out = a;
	return 0;
}

struct address {
	struct sockaddr_storage storage;
	socklen_t n;
	bool loopback;
};

static int resolve(const char *host, uint16_t port, struct address *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	*out = (struct address){0};
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(&out->storage, &v4, sizeof(v4));
		out->n = sizeof(v4);
		out->loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		memcpy(&out->storage, &v6, sizeof(v6));
		out->n = sizeof(v6);
		out->loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
		return 0;
	}
	return -EINVAL;
}

static int bind_fault(const struct listen_address *a, int err, struct fault *f)
{
	if (err == EADDRINUSE)
		return fault_set(f, err,
			"port %u on %s is in use by another program; stop that one (`ss -ltnp 'sport "
			"= :%u'` names it) or choose another port by --listen %s:PORT",
			a->port, a->host, a->port, a->host);
	if (err == EACCES)
		return fault_set(f, err,
			"port %u needs privileges; choose one above 1023 by --listen %s:PORT",
			a->port, a->host);
	return fault_errno(f, err, "cannot listen on %s port %u", a->host, a->port);
}

int listen_check(const struct listen_address *a, struct fault *f)
{
	struct address address;

	if (resolve(a->host, a->port, &address) != 0)
		return fault_set(f, EINVAL,
			"listen address '%s' is not an IP address; write 127.0.0.1 or [::1]",
			a->host);
	if (!address.loopback && !a->insecure && !a->tls)
		return fault_set(f, EPERM,
			"will not listen on %s: without TLS everybody on the way could read tokens "
			"and drive every board; make a certificate (`hildad tls init`) and name it by "
			"tls-cert and tls-key, or listen on 127.0.0.1 or [::1] and "
			"reach it through an SSH tunnel (ssh -L 8080:127.0.0.1:%u HOST), or say "
			"--insecure where every machine of the network may do so",
			a->host, a->port);
	return 0;
}

int listen_open(const struct listen_address *a, int *fd, uint16_t *port, struct fault *f)
{
	_cleanup_(file_close) int s = -1;
	struct address address;
	int on = 1, rc;

	rc = listen_check(a, f);
	if (rc != 0)
		return rc;
	resolve(a->host, a->port, &address);
	s = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return fault_errno(f, errno, "cannot make a socket for %s", a->host);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&address.storage, address.n) != 0 || listen(s, BACKLOG) != 0)
		return bind_fault(a, errno, f);
	if (getsockname(s, (struct sockaddr *)&address.storage, &address.n) != 0)
		return fault_errno(f, errno, "getsockname");
	*port = address.storage.ss_family == AF_INET
		? ntohs(((struct sockaddr_in *)&address.storage)->sin_port)
		: ntohs(((struct sockaddr_in6 *)&address.storage)->sin6_port);
	*fd = take_fd(s);
	return 0;
}

int listen_host_of(const char *host_header, char name[LISTEN_HOST_BYTES])
{
	struct listen_address a;
	int rc = split(host_header, false, &a);

	if (rc == 0)
		memcpy(name, a.host, sizeof(a.host));
	return rc;
}

bool listen_is_own_host(const char *host_header)
{
	struct listen_address a;
	struct address address;

	if (split(host_header, false, &a) != 0)
		return false;
	if (strcasecmp(a.host, "localhost") == 0)
		return true;
	return resolve(a.host, 0, &address) == 0 && address.loopback;
}

bool listen_is_address_or_name(const char *host_header, const char *own_name)
{
	struct listen_address a;
	struct address address;

	if (split(host_header, false, &a) != 0)
		return false;
	return resolve(a.host, 0, &address) == 0 ||
		(*own_name && strcasecmp(a.host, own_name) == 0);
}

bool listen_is_loopback(const struct listen_address *a)
{
	struct address address;

	return resolve(a->host, a->port, &address) == 0 && address.loopback;
}
