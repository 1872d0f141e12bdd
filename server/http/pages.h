/*
 * The pages: files compiled into the program (server/assets/embed.py), or a folder while somebody
 * works on them. docs/wire.md section 5 says what is served where.
 */
#ifndef HILDA_SERVER_HTTP_PAGES_H
#define HILDA_SERVER_HTTP_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/fault.h"
#include "server/http/request.h"

struct asset {
	const char *path; /* "app/main.mjs", "vendor/uPlot.min.css", "index.html" */
	const char *type;
	const char *etag;		   /* quoted */
	const unsigned char *plain, *gzip; /* gzip: NULL when it is no smaller */
	size_t plain_bytes, gzip_bytes;
};

/* Made by the build. */
extern const struct asset assets[];
extern const size_t n_assets;
extern const char assets_version[];

struct pages;

/* web_dir "": from the program. */
int pages_open(const char *web_dir, struct pages **out, struct fault *f);
void pages_close(struct pages *p);

/* A path that no route took: true and answered, when it is a page or a static file (or would be). */
bool pages_serve(struct request *r);
void pages_reply_openapi(struct request *r);

#endif
