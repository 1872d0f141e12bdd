#include "report/device.h"

#include "core/words.h"
#include "protocols/uart-bench/sha256.h"

#define KEPT_COLD 0x48434F4Cu  /* the reset that comes is `lab cold`'s */
#define KEPT_AWAKE 0x48415741u /* the power has not been off since */
#define STACK_COLOUR 0x5A
#define STACK_MARGIN 256u /* below the painter: its own frame is in there */
#define TRIAL_LOOPS 4096u
#define EMPTY_ROUNDS 8
#define ENERGY_WARMUP 2u
#define LEAST_BATCH_MS 5u
/* Behind the last edge of D1, so that a meter at 100 kS/s sees it in the window. */
#define EDGE_US 50u

enum device_phase {
	DEVICE_NONE,
	DEVICE_ID,
	DEVICE_COLD,
	DEVICE_WARM,
	DEVICE_ENERGY,
	DEVICE_MEMORY,
	DEVICE_ACCURACY
};

#if defined(__GNUC__)
/* The compiler must not move work across the reading of the counter. */
#define DEVICE_BARRIER() __asm__ volatile("" ::: "memory")
#define DEVICE_NOINLINE __attribute__((noinline))
#else
#define DEVICE_BARRIER()
#define DEVICE_NOINLINE
#endif

/* ---- the counter ------------------------------------------------------------------------------- */

static uint64_t tick_mask(const struct hilda_device *d)
{
	unsigned bits = d->tick_bits ? d->tick_bits : 32;

	return bits < 64 ? ((uint64_t)1 << bits) - 1 : ~(uint64_t)0;
}

static uint64_t now(const struct hilda_device *d)
{
	uint64_t ticks;

	DEVICE_BARRIER();
	ticks = d->ticks(d->arg);
	DEVICE_BARRIER();
	return ticks;
}

static uint64_t since(const struct hilda_device *d, uint64_t start, uint64_t end)
{
	return (end - start) & tick_mask(d);
}

/* In 64 bits, if it is looked at more often than it wraps. */
static uint64_t total(struct hilda_device *d)
{
	uint64_t ticks = now(d);

	d->total_ticks += since(d, d->seen_ticks, ticks);
	d->seen_ticks = ticks;
	return d->total_ticks;
}

static int counts(const struct hilda_device *d)
{
	uint64_t start = now(d);
	volatile uint32_t i;

	for (i = 0; i < TRIAL_LOOPS; i++)
		;
	return since(d, start, now(d)) != 0;
}

/* What the two readings around an inference cost by themselves. */
static uint32_t empty_ticks(const struct hilda_device *d)
{
	uint64_t least = ~(uint64_t)0;
	int i;

	for (i = 0; i < EMPTY_ROUNDS; i++) {
		uint64_t start = now(d), ticks = since(d, start, now(d));

		if (ticks < least)
			least = ticks;
	}
	return (uint32_t)least;
}

static uint32_t net(uint64_t ticks, uint32_t overhead)
{
	ticks = ticks > overhead ? ticks - overhead : 0;
	return ticks > 0xFFFFFFFFu ? 0xFFFFFFFFu : (uint32_t)ticks;
}

/* ---- what is measured -------------------------------------------------------------------------- */

static void begin(struct hilda_device *d, uint32_t phase, uint32_t n, uint32_t warmup)
{
	struct hilda_measured *r = &d->run;

	r->phase = phase;
	r->number = d->next_number++;
	r->n = n;
	r->warmup = warmup;
	r->batch = 1;
	r->overhead = 0;
	r->window = 0;
	r->status = "ok";
	r->message = NULL;
	r->fixed = d->samples < 2;
}

static void infer_number(struct hilda_device *d, uint32_t i)
{
	d->infer(d->arg, d->run.fixed ? 0 : i % d->samples);
}

static void set_levels(struct hilda_device *d, uint32_t window)
{
	uint32_t run = d->run.number & 1 ? HILDA_D2 : 0;

	if (d->markers)
		d->markers(d->arg, window | (d->levels & HILDA_D1) | run);
}

/* Nothing is under way on the console, and interrupts that a window does not need are masked. */
static void window_open(struct hilda_device *d)
{
	if (d->drain)
		d->drain(d->arg);
	if (d->quiet)
		d->quiet(d->arg, 1);
	d->run.window = total(d);
	set_levels(d, HILDA_D0);
}

static void window_close(struct hilda_device *d)
{
	d->run.window = total(d) - d->run.window;
	set_levels(d, 0);
	if (d->quiet)
		d->quiet(d->arg, 0);
}

/* The boot's first inference, before anything else. */
static void measure_first(struct hilda_device *d)
{
	uint64_t start, loaded, end;

	begin(d, DEVICE_COLD, 1, 0);
	d->run.boot = now(d) & tick_mask(d);
	d->run.overhead = empty_ticks(d);
	start = now(d);
	d->wrong = d->load ? d->load(d->arg) : NULL;
	loaded = now(d);
	if (!d->wrong)
		d->infer(d->arg, 0);
	end = now(d);
	d->run.load = net(since(d, start, loaded), d->run.overhead);
	d->run.first = net(since(d, loaded, end), d->run.overhead);
	d->run.window = since(d, start, end);
	if (d->wrong) {
		d->run.status = "model";
		d->run.message = d->wrong;
	} else if (!d->run.window) {
		d->run.status = "timer";
		d->run.message = "the timer does not tick";
	}
}

static void measure_warm(struct hilda_device *d)
{
	uint32_t i;

	d->run.overhead = empty_ticks(d);
	for (i = 0; i < d->run.warmup; i++)
		infer_number(d, i);
	window_open(d);
	for (i = 0; i < d->run.n; i++) {
		uint32_t sample = d->run.fixed ? 0 : i % d->samples;
		uint64_t start = now(d);

		d->infer(d->arg, sample);
		d->results[i] = net(since(d, start, now(d)), d->run.overhead);
		total(d);
	}
	window_close(d);
}

static void infer_batch(struct hilda_device *d, uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		infer_number(d, first + i);
		total(d);
	}
}

/* The smallest power of two that makes a batch long enough. */
static uint32_t find_batch(struct hilda_device *d)
{
	const uint64_t enough = (uint64_t)d->hz * LEAST_BATCH_MS / 1000;
	uint32_t batch;

	for (batch = 1; batch < HILDA_BATCH_MAX; batch *= 2) {
		uint64_t start = total(d);

		infer_batch(d, 0, batch);
		d->run.warmup += batch;
		if (total(d) - start >= enough)
			break;
	}
	return batch;
}

static void measure_energy(struct hilda_device *d, uint32_t batches, uint32_t batch)
{
	uint64_t edge;
	uint32_t i;

	infer_batch(d, 0, d->run.warmup);
	d->run.batch = batch ? batch : find_batch(d);
	d->run.n = batches * d->run.batch;
	window_open(d);
	for (i = 0; i < batches; i++) {
		infer_batch(d, i * d->run.batch, d->run.batch);
		d->levels ^= HILDA_D1;
		set_levels(d, HILDA_D0);
	}
	edge = total(d);
	while (total(d) - edge < (uint64_t)d->hz * EDGE_US / 1000000)
		;
	window_close(d);
}

static void measure_accuracy(struct hilda_device *d)
{
	int8_t *all = (int8_t *)d->results;
	uint32_t i, c;

	for (i = 0; i < d->run.n; i++) {
		d->infer(d->arg, i);
		for (c = 0; c < d->outputs; c++)
			all[i * d->outputs + c] = d->logits[c];
		total(d);
	}
}

/* Returns where it stopped. */
static DEVICE_NOINLINE uintptr_t paint_below(uint8_t *low)
{
	volatile uint8_t here = 0;
	uintptr_t limit = (uintptr_t)&here - STACK_MARGIN;
	volatile uint8_t *at = low;

	while ((uintptr_t)at < limit)
		*at++ = STACK_COLOUR;
	return limit + here;
}

/* One inference on a painted stack. What lies above the painter is the caller's and counts as used. */
static void measure_memory(struct hilda_device *d)
{
	struct hilda_memory *m = &d->run.memory;
	uintptr_t limit = d->stack_low ? paint_below(d->stack_low) : 0;
	const uint8_t *deepest = d->stack_low;

	m->stack_used = m->stack_size = m->heap_used = m->heap_size = HILDA_UNKNOWN;
	m->arena_used = m->arena_size = HILDA_UNKNOWN;
	m->text = m->rodata = m->data = m->bss = HILDA_UNKNOWN;
	d->infer(d->arg, 0);
	if (d->stack_low) {
		while ((uintptr_t)deepest < limit && *deepest == STACK_COLOUR)
			deepest++;
		m->stack_used = (uint32_t)(d->stack_top - deepest);
		m->stack_size = (uint32_t)(d->stack_top - d->stack_low);
	}
	if (d->memory)
		d->memory(d->arg, m);
	if (d->stack_low && deepest == d->stack_low) {
		d->run.status = "stack";
		d->run.message = "The stack was used up: enlarge it";
	}
}

/* ---- what is sent, once or again --------------------------------------------------------------- */

static const char *or_none(const char *text)
{
	return text ? text : "unknown";
}

static void send_identity(struct hilda_device *d)
{
	struct hilda_report *r = &d->report;

	hilda_report_open(r, 'H');
	hilda_report_u64(r, "proto", HILDA_PROTO);
	hilda_report_text(r, "fw", or_none(d->firmware));
	hilda_report_text(r, "git", or_none(d->git));
	hilda_report_text(r, "cc", or_none(d->toolchain));
	hilda_report_text(r, "board", or_none(d->board));
	hilda_report_text(r, "uid", d->uid ? d->uid : "none");
	hilda_report_u64(r, "hz", d->hz);
	hilda_report_text(r, "timer", or_none(d->timer));
	hilda_report_text(r, "reset", d->reset_cause);
	hilda_report_u64(r, "max_n", d->results_n);
	hilda_report_open(r, 'M');
	hilda_report_text(r, "model", or_none(d->model));
	hilda_report_text(r, "quant", or_none(d->quant));
	hilda_report_text(r, "variant", d->variant ? d->variant : "");
	hilda_report_u64(r, "in", d->inputs);
	hilda_report_u64(r, "out", d->outputs);
	hilda_report_u64(r, "samples", d->samples ? d->samples : 1);
	if (d->weights) {
		uint8_t hash[HILDA_SHA256_BYTES];
		struct hilda_sha256 sha;

		hilda_sha256_init(&sha);
		hilda_sha256_update(&sha, d->weights, d->weights_bytes);
		hilda_sha256_final(&sha, hash);
		hilda_report_u64(r, "bytes", d->weights_bytes);
		hilda_report_bytes(r, "sha256", hash, sizeof(hash));
	}
}

static void send_run_record(struct hilda_device *d, const char *phase)
{
	struct hilda_report *r = &d->report;

	hilda_report_open(r, 'R');
	hilda_report_u64(r, "run", d->run.number);
	hilda_report_text(r, "phase", phase);
	hilda_report_u64(r, "n", d->run.n);
	hilda_report_u64(r, "warmup", d->run.warmup);
	hilda_report_u64(r, "batch", d->run.batch);
	hilda_report_text(r, "irq", d->quiet && d->run.phase != DEVICE_COLD ? "masked" : "on");
	hilda_report_text(r, "cache", or_none(d->cache));
	hilda_report_u64(r, "overhead", d->run.overhead);
	hilda_report_u64(r, "window", d->run.window);
	hilda_report_text(r, "inputs", d->run.fixed || d->run.n < 2 ? "fixed" : "rotate");
}

static void send_cold(struct hilda_device *d)
{
	struct hilda_report *r = &d->report;

	send_run_record(d, "cold");
	hilda_report_text(r, "kind", "reset");
	hilda_report_open(r, 'C');
	hilda_report_u64(r, "boot", d->run.boot);
	hilda_report_u64(r, "load", d->run.load);
	hilda_report_u64(r, "first", d->run.first);
}

static void send_bytes(struct hilda_device *d, const char *key, uint32_t bytes)
{
	if (bytes != HILDA_UNKNOWN)
		hilda_report_u64(&d->report, key, bytes);
}

static void send_memory(struct hilda_device *d)
{
	const struct hilda_memory *m = &d->run.memory;

	hilda_report_open(&d->report, 'S');
	send_bytes(d, "stack_used", m->stack_used);
	send_bytes(d, "stack_size", m->stack_size);
	send_bytes(d, "heap_used", m->heap_used);
	send_bytes(d, "heap_size", m->heap_size);
	send_bytes(d, "arena_used", m->arena_used);
	send_bytes(d, "arena_size", m->arena_size);
	send_bytes(d, "text", m->text);
	send_bytes(d, "rodata", m->rodata);
	send_bytes(d, "data", m->data);
	send_bytes(d, "bss", m->bss);
	send_bytes(d, "weights", d->weights ? d->weights_bytes : HILDA_UNKNOWN);
}

static void send_accuracy(struct hilda_device *d)
{
	const int8_t *logits = (const int8_t *)d->results;
	uint32_t i, c;

	send_run_record(d, "accuracy");
	for (i = 0; i < d->run.n; i++, logits += d->outputs) {
		uint32_t best = 0;

		for (c = 1; c < d->outputs; c++)
			if (logits[c] > logits[best])
				best = c;
		hilda_report_labelled(
			&d->report, i, best, d->labels ? d->labels[i] : -1, logits, d->outputs);
	}
}

static void send_lines(struct hilda_device *d)
{
	switch (d->run.phase) {
	case DEVICE_NONE:
		return;
	case DEVICE_ID:
		send_identity(d);
		break;
	case DEVICE_COLD:
		send_cold(d);
		break;
	case DEVICE_WARM:
		send_run_record(d, "warm");
		hilda_report_close(&d->report);
		hilda_report_ticks(&d->report, d->results, d->run.n);
		break;
	case DEVICE_ENERGY:
		send_run_record(d, "energy");
		break;
	case DEVICE_MEMORY:
		send_memory(d);
		break;
	case DEVICE_ACCURACY:
		send_accuracy(d);
		break;
	}
	hilda_report_end(&d->report, d->run.status, d->run.message);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int refuse(struct hilda_device *d, const char *before, const char *word)
{
	hilda_report_plain_text(&d->report, before, word, "]");
	return 0;
}

/* A number in [low, high] from the word, or an e- line that says the largest. */
static int in_range(struct hilda_device *d, const char *refusal, const char *word, uint32_t low,
	uint32_t high, uint32_t *value)
{
	if (!words_u32(word, value) && *value >= low && *value <= high)
		return 1;
	hilda_report_plain_u64(&d->report, refusal, high, "]");
	return 0;
}

static int do_id(struct hilda_device *d, char **words, int n)
{
	(void)words;
	(void)n;
	d->run.phase = DEVICE_ID;
	d->run.status = "ok";
	d->run.message = NULL;
	return 1;
}

static int do_cold(struct hilda_device *d, char **words, int n)
{
	(void)words;
	(void)n;
	if (!d->reset || !d->kept)
		return refuse(d, "e-[Unsupported verb: ", "cold");
	if (!counts(d))
		return refuse(d, "e-[Timer does not tick: ", or_none(d->timer));
	*d->kept = KEPT_COLD;
	if (d->drain)
		d->drain(d->arg);
	d->reset(d->arg);
	return refuse(d, "e-[The board was not reset: ", "reset() returned");
}

static int do_warm(struct hilda_device *d, char **words, int n)
{
	uint32_t iterations, warmup;

	if (!in_range(d, "e-[Iterations: a number from 1 to ", words[0], 1, d->results_n,
		    &iterations) ||
		!in_range(d, "e-[Warm-up: a number from 0 to ", words[1], 0, 0xFFFFFFFFu, &warmup))
		return 0;
	if (n > 2 && !words_equal(words[2], "fixed") && !words_equal(words[2], "rotate"))
		return refuse(d, "e-[Inputs: rotate or fixed; not ", words[2]);
	begin(d, DEVICE_WARM, iterations, warmup);
	if (n > 2 && words_equal(words[2], "fixed"))
		d->run.fixed = 1;
	measure_warm(d);
	return 1;
}

static int do_energy(struct hilda_device *d, char **words, int n)
{
	uint32_t batches, batch;

	(void)n;
	if (!d->markers)
		return refuse(d, "e-[Unsupported verb: ", "energy");
	if (!in_range(d, "e-[Batches: a number from 1 to ", words[0], 1, HILDA_BATCHES_MAX,
		    &batches) ||
		!in_range(d, "e-[Inferences in a batch: a number from 0 to ", words[1], 0,
			HILDA_BATCH_MAX, &batch))
		return 0;
	begin(d, DEVICE_ENERGY, 0, ENERGY_WARMUP);
	measure_energy(d, batches, batch);
	return 1;
}

static int do_memory(struct hilda_device *d, char **words, int n)
{
	(void)words;
	(void)n;
	begin(d, DEVICE_MEMORY, 1, 0);
	measure_memory(d);
	return 1;
}

static int do_accuracy(struct hilda_device *d, char **words, int n)
{
	uint32_t samples, most = d->samples ? d->samples : 1;

	(void)n;
	if (!d->logits || !d->outputs)
		return refuse(d, "e-[Unsupported verb: ", "accuracy");
	if (most > 4 * d->results_n / d->outputs)
		most = 4 * d->results_n / d->outputs;
	if (!in_range(d, "e-[Samples: a number from 1 to ", words[0], 1, most, &samples))
		return 0;
	begin(d, DEVICE_ACCURACY, samples, 0);
	measure_accuracy(d);
	return 1;
}

static int do_resend(struct hilda_device *d, char **words, int n)
{
	uint32_t line;

	(void)n;
	if (!in_range(d, "e-[Line: a number from 0 to ", words[0], 0, 0xFFFFFFFFu, &line))
		return 0;
	hilda_report_replay(&d->report, line);
	send_lines(d);
	if (!hilda_report_replayed(&d->report))
		refuse(d, "e-[The last run has no line ", words[0]);
	return 0;
}

static const struct device_verb {
	const char *name;
	int least, most; /* words behind it */
	int measures;	 /* needs the model and a counter that counts */
	int (*handler)(struct hilda_device *d, char **words, int n); /* 1: a run is to be sent */
} device_verbs[] = {
	{"id", 0, 0, 0, do_id},
	{"cold", 0, 0, 0, do_cold},
	{"warm", 2, 3, 1, do_warm},
	{"energy", 2, 2, 1, do_energy},
	{"memory", 0, 0, 1, do_memory},
	{"accuracy", 1, 1, 1, do_accuracy},
	{"resend", 1, 1, 0, do_resend},
};

static void do_lab(struct hilda_device *d, char **words, int n)
{
	unsigned i;

	for (i = 0; n && i < sizeof(device_verbs) / sizeof(device_verbs[0]); i++) {
		const struct device_verb *verb = &device_verbs[i];

		if (!words_equal(words[0], verb->name))
			continue;
		if (n - 1 < verb->least || n - 1 > verb->most)
			refuse(d, "e-[Wrong number of words after: ", words[0]);
		else if (verb->measures && d->wrong)
			refuse(d, "e-[", d->wrong);
		else if (verb->measures && !counts(d))
			refuse(d, "e-[Timer does not tick: ", or_none(d->timer));
		else if (verb->handler(d, words + 1, n - 1)) {
			hilda_report_run(&d->report);
			send_lines(d);
		}
		return;
	}
	refuse(d, "e-[Unsupported verb: ", n ? words[0] : "");
}

static void send_lap(struct hilda_device *d)
{
	uint64_t ticks = total(d);

	/* In two parts: the product would not fit after a few days. */
	ticks = ticks / d->hz * 1000000u + ticks % d->hz * 1000000u / d->hz;
	hilda_report_plain_u64(&d->report, "m-lap-us-", (uint32_t)ticks, "");
}

static void obey(struct hilda_device *d)
{
	char *words[WORDS_MAX];
	int n = words_split(d->command, words);

	if (n > 0 && words_equal(words[0], "lab")) {
		do_lab(d, words + 1, n - 1);
	} else if (n == 1 && words_equal(words[0], "name")) {
		hilda_report_plain(&d->report, "m-name-dut-[hilda]");
	} else if (n == 1 && words_equal(words[0], "profile")) {
		hilda_report_plain(&d->report, "m-profile-[ULPMark for tinyML Firmware V0.0.1]");
		hilda_report_plain_text(&d->report, "m-model-[", or_none(d->model), "]");
	} else if (n == 1 && words_equal(words[0], "timestamp")) {
		send_lap(d);
	} else {
		refuse(d, "e-[Unknown command: ", n > 0 ? words[0] : "");
	}
}

/* An over-long command is refused whole, not cut. */
static void take_byte(struct hilda_device *d, int c)
{
	if (c == '\r' || c == '\n')
		return;
	if (c != '%') {
		if (d->fill < HILDA_COMMAND_MAX)
			d->command[d->fill] = (char)(c >= ' ' && c <= '~' ? c : '?');
		d->fill += d->fill <= HILDA_COMMAND_MAX;
		return;
	}
	if (d->fill > HILDA_COMMAND_MAX) {
		hilda_report_plain(&d->report, "e-[Command is longer than 78 characters]");
	} else {
		d->command[d->fill] = '\0';
		obey(d);
	}
	d->fill = 0;
	hilda_report_plain(&d->report, "m-ready");
}

/* Why the board came up, as far as the word tells. 1: `lab cold` asked for it. */
static int take_kept(struct hilda_device *d)
{
	uint32_t kept = d->kept ? *d->kept : 0;

	d->reset_cause = "unknown";
	if (!d->kept)
		return 0;
	*d->kept = KEPT_AWAKE;
	if (kept == KEPT_COLD)
		d->reset_cause = "soft";
	else if (kept != KEPT_AWAKE)
		d->reset_cause = "power";
	return kept == KEPT_COLD;
}

void hilda_device_start(struct hilda_device *d)
{
	int cold;

	d->next_number = 0;
	d->fill = 0;
	measure_first(d);
	d->seen_ticks = now(d);
	d->total_ticks = d->seen_ticks & tick_mask(d);
	cold = take_kept(d);
	set_levels(d, 0);
	hilda_report_init(&d->report, d->put, d->arg);
	hilda_report_plain(&d->report, "");
	hilda_report_plain(&d->report, "m-timestamp-mode-performance");
	send_lap(d);
	hilda_report_plain(&d->report, "m-init-done");
	hilda_report_plain(&d->report, "m-ready");
	if (!cold)
		return;
	hilda_report_run(&d->report);
	send_lines(d);
	hilda_report_plain(&d->report, "m-ready");
}

int hilda_device_poll(struct hilda_device *d)
{
	int c;

	total(d);
	while ((c = d->get(d->arg)) >= 0)
		take_byte(d, c);
	return c == HILDA_CLOSED ? -1 : 0;
}

void hilda_device_run(struct hilda_device *d)
{
	hilda_device_start(d);
	while (!hilda_device_poll(d))
		;
}

void hilda_device_fault(
	const struct hilda_device *d, const char *kind, uint32_t pc, uint32_t lr, const char *msg)
{
	struct hilda_report r;

	hilda_report_init(&r, d->put, d->arg);
	/* The line that was being sent ends here. */
	hilda_report_plain(&r, "");
	hilda_report_open(&r, 'X');
	hilda_report_text(&r, "kind", kind);
	hilda_report_hex(&r, "pc", pc);
	hilda_report_hex(&r, "lr", lr);
	if (msg)
		hilda_report_text(&r, "msg", msg);
	hilda_report_close(&r);
}
