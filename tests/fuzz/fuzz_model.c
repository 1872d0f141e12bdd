/*
 * A hostile model file: as it is, and sealed with the right CRC, so that what lies behind it is reached.
 * What was found good is then read as the kernels read it: every byte of every tensor.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/model/model.h"
#include "protocols/uart-bench/crc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static volatile uint8_t sink;

static void check(const uint8_t *file, size_t n)
{
	const struct model_header *h = (const void *)file;
	uint32_t tensor, last = 0;
	const char *wrong = model_check(file, n, &tensor);

	if (wrong) {
		if (!*wrong || (tensor != MODEL_NO_TENSOR && tensor > UINT16_MAX))
			abort();
		return;
	}
	if (!model_architecture_name(h->architecture) || strlen(h->name) >= sizeof(h->name))
		abort();
	for (uint32_t i = 0; i < h->tensors; i++) {
		const struct model_tensor *t = model_tensors(h) + i;

		if (!model_role_name(t->role) || t->offset < last)
			abort();
		for (uint32_t at = 0; at < t->bytes; at++)
			sink = file[t->offset + at];
		last = t->offset + t->bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n + 1);
	struct model_header *h = (void *)copy;
	uint32_t crc;

	if (!copy)
		return 0;
	memcpy(copy, data, n);
	check(copy, n);
	if (n >= sizeof(*h) + 4 && n % 4 == 0) {
		h->bytes = (uint32_t)n;
		crc = crc32_zlib(CRC32_START, copy, n - 4);
		memcpy(copy + n - 4, &crc, 4);
		check(copy, n);
	}
	free(copy);
	return 0;
}
