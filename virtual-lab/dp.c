#include "virtual-lab/dp.h"

#include "virtual-lab/ap.h"
#include "virtual-lab/faults.h"

/* CTRL/STAT (IHI 0031, B2.2.2) */
#define STICKY_ORUN (1u << 1)
#define STICKY_CMP (1u << 4)
#define STICKY_ERR (1u << 5)
#define READ_OK (1u << 6)
#define WDATA_ERR (1u << 7)
#define STICKY_ALL (STICKY_ORUN | STICKY_CMP | STICKY_ERR | WDATA_ERR)
/* CDBGRSTREQ, CDBGPWRUPREQ, CSYSPWRUPREQ; each acknowledgement is the next bit. */
#define REQUESTS (1u << 26 | 1u << 28 | 1u << 30)
#define WRITABLE (REQUESTS | 0x00ffff0d)

/* ABORT (B2.2.1) */
#define ABORT_CMP (1u << 1)
#define ABORT_ERR (1u << 2)
#define ABORT_WDATA (1u << 3)
#define ABORT_ORUN (1u << 4)

void dp_init(struct dp *dp, struct ap *ap, const struct faults *faults, uint32_t dpidr)
{
	*dp = (struct dp){.ap = ap, .faults = faults, .dpidr = dpidr};
}

void dp_reset(struct dp *dp)
{
	dp->select = 0;
	dp->control = 0;
	dp->posted = 0;
}

bool dp_waits(const struct dp *dp)
{
	return fault_is_on(dp->faults, FAULT_WAIT_FOREVER);
}

/* What was held back must have happened before anyone is told that all went well. */
static uint32_t control_status(struct dp *dp)
{
	if (ap_flush(dp->ap))
		dp->control |= STICKY_ERR;
	return dp->control | (dp->control & REQUESTS) << 1;
}

static void access_ap(struct dp *dp, bool read, unsigned address, uint32_t data)
{
	unsigned reg = (dp->select & 0xf0) | address;
	uint32_t value = 0;
	int rc;

	if (dp->control & STICKY_ERR) {
		dp->posted = 0;
		return;
	}
	/* An access port that is not there reads as zero and ignores writes. */
	if (dp->select >> 24) {
		dp->posted = 0;
		return;
	}
	rc = read ? ap_read(dp->ap, reg, &value) : ap_write(dp->ap, reg, data);
	if (rc)
		dp->control |= STICKY_ERR;
	else
		dp->control |= READ_OK;
	if (read)
		dp->posted = rc ? 0 : value;
}

void dp_abort(struct dp *dp, uint32_t value)
{
	if (value & ABORT_CMP)
		dp->control &= ~STICKY_CMP;
	if (value & ABORT_ERR)
		dp->control &= ~STICKY_ERR;
	if (value & ABORT_WDATA)
		dp->control &= ~WDATA_ERR;
	if (value & ABORT_ORUN)
		dp->control &= ~STICKY_ORUN;
}

static uint32_t read_dp(struct dp *dp, unsigned address)
{
	switch (address) {
	case 0x0:
		return dp->dpidr;
	case 0x4:
		/* Bank 0; the others hold DLCR, TARGETID and so on, which read as zero here. */
		return dp->select & 0xf ? 0 : control_status(dp);
	default:
		return dp->posted;
	}
}

static void write_dp(struct dp *dp, bool jtag, unsigned address, uint32_t data)
{
	if (address == 0x8) {
		dp->select = data;
	} else if (address == 0x4 && !(dp->select & 0xf)) {
		uint32_t sticky = dp->control & (STICKY_ALL | READ_OK);

		/* JTAG clears a sticky bit by writing 1 to it; SWD does so by ABORT. */
		if (jtag)
			sticky &= ~(data & STICKY_ALL);
		dp->control = (data & WRITABLE) | sticky;
	} else if (address == 0x0 && !jtag) {
		dp_abort(dp, data);
	}
}

enum dp_ack dp_transfer_jtag(struct dp *dp, bool access_port, bool read, unsigned address,
	uint32_t data, uint32_t *result)
{
	if (dp_waits(dp))
		return DP_WAIT;
	if (access_port) {
		access_ap(dp, read, address, data);
		*result = dp->posted;
	} else if (read) {
		*result = read_dp(dp, address);
	} else {
		write_dp(dp, true, address, data);
	}
	return DP_OK;
}

/* With a sticky error only DPIDR, CTRL/STAT and ABORT answer OK (B4.2.4). */
static bool refused(const struct dp *dp, bool access_port, bool read, unsigned address)
{
	if (!(dp->control & STICKY_ALL))
		return false;
	if (access_port)
		return true;
	return read ? address == 0xc || address == 0x8 : address != 0x0;
}

static enum dp_ack acknowledge(const struct dp *dp, bool access_port, bool read, unsigned address)
{
	/* DPIDR, CTRL/STAT and ABORT answer always, also while an access hangs. */
	if (dp_waits(dp) && (access_port || (address != 0x0 && !(read && address == 0x4))))
		return DP_WAIT;
	return refused(dp, access_port, read, address) ? DP_FAULT : DP_OK;
}

enum dp_ack dp_probe_swd(const struct dp *dp, bool access_port, unsigned address)
{
	return acknowledge(dp, access_port, false, address);
}

void dp_parity_error(struct dp *dp)
{
	dp->control |= WDATA_ERR;
}

enum dp_ack dp_transfer_swd(
	struct dp *dp, bool access_port, bool read, unsigned address, uint32_t *data)
{
	enum dp_ack ack = acknowledge(dp, access_port, read, address);

	if (ack != DP_OK)
		return ack;
	if (access_port) {
		uint32_t before = dp->posted;

		access_ap(dp, read, address, *data);
		if (read)
			*data = before;
	} else if (read) {
		*data = read_dp(dp, address);
	} else {
		write_dp(dp, false, address, *data);
	}
	return DP_OK;
}
