/*
 * A model that TVM compiled ahead of time, under Hilda's loop.
 * Not compiled here: microTVM's runtime is in no Debian or npm package.
 */
#include "hilda_report.h"

#include "tvmgen_default.h"

#define SAMPLES 8
#define INPUT_BYTES 784
#define CLASSES 10

/* Yours. */
extern const int8_t inputs[SAMPLES][INPUT_BYTES];
void board_put(void *arg, const char *bytes, size_t n);
int board_get(void *arg);
uint64_t board_cycles(void *arg);
void board_reset(void *arg);

static int8_t logits[CLASSES];
static uint32_t results[400];
static volatile uint32_t kept __attribute__((section(".noinit")));

/* The executor reads the input where it lies; to be comparable with others it is copied in. */
static void infer(void *arg, uint32_t i)
{
	static int8_t input[INPUT_BYTES];
	struct tvmgen_default_inputs in = {.input = input};
	struct tvmgen_default_outputs out = {.output = logits};

	(void)arg;
	for (uint32_t k = 0; k < INPUT_BYTES; k++)
		input[k] = inputs[i][k];
	tvmgen_default_run(&in, &out);
}

static void memory(void *arg, struct hilda_memory *m)
{
	(void)arg;
	m->arena_used = m->arena_size = TVMGEN_DEFAULT_WORKSPACE_SIZE;
}

int main(void)
{
	static struct hilda_device d;

	d.put = board_put;
	d.get = board_get;
	d.ticks = board_cycles;
	d.hz = 64000000;
	d.timer = "dwt";
	d.infer = infer;
	d.memory = memory;
	d.results = results;
	d.results_n = 400;
	d.reset = board_reset;
	d.kept = &kept;
	d.board = "my-board";
	d.model = "my-model";
	d.quant = "int8";
	d.variant = "microtvm-aot";
	d.inputs = INPUT_BYTES;
	d.outputs = CLASSES;
	d.samples = SAMPLES;
	d.logits = logits;
	hilda_device_run(&d);
	return 0;
}
