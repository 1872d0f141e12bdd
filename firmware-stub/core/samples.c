#include "core/samples.h"

#include "nn/model.h"
#include "protocols/uart-bench/crc.h"

#define LABEL_UNKNOWN 255

/* Little-endian, as every machine here is. */
struct list_header {
	char magic[4]; /* "HLDS" */
	uint16_t version;
	uint16_t count;
	uint16_t tokens;
	uint16_t token_bytes;
};

static struct {
	const uint8_t *labels;
	const int8_t *inputs;
	uint32_t count;
	const char *refused;
} taken;

static const char *check(size_t bytes, const struct list_header *h)
{
	const struct model_header *m = model_header(&model);
	const size_t labels = (h->count + 3u) & ~3u;

	if (h->magic[0] != 'H' || h->magic[1] != 'L' || h->magic[2] != 'D' || h->magic[3] != 'S')
		return "The list of samples does not begin with HLDS";
	if (h->version != 1)
		return "The list of samples is of another version than 1";
	if (!h->count)
		return "The list of samples is empty";
	if (h->tokens != m->tokens || h->token_bytes != m->patch)
		return "The samples have another shape than the model's input";
	if (bytes != sizeof(*h) + labels + (size_t)h->count * model_inputs(&model))
		return "The list of samples is cut, or longer than it says";
	return NULL;
}

const char *samples_take(const uint8_t *file, size_t bytes)
{
	const struct list_header *h = (const void *)file;

	taken.count = 0;
	taken.refused = bytes < sizeof(*h) ? "The list of samples is cut, or longer than it says"
					   : check(bytes, h);
	if (taken.refused)
		return taken.refused;
	taken.count = h->count;
	taken.labels = file + sizeof(*h);
	taken.inputs = (const int8_t *)taken.labels + ((h->count + 3u) & ~3u);
	return NULL;
}

const char *samples_refused(void)
{
	return taken.refused;
}

uint32_t samples_count(void)
{
	return taken.count ? taken.count : model.sample_count;
}

/* Outside the timed part: a small core divides in software. */
const int8_t *samples_input(uint32_t i)
{
	const int8_t *inputs = taken.count ? taken.inputs : model.samples;

	return inputs + (size_t)(i % samples_count()) * model_inputs(&model);
}

static const uint8_t *labels(void)
{
	return taken.count ? taken.labels : model.labels;
}

int32_t samples_label(uint32_t i)
{
	return labels() && labels()[i] != LABEL_UNKNOWN ? labels()[i] : -1;
}

const char *samples_source(void)
{
	return taken.count ? "file" : "image";
}

uint32_t samples_crc(uint32_t n)
{
	uint32_t crc = CRC32_START;

	if (labels())
		crc = crc32_zlib(crc, labels(), n);
	return crc32_zlib(crc, samples_input(0), (size_t)n * model_inputs(&model));
}

int samples_are_text(void)
{
	return model_header(&model)->task == MODEL_TOKENS;
}

uint32_t samples_length(const int8_t *input)
{
	const uint32_t tokens = model_header(&model)->tokens;
	uint32_t n = 0;

	if (!samples_are_text())
		return tokens;
	while (n < tokens && (input[MODEL_TOKEN_BYTES * n] || input[MODEL_TOKEN_BYTES * n + 1]))
		n++;
	return n ? n : 1;
}
