#include "server/http/pages.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "server/http/reply.h"

#define SHELL "index.html"
#define STATIC_PREFIX "/static/"
#define CONTENT_SECURITY_POLICY                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " \
	"img-src 'self'; frame-ancestors 'none'; base-uri 'none'"

struct pages {
	int folder; /* -1: from the program */
};

int pages_open(const char *web_dir, struct pages **out, struct fault *f)
{
	struct pages *p = calloc(1, sizeof(*p));

	if (!p)
		return fault_set(f, ENOMEM, "out of memory");
	p->folder = -1;
	if (*web_dir) {
		p->folder = open(web_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (p->folder < 0) {
			int err = errno;

			free(p);
			return fault_errno(
				f, err, "cannot open the folder of the pages, %s", web_dir);
		}
	}
	*out = p;
	return 0;
}

void pages_close(struct pages *p)
{
	if (!p)
		return;
	file_close(&p->folder);
	free(p);
}

/* ---- from the program ---- */

static const struct asset *find(const char *path)
{
	for (size_t i = 0; i < n_assets; i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}

static void page_headers(struct request *r, const char *type)
{
	reply_header(r, "Content-Type", type);
	reply_header(r, "X-Content-Type-Options", "nosniff");
	reply_header(r, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
	reply_header(r, "Referrer-Policy", "same-origin");
	reply_header(r, "Cross-Origin-Opener-Policy", "same-origin");
}

static void reply_asset(struct request *r, const struct asset *a, bool for_ever)
{
	const char *accept = request_header(r, "Accept-Encoding");
	const char *match = request_header(r, "If-None-Match");
	bool gzip = a->gzip && accept && strstr(accept, "gzip");
	bool same = match && strstr(match, a->etag);
	const void *data = gzip ? a->gzip : a->plain;
	size_t n = same ? 0 : gzip ? a->gzip_bytes : a->plain_bytes;

	r->reply_bytes = (int64_t)n;
	reply(r, same ? 304 : 200,
		MHD_create_response_from_buffer(n, (void *)data, MHD_RESPMEM_PERSISTENT));
	page_headers(r, a->type);
	if (gzip && !same)
		reply_header(r, "Content-Encoding", "gzip");
	if (a->gzip)
		reply_header(r, "Vary", "Accept-Encoding");
	/* Weak: one name for the plain and the packed form. */
	reply_headerf(r, "ETag", "W/%s", a->etag);
	reply_header(
		r, "Cache-Control", for_ever ? "public, max-age=31536000, immutable" : "no-cache");
}

/* ---- from a folder ---- */

static const char *type_of(const char *path)
{
	static const struct {
		const char *suffix, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".mjs", "text/javascript; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".json", TYPE_JSON},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (strcmp(dot, types[i].suffix) == 0)
			return types[i].type;
	return NULL;
}

/* Parts of letters, digits and ._- that do not begin with a dot. */
static bool is_plain_path(const char *path)
{
	bool begins = true;

	for (const char *c = path; *c; c++) {
		if (begins && (*c == '.' || *c == '/'))
			return false;
		if (*c != '/' && !isalnum((unsigned char)*c) && !strchr("._-", *c))
			return false;
		begins = *c == '/';
	}
	return !begins;
}

static bool reply_from_folder(struct request *r, int folder, const char *path)
{
	_cleanup_(file_close) int fd = -1;
	const char *type = type_of(path);
	struct MHD_Response *response;
	struct stat st;

	if (!type || !is_plain_path(path))
		return false;
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	response = MHD_create_response_from_fd64((uint64_t)st.st_size, fd);
	if (response)
		take_fd(fd);
	r->reply_bytes = st.st_size;
	reply(r, 200, response);
	page_headers(r, type);
	reply_header(r, "Cache-Control", "no-store");
	return true;
}

/* ---- both ---- */

static bool reply_file(struct request *r, const char *path, bool for_ever)
{
	int folder = r->server->pages->folder;
	const struct asset *a;

	if (folder >= 0 && reply_from_folder(r, folder, path))
		return true;
	/* Libraries are in the program in either case. */
	a = folder < 0 || strncmp(path, "vendor/", 7) == 0 ? find(path) : NULL;
	if (a)
		reply_asset(r, a, for_ever);
	return a != NULL;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/');
}

bool pages_serve(struct request *r)
{
	const char *path = r->path + 1, *last = strrchr(r->path, '/');
	size_t n = strlen(assets_version);

	if (!last || is_below(r->path, "/api") || is_below(r->path, "/agent"))
		return false;
	if (strncmp(r->path, STATIC_PREFIX, strlen(STATIC_PREFIX)) == 0) {
		path = r->path + strlen(STATIC_PREFIX);
		return strncmp(path, assets_version, n) == 0 && path[n] == '/' &&
			reply_file(r, path + n + 1, true);
	}
	if (*path && strchr(last, '.'))
		return strcmp(path, SHELL) != 0 && reply_file(r, path, false);
	return reply_file(r, SHELL, false);
}

void pages_reply_openapi(struct request *r)
{
	reply_asset(r, &assets[n_assets], false);
}
