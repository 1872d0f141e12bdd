/*
 * A search for the input that takes longest, for models whose time depends on it: the list's inputs
 * first, then by turns one drawn anew and the slowest so far with a few tokens changed. The same
 * seed tries the same inputs where the same ticks are counted. Text is drawn from the list's own tokens.
 */
#include "core/run.h"
#include "core/samples.h"

/* At most this part of the tokens is changed. */
#define CHANGED_SHARE 8

static uint32_t state;

/* xorshift32 (Marsaglia 2003, "Xorshift RNGs"). */
static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return (uint32_t)(((uint64_t)state * below) >> 32);
}

static void copy(int8_t *to, const int8_t *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] = from[i];
}

/* Puts another token at place t. */
static void change(int8_t *input, uint32_t t)
{
	const uint32_t bytes = model_header(&model)->patch;
	int8_t *token = input + t * bytes;

	if (samples_are_text()) {
		const int8_t *sample = samples_input(draw(samples_count()));

		copy(token, sample + draw(samples_length(sample)) * bytes, bytes);
		return;
	}
	for (uint32_t i = 0; i < bytes; i++)
		token[i] = (int8_t)draw(256);
}

/* Of text, the number of tokens too: what is behind them is padding. */
static void resize(int8_t *input, uint32_t before, uint32_t after)
{
	const uint32_t bytes = model_header(&model)->patch;

	for (uint32_t t = before; t < after; t++)
		change(input, t);
	for (uint32_t i = after * bytes; i < model_inputs(&model); i++)
		input[i] = 0;
}

static void draw_input(int8_t *input)
{
	const uint32_t tokens = model_header(&model)->tokens;

	resize(input, 0, samples_are_text() ? 1 + draw(tokens) : tokens);
}

static void change_input(int8_t *input)
{
	const uint32_t tokens = model_header(&model)->tokens, now = samples_length(input);

	for (uint32_t k = 1 + draw(1 + now / CHANGED_SHARE); k; k--)
		change(input, draw(now));
	if (samples_are_text() && draw(2))
		resize(input, now, 1 + draw(tokens));
}

/* Candidate i, in the model's own copy of the input. */
static void make(uint32_t i)
{
	const uint32_t n = model_inputs(&model);

	if (i < samples_count()) {
		copy(run_input(), samples_input(i), n);
	} else if (i & 1) {
		draw_input(run_input());
	} else {
		copy(run_input(), run_worst_input(), n);
		change_input(run_input());
	}
}

int run_search(uint32_t n, uint32_t seed)
{
	uint64_t opened;

	if (!run_timer_ticks())
		return -1;
	run_begin(PHASE_SEARCH, n, 1);
	run.inputs = INPUTS_SEARCH;
	run.input_count = n;
	run.seed = seed;
	state = seed ^ 0x9E3779B9u ? seed ^ 0x9E3779B9u : 1;
	run.overhead_ticks = run_empty_loop();
	port_watchdog(WATCHDOG_RUN_MS);
	run_infer(0);
	opened = run_window_open();
	for (uint32_t i = 0; i < n; i++) {
		make(i);
		run_timed(run_input(), i);
		if (i && run_ticks()[i] <= run_ticks()[run.worst])
			continue;
		run.worst = i;
		copy(run_worst_input(), run_input(), model_inputs(&model));
	}
	run_window_close(opened);
	return 0;
}
