/* Hostile UART bytes: the decoder must say the same for any chunking. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/uart-bench/crc.h"
#include "protocols/uart-bench/decode.h"
#include "protocols/uart-bench/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A checksum over all events of the stream, fed in pieces of at most `piece` bytes. */
static uint32_t listen(const uint8_t *data, size_t n, size_t piece)
{
	struct bench_decoder d;
	struct bench_event ev;
	uint32_t sum = 0;

	bench_decoder_init(&d);
	while (n) {
		size_t part = n < piece ? n : piece;

		for (size_t left = part;;) {
			size_t used = bench_decoder_feed(&d, data + (part - left), left, &ev);

			left -= used;
			if (ev.kind == BENCH_NONE)
				break;
			sum = crc32_zlib(sum, &ev.kind, sizeof(ev.kind));
			sum = crc32_zlib(sum, ev.text, ev.n);
			for (size_t i = 0; i < ev.n_pairs; i++)
				sum = crc32_zlib(sum, ev.pairs[i].value, strlen(ev.pairs[i].value));
		}
		data += part;
		n -= part;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t piece = n ? 1 + data[0] % 64 : 1;

	if (listen(data, n, n ? n : 1) != listen(data, n, piece))
		abort();
	return 0;
}
