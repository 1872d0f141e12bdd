#include "virtual-lab/swd.h"

#define RESET_ONES 50

#define ACK_OK 1
#define ACK_WAIT 2
#define ACK_FAULT 4

/* Request bits, first on the wire first */
#define REQUEST_BITS 8
#define REQUEST_AP 0x02
#define REQUEST_READ 0x04
#define REQUEST_ADDRESS(r) ((unsigned)((r) >> 3 & 3) * 4)

/* Edges from the request's end: turnaround, three of the acknowledgement, and a turnaround back. */
#define ACK_BITS 3
#define REPLY_EDGES_WRITE 5

#define DATA_BITS 32

void swd_init(struct swd *s, struct dp *dp)
{
	*s = (struct swd){.dp = dp, .out = true};
}

static void enter(struct swd *s, enum swd_phase phase)
{
	s->phase = phase;
	s->count = 0;
}

static void lose(struct swd *s)
{
	s->selected = false;
	s->out = true;
	enter(s, SWD_IDLE);
}

/* Start 1, stop 0, park 1, and even parity over APnDP, RnW and the address. */
static bool request_is_good(uint8_t r)
{
	return (r & 0x81) == 0x81 && !(r & 0x40) && __builtin_parity(r >> 1 & 0xf) == (r >> 5 & 1);
}

static void answer(struct swd *s)
{
	static const unsigned acks[] = {
		[DP_OK] = ACK_OK, [DP_WAIT] = ACK_WAIT, [DP_FAULT] = ACK_FAULT};
	bool read = s->request & REQUEST_READ;
	bool ap = s->request & REQUEST_AP;
	unsigned address = REQUEST_ADDRESS(s->request);

	s->data = 0;
	if (read) {
		s->ack = acks[dp_transfer_swd(s->dp, ap, true, address, &s->data)];
		s->parity = __builtin_parity(s->data);
	} else {
		s->ack = acks[dp_probe_swd(s->dp, ap, address)];
	}
}

static void take_request(struct swd *s)
{
	bool id = (s->request & 0x1e) == REQUEST_READ;

	if (!request_is_good(s->request) || (s->needs_id && !id)) {
		lose(s);
		return;
	}
	s->needs_id = false;
	answer(s);
	enter(s, SWD_REPLY);
}

static void reply(struct swd *s)
{
	bool read = s->request & REQUEST_READ;

	s->count++;
	if (s->count <= ACK_BITS) {
		s->out = s->ack >> (s->count - 1) & 1;
		if (s->count == ACK_BITS && read) {
			/* After WAIT or FAULT the data phase is left out, unless overrun is detected. */
			enter(s, SWD_READ);
		}
	} else if (s->count == REPLY_EDGES_WRITE) {
		s->out = true;
		enter(s, SWD_WRITE);
	}
}

static void read_phase(struct swd *s)
{
	if (s->count < DATA_BITS)
		s->out = s->data >> s->count & 1;
	else if (s->count == DATA_BITS)
		s->out = s->parity;
	else
		s->out = true;
	/* Parity is sampled at the next edge, and one more turns the line round. */
	if (++s->count == DATA_BITS + 3)
		enter(s, SWD_IDLE);
}

static void write_phase(struct swd *s, bool in)
{
	if (s->count < DATA_BITS) {
		s->data |= (uint32_t)in << s->count;
		s->count++;
		return;
	}
	if (s->ack == ACK_OK) {
		if (in == __builtin_parity(s->data))
			dp_transfer_swd(s->dp, s->request & REQUEST_AP, false,
				REQUEST_ADDRESS(s->request), &s->data);
		else
			dp_parity_error(s->dp);
	}
	enter(s, SWD_IDLE);
}

bool swd_clock(struct swd *s, bool in)
{
	bool host_drives = s->phase != SWD_REPLY && s->phase != SWD_READ;

	s->ones = in && host_drives ? s->ones + 1 : 0;
	if (s->ones >= RESET_ONES) {
		s->selected = true;
		s->needs_id = true;
		s->out = true;
		enter(s, SWD_IDLE);
		return s->out;
	}
	switch (s->phase) {
	case SWD_IDLE:
		if (in && s->selected && s->ones == 1) {
			s->request = 1;
			enter(s, SWD_REQUEST);
			s->count = 1;
		}
		break;
	case SWD_REQUEST:
		s->request |= (uint8_t)(in << s->count);
		if (++s->count == REQUEST_BITS)
			take_request(s);
		break;
	case SWD_REPLY:
		reply(s);
		break;
	case SWD_READ:
		read_phase(s);
		break;
	case SWD_WRITE:
		write_phase(s, in);
		break;
	}
	return s->out;
}
