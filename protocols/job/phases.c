#include "protocols/job/phases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const phases_keys[] = {
	"cold", "warm", "energy", "accuracy", "memory", "profile", "sustained", NULL};
static const char *const cold_keys[] = {"boots", "by", NULL};
static const char *const warm_keys[] = {"iterations", "warmup", "boots", "search", "seed", NULL};
static const char *const energy_keys[] = {"iterations", "duty_cycle", NULL};
static const char *const duty_keys[] = {"inferences_per_hour", "battery_mWh", NULL};
static const char *const accuracy_keys[] = {"samples", "f1", NULL};
static const char *const f1_keys[] = {"class", "name", NULL};
static const char *const sustained_keys[] = {"seconds", NULL};
static const char *const by_names[] = {"reset", "power", NULL};

const char *job_cold_by_name(enum job_cold_by by)
{
	return by_names[by];
}

/* A phase is an object, true (its defaults) or false; *obj stays NULL for the latter two. */
static int read_phase(const json_t *phases, const struct doc_at *at, const char *key,
	const char *const *known, bool *run, json_t **obj, struct job_error *e)
{
	const json_t *value = json_object_get(phases, key);
	struct doc_at here = DOC_KEY(at, key);

	*obj = NULL;
	if (!value || json_is_null(value) || json_is_false(value))
		return 0;
	*run = true;
	if (json_is_true(value))
		return 0;
	if (!json_is_object(value))
		return doc_fail(e, &here, known, "must be an object, true or false");
	return doc_member(phases, at, key, known, obj, e);
}

static int read_timed(
	const json_t *obj, const struct doc_at *at, struct job_phases *p, struct job_error *e)
{
	struct doc_at cold_at = DOC_KEY(at, "cold"), warm_at = DOC_KEY(at, "warm");
	int by = JOB_COLD_BY_RESET;
	json_t *cold, *warm;
	int err;

	if ((err = read_phase(obj, at, "cold", cold_keys, &p->cold.run, &cold, e)) ||
		(err = doc_u32(cold, &cold_at, "boots", 1, JOB_BOOTS_MAX, &p->cold.boots, e)) ||
		(err = doc_choice(cold, &cold_at, "by", by_names, &by, e)))
		return err;
	p->cold.by = (enum job_cold_by)by;
	if ((err = read_phase(obj, at, "warm", warm_keys, &p->warm.run, &warm, e)) ||
		(err = doc_u32(warm, &warm_at, "iterations", 1, JOB_ITERATIONS_MAX,
			 &p->warm.iterations, e)) ||
		(err = doc_u32(warm, &warm_at, "warmup", 0, JOB_WARMUP_MAX, &p->warm.warmup, e)))
		return err;
	if ((err = doc_u32(warm, &warm_at, "boots", 1, JOB_BOOTS_MAX, &p->warm.boots, e)) ||
		(err = doc_u32(
			 warm, &warm_at, "search", 0, JOB_ITERATIONS_MAX, &p->warm.search, e)))
		return err;
	return doc_u32(warm, &warm_at, "seed", 0, UINT32_MAX, &p->warm.seed, e);
}

static int read_accuracy(
	const json_t *accuracy, const struct doc_at *at, struct job_phases *p, struct job_error *e)
{
	struct doc_at here = DOC_KEY(at, "f1"), name_at = DOC_KEY(&here, "name");
	char *name = NULL;
	json_t *f1 = NULL;
	int err;

	if ((err = doc_u32(accuracy, at, "samples", 0, JOB_SAMPLES_MAX, &p->accuracy.samples, e)) ||
		(err = doc_member(accuracy, at, "f1", f1_keys, &f1, e)) || !f1)
		return err;
	p->accuracy.f1 = true;
	if ((err = doc_u32(f1, &here, "class", 0, JOB_CLASS_MAX, &p->accuracy.positive, e)) ||
		(err = doc_word(f1, &here, "name", &name, e)))
		return err;
	if (!name)
		return doc_fail(e, &name_at, NULL,
			"must name the positive class, as in {\"class\": 1, \"name\": \"spam\"}");
	snprintf(p->accuracy.positive_name, sizeof(p->accuracy.positive_name), "%s", name);
	free(name);
	return 0;
}

static int read_duty_cycle(
	const json_t *energy, const struct doc_at *at, struct job_phases *p, struct job_error *e)
{
	struct doc_at here = DOC_KEY(at, "duty_cycle"),
		      rate = DOC_KEY(&here, "inferences_per_hour");
	json_t *duty = NULL;
	int err = doc_member(energy, at, "duty_cycle", duty_keys, &duty, e);

	if (err || !duty)
		return err;
	p->energy.duty_cycle = true;
	if ((err = doc_f64(duty, &here, "inferences_per_hour", 0, JOB_RATE_MAX_PER_HOUR,
		     &p->energy.inferences_per_hour, e)) ||
		(err = doc_f64(duty, &here, "battery_mWh", 1e-3, JOB_BATTERY_MAX_MWH,
			 &p->energy.battery_mWh, e)))
		return err;
	if (p->energy.inferences_per_hour > 0)
		return 0;
	return doc_fail(e, &rate, NULL, "must say how many, as in {\"inferences_per_hour\": 60}");
}

static int read_rest(
	const json_t *obj, const struct doc_at *at, struct job_phases *p, struct job_error *e)
{
	struct doc_at energy_at = DOC_KEY(at, "energy");
	struct doc_at accuracy_at = DOC_KEY(at, "accuracy");
	struct doc_at sustained_at = DOC_KEY(at, "sustained");
	json_t *energy, *accuracy, *sustained;
	int err;

	if ((err = read_phase(obj, at, "energy", energy_keys, &p->energy.run, &energy, e)) ||
		(err = doc_u32(energy, &energy_at, "iterations", 1, JOB_ITERATIONS_MAX,
			 &p->energy.iterations, e)) ||
		(err = read_duty_cycle(energy, &energy_at, p, e)) ||
		(err = read_phase(
			 obj, at, "accuracy", accuracy_keys, &p->accuracy.run, &accuracy, e)) ||
		(err = read_accuracy(accuracy, &accuracy_at, p, e)) ||
		(err = read_phase(
			 obj, at, "sustained", sustained_keys, &p->sustained.run, &sustained, e)) ||
		(err = doc_u32(sustained, &sustained_at, "seconds", 1, JOB_SUSTAINED_MAX_S,
			 &p->sustained.seconds, e)) ||
		(err = doc_bool(obj, at, "memory", &p->memory, e)))
		return err;
	return doc_bool(obj, at, "profile", &p->profile, e);
}

int job_phases_read(
	const json_t *doc, const struct doc_at *root, struct job *job, struct job_error *e)
{
	struct doc_at at = DOC_KEY(root, "phases");
	struct job_phases *p = &job->phases;
	json_t *obj = NULL;
	int err = doc_member(doc, root, "phases", phases_keys, &obj, e);

	if (err)
		return err;
	if (obj && job->protocol == JOB_PROTOCOL_LINES)
		return doc_fail(e, &at, NULL,
			"the protocol lines has no phases: the firmware prints what it likes; "
			"leave them out");
	p->cold.boots = JOB_COLD_BOOTS;
	p->warm.iterations = JOB_WARM_ITERATIONS;
	p->warm.warmup = JOB_WARM_WARMUP;
	p->warm.boots = JOB_WARM_BOOTS;
	p->warm.seed = JOB_SEARCH_SEED;
	p->energy.iterations = JOB_ENERGY_ITERATIONS;
	p->accuracy.samples = JOB_ACCURACY_SAMPLES;
	p->sustained.seconds = JOB_SUSTAINED_S;
	if (!obj) {
		bool run = job->protocol == JOB_PROTOCOL_UART_BENCH;

		p->cold.run = p->warm.run = p->memory = run;
		return 0;
	}
	err = read_timed(obj, &at, p, e);
	return err ? err : read_rest(obj, &at, p, e);
}

static json_t *print_energy(const struct job_phases *p)
{
	json_t *obj = json_pack("{s:I}", "iterations", (json_int_t)p->energy.iterations), *duty;

	if (!obj || !p->energy.duty_cycle)
		return obj;
	duty = json_pack("{s:f}", "inferences_per_hour", p->energy.inferences_per_hour);
	if (duty && p->energy.battery_mWh > 0)
		json_object_set_new(duty, "battery_mWh", json_real(p->energy.battery_mWh));
	json_object_set_new(obj, "duty_cycle", duty);
	return obj;
}

static json_t *print_warm(const struct job_phases *p)
{
	json_t *obj = json_pack("{s:I, s:I, s:I}", "iterations", (json_int_t)p->warm.iterations,
		"warmup", (json_int_t)p->warm.warmup, "boots", (json_int_t)p->warm.boots);

	if (obj && p->warm.search) {
		json_object_set_new(obj, "search", json_integer(p->warm.search));
		json_object_set_new(obj, "seed", json_integer(p->warm.seed));
	}
	return obj;
}

static json_t *print_accuracy(const struct job_phases *p)
{
	json_t *obj = json_pack("{s:I}", "samples", (json_int_t)p->accuracy.samples);

	if (obj && p->accuracy.f1)
		json_object_set_new(obj, "f1",
			json_pack("{s:I, s:s}", "class", (json_int_t)p->accuracy.positive, "name",
				p->accuracy.positive_name));
	return obj;
}

json_t *job_phases_print(const struct job_phases *p)
{
	json_t *obj = json_pack("{s:b, s:b}", "memory", p->memory, "profile", p->profile);
	int bad = !obj;

	if (p->cold.run)
		bad |= json_object_set_new(obj, "cold",
			json_pack("{s:I, s:s}", "boots", (json_int_t)p->cold.boots, "by",
				by_names[p->cold.by]));
	if (p->warm.run)
		bad |= json_object_set_new(obj, "warm", print_warm(p));
	if (p->energy.run)
		bad |= json_object_set_new(obj, "energy", print_energy(p));
	if (p->accuracy.run)
		bad |= json_object_set_new(obj, "accuracy", print_accuracy(p));
	if (p->sustained.run)
		bad |= json_object_set_new(obj, "sustained",
			json_pack("{s:I}", "seconds", (json_int_t)p->sustained.seconds));
	if (!bad)
		return obj;
	json_decref(obj);
	return NULL;
}
