#include "protocols/model/model.h"

#include "protocols/uart-bench/crc.h"

#define TENSOR_ALIGNMENT 16
#define CRC_BYTES 4
#define CLASSES_MAX 1024
#define TABLE_VALUES 256
#define EXPONENTIAL_VALUES (256 + 16)
#define ANY UINT32_MAX

_Static_assert(sizeof(struct model_header) == 128, "the header's form");
_Static_assert(sizeof(struct model_tensor) == 16, "the table's form");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structs lie over the file");

enum kind { KIND_NONE, KIND_LINEAR, KIND_BYTES, KIND_WORDS, KIND_NORM, KIND_SCALES };

static const uint8_t kinds[MODEL_ROLES] = {
	[MODEL_EMBED] = KIND_LINEAR,
	[MODEL_TABLE] = KIND_BYTES,
	[MODEL_POSITION] = KIND_BYTES,
	[MODEL_EXPONENTIAL] = KIND_WORDS,
	[MODEL_NORM1] = KIND_NORM,
	[MODEL_Q] = KIND_LINEAR,
	[MODEL_K] = KIND_LINEAR,
	[MODEL_V] = KIND_LINEAR,
	[MODEL_QK] = KIND_LINEAR,
	[MODEL_SCALES] = KIND_SCALES,
	[MODEL_SOFTMAX] = KIND_WORDS,
	[MODEL_PROJECT] = KIND_LINEAR,
	[MODEL_ADD1] = KIND_SCALES,
	[MODEL_NORM2] = KIND_NORM,
	[MODEL_UP] = KIND_LINEAR,
	[MODEL_GELU] = KIND_BYTES,
	[MODEL_DOWN] = KIND_LINEAR,
	[MODEL_ADD2] = KIND_SCALES,
	[MODEL_E] = KIND_LINEAR,
	[MODEL_F] = KIND_LINEAR,
	[MODEL_FEATURES] = KIND_WORDS,
	[MODEL_ROTATIONS] = KIND_BYTES,
	[MODEL_INWARD] = KIND_LINEAR,
	[MODEL_NORM_IN] = KIND_NORM,
	[MODEL_OUTWARD] = KIND_LINEAR,
	[MODEL_ADD3] = KIND_SCALES,
	[MODEL_NORM] = KIND_NORM,
	[MODEL_POOL] = KIND_SCALES,
	[MODEL_HEAD] = KIND_LINEAR,
};

const char *model_architecture_name(uint32_t architecture)
{
	static const char *const names[] = {
		NULL, "full", "linformer", "performer", "reformer", "mobilebert"};

	return architecture < sizeof(names) / sizeof(names[0]) ? names[architecture] : NULL;
}

const char *model_role_name(uint32_t role)
{
	static const char *const names[MODEL_ROLES] = {
		[MODEL_EMBED] = "embed",
		[MODEL_TABLE] = "table",
		[MODEL_POSITION] = "position",
		[MODEL_EXPONENTIAL] = "exponential",
		[MODEL_NORM1] = "norm1",
		[MODEL_Q] = "q",
		[MODEL_K] = "k",
		[MODEL_V] = "v",
		[MODEL_QK] = "qk",
		[MODEL_SCALES] = "scales",
		[MODEL_SOFTMAX] = "softmax",
		[MODEL_PROJECT] = "project",
		[MODEL_ADD1] = "add1",
		[MODEL_NORM2] = "norm2",
		[MODEL_UP] = "up",
		[MODEL_GELU] = "gelu",
		[MODEL_DOWN] = "down",
		[MODEL_ADD2] = "add2",
		[MODEL_E] = "e",
		[MODEL_F] = "f",
		[MODEL_FEATURES] = "features",
		[MODEL_ROTATIONS] = "rotations",
		[MODEL_INWARD] = "inward",
		[MODEL_NORM_IN] = "norm_in",
		[MODEL_OUTWARD] = "outward",
		[MODEL_ADD3] = "add3",
		[MODEL_NORM] = "norm",
		[MODEL_POOL] = "pool",
		[MODEL_HEAD] = "head",
	};

	return role < MODEL_ROLES ? names[role] : NULL;
}

/* What stands in an $M line: printable, no separator, a zero behind it. */
static int is_word(const char *s, size_t room)
{
	size_t i = 0;

	for (; i < room && s[i]; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == ',' || s[i] == '*' || s[i] == '$' ||
			s[i] == '=')
			return 0;
	return i && i < room;
}

static const char *check_header(const struct model_header *h, size_t n)
{
	const uint8_t *end;
	uint32_t crc;

	if (n < sizeof(*h) + CRC_BYTES || h->magic[0] != 'H' || h->magic[1] != 'L' ||
		h->magic[2] != 'D' || h->magic[3] != 'M')
		return "Model is damaged: no HLDM header";
	if (h->version != MODEL_FILE_VERSION || h->header_bytes != sizeof(*h))
		return "Model has another format version: convert it again";
	if (h->bytes != n || n % 4)
		return "Model is damaged: the file is cut or longer than it says";
	end = (const uint8_t *)h + n - CRC_BYTES;
	crc = end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 | (uint32_t)end[3] << 24;
	if (crc32_zlib(CRC32_START, h, n - CRC_BYTES) != crc)
		return "Model is damaged: wrong CRC-32";
	if (!is_word(h->name, sizeof(h->name)) || !is_word(h->quant, sizeof(h->quant)) ||
		!is_word(h->variant, sizeof(h->variant)))
		return "Model has a name that is no printable word";
	return NULL;
}

static int in(uint32_t value, uint32_t low, uint32_t high)
{
	return value >= low && value <= high;
}

static const char *check_sizes(const struct model_header *h)
{
	if (!in(h->architecture, MODEL_FULL, MODEL_MOBILEBERT))
		return "Model is of an unknown architecture";
	if (h->bits != 8 && h->bits != 4)
		return "Model has weights of neither 8 nor 4 bits";
	if (h->task != MODEL_PATCHES && h->task != MODEL_TOKENS)
		return "Model is of an unknown task";
	if (h->task == MODEL_TOKENS && (h->patch != MODEL_TOKEN_BYTES || h->vocabulary < 2))
		return "Model of text has no vocabulary of ids";
	if (!in(h->tokens, 1, MODEL_TOKENS_MAX) || !in(h->width, 1, MODEL_WIDTH_MAX) ||
		!in(h->patch, 1, 4096) || !in(h->classes, 1, CLASSES_MAX) ||
		!in(h->layers, 1, 64) || !in(h->head_width, 1, 64) || !in(h->hidden, 1, 4096) ||
		!in((uint32_t)h->heads * h->head_width, 1, 1024))
		return "Model has sizes that the kernels cannot run";
	if (h->architecture == MODEL_LINFORMER && !in(h->k, 1, MODEL_TOKENS_MAX))
		return "Model has no k of Linformer that the kernels can run";
	if (h->architecture == MODEL_PERFORMER &&
		(!in(h->features, 4, MODEL_FEATURES_MAX) || h->features % 4))
		return "Model has not 4 to 128 features, by fours, of Performer";
	if (h->architecture == MODEL_REFORMER &&
		(!in(h->chunk, 1, 64) || !in(h->rounds, 1, 8) || !in(h->buckets, 2, 254) ||
			h->buckets % 2))
		return "Model has no chunks, rounds or buckets of Reformer that the kernels can run";
	if (h->architecture == MODEL_MOBILEBERT &&
		(!in(h->bottleneck, 1, MODEL_WIDTH_MAX) || !in(h->stacks, 0, 255)))
		return "Model has no bottleneck of MobileBERT that the kernels can run";
	return NULL;
}

static uint32_t padded(uint64_t n)
{
	return (uint32_t)((n + 3) & ~(uint64_t)3);
}

/* What a tensor of this shape takes; UINT64_MAX where its bits are not its kind's. */
static uint64_t tensor_bytes(const struct model_tensor *t)
{
	const uint64_t values = (uint64_t)t->rows * t->columns;

	switch (t->role < MODEL_ROLES ? kinds[t->role] : KIND_NONE) {
	case KIND_LINEAR:
		if (t->bits != 8 && t->bits != 4)
			break;
		/* Weights; bias, multiplier and shift of each row. */
		return padded((uint64_t)t->rows * model_row_bytes(t->columns, t->bits)) +
			9ull * t->rows;
	case KIND_BYTES:
		if (t->bits == 8)
			return values;
		break;
	case KIND_WORDS:
		if (t->bits == 16)
			return 2 * values;
		break;
	case KIND_NORM:
		/* A scale, beta in 32 bits, gamma in 16. */
		if (t->bits == 16 && t->rows == 1)
			return 8 + 6ull * t->columns;
		break;
	case KIND_SCALES:
		if (t->bits == 32 && t->columns == 2)
			return 4 * values;
		break;
	}
	return UINT64_MAX;
}

static const char *check_table(const struct model_header *h, uint32_t *tensor)
{
	uint64_t end = sizeof(*h) + (uint64_t)h->tensors * sizeof(struct model_tensor);

	if (h->tensors > MODEL_TENSORS_MAX || end > h->bytes - CRC_BYTES)
		return "Model is damaged: its table of tensors lies outside the file";
	for (uint32_t i = 0; i < h->tensors; i++) {
		const struct model_tensor *t = model_tensors(h) + i;

		*tensor = i;
		if (tensor_bytes(t) != t->bytes)
			return "Model is damaged: a tensor has not the size of its shape";
		if (t->offset % TENSOR_ALIGNMENT || t->offset < end ||
			(uint64_t)t->offset + t->bytes > h->bytes - CRC_BYTES)
			return "Model is damaged: a tensor lies outside the file or in another one";
		end = t->offset + t->bytes;
	}
	*tensor = MODEL_NO_TENSOR;
	return NULL;
}

/* The order in which an architecture reads; the first tensor that is another one stops it. */
struct walk {
	const struct model_header *h;
	uint32_t next, layer;
	int lost;
};

/* Returns the rows of the tensor. */
static uint32_t expect(
	struct walk *w, uint32_t role, uint32_t index, uint32_t rows, uint32_t columns)
{
	const struct model_tensor *t = model_tensors(w->h) + w->next;

	if (w->lost)
		return 0;
	w->lost = w->next >= w->h->tensors || t->role != role || t->layer != w->layer ||
		t->index != index || (rows != ANY && t->rows != rows) || t->columns != columns;
	if (w->lost)
		return 0;
	w->next++;
	return t->rows;
}

static void walk_attention(struct walk *w, uint32_t width)
{
	const struct model_header *h = w->h;
	uint32_t inner;

	expect(w, MODEL_NORM1, 0, 1, width);
	if (h->architecture == MODEL_REFORMER) {
		inner = expect(w, MODEL_QK, 0, ANY, width);
	} else {
		inner = expect(w, MODEL_Q, 0, ANY, width);
		expect(w, MODEL_K, 0, inner, width);
	}
	expect(w, MODEL_V, 0, inner, width);
	w->lost |= inner % h->head_width || inner > (uint32_t)h->heads * h->head_width;
	if (h->architecture == MODEL_LINFORMER) {
		expect(w, MODEL_E, 0, h->k, h->tokens);
		expect(w, MODEL_F, 0, h->k, h->tokens);
	} else if (h->architecture == MODEL_PERFORMER) {
		expect(w, MODEL_FEATURES, 0, h->features, h->head_width);
	} else if (h->architecture == MODEL_REFORMER) {
		expect(w, MODEL_ROTATIONS, 0, h->rounds * (h->buckets / 2u), h->head_width);
	}
	if (h->architecture == MODEL_PERFORMER) {
		expect(w, MODEL_SCALES, 0, 5, 2);
	} else {
		expect(w, MODEL_SCALES, 0, 2, 2);
		expect(w, MODEL_SOFTMAX, 0, 1, TABLE_VALUES);
	}
	expect(w, MODEL_PROJECT, 0, width, inner);
	expect(w, MODEL_ADD1, 0, 3, 2);
}

static void walk_feed_forward(struct walk *w, uint32_t width, uint32_t index)
{
	uint32_t hidden;

	expect(w, MODEL_NORM2, index, 1, width);
	hidden = expect(w, MODEL_UP, index, ANY, width);
	w->lost |= hidden > w->h->hidden;
	expect(w, MODEL_GELU, index, 1, TABLE_VALUES);
	expect(w, MODEL_DOWN, index, width, hidden);
	expect(w, MODEL_ADD2, index, 3, 2);
}

static void walk_layer(struct walk *w)
{
	const struct model_header *h = w->h;

	if (h->architecture != MODEL_MOBILEBERT) {
		walk_attention(w, h->width);
		walk_feed_forward(w, h->width, 0);
		return;
	}
	expect(w, MODEL_INWARD, 0, h->bottleneck, h->width);
	expect(w, MODEL_NORM_IN, 0, 1, h->bottleneck);
	walk_attention(w, h->bottleneck);
	for (uint32_t s = 0; s < h->stacks; s++)
		walk_feed_forward(w, h->bottleneck, s);
	expect(w, MODEL_OUTWARD, 0, h->width, h->bottleneck);
	expect(w, MODEL_ADD3, 0, 3, 2);
}

static const char *check_order(const struct model_header *h, uint32_t *tensor)
{
	struct walk w = {.h = h, .layer = MODEL_NO_LAYER};

	if (h->task == MODEL_TOKENS)
		expect(&w, MODEL_TABLE, 0, h->vocabulary, h->width);
	else
		expect(&w, MODEL_EMBED, 0, h->width, h->patch);
	expect(&w, MODEL_POSITION, 0, h->tokens, h->width);
	if (h->architecture == MODEL_PERFORMER)
		expect(&w, MODEL_EXPONENTIAL, 0, 1, EXPONENTIAL_VALUES);
	for (w.layer = 0; w.layer < h->layers; w.layer++)
		walk_layer(&w);
	w.layer = MODEL_NO_LAYER;
	expect(&w, MODEL_NORM, 0, 1, h->width);
	expect(&w, MODEL_POOL, 0, 1, 2);
	expect(&w, MODEL_HEAD, 0, h->classes, h->width);
	if (!w.lost && w.next == h->tensors)
		return NULL;
	*tensor = w.next;
	return "Model is damaged: a tensor is not the one that its architecture reads next";
}

const char *model_check(const void *file, size_t n, uint32_t *tensor)
{
	const struct model_header *h = file;
	const char *wrong;

	*tensor = MODEL_NO_TENSOR;
	wrong = check_header(h, n);
	if (!wrong)
		wrong = check_sizes(h);
	if (!wrong)
		wrong = check_table(h, tensor);
	return wrong ? wrong : check_order(h, tensor);
}
