/*
 * What gdb sends to OpenOCD, with the one packet taken out that OpenOCD would run as a program: qRcmd,
 * gdb's `monitor`, whose text is Tcl. A few commands of the list below pass, in this module's own words;
 * for each other one OpenOCD gets a constant that tells the person what may be asked for.
 *
 * Nothing is passed on as it came: packets are taken apart, with escapes undone as OpenOCD undoes them,
 * and written anew with their checksums; bytes between packets pass only where they are acknowledgements
 * or an interrupt. So what OpenOCD reads is what was judged. Pure.
 */
#ifndef HILDA_AGENT_TUNNEL_RSP_H
#define HILDA_AGENT_TUNNEL_RSP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"
#include "common/fault.h"

#define RSP_PACKET_BYTES 16380 /* OpenOCD's buffer, less what it needs itself */
#define RSP_RAW_BYTES (2 * RSP_PACKET_BYTES)

enum rsp_state { RSP_BETWEEN, RSP_BODY, RSP_ESCAPE, RSP_SUM };

struct rsp_filter {
	enum rsp_state state;
	unsigned sums; /* digits of the checksum that are still to come */
	size_t n_raw, n_plain;
	char raw[RSP_RAW_BYTES];      /* as it came, escapes in it */
	char plain[RSP_PACKET_BYTES]; /* without */
};

void rsp_filter_init(struct rsp_filter *f);
/* Adds to `out` what may go on. -EMSGSIZE: a packet that OpenOCD could not hold; -ENOMEM, -EFBIG. */
int rsp_filter_feed(
	struct rsp_filter *r, const void *data, size_t n, struct buffer *out, struct fault *f);

#endif
