/* What went wrong in a talk with the firmware, as a verdict. */
#include <errno.h>

#include "agent/board/config.h"
#include "agent/image/image.h"
#include "agent/run/run_log.h"
#include "agent/steps/parts.h"
#include "common/cleanup.h"
#include "common/numbers.h"

#define PROGRAM_END_MS 1000

static const struct {
	const char *kind;
	const char *name;
} fault_names[] = {
	{"hardfault", "HardFault"},
	{"memmanage", "MemManage fault"},
	{"busfault", "BusFault"},
	{"usagefault", "UsageFault"},
	{"assert", "assertion"},
	{"watchdog", "watchdog"},
};

static const char *name_of(const char *kind)
{
	for (size_t i = 0; kind && i < ARRAY_SIZE(fault_names); i++) {
		if (!strcmp(kind, fault_names[i].kind))
			return fault_names[i].name;
	}
	return kind ? kind : "fault";
}

/* Adds `key` and `key`_symbol to the fault; where says what people want to read. */
static void add_address(struct run *run, json_t *fault, const char *key, const char *value,
	char where[IMAGE_SYMBOL_BYTES])
{
	char symbol_key[16];
	uint64_t address;

	where[0] = 0;
	if (!value)
		return;
	json_object_set_new(fault, key, json_string(value));
	if (run->image && !number_address(value, UINT64_MAX, &address))
		image_symbolise(run->image, address, where);
	snprintf(symbol_key, sizeof(symbol_key), "%s_symbol", key);
	if (where[0])
		json_object_set_new(fault, symbol_key, json_string(where));
	else
		snprintf(where, IMAGE_SYMBOL_BYTES, "%s", value);
}

static int fail_by_fault(struct run *run, const struct bench_run *reply)
{
	const char *kind = bench_run_get(reply, 'X', "kind");
	const char *message = bench_run_get(reply, 'X', "msg");
	json_t *fault = json_object(), *registers = json_object();
	char pc[IMAGE_SYMBOL_BYTES], lr[IMAGE_SYMBOL_BYTES];
	struct bench_pair pair;

	json_object_set_new(fault, "kind", json_string(kind ? kind : "unknown"));
	add_address(run, fault, "pc", bench_run_get(reply, 'X', "pc"), pc);
	add_address(run, fault, "lr", bench_run_get(reply, 'X', "lr"), lr);
	for (size_t i = 0; bench_run_pair_at(reply, 'X', i, &pair); i++) {
		if (strcmp(pair.key, "kind") && strcmp(pair.key, "msg"))
			json_object_set_new(registers, pair.key, json_string(pair.value));
	}
	if (message)
		json_object_set_new(fault, "msg", json_string(message));
	json_object_set_new(fault, "registers", registers);
	json_object_set_new(run->result, "fault", fault);
	return run_fail(run, OUTCOME_FAILED, "%s at %s%s%s", name_of(kind), pc[0] ? pc : "unknown",
		message ? ": " : "", message ? message : "");
}

/* The program's own end says more than that its pipe was closed. */
static int fail_by_end(struct run *run, const struct fault *f)
{
	struct process_end end;
	char text[80];

	if (!run->board->exec ||
		program_ended(run, clock_deadline_ms(run->clock, PROGRAM_END_MS), &end))
		return run_fail(run, OUTCOME_FAILED, "%s", f->text);
	program_describe_end(&end, text, sizeof(text));
	return run_fail(run, end.code == 126 ? OUTCOME_CONFIGURATION : OUTCOME_FAILED, "%s: %s",
		f->text, text);
}

int bench_fail(struct run *run, const struct bench_session *s, int error, const struct fault *f)
{
	switch (error) {
	case -EFAULT:
		return fail_by_fault(run, bench_session_reply(s));
	case -EPIPE:
		return fail_by_end(run, f);
	case -ETIMEDOUT:
		return run_fail(run, OUTCOME_TIMEOUT, "%s", f->text);
	case -ECANCELED:
		return run_fail(run, OUTCOME_CANCELED, "%s", f->text);
	case -EOPNOTSUPP:
	case -EINVAL:
		return run_fail(run, OUTCOME_CONFIGURATION, "%s", f->text);
	case -ECONNRESET:
	case -EPROTO:
	case -EILSEQ:
		return run_fail(run, OUTCOME_FAILED, "%s", f->text);
	default:
		return run_fail(run, OUTCOME_INFRASTRUCTURE, "%s", f->text);
	}
}
