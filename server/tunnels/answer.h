/*
 * A side's calls on its tunnel: the same for people (/api/v1/tunnels) and agents (/agent/v1/tunnels). On a
 * connection's thread; reads and writes that find nothing to do suspend the request for a third of the
 * time after which a side counts as gone.
 */
#ifndef HILDA_SERVER_TUNNELS_ANSWER_H
#define HILDA_SERVER_TUNNELS_ANSWER_H

#include "server/http/request.h"
#include "server/tunnels/tunnels.h"

/* ?offset=: what the caller has; the bytes behind it, or none when the time is over. */
void tunnel_answer_read(struct request *r, const struct tunnel_caller *who, enum tunnel_way way);
/* ?offset=: where the body's first byte belongs; {"have"}. */
void tunnel_answer_write(struct request *r, const struct tunnel_caller *who, enum tunnel_way way);
void tunnel_answer_end(struct request *r, const struct tunnel_caller *who, const char *reason);
/* What a call on a tunnel returned, other than 0. */
void tunnel_answer_rc(struct request *r, int rc, const struct fault *f);

#endif
