/* hilda model info: what a model file says of itself, and whether it is whole. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/sha256.h"
#include "protocols/model/model.h"

#define FILE_MAX (64 << 20)

struct model_file {
	const struct model_header *header; /* lies over data, which malloc aligned */
	char *data;
	size_t n;
	char sha256[SHA256_HEX_BYTES];
	uint32_t crc32;
};

/* What people give instead. */
static const char *other_kind(const char *data, size_t n)
{
	if (n >= 4 && !memcmp(data, "\177ELF", 4))
		return "it is an ELF image; the model in it is a file of its own";
	if (n >= 4 && !memcmp(data, "HLDS", 4))
		return "it is a list of samples";
	/* An ONNX model begins with its format's version, field 1 as a number. */
	if (n >= 2 && data[0] == 8 && data[1] < 32)
		return "it may be ONNX: firmware-stub/convert/convert.py makes a model file of it";
	/* What xz writes first, with a zero behind it. */
	if (n >= 6 && !memcmp(data, "\3757zXZ", 6))
		return "xz packed it; of ONNX firmware-stub/convert/convert.py makes a model file";
	return NULL;
}

static int refuse(const char *path, const struct model_file *m, const char *wrong, uint32_t tensor,
	struct fault *f)
{
	bool is_model = m->n >= 4 && !memcmp(m->data, "HLDM", 4);
	const char *other = is_model ? NULL : other_kind(m->data, m->n);
	const char *role = NULL;

	if (!is_model)
		return fault_set(f, EINVAL, "%s is no model file%s%s", path, other ? ": " : "",
			other ? other : "; a .hlm file begins with HLDM");
	if (tensor != MODEL_NO_TENSOR && tensor < m->header->tensors)
		role = model_role_name(model_tensors(m->header)[tensor].role);
	if (tensor != MODEL_NO_TENSOR)
		return fault_set(f, EINVAL, "%s: %s (tensor %" PRIu32 "%s%s)", path, wrong, tensor,
			role ? ", " : "", role ? role : "");
	return fault_set(f, EINVAL, "%s: %s (%zu bytes)", path, wrong, m->n);
}

static int open_model(const char *path, struct model_file *m, struct fault *f)
{
	uint32_t tensor = MODEL_NO_TENSOR;
	const char *wrong;
	int err = file_read(path, FILE_MAX, &m->data, &m->n, f);

	if (err)
		return err;
	m->header = (const void *)m->data;
	wrong = model_check(m->data, m->n, &tensor);
	if (wrong)
		return refuse(path, m, wrong, tensor, f);
	memcpy(&m->crc32, m->data + m->n - sizeof(m->crc32), sizeof(m->crc32));
	sha256_hex(m->data, m->n, m->sha256);
	return 0;
}

static const char *task_name(const struct model_header *h)
{
	return h->task == MODEL_TOKENS ? "tokens" : "patches";
}

/* Numbers that only one architecture or task has; a name with no value is left out. */
struct number {
	const char *name;
	uint32_t value;
};

#define NUMBERS 16

static void numbers_of(const struct model_header *h, struct number out[NUMBERS])
{
	const struct number all[NUMBERS] = {{"tokens", h->tokens}, {"patch", h->patch},
		{"vocabulary", h->vocabulary}, {"width", h->width}, {"layers", h->layers},
		{"heads", h->heads}, {"head_width", h->head_width}, {"hidden", h->hidden},
		{"classes", h->classes}, {"bottleneck", h->bottleneck}, {"stacks", h->stacks},
		{"k", h->k}, {"features", h->features}, {"chunk", h->chunk}, {"rounds", h->rounds},
		{"buckets", h->buckets}};

	memcpy(out, all, sizeof(all));
}

static void print_header(const struct model_file *m)
{
	const struct model_header *h = m->header;
	struct number numbers[NUMBERS];

	numbers_of(h, numbers);
	printf("name          %s\nquantisation  %s\nvariant       %s\narchitecture  %s\n"
	       "task          %s\nshape        ",
		h->name, h->quant, h->variant, model_architecture_name(h->architecture),
		task_name(h));
	for (int i = 0; i < NUMBERS; i++) {
		if (numbers[i].value)
			printf(" %s %" PRIu32, numbers[i].name, numbers[i].value);
	}
	printf("\nbytes         %" PRIu32 "\narena         %" PRIu32 " bytes\nsha256        %s\n"
	       "crc32         %08" PRIX32 ", right\n\n",
		h->bytes, h->arena_bytes, m->sha256, m->crc32);
}

static void print_tensors(const struct model_header *h)
{
	_cleanup_(table_freep) struct table *t =
		table_new("TENSOR|>LAYER|>STACK|>BITS|>ROWS|>COLUMNS|>OFFSET|>BYTES");

	for (uint32_t i = 0; i < h->tensors; i++) {
		const struct model_tensor *x = model_tensors(h) + i;

		table_text(t, model_role_name(x->role));
		if (x->layer == MODEL_NO_LAYER)
			table_text(t, NULL);
		else
			table_format(t, "%u", x->layer);
		if (h->stacks)
			table_format(t, "%u", x->index);
		else
			table_text(t, NULL);
		table_format(t, "%u", x->bits);
		table_format(t, "%u", x->rows);
		table_format(t, "%u", x->columns);
		table_format(t, "%" PRIu32, x->offset);
		table_format(t, "%" PRIu32, x->bytes);
	}
	table_print(t, stdout);
}

static json_t *tensor_json(const struct model_tensor *x)
{
	json_t *out =
		json_pack("{s:s, s:i, s:i, s:i, s:i, s:I, s:I}", "role", model_role_name(x->role),
			"index", x->index, "bits", x->bits, "rows", x->rows, "columns", x->columns,
			"offset", (json_int_t)x->offset, "bytes", (json_int_t)x->bytes);

	if (x->layer != MODEL_NO_LAYER)
		json_object_set_new(out, "layer", json_integer(x->layer));
	return out;
}

static json_t *model_json(const struct model_file *m)
{
	const struct model_header *h = m->header;
	json_t *tensors = json_array(), *all;
	struct number numbers[NUMBERS];

	for (uint32_t i = 0; i < h->tensors; i++)
		json_array_append_new(tensors, tensor_json(model_tensors(h) + i));
	all = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:s}", "name", h->name, "quant",
		h->quant, "variant", h->variant, "architecture",
		model_architecture_name(h->architecture), "task", task_name(h), "version",
		h->version, "bytes", (json_int_t)h->bytes, "arena_bytes",
		(json_int_t)h->arena_bytes, "sha256", m->sha256);
	numbers_of(h, numbers);
	for (int i = 0; i < NUMBERS; i++)
		json_object_set_new(all, numbers[i].name, json_integer(numbers[i].value));
	json_object_set_new(all, "crc32", json_sprintf("%08x", m->crc32));
	json_object_set_new(all, "tensors", tensors);
	return all;
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	struct model_file m = {0};
	json_t *all;

	if (open_model(cli->arguments[0], &m, f)) {
		free(m.data);
		return EXIT_LOCAL_FILE;
	}
	if (cli->json) {
		all = model_json(&m);
		output_json(all);
		json_decref(all);
	} else {
		print_header(&m);
		print_tensors(m.header);
	}
	free(m.data);
	return EXIT_OK;
}

const struct command command_model_info = {
	.name = "model info",
	.arguments = "FILE.hlm",
	.min_arguments = 1,
	.max_arguments = 1,
	.is_local = true,
	.summary = "Show a model file: shape, quantisation, hash, tensors.",
	.help = "The whole file is checked as a board does before it runs it: CRC-32, limits, and that\n"
		"every tensor is the one its architecture reads next. sha256 is what a run's $M line\n"
		"reports of the model in flash.\n\n"
		"Examples:\n"
		"  hilda model info firmware-stub/models/full-nano-int8.hlm\n"
		"  hilda model info mine.hlm --json | jq .arena_bytes",
	.run = run,
};
