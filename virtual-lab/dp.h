/*
 * The ADIv5 debug port: registers, sticky errors, posted reads. The same one behind the JTAG TAP
 * and behind the SWD line, which differ in how an error is answered and cleared.
 * Arm IHI 0031: section numbers in dp.c. One thread.
 */
#ifndef HILDA_VIRTUAL_LAB_DP_H
#define HILDA_VIRTUAL_LAB_DP_H

#include <stdbool.h>
#include <stdint.h>

struct ap;
struct faults;

enum dp_ack { DP_OK, DP_WAIT, DP_FAULT };

struct dp {
	struct ap *ap;
	const struct faults *faults;
	uint32_t dpidr;
	uint32_t select;
	uint32_t control; /* CTRL/STAT without the acknowledgements */
	uint32_t posted;  /* the last AP read */
};

void dp_init(struct dp *dp, struct ap *ap, const struct faults *faults, uint32_t dpidr);
/* After power-off. */
void dp_reset(struct dp *dp);

/* One transaction; address is 0, 4, 8 or C. The reads of an AP give the posted value of the one before. */
enum dp_ack dp_transfer_swd(
	struct dp *dp, bool access_port, bool read, unsigned address, uint32_t *data);
/* What a write would be answered, before its data is there. */
enum dp_ack dp_probe_swd(const struct dp *dp, bool access_port, unsigned address);
/* The host's data came with a wrong parity bit. */
void dp_parity_error(struct dp *dp);
/* JTAG: *result is what the next scan captures. */
enum dp_ack dp_transfer_jtag(struct dp *dp, bool access_port, bool read, unsigned address,
	uint32_t data, uint32_t *result);
/* Whether a transaction would be answered WAIT now. */
bool dp_waits(const struct dp *dp);
void dp_abort(struct dp *dp, uint32_t value);

#endif
