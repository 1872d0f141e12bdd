/* The lines of the last run, made from what is in RAM: once when it ends, again for a resend. */
#include "core/identity.h"
#include "core/reset.h"
#include "core/run.h"
#include "core/samples.h"
#include "core/words.h"
#include "protocols/uart-bench/sha256.h"

static void identity_lines(void)
{
	char uid[40];

	port_unique_id(uid, sizeof(uid));
	hilda_report_open(&report, 'H');
	hilda_report_u64(&report, "proto", HILDA_PROTO);
	hilda_report_text(&report, "fw", identity.version);
	hilda_report_text(&report, "git", identity.git);
	hilda_report_text(&report, "cc", identity.toolchain);
	hilda_report_text(&report, "board", port_board);
	hilda_report_text(&report, "uid", uid);
	hilda_report_u64(&report, "hz", port_timer_hz());
	hilda_report_text(&report, "timer", port_timer_kind());
	hilda_report_text(&report, "reset", reset_cause_name());
	hilda_report_u64(&report, "max_n", port_max_n);
}

static void model_lines(void)
{
	uint8_t hash[HILDA_SHA256_BYTES];
	struct hilda_sha256 sha;

	hilda_sha256_init(&sha);
	hilda_sha256_update(&sha, model.blob, model.blob_bytes);
	hilda_sha256_final(&sha, hash);
	hilda_report_open(&report, 'M');
	hilda_report_text(&report, "model", model.name);
	hilda_report_text(&report, "quant", model.quant);
	hilda_report_text(&report, "variant", model.variant);
	hilda_report_u64(&report, "in", model_inputs(&model));
	hilda_report_u64(&report, "out", model_header(&model)->classes);
	hilda_report_u64(&report, "samples", samples_count());
	hilda_report_u64(&report, "bytes", model.blob_bytes);
	hilda_report_bytes(&report, "sha256", hash, sizeof(hash));
}

static const char *const inputs_names[] = {"rotate", "fixed", "list", "worst", "search"};

int run_inputs_find(const char *name, enum run_inputs *inputs)
{
	for (uint32_t i = 0; i <= INPUTS_WORST; i++) {
		if (words_equal(name, inputs_names[i])) {
			*inputs = (enum run_inputs)i;
			return 0;
		}
	}
	return -1;
}

static void run_line(const char *phase)
{
	hilda_report_open(&report, 'R');
	hilda_report_u64(&report, "run", run.number);
	hilda_report_text(&report, "phase", phase);
	hilda_report_u64(&report, "n", run.n);
	hilda_report_u64(&report, "warmup", run.warmup);
	hilda_report_u64(&report, "batch", run.batch);
	hilda_report_text(&report, "irq", run.irq);
	hilda_report_text(&report, "cache", port_cache);
	hilda_report_u64(&report, "overhead", run.overhead_ticks);
	hilda_report_u64(&report, "window", run.window_ticks);
	hilda_report_text(&report, "inputs", inputs_names[run.inputs]);
	if (run.input_count)
		hilda_report_u64(&report, "count", run.input_count);
}

/* $I: the tokens of the inputs that took part, where their number differs. */
static void length_lines(void)
{
	const int worst = run.inputs == INPUTS_WORST;
	uint32_t i = 0;

	while (samples_are_text() && i < run.input_count) {
		hilda_report_open(&report, 'I');
		hilda_report_u64(&report, "i", i);
		hilda_report_list(&report, "n");
		while (i < run.input_count &&
			hilda_report_item(&report,
				samples_length(worst ? run_worst_input() : samples_input(i))))
			i++;
		hilda_report_close(&report);
	}
}

static void warm_lines(void)
{
	run_line("warm");
	hilda_report_close(&report);
	length_lines();
	hilda_report_ticks(&report, run_ticks(), run.n);
}

static void search_lines(void)
{
	run_line("search");
	hilda_report_u64(&report, "seed", run.seed);
	hilda_report_u64(&report, "worst", run.worst);
	hilda_report_close(&report);
	hilda_report_ticks(&report, run_ticks(), run.n);
}

static void cold_lines(void)
{
	run_line("cold");
	hilda_report_text(&report, "kind", "reset");
	hilda_report_open(&report, 'C');
	hilda_report_u64(&report, "boot", run.boot_ticks);
	hilda_report_u64(&report, "load", run.load_ticks);
	hilda_report_u64(&report, "first", run.first_ticks);
}

static void accuracy_lines(void)
{
	const uint32_t classes = model_header(&model)->classes;

	run_line("accuracy");
	hilda_report_hex(&report, "list", run.samples_crc);
	hilda_report_text(&report, "from", samples_source());
	for (uint32_t i = 0; i < run.n; i++) {
		const int8_t *logits = run_logits(i);
		uint32_t best = 0;

		for (uint32_t c = 1; c < classes; c++)
			if (logits[c] > logits[best])
				best = c;
		hilda_report_labelled(&report, i, best, samples_label(i), logits, classes);
	}
}

static void memory_lines(void)
{
	struct port_sizes sizes;

	port_sizes(&sizes);
	hilda_report_open(&report, 'S');
	hilda_report_u64(&report, "stack_used", run.stack_used);
	hilda_report_u64(&report, "stack_size", run.stack_size);
	hilda_report_u64(&report, "heap_used", 0);
	hilda_report_u64(&report, "heap_size", 0);
	hilda_report_u64(&report, "arena_used", run.arena_used);
	hilda_report_u64(&report, "arena_size", model_arena_bytes);
	hilda_report_u64(&report, "text", sizes.text);
	hilda_report_u64(&report, "rodata", sizes.rodata);
	hilda_report_u64(&report, "data", sizes.data);
	hilda_report_u64(&report, "bss", sizes.bss);
	hilda_report_u64(&report, "weights", model.blob_bytes);
}

void run_report(void)
{
	switch (run.phase) {
	case PHASE_NONE:
		return;
	case PHASE_ID:
		identity_lines();
		model_lines();
		break;
	case PHASE_COLD:
		cold_lines();
		break;
	case PHASE_WARM:
		warm_lines();
		break;
	case PHASE_SEARCH:
		search_lines();
		break;
	case PHASE_PROFILE:
		run_line("profile");
		run_profile_report();
		break;
	case PHASE_SUSTAINED:
		run_line("sustained");
		run_sustained_report();
		break;
	case PHASE_ENERGY:
		run_line("energy");
		break;
	case PHASE_MEMORY:
		memory_lines();
		break;
	case PHASE_ACCURACY:
		accuracy_lines();
		break;
	}
	hilda_report_end(&report, run.status, run.message);
}
