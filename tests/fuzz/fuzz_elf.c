/* A firmware image from hostile bytes: parse, check, footprint, symbols. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct board_config board = {.name = "fuzz",
		.mcu = "Cortex-M4",
		.n_memory = 1,
		.memory = {{.name = "ram", .base = 0, .bytes = 1 << 20}}};
	char symbol[IMAGE_SYMBOL_BYTES];
	struct image *image = NULL;
	struct fault f;

	if (image_parse(data, n, "fuzz", &image, &f))
		return 0;
	image_check_machine(image, &board, &f);
	image_check_memory(image, &board, &f);
	json_decref(image_footprint(image));
	image_symbolise(image, 0x101, symbol);
	image_close(image);
	return 0;
}
