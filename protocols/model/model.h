/*
 * The model file, version 2 (form.md): header, table of tensors, tensors, CRC-32. The structs lie over
 * the file's bytes, which stand on a boundary of 4 and are little-endian, as every machine here is.
 * Freestanding: the firmware reads its own model with it, the host programs any. No memory of its own,
 * no waiting; any thread.
 */
#ifndef PROTOCOLS_MODEL_MODEL_H
#define PROTOCOLS_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#define MODEL_FILE_VERSION 2
#define MODEL_TOKENS_MAX 1024
#define MODEL_WIDTH_MAX 256    /* nn_norm's 32-bit arithmetic */
#define MODEL_FEATURES_MAX 128 /* nn/performer.c's sums */
#define MODEL_TENSORS_MAX 4096
#define MODEL_NO_LAYER 255u
#define MODEL_NO_TENSOR UINT32_MAX
#define MODEL_TOKEN_BYTES 2 /* an id, where the task is text */

enum model_architecture {
	MODEL_FULL = 1,
	MODEL_LINFORMER,
	MODEL_PERFORMER,
	MODEL_REFORMER,
	MODEL_MOBILEBERT
};

enum model_task { MODEL_PATCHES = 1, MODEL_TOKENS };

enum model_role {
	MODEL_EMBED = 1,
	MODEL_TABLE,
	MODEL_POSITION,
	MODEL_EXPONENTIAL,
	MODEL_NORM1 = 10,
	MODEL_Q,
	MODEL_K,
	MODEL_V,
	MODEL_QK,
	MODEL_SCALES,
	MODEL_SOFTMAX,
	MODEL_PROJECT,
	MODEL_ADD1,
	MODEL_NORM2,
	MODEL_UP,
	MODEL_GELU,
	MODEL_DOWN,
	MODEL_ADD2,
	MODEL_E,
	MODEL_F,
	MODEL_FEATURES,
	MODEL_ROTATIONS,
	MODEL_INWARD,
	MODEL_NORM_IN,
	MODEL_OUTWARD,
	MODEL_ADD3,
	MODEL_NORM = 40,
	MODEL_POOL,
	MODEL_HEAD,
	MODEL_ROLES
};

struct model_header {
	char magic[4]; /* "HLDM" */
	uint16_t version;
	uint16_t header_bytes;
	uint32_t bytes;	      /* the whole file, its CRC included */
	uint32_t arena_bytes; /* what the kernels plan for it */
	uint16_t tensors;
	uint8_t architecture;
	uint8_t bits; /* of the weights inside the layers: 8 or 4 */
	uint8_t task;
	uint8_t layers;
	uint16_t heads; /* the most of any layer */
	uint16_t head_width;
	uint16_t tokens;
	uint16_t patch; /* bytes of one token's input */
	uint16_t vocabulary;
	uint16_t width;
	uint16_t hidden; /* the widest of any layer */
	uint16_t classes;
	uint16_t stacks;
	uint16_t bottleneck;
	uint16_t k;
	uint16_t features;
	uint16_t chunk;
	uint16_t rounds;
	uint16_t buckets;
	uint16_t reserved[2];
	char name[32]; /* these three end with a zero */
	char quant[8];
	char variant[32];
};

/* One piece of the file: its place in the network, its shape, its bytes. */
struct model_tensor {
	uint8_t role;
	uint8_t layer; /* MODEL_NO_LAYER outside the layers */
	uint8_t index; /* of a stacked feed-forward */
	uint8_t bits;
	uint16_t rows;
	uint16_t columns;
	uint32_t offset; /* from the file's beginning, on a boundary of 16 */
	uint32_t bytes;
};

static inline const struct model_tensor *model_tensors(const struct model_header *h)
{
	return (const struct model_tensor *)(const void *)((const char *)h + h->header_bytes);
}

/* Bytes of one row of a matrix of weights: of int4, two to a byte and filled up to four bytes. */
static inline uint32_t model_row_bytes(uint32_t columns, uint32_t bits)
{
	return bits == 4 ? (columns + 7) / 8 * 4 : columns;
}

/*
 * Everything that reading the tensors in turn relies on: header, limits, CRC, that every tensor lies
 * in the file, has the size of its shape and is the one that the architecture reads next. NULL, or
 * what is wrong, as words for a person; *tensor is then the number of the one that is, or
 * MODEL_NO_TENSOR.
 */
const char *model_check(const void *file, size_t n, uint32_t *tensor);

/* NULL where there is none of that number. */
const char *model_architecture_name(uint32_t architecture);
const char *model_role_name(uint32_t role);

#endif
