#include "virtual-lab/noise.h"

#include "virtual-lab/faults.h"
#include "virtual-lab/xorshift.h"

#define SEED 0x2545f491

void noise_init(struct noise *z)
{
	*z = (struct noise){.state = SEED};
}

size_t noise_babble(struct noise *z, const struct faults *f, uint8_t *out)
{
	uint32_t n = fault_arg(f, FAULT_UART_BABBLE);

	if (!fault_is_on(f, FAULT_UART_BABBLE))
		return 0;
	if (n > NOISE_BABBLE_MAX)
		n = NOISE_BABBLE_MAX;
	for (uint32_t i = 0; i < n; i++)
		out[i] = (uint8_t)(xorshift(&z->state) >> 8);
	return n;
}

static bool is_cut(struct noise *z, const struct faults *f, uint8_t byte)
{
	uint32_t every = fault_arg(f, FAULT_UART_CUT);
	bool cut;

	if (byte == '\n') {
		z->lines++;
		z->column = 0;
		return false;
	}
	cut = fault_is_on(f, FAULT_UART_CUT) && every && (z->lines + 1) % every == 0;
	return z->column++ >= NOISE_CUT_AFTER && cut && byte != '\r';
}

static uint8_t garble(struct noise *z, const struct faults *f, uint8_t byte)
{
	if (fault_is_on(f, FAULT_UART_GARBLE) &&
		xorshift(&z->state) % 1000 < fault_arg(f, FAULT_UART_GARBLE))
		byte ^= (uint8_t)(1u << (xorshift(&z->state) >> 8 & 7));
	return byte;
}

size_t noise_spoil(
	struct noise *z, const struct faults *f, const uint8_t *data, size_t n, uint8_t *out)
{
	size_t used = 0;

	if (fault_is_on(f, FAULT_UART_SILENT))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_cut(z, f, data[i]))
			out[used++] = garble(z, f, data[i]);
	}
	return used;
}
