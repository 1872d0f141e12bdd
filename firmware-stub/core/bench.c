/* The main loop: boot, banner, commands. docs/wire.md, section 1, is what it speaks. */
#include "core/inject.h"
#include "core/reset.h"
#include "core/run.h"
#include "core/samples.h"
#include "core/words.h"

#define COMMAND_MAX 78

struct hilda_report report;

static void put(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	port_write(bytes, n);
}

static void ready(void)
{
	hilda_report_plain(&report, "m-ready");
}

static void timestamp(void)
{
	uint64_t ticks = port_timer_total(), hz = port_timer_hz();

	/* In two parts: the product would not fit after a few days. */
	ticks = ticks / hz * 1000000u + ticks % hz * 1000000u / hz;
	hilda_report_plain_u64(&report, "m-lap-us-", (uint32_t)ticks, "");
}

static void send_run(void)
{
	hilda_report_run(&report);
	run_report();
}

/* A number in [low, high] from the word, or an e- line that says the largest. */
static int number(
	const char *refusal, const char *word, uint32_t low, uint32_t high, uint32_t *value)
{
	if (!words_u32(word, value) && *value >= low && *value <= high)
		return 1;
	hilda_report_plain_u64(&report, refusal, high, "]");
	return 0;
}

static int timer_dead(void)
{
	hilda_report_plain_text(&report, "e-[Timer does not tick: ", port_timer_kind(), "]");
	return 0;
}

static int verb_id(char **words)
{
	(void)words;
	run = (struct run){.phase = PHASE_ID, .status = "ok"};
	return 1;
}

static int verb_cold(char **words)
{
	(void)words;
	if (!run_timer_ticks())
		return timer_dead();
	reset_for_cold();
}

/* The word that may stand behind a warm run's numbers; without one, in turn. */
static int inputs_of(const char *word, enum run_inputs *inputs)
{
	if (!word)
		*inputs = INPUTS_ROTATE;
	else if (run_inputs_find(word, inputs) < 0)
		hilda_report_plain_text(
			&report, "e-[Inputs: rotate fixed list or worst; not ", word, "]");
	else if (run_warm_max(*inputs))
		return 1;
	else
		hilda_report_plain(&report, "e-[Inputs: there is no worst one before lab search]");
	return !word;
}

static int verb_warm(char **words)
{
	enum run_inputs inputs;
	uint32_t n, warmup;

	if (!inputs_of(words[2], &inputs) ||
		!number("e-[Iterations: a number from 1 to ", words[0], 1, run_warm_max(inputs),
			&n) ||
		!number("e-[Warm-up: a number from 0 to ", words[1], 0, UINT32_MAX, &warmup))
		return 0;
	return run_warm(n, warmup, inputs) < 0 ? timer_dead() : 1;
}

static int verb_profile(char **words)
{
	uint32_t n;

	if (!number("e-[Iterations: a number from 1 to ", words[0], 1, run_profile_max(), &n))
		return 0;
	return run_profile(n) < 0 ? timer_dead() : 1;
}

static int verb_search(char **words)
{
	uint32_t n, seed;

	if (!number("e-[Inputs: a number from 1 to ", words[0], 1, run_search_max(), &n) ||
		!number("e-[Seed: a number from 0 to ", words[1], 0, UINT32_MAX, &seed))
		return 0;
	return run_search(n, seed) < 0 ? timer_dead() : 1;
}

static int verb_energy(char **words)
{
	uint32_t batches, batch;

	if (!number("e-[Batches: a number from 1 to ", words[0], 1, run_energy_max(), &batches) ||
		!number("e-[Inferences in a batch: a number from 0 to ", words[1], 0,
			ENERGY_BATCH_MAX, &batch))
		return 0;
	return run_energy(batches, batch) < 0 ? timer_dead() : 1;
}

static int verb_sustained(char **words)
{
	uint32_t seconds;

	if (!number("e-[Seconds: a number from 1 to ", words[0], 1, run_sustained_max(), &seconds))
		return 0;
	return run_sustained(seconds) < 0 ? timer_dead() : 1;
}

static int verb_memory(char **words)
{
	(void)words;
	run_memory();
	return 1;
}

static int verb_accuracy(char **words)
{
	uint32_t n;

	if (!number("e-[Samples: a number from 1 to ", words[0], 1, run_accuracy_max(), &n))
		return 0;
	run_accuracy(n);
	return 1;
}

static int verb_resend(char **words)
{
	uint32_t line;

	if (!number("e-[Line: a number from 0 to ", words[0], 0, UINT32_MAX, &line))
		return 0;
	hilda_report_replay(&report, line);
	run_report();
	if (!hilda_report_replayed(&report))
		hilda_report_plain_text(&report, "e-[The last run has no line ", words[0], "]");
	return 0;
}

static int verb_fault(char **words)
{
	if (inject(words[0]) < 0)
		hilda_report_plain_text(&report, "e-[Unknown fault: ", words[0], "]");
	return 0;
}

static const struct verb {
	const char *name;
	int words;    /* behind it, at least */
	int optional; /* so many more */
	int needs_model;
	int (*handler)(char **words); /* 1: there is a run to send */
} verbs[] = {
	{"id", 0, 0, 0, verb_id},
	{"cold", 0, 0, 0, verb_cold},
	{"warm", 2, 1, 1, verb_warm},
	{"energy", 2, 0, 1, verb_energy},
	{"memory", 0, 0, 1, verb_memory},
	{"accuracy", 1, 0, 1, verb_accuracy},
	{"profile", 1, 0, 1, verb_profile},
	{"search", 2, 0, 1, verb_search},
	{"sustained", 1, 0, 1, verb_sustained},
	{"resend", 1, 0, 0, verb_resend},
	{"fault", 1, 0, 0, verb_fault},
};

static void lab(char **words, int n)
{
	const char *wrong;

	for (unsigned i = 0; n && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!words_equal(words[0], verbs[i].name))
			continue;
		if (n - 1 < verbs[i].words || n - 1 > verbs[i].words + verbs[i].optional) {
			hilda_report_plain_text(
				&report, "e-[Wrong number of words after: ", words[0], "]");
			return;
		}
		wrong = verbs[i].needs_model ? run_load() : NULL;
		if (wrong)
			hilda_report_plain_text(&report, "e-[", wrong, "]");
		else if (verbs[i].needs_model && samples_refused())
			hilda_report_plain_text(&report, "e-[Samples: ", samples_refused(), "]");
		else if (verbs[i].handler(words + 1))
			send_run();
		return;
	}
	hilda_report_plain_text(&report, "e-[Unsupported verb: ", n ? words[0] : "", "]");
}

static void command(char *line)
{
	char *words[WORDS_MAX] = {NULL};
	int n = words_split(line, words);

	if (n > 0 && words_equal(words[0], "lab")) {
		lab(words + 1, n - 1);
	} else if (n == 1 && words_equal(words[0], "name")) {
		hilda_report_plain(&report, "m-name-dut-[hilda]");
	} else if (n == 1 && words_equal(words[0], "profile")) {
		hilda_report_plain(&report, "m-profile-[ULPMark for tinyML Firmware V0.0.1]");
		hilda_report_plain_text(&report, "m-model-[", model.name, "]");
	} else if (n == 1 && words_equal(words[0], "timestamp")) {
		timestamp();
	} else {
		hilda_report_plain_text(&report, "e-[Unknown command: ", n ? words[0] : "", "]");
	}
	ready();
}

/* An over-long command is refused whole, not cut. */
static int read_command(char line[COMMAND_MAX + 1])
{
	uint32_t n = 0;
	int c;

	while ((c = port_read()) != '%') {
		if (c < 0)
			return -1;
		if (c == '\r' || c == '\n')
			continue;
		if (n < COMMAND_MAX)
			line[n] = (char)(c >= ' ' && c <= '~' ? c : '?');
		n++;
	}
	line[n < COMMAND_MAX ? n : COMMAND_MAX] = '\0';
	return n > COMMAND_MAX;
}

static void banner(void)
{
	hilda_report_plain(&report, "");
	hilda_report_plain(&report, "m-timestamp-mode-performance");
	timestamp();
	hilda_report_plain(&report, "m-init-done");
}

int bench_main(void)
{
	static char line[COMMAND_MAX + 1];
	uint64_t boot_ticks = port_boot_ticks();
	int cold, over;

	run_first(boot_ticks);
	port_init();
	cold = reset_take();
	hilda_report_init(&report, put, NULL);
	banner();
	ready();
	if (cold) {
		send_run();
		ready();
	}
	while ((over = read_command(line)) >= 0) {
		if (over) {
			hilda_report_plain(&report, "e-[Command is longer than 78 characters]");
			ready();
		} else {
			command(line);
		}
	}
	return 0;
}
