/* The table of steps: the listing of this folder, in order. */
#include "agent/steps/steps.h"

#include "agent/steps/parts.h"

const struct step steps[] = {
	{STAGE_FLASH, NULL, step_flash},
	{STAGE_BOOT, step_boot_wanted, step_boot},
	{STAGE_COLD, step_cold_wanted, step_cold},
	{STAGE_WARM, step_warm_wanted, step_warm},
	{STAGE_WARM, step_lines_wanted, step_lines},
	{STAGE_ENERGY, step_energy_wanted, step_energy},
	{STAGE_ACCURACY, step_accuracy_wanted, step_accuracy},
	{STAGE_MEMORY, step_memory_wanted, step_memory},
	{STAGE_PROFILE, step_profile_wanted, step_profile},
	{STAGE_SUSTAINED, step_sustained_wanted, step_sustained},
	{STAGE_COLLECT, NULL, step_collect},
	{STAGE_NONE, NULL, NULL},
};

bool step_is_bench(const struct run *run)
{
	return run->job->protocol == JOB_PROTOCOL_UART_BENCH;
}

bool step_run_is_good(const struct run *run)
{
	return run->verdict.outcome == OUTCOME_NONE;
}

int step_no_memory(struct run *run)
{
	return run_fail(run, OUTCOME_INFRASTRUCTURE, "the agent is out of memory");
}

int step_add_phase(struct run *run, json_t *phase)
{
	json_t *phases = json_object_get(run->result, "phases");

	if (!phases) {
		phases = json_array();
		json_object_set_new(run->result, "phases", phases);
	}
	return json_array_append_new(phases, phase) ? step_no_memory(run) : 0;
}

json_t *step_array_of(const uint64_t *ticks, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)ticks[i]));
	return list;
}

void step_copy_number(
	const struct bench_run *reply, json_t *phase, const char *from, const char *to)
{
	uint64_t v;

	if (!bench_run_u64(reply, 'R', from, &v, NULL) && v <= INT64_MAX)
		json_object_set_new(phase, to, json_integer((json_int_t)v));
}

void step_copy_text(const struct bench_run *reply, json_t *phase, const char *key)
{
	const char *v = bench_run_get(reply, 'R', key);

	if (v)
		json_object_set_new(phase, key, json_string(v));
}
