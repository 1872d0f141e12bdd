#include "common/http_peer.h"

#include <errno.h>
#include <string.h>

#include "common/curl_handle.h"

static char *first_certificate(CURL *e)
{
	struct curl_certinfo *all = NULL;

	if (curl_easy_getinfo(e, CURLINFO_CERTINFO, &all) || !all || all->num_of_certs < 1)
		return NULL;
	for (struct curl_slist *line = all->certinfo[0]; line; line = line->next) {
		if (!strncmp(line->data, "Cert:", 5))
			return strdup(line->data + 5);
	}
	return NULL;
}

int http_peer_certificate(const char *base_url, int64_t timeout_ms, char **pem, struct fault *f)
{
	char error[CURL_ERROR_SIZE];
	char *found;
	CURLcode code;
	CURL *e;

	if (strncmp(base_url, "https://", 8) != 0)
		return fault_set(f, EINVAL, "'%s' does not begin with https://", base_url);
	e = curl_handle_new();
	if (!e)
		return fault_errno(f, ENOMEM, "cannot make an HTTP client");
	curl_handle_aim(e, base_url, "https", timeout_ms, error);
	curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(e, CURLOPT_CERTINFO, 1L);
	code = curl_easy_perform(e);
	found = code == CURLE_OK ? first_certificate(e) : NULL;
	curl_easy_cleanup(e);
	if (code != CURLE_OK)
		return fault_set(f, ECONNREFUSED, "no TLS with %s: %s", base_url,
			error[0] ? error : curl_easy_strerror(code));
	if (!found)
		return fault_set(f, EPROTO, "%s showed no certificate", base_url);
	*pem = found;
	return 0;
}
