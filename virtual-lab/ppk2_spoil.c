#include "virtual-lab/ppk2_spoil.h"

#include <stdbool.h>

#include "virtual-lab/faults.h"
#include "virtual-lab/xorshift.h"

#define SEED 0x1f123bb5
#define WORD_BYTES 4

void ppk2_spoil_init(struct ppk2_spoil *z)
{
	*z = (struct ppk2_spoil){.random = SEED};
}

/* In ARG of 1000 cases. */
static bool strikes(struct ppk2_spoil *z, const struct faults *f, enum fault_name name)
{
	return fault_is_on(f, name) && xorshift(&z->random) % 1000 < fault_arg(f, name);
}

static bool slips(struct ppk2_spoil *z, const struct faults *f)
{
	if (!fault_is_on(f, FAULT_PPK2_SLIP) || ++z->since_slip < fault_arg(f, FAULT_PPK2_SLIP))
		return false;
	z->since_slip = 0;
	return true;
}

size_t ppk2_spoil(
	struct ppk2_spoil *z, const struct faults *f, const uint32_t *words, size_t n, uint8_t *out)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t word = words[i];

		if (strikes(z, f, FAULT_PPK2_LOST))
			continue;
		if (strikes(z, f, FAULT_PPK2_DAMAGE))
			word ^= xorshift(&z->random);
		for (unsigned k = slips(z, f); k < WORD_BYTES; k++)
			out[used++] = (uint8_t)(word >> 8 * k);
	}
	return used;
}
