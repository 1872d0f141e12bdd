/* A handle of libcurl's, set as each of ours is: one server, no proxy, no signals. Private to common/http_*. */
#ifndef HILDA_COMMON_CURL_HANDLE_H
#define HILDA_COMMON_CURL_HANDLE_H

#include <curl/curl.h>
#include <stdint.h>

/* NULL: no memory. The first call of a process sets libcurl up. */
CURL *curl_handle_new(void);
/*
 * Forgets what was set before. url is copied, error (CURL_ERROR_SIZE) is emptied and borrowed; protocols:
 * "http,https".
 */
void curl_handle_aim(
	CURL *e, const char *url, const char *protocols, int64_t timeout_ms, char *error);

#endif
