#include "nn/reader.h"

#include "protocols/uart-bench/crc.h"

const char *model_load(const struct model *m, size_t arena_bytes, size_t *plan)
{
	const struct model_header *h = model_header(m);
	const size_t body = m->blob_bytes - 4;
	uint32_t crc;

	if (h->magic[0] != 'H' || h->magic[1] != 'L' || h->magic[2] != 'D' || h->magic[3] != 'M')
		return "Model is damaged: no HLDM header";
	if (h->version != 1 || h->header_bytes != sizeof(*h) || h->bytes != m->blob_bytes)
		return "Model has another format version: convert it again";
	if (h->architecture != m->architecture->id)
		return "Model is of another architecture: build the image with its kernels";
	crc = m->blob[body] | (uint32_t)m->blob[body + 1] << 8 | (uint32_t)m->blob[body + 2] << 16 |
		(uint32_t)m->blob[body + 3] << 24;
	if (crc32_zlib(CRC32_START, m->blob, body) != crc)
		return "Model is damaged: wrong CRC-32";
	*plan = m->architecture->plan(h);
	if (!*plan)
		return "Model has sizes that the kernels cannot run";
	if (*plan > arena_bytes)
		return "Model needs a larger arena than this board has";
	return NULL;
}

void reader_start(struct reader *r, const struct model *m)
{
	r->at = m->blob + model_header(m)->header_bytes;
}

const void *reader_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->at;

	r->at += (n + 3) & ~(size_t)3;
	return p;
}

struct linear reader_linear(struct reader *r)
{
	const uint16_t *head = reader_bytes(r, 8);
	struct linear l = {.inputs = head[0],
		.outputs = head[1],
		.zero_out = (int16_t)head[2],
		.bits = head[3]};

	l.weights = reader_bytes(r, (size_t)l.inputs * l.outputs);
	l.bias = reader_bytes(r, 4u * l.outputs);
	l.multiplier = reader_bytes(r, 4u * l.outputs);
	l.shift = reader_bytes(r, l.outputs);
	return l;
}

struct norm reader_norm(struct reader *r)
{
	const uint16_t *head = reader_bytes(r, 4);
	struct norm l = {.n = head[0], .zero_out = (int16_t)head[1]};

	l.rescale = reader_rescale(r);
	l.gamma = reader_bytes(r, 2u * l.n);
	l.beta = reader_bytes(r, 4u * l.n);
	return l;
}

struct add reader_add(struct reader *r)
{
	struct add l;

	l.a = reader_rescale(r);
	l.b = reader_rescale(r);
	l.out = reader_rescale(r);
	return l;
}

struct rescale reader_rescale(struct reader *r)
{
	const int32_t *p = reader_bytes(r, 8);

	return (struct rescale){p[0], p[1]};
}
