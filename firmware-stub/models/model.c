/*
 * The model of an image: the file as it is, the inputs that the build holds, the arena that the header
 * asks for. MODEL_* and SAMPLE_* come from models/describe.sh.
 */
#include "nn/model.h"

#define INCLUDE(section, symbol, file, from, bytes)            \
	__asm__(".pushsection " section ", \"a\", %progbits\n" \
		".balign 16\n" symbol ":\n"                    \
		".incbin \"" file "\", " from ", " bytes "\n"  \
		".balign 4\n"                                  \
		".popsection\n")
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* Weights stand in a section of their own, so that a footprint can tell them from code. */
INCLUDE("hilda_model", "model_file", MODEL_FILE, "0", TEXT(MODEL_BYTES));
INCLUDE("hilda_samples", "model_labels", SAMPLE_FILE, TEXT(SAMPLE_LABELS_AT), TEXT(SAMPLE_COUNT));
INCLUDE("hilda_samples", "model_samples", SAMPLE_FILE, TEXT(SAMPLE_INPUTS_AT), TEXT(SAMPLE_BYTES));

extern const struct model_header model_file;
extern const uint8_t model_labels[];
extern const int8_t model_samples[];

uint8_t model_arena[MODEL_ARENA + MODEL_GUARD_BYTES] __attribute__((aligned(16)));
const uint32_t model_arena_bytes = MODEL_ARENA;

const struct model model = {
	.name = model_file.name,
	.quant = model_file.quant,
	.variant = model_file.variant,
	.architecture = &MODEL_ARCHITECTURE,
	.blob = (const uint8_t *)&model_file,
	.blob_bytes = MODEL_BYTES,
	.samples = model_samples,
	.labels = model_labels,
	.sample_count = SAMPLE_COUNT,
};
