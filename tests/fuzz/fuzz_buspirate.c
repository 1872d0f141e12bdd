/* Hostile bytes at the probe's front end, down through TAP, SWD, DP, AP and debug to a fake core. */
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/virtual-lab/fake_target.h"
#include "virtual-lab/buspirate.h"
#include "virtual-lab/jtag.h"
#include "virtual-lab/swd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Twenty zeros and a mode byte: so that each input begins where there is something to break. */
static void enter(struct buspirate *b, uint8_t mode, uint8_t *reply)
{
	uint8_t start[21] = {0};
	size_t used, left = sizeof(start);

	start[20] = mode;
	for (const uint8_t *p = start; left; p += used, left -= used)
		buspirate_take(b, p, left, &used, reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct fake fake;
	static struct jtag jtag;
	static struct swd swd;
	static struct buspirate pirate;
	static uint8_t reply[BUSPIRATE_REPLY_BYTES];
	size_t used;

	fake_init(&fake, n && data[0] & 2 ? "microbit" : "mps3-an547");
	jtag_init(&jtag, &fake.dp, &fake.faults, 0x4ba00477);
	swd_init(&swd, &fake.dp);
	buspirate_init(&pirate, &jtag, &swd);
	pirate.powered = true;
	if (n)
		enter(&pirate, data[0] & 1 ? 5 : 6, reply);
	while (n) {
		if (buspirate_take(&pirate, data, n, &used, reply) > sizeof(reply) || !used ||
			used > n)
			abort();
		data += used;
		n -= used;
	}
	return 0;
}
