/* The loop's struct, filled in for a model of your own; the rest is the board's. */
#include "board.h"
#include "model.h"

static void infer(void *arg, uint32_t i)
{
	(void)arg;
	model_infer(i);
}

int main(int argc, char **argv)
{
	static const uint8_t labels[MODEL_SAMPLES] = {0, 1, 2, 3, 0, 1, 2, 3};
	static uint32_t results[512];
	static struct hilda_device d;

	(void)argc;
	board_open(&d, argv);
	d.infer = infer;
	d.results = results;
	d.results_n = 512;
	d.model = "quarters";
	d.quant = "int8";
	d.weights = model_weights;
	d.weights_bytes = sizeof(model_weights);
	d.inputs = MODEL_INPUTS;
	d.outputs = MODEL_CLASSES;
	d.samples = MODEL_SAMPLES;
	d.logits = model_logits;
	d.labels = labels;
	hilda_device_run(&d);
	return 0;
}
