/*
 * ONNX Runtime under Hilda's loop, as a program (`exec = local`): float input, class scores as output.
 * Not compiled here: ONNX Runtime's C interface (onnxruntime_c_api.h) is in no Debian or npm package.
 */
#define _POSIX_C_SOURCE 200809L
#include "board.h" /* of examples/plain: console, counter and reset of a program, from host.c */

#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLES 8
#define INPUTS (49 * 16)
#define CLASSES 10

/* Yours: what the files are called, and the inputs. */
static const char model_path[] = "model.onnx";
static const char *const input_names[] = {"input"}, *const output_names[] = {"logits"};
static const int64_t shape[] = {1, 49, 16};
extern const float inputs[SAMPLES][INPUTS];

static const OrtApi *ort;
static OrtSession *session;
static OrtValue *input;
static float pixels[INPUTS];
static int8_t logits[CLASSES];

/* Without an answer there is no run: the agent tells the program's last words. */
static void need(OrtStatus *status)
{
	if (!status)
		return;
	fprintf(stderr, "%s\n", ort->GetErrorMessage(status));
	exit(EXIT_FAILURE);
}

/* Reading, optimising and planning the graph: what `load` means here. */
static const char *load(void *arg)
{
	OrtEnv *env;
	OrtSessionOptions *options;
	OrtMemoryInfo *where;

	(void)arg;
	ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
	need(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "hilda", &env));
	need(ort->CreateSessionOptions(&options));
	need(ort->SetIntraOpNumThreads(options, 1));
	need(ort->CreateSession(env, model_path, options, &session));
	need(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &where));
	need(ort->CreateTensorWithDataAsOrtValue(where, pixels, sizeof(pixels), shape, 3,
		ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
	ort->ReleaseMemoryInfo(where);
	return NULL;
}

/* Scores as bytes in steps of 1/8, for the predictions that `lab accuracy` sends. */
static int8_t as_byte(float score)
{
	return (int8_t)(score >= 15.875f ? 127 : score <= -16.0f ? -128 : score * 8);
}

static void infer(void *arg, uint32_t i)
{
	OrtValue *output = NULL;
	float *scores;

	(void)arg;
	for (uint32_t k = 0; k < INPUTS; k++)
		pixels[k] = inputs[i][k];
	need(ort->Run(session, NULL, input_names, (const OrtValue *const *)&input, 1, output_names,
		1, &output));
	need(ort->GetTensorMutableData(output, (void **)&scores));
	for (uint32_t c = 0; c < CLASSES; c++)
		logits[c] = as_byte(scores[c]);
	ort->ReleaseValue(output);
}

int main(int argc, char **argv)
{
	static uint32_t results[4096];
	static struct hilda_device d;

	(void)argc;
	board_open(&d, argv);
	d.load = load;
	d.infer = infer;
	d.results = results;
	d.results_n = 4096;
	d.model = "my-model";
	d.quant = "float32";
	d.variant = "onnxruntime";
	d.inputs = INPUTS;
	d.outputs = CLASSES;
	d.samples = SAMPLES;
	d.logits = logits;
	hilda_device_run(&d);
	return 0;
}
