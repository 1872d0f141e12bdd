// TensorFlow Lite Micro under Hilda's loop.
// Not compiled here: TensorFlow Lite Micro is in no Debian or npm package.
#include "hilda_report.h"

#include <cstring>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

// Yours: the model's bytes, inputs one behind the other, and the board.
extern const unsigned char g_model[];
extern const unsigned int g_model_bytes;
extern const int8_t g_inputs[];
constexpr uint32_t kSamples = 8;
extern "C" {
void board_put(void *arg, const char *bytes, size_t n);
int board_get(void *arg);
uint64_t board_cycles(void *arg);
void board_reset(void *arg);
}

namespace
{
alignas(16) uint8_t arena[40 * 1024];
tflite::MicroMutableOpResolver<4> operators;
tflite::MicroInterpreter *interpreter;
struct hilda_device device;
uint32_t results[400];
volatile uint32_t kept __attribute__((section(".noinit")));

const char *load(void *)
{
	const tflite::Model *model = tflite::GetModel(g_model);

	if (model->version() != TFLITE_SCHEMA_VERSION)
		return "The model has another schema version";
	operators.AddFullyConnected();
	operators.AddSoftmax();
	operators.AddReshape();
	operators.AddQuantize();
	static tflite::MicroInterpreter one(model, operators, arena, sizeof(arena));
	if (one.AllocateTensors() != kTfLiteOk)
		return "The arena is too small or an operator is missing";
	interpreter = &one;
	device.inputs = one.input(0)->bytes;
	device.outputs = one.output(0)->bytes;
	device.logits = one.output(0)->data.int8;
	return nullptr;
}

// Input copied in, invoked, output where `logits` points.
void infer(void *, uint32_t i)
{
	TfLiteTensor *input = interpreter->input(0);

	std::memcpy(input->data.int8, g_inputs + i * input->bytes, input->bytes);
	interpreter->Invoke();
}

void memory(void *, struct hilda_memory *m)
{
	m->arena_used = interpreter->arena_used_bytes();
	m->arena_size = sizeof(arena);
}
} // namespace

int main()
{
	device.put = board_put;
	device.get = board_get;
	device.ticks = board_cycles;
	device.hz = 64000000;
	device.timer = "dwt";
	device.load = load;
	device.infer = infer;
	device.memory = memory;
	device.results = results;
	device.results_n = 400;
	device.reset = board_reset;
	device.kept = &kept;
	device.board = "my-board";
	device.model = "my-model";
	device.quant = "int8";
	device.variant = "tflite-micro";
	device.weights = g_model;
	device.weights_bytes = g_model_bytes;
	device.samples = kSamples;
	hilda_device_run(&device);
}
