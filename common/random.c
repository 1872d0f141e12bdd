#include "common/random.h"

#include <sodium/randombytes.h>

#include "common/hex.h"

void random_hex(size_t n_bytes, char *out)
{
	unsigned char block[32];

	for (size_t done = 0; done < n_bytes;) {
		size_t n = n_bytes - done < sizeof(block) ? n_bytes - done : sizeof(block);

		randombytes_buf(block, n);
		hex_encode(block, n, out + 2 * done);
		done += n;
	}
	out[2 * n_bytes] = 0;
}

uint32_t random_below(uint32_t bound)
{
	return randombytes_uniform(bound);
}
