/*
 * CMSIS-NN and CMSIS-Core under Hilda's loop.
 * Not compiled here: CMSIS-NN is in no Debian or npm package.
 */
#include "hilda_report.h"

#include "arm_nnfunctions.h"
#include "device.h" /* your vendor's CMSIS header: DWT, CoreDebug, NVIC_SystemReset, SystemCoreClock */

#define SAMPLES 8
#define INPUTS 784
#define CLASSES 10

/* Yours. */
extern const int8_t inputs[SAMPLES][INPUTS];
extern const int8_t weights[CLASSES * INPUTS];
extern const int32_t bias[CLASSES];
extern const cmsis_nn_fc_params parameters;
extern const cmsis_nn_per_tensor_quant_params requantisation;
void board_put(void *arg, const char *bytes, size_t n);
int board_get(void *arg);

static int8_t logits[CLASSES];
static uint8_t work[4096];
static uint32_t results[400];
static volatile uint32_t kept __attribute__((section(".noinit")));

static const cmsis_nn_dims input_dims = {1, 1, 1, INPUTS}, filter_dims = {INPUTS, 1, 1, CLASSES},
			   bias_dims = {1, 1, 1, CLASSES}, output_dims = {1, 1, 1, CLASSES};

static uint64_t cycles(void *arg)
{
	(void)arg;
	return DWT->CYCCNT;
}

static void reset(void *arg)
{
	(void)arg;
	NVIC_SystemReset();
}

static const char *load(void *arg)
{
	(void)arg;
	if (arm_fully_connected_s8_get_buffer_size(&filter_dims) > (int32_t)sizeof(work))
		return "The work buffer is too small";
	return NULL;
}

static void infer(void *arg, uint32_t i)
{
	static int8_t input[INPUTS];
	const cmsis_nn_context context = {work, sizeof(work)};

	(void)arg;
	for (uint32_t k = 0; k < INPUTS; k++)
		input[k] = inputs[i][k];
	arm_fully_connected_s8(&context, &parameters, &requantisation, &input_dims, input,
		&filter_dims, weights, &bias_dims, bias, &output_dims, logits);
}

static void memory(void *arg, struct hilda_memory *m)
{
	(void)arg;
	m->arena_used = (uint32_t)arm_fully_connected_s8_get_buffer_size(&filter_dims);
	m->arena_size = sizeof(work);
}

int main(void)
{
	static struct hilda_device d;

	/* First thing in main, so that what it shows at the start is the time from here. */
	CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
	DWT->CYCCNT = 0;
	DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
	d.put = board_put;
	d.get = board_get;
	d.ticks = cycles;
	d.hz = SystemCoreClock;
	d.timer = "dwt";
	d.load = load;
	d.infer = infer;
	d.memory = memory;
	d.results = results;
	d.results_n = 400;
	d.reset = reset;
	d.kept = &kept;
	d.board = "my-board";
	d.model = "my-model";
	d.quant = "int8";
	d.variant = "cmsis-nn";
	d.weights = weights;
	d.weights_bytes = sizeof(weights);
	d.inputs = INPUTS;
	d.outputs = CLASSES;
	d.samples = SAMPLES;
	d.logits = logits;
	hilda_device_run(&d);
	return 0;
}
