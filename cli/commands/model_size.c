/* hilda model size: what an encoder takes, before anybody trains or flashes it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "protocols/model/size.h"

#define MIB (UINT64_C(1) << 20)
#define KNOWN_MAX 1024

static const uint64_t memories[] = {1 * MIB, 2 * MIB, 8 * MIB};
#define MEMORIES (sizeof(memories) / sizeof(memories[0]))

static uint64_t total(const struct model_size *z)
{
	return z->weight_bytes + z->activation_bytes;
}

static void put_bytes(struct table *t, uint64_t bytes)
{
	if (bytes >= 10 * MIB)
		table_format(t, "%.1f MiB", (double)bytes / (double)MIB);
	else
		table_format(t, "%.1f KiB", (double)bytes / 1024);
}

static void put_count(struct table *t, uint64_t n)
{
	if (n >= 1000000)
		table_format(t, "%.2f M", (double)n / 1e6);
	else
		table_format(t, "%" PRIu64, n);
}

static void print_longest(const struct model_shape *s, int bits)
{
	_cleanup_(table_freep) struct table *t = table_new(">MEMORY|>LONGEST SEQUENCE");

	for (size_t i = 0; i < MEMORIES; i++) {
		uint32_t longest = model_size_longest(s, bits, memories[i]);

		table_format(t, "%" PRIu64 " MiB", memories[i] / MIB);
		if (longest)
			table_format(t, "%" PRIu32, longest);
		else
			table_text(t, "does not fit");
	}
	table_print(t, stdout);
}

static void add_row(struct table *t, const struct model_shape *s, uint32_t tokens, int bits)
{
	struct model_size z;

	if (model_size(s, tokens, bits, &z))
		return;
	table_text(t, s->name);
	table_format(t, "%" PRIu32, tokens);
	put_count(t, z.parameters + s->training_parameters);
	put_count(t, z.macs);
	put_bytes(t, z.weight_bytes);
	put_bytes(t, z.activation_bytes);
	put_bytes(t, z.whole_matrix_bytes);
	for (size_t i = 0; i < MEMORIES; i++)
		table_text(t, total(&z) <= memories[i] ? "fits" : "-");
}

/* tokens 0: as many as each is made for. */
static void print_rows(const struct model_shape *one, uint32_t tokens, int bits)
{
	_cleanup_(table_freep) struct table *t =
		table_new("CONFIGURATION|>TOKENS|>PARAMETERS|>MACS|>WEIGHTS|>ACTIVATIONS|>WHOLE "
			  "MATRICES|1 MiB|2 MiB|8 MiB");
	const struct model_shape *s;

	for (size_t i = 0; (s = shape_at(i)); i++) {
		if (!one || s == one)
			add_row(t, s, tokens ? tokens : s->tokens, bits);
	}
	table_print(t, stdout);
}

static void print_one(const struct model_shape *s, uint32_t tokens, int bits)
{
	struct model_size z;

	print_rows(s, tokens, bits);
	if (model_size(s, tokens, bits, &z))
		return;
	printf("\nat %d bits; of the MACs %.1f %% join tokens, the rest are linear maps of each\n"
	       "source: %s\n",
		bits, 100 * (double)z.attention_macs / (double)z.macs, s->source);
	if (s->training_parameters)
		printf("%" PRIu64 " of the parameters are for training and not in the weights\n",
			s->training_parameters);
	if (tokens > s->tokens)
		printf("made for %" PRIu32 " tokens: the table of positions is counted longer\n",
			s->tokens);
	putchar('\n');
	print_longest(s, bits);
}

static json_t *shape_json(const struct model_shape *s, uint32_t tokens, int bits)
{
	json_t *fits = json_array(), *all;
	struct model_size z;

	if (model_size(s, tokens, bits, &z))
		return json_null();
	for (size_t i = 0; i < MEMORIES; i++)
		json_array_append_new(fits,
			json_pack("{s:I, s:b, s:i}", "memory_bytes", (json_int_t)memories[i],
				"fits", total(&z) <= memories[i], "longest_tokens",
				(int)model_size_longest(s, bits, memories[i])));
	all = json_pack("{s:s, s:s, s:i, s:i, s:I, s:I}", "config", s->name, "source", s->source,
		"tokens", (int)tokens, "bits", bits, "parameters",
		(json_int_t)(z.parameters + s->training_parameters), "training_parameters",
		(json_int_t)s->training_parameters);
	json_object_update_new(all,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "macs", (json_int_t)z.macs,
			"attention_macs", (json_int_t)z.attention_macs, "weight_bytes",
			(json_int_t)z.weight_bytes, "activation_bytes",
			(json_int_t)z.activation_bytes, "whole_matrix_bytes",
			(json_int_t)z.whole_matrix_bytes, "memories", fits));
	return all;
}

static void print_json(const struct model_shape *one, uint32_t tokens, int bits)
{
	const struct model_shape *s;
	json_t *all = json_array();

	for (size_t i = 0; (s = shape_at(i)); i++) {
		if (!one || s == one)
			json_array_append_new(
				all, shape_json(s, tokens ? tokens : s->tokens, bits));
	}
	output_json(one ? json_array_get(all, 0) : all);
	json_decref(all);
}

static int unknown_config(const char *name, struct fault *f)
{
	char known[KNOWN_MAX] = "";
	const struct model_shape *s;
	size_t used = 0;

	for (size_t i = 0; (s = shape_at(i)) && used < sizeof(known); i++)
		used += (size_t)snprintf(
			known + used, sizeof(known) - used, "%s%s", i ? ", " : "", s->name);
	return fault_set(f, EINVAL, "there is no configuration \"%.60s\"; known: %s", name, known);
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	const char *name = cli_value(cli, "config");
	const struct model_shape *s = name ? shape_find(name) : NULL;
	uint64_t tokens = 0, bits = 8;

	if (name && !s) {
		unknown_config(name, f);
		return EXIT_USAGE;
	}
	if (cli_u64(cli, "seq", 1, SIZE_TOKENS_MAX, &tokens, f) ||
		cli_u64(cli, "bits", 4, 32, &bits, f))
		return EXIT_USAGE;
	if (bits != 4 && bits != 8 && bits != 32) {
		fault_set(f, EINVAL, "--bits %" PRIu64 " is not 32, 8 or 4", bits);
		return EXIT_USAGE;
	}
	if (cli->json)
		print_json(s, (uint32_t)tokens, (int)bits);
	else if (s)
		print_one(s, tokens ? (uint32_t)tokens : s->tokens, (int)bits);
	else
		print_rows(NULL, (uint32_t)tokens, (int)bits);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{"config", 'c', "NAME", "one configuration, with the longest sequences; else all"},
	{"seq", 's', "N", "tokens; as many as it is made for unless given"},
	{"bits", 'b', "32|8|4", "of a weight: float, int8 (unless given), int4"},
	{NULL},
};

const struct command command_model_size = {
	.name = "model size",
	.arguments = "",
	.is_local = true,
	.summary = "Say what an encoder takes: parameters, MACs, memory.",
	.help = "Computed, not measured. ACTIVATIONS is the peak of our kernels, which keep one row of\n"
		"scores; WHOLE MATRICES that of a runtime that goes operator by operator. What fits\n"
		"is weights with ACTIVATIONS, code not counted. linformer, performer and reformer\n"
		"are their attention on the body of bert-base.\n\n"
		"Examples:\n"
		"  hilda model size --seq 128\n"
		"  hilda model size --config mobilebert --seq 128 --bits 4\n"
		"  hilda model size --config full-nano --bits 8 --json",
	.options = options,
	.run = run,
};
