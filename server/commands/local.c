#include "server/commands/local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"
#include "server/auth/auth.h"
#include "server/http/listen.h"
#include "server/tls/client.h"
#include "server/tls/pair.h"

#define ANSWER_MAX_BYTES (8u << 20)
#define WAIT_S 30
#define FILE_BYTES 512

static int key_path(const char *data, char path[FILE_PATH_BYTES], struct fault *f)
{
	int rc = file_path(path, FILE_PATH_BYTES, "%s/local.key", data);

	return rc ? fault_errno(f, -rc, "data folder %s", data) : 0;
}

/* An address that reaches it from here: one that stands for all addresses reaches nothing. */
static const char *own_address(const char *host)
{
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "localhost") == 0)
		return "127.0.0.1";
	return strcmp(host, "::") == 0 ? "::1" : host;
}

int local_key_write(const struct server *server, uint16_t port, struct fault *f)
{
	_cleanup_(file_close) int fd = -1;
	struct listen_address address = {0};
	char path[FILE_PATH_BYTES], text[FILE_BYTES];
	int rc = key_path(server->settings->data, path, f);

	if (rc)
		return rc;
	listen_parse(server->settings->listen, &address, NULL);
	snprintf(text, sizeof(text), "%s %u\nlocal_%s\n%s%s", own_address(address.host), port,
		server->auth->key, server->tls ? server->tls->fingerprint : "",
		server->tls ? "\n" : "");
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
	return rc ? fault_errno(f, -rc, "cannot write %s", path) : 0;
}

void local_key_remove(const struct server *server)
{
	char path[FILE_PATH_BYTES];

	if (key_path(server->settings->data, path, NULL) == 0)
		unlink(path);
}

/* ---- the other side ---- */

struct local {
	char host[64], key[64], fingerprint[FINGERPRINT_BYTES]; /* "": plain HTTP */
	int64_t port;
};

/* A connection to it, with TLS or without. */
struct line {
	int fd;
	struct tls_client *tls;
};

static void hang_up(struct line *line)
{
	tls_client_close(line->tls);
	file_close(&line->fd);
}

static int read_key(const char *data, struct local *l, struct fault *f)
{
	char path[FILE_PATH_BYTES], text[FILE_BYTES] = "", *port, *key, *fingerprint;
	_cleanup_(file_close) int fd = -1;
	int rc = key_path(data, path, f);

	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fault_set(f, ENOENT,
			"no server runs on %s: start hildad with this data folder first", data);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return fault_errno(
			f, errno, "cannot read %s (be the user that hildad runs as)", path);
	port = strchr(text, ' ');
	key = port ? strchr(port, '\n') : NULL;
	if (!key)
		return fault_set(f, EPROTO, "%s is not what hildad writes", path);
	*port++ = 0;
	*key++ = 0;
	fingerprint = key + strcspn(key, "\n");
	if (*fingerprint)
		*fingerprint++ = 0;
	fingerprint[strcspn(fingerprint, "\n")] = 0;
	if (strlen(text) >= sizeof(l->host) || strlen(key) >= sizeof(l->key) ||
		strlen(fingerprint) >= sizeof(l->fingerprint))
		return fault_set(f, EPROTO, "%s is not what hildad writes", path);
	memcpy(l->host, text, strlen(text) + 1);
	memcpy(l->key, key, strlen(key) + 1);
	memcpy(l->fingerprint, fingerprint, strlen(fingerprint) + 1);
	if (number_i64(port, 1, 65535, &l->port))
		return fault_set(f, EPROTO, "%s is not what hildad writes", path);
	return 0;
}

static int dial(const struct local *l, struct fault *f)
{
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)l->port)};
	bool six = inet_pton(AF_INET6, l->host, &v6.sin6_addr) == 1;
	int fd, rc;

	if (!six && inet_pton(AF_INET, l->host, &v4.sin_addr) != 1)
		return fault_set(f, EINVAL, "'%s' is no address", l->host);
	fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fault_errno(f, errno, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	rc = six ? connect(fd, (struct sockaddr *)&v6, sizeof(v6))
		 : connect(fd, (struct sockaddr *)&v4, sizeof(v4));
	if (rc) {
		rc = fault_errno(
			f, errno, "hildad does not answer at %s port %d", l->host, (int)l->port);
		close(fd);
		return rc;
	}
	return fd;
}

static ssize_t receive(const struct line *line, void *data, size_t room)
{
	ssize_t n;

	if (line->tls)
		return tls_client_read(line->tls, data, room);
	n = read(line->fd, data, room);
	return n < 0 ? -errno : n;
}

static int talk(const struct line *line, const struct buffer *request, struct buffer *answer)
{
	char piece[4096];
	ssize_t n;
	int rc = line->tls ? tls_client_write_all(line->tls, request->data, request->n)
			   : file_write_all(line->fd, request->data, request->n);

	while (!rc && (n = receive(line, piece, sizeof(piece))) != 0)
		rc = n < 0 ? (int)n : buffer_add(answer, piece, (size_t)n);
	return rc ? rc : buffer_add(answer, "", 1);
}

static int understand(const char *text, json_t **answer, struct fault *f)
{
	const char *body = strstr(text, "\r\n\r\n");
	bool good = strncmp(text, "HTTP/1.1 2", 10) == 0;

	*answer = body ? json_loads(body + 4, 0, NULL) : NULL;
	if (*answer && good)
		return 0;
	fault_set(f, EREMOTEIO, "%s",
		*answer ? json_string_value(json_object_get(*answer, "detail"))
			: "the server's answer is no JSON");
	json_decref(*answer);
	*answer = NULL;
	return -EREMOTEIO;
}

int local_call(const char *data, const char *method, const char *path, json_t *body,
	json_t **answer, struct fault *f)
{
	struct buffer request = BUFFER_INIT(64 * 1024), reply = BUFFER_INIT(ANSWER_MAX_BYTES);
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	_cleanup_(hang_up) struct line line = {.fd = -1};
	struct local l;
	int rc = read_key(data, &l, f);

	json_decref(body);
	if (!rc) {
		line.fd = dial(&l, f);
		rc = line.fd < 0 ? line.fd : 0;
	}
	if (!rc && *l.fingerprint)
		rc = tls_client_open(line.fd, l.fingerprint, &line.tls, f);
	if (!rc) {
		rc = buffer_printf(&request,
			"%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
			"Connection: close\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			method, path, l.key, text ? strlen(text) : 0, text ? text : "");
		if (!rc)
			rc = talk(&line, &request, &reply);
		if (rc)
			fault_errno(f, -rc, "talking with hildad");
	}
	if (!rc)
		rc = understand(reply.data, answer, f);
	buffer_done(&request);
	buffer_done(&reply);
	return rc;
}
