#include "cli/url.h"

#include <stdbool.h>
#include <string.h>

static int add_encoded(struct buffer *url, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";
	int err = 0;

	for (const char *p = text; !err && *p; p++) {
		if (strchr(plain, *p))
			err = buffer_add(url, p, 1);
		else
			err = buffer_printf(url, "%%%02X", (unsigned char)*p);
	}
	return err;
}

int url_add(struct buffer *url, const char *key, const char *value)
{
	bool has_query = url->data && strchr(url->data, '?');
	int err = buffer_add_text(url, has_query ? "&" : "?");

	if (!err)
		err = add_encoded(url, key);
	if (!err)
		err = buffer_add_text(url, "=");
	return err ? err : add_encoded(url, value);
}

int url_board(struct buffer *url, const char *name, const char *behind)
{
	int err = buffer_add_text(url, "/api/v1/boards/");

	if (!err)
		err = add_encoded(url, name);
	return err ? err : buffer_add_text(url, behind);
}
