/*
 * The way of a request from its line to the end of its answer: libmicrohttpd's callbacks, on a connection's
 * thread; none of them waits. cls is the struct http.
 */
#ifndef HILDA_SERVER_HTTP_EXCHANGE_H
#define HILDA_SERVER_HTTP_EXCHANGE_H

#include "server/http/request.h"

/* The request line has come. NULL: no memory. */
void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_access(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload_data, size_t *upload_data_size,
	void **con_cls);
void exchange_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
	enum MHD_RequestTerminationCode code);
/* Requests that were kept for the next ones, once there are no connections. */
void exchange_forget_unused(struct http *http);

#endif
