/*
 * One way of a tunnel through the server (docs/wire.md), at either end: the agent's and the command
 * line's. Bytes are numbered from 0; what an answer lost is asked for or sent again, so a server that is
 * slow or away for a moment loses none. One thread a line; a call waits for the other end, for the server
 * up to give_up_ms, or until cancel_fd is readable.
 */
#ifndef HILDA_COMMON_TUNNEL_LINE_H
#define HILDA_COMMON_TUNNEL_LINE_H

#include "common/clock.h"
#include "common/http_client.h"

#define TUNNEL_PIECE_BYTES (64 * 1024)
#define TUNNEL_PATH_BYTES 96
#define TUNNEL_HEADERS_MAX 4
#define TUNNEL_HEADER_BYTES 64

struct tunnel_headers {
	char text[TUNNEL_HEADERS_MAX][TUNNEL_HEADER_BYTES]; /* those with text are sent */
};

struct tunnel_line {
	struct http_client *client; /* this line's alone */
	const struct clock *clock;
	char path[TUNNEL_PATH_BYTES]; /* "/api/v1/tunnels/5/down" */
	int64_t give_up_ms;
	int cancel_fd;
	/* For each call anew; NULL: none. */
	void (*headers)(void *arg, struct tunnel_headers *out);
	void *arg;
	uint64_t offset; /* of the next byte */
};

/*
 * What has come, at most TUNNEL_PIECE_BYTES, into `out`, which is emptied first; nothing after a while
 * without any. -EPIPE: the tunnel is over, the fault says why; -ECANCELED; others: the server is away.
 */
int tunnel_line_receive(struct tunnel_line *line, struct buffer *out, struct fault *f);
/* All of it. */
int tunnel_line_send(struct tunnel_line *line, const void *data, size_t n, struct fault *f);

#endif
