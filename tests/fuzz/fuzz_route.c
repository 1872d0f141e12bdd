/* Method and path of a request from hostile bytes, against the server's own table of routes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = strndup((const char *)data, n), *path = text ? strchr(text, ' ') : NULL;
	struct route_match match;

	if (path) {
		*path++ = 0;
		route_find(routes, n_routes, text, path, &match);
	}
	free(text);
	return 0;
}
