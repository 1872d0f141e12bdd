#include "nn/reader.h"

const char *model_load(const struct model *m, size_t arena_bytes, size_t *plan)
{
	const struct model_header *h = model_header(m);
	uint32_t tensor;
	const char *wrong = model_check(h, m->blob_bytes, &tensor);

	if (wrong)
		return wrong;
	if (h->architecture != m->architecture->id)
		return "Model is of another architecture: build the image with its kernels";
	*plan = m->architecture->plan(h);
	if (*plan != h->arena_bytes)
		return "Model was planned for other kernels: convert it again";
	if (*plan > arena_bytes)
		return "Model needs a larger arena than this image has";
	return NULL;
}

void reader_start(struct reader *r, const struct model *m)
{
	r->file = m->blob;
	r->next = model_tensors(model_header(m));
}

const void *reader_values(struct reader *r)
{
	return r->file + r->next++->offset;
}

struct linear reader_linear(struct reader *r)
{
	const struct model_tensor *t = r->next;
	struct linear l = {.weights = reader_values(r),
		.inputs = t->columns,
		.outputs = t->rows,
		.stride = (uint16_t)model_row_bytes(t->columns, t->bits),
		.bits = t->bits};

	l.bias = (const void *)(l.weights + (((uint32_t)l.stride * l.outputs + 3) & ~3u));
	l.multiplier = l.bias + l.outputs;
	l.shift = (const void *)(l.multiplier + l.outputs);
	return l;
}

struct norm reader_norm(struct reader *r)
{
	const struct model_tensor *t = r->next;
	const struct rescale *scale = reader_scales(r);
	struct norm l = {.rescale = *scale, .n = t->columns};

	l.beta = (const void *)(scale + 1);
	l.gamma = (const void *)(l.beta + l.n);
	return l;
}

struct add reader_add(struct reader *r)
{
	const struct rescale *s = reader_scales(r);

	return (struct add){s[0], s[1], s[2]};
}

const struct rescale *reader_scales(struct reader *r)
{
	return reader_values(r);
}
