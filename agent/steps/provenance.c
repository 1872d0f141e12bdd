/* What was used, read from the thing itself; and the job's expectations of it. */
#include <unistd.h>

#include "agent/board/config.h"
#include "agent/image/image.h"
#include "agent/steps/parts.h"

#define HOST_BYTES 256

void provenance_set(struct run *run, const char *key, const char *value)
{
	json_t *p = json_object_get(run->result, "provenance");

	if (!p) {
		p = json_object();
		json_object_set_new(run->result, "provenance", p);
	}
	if (value && value[0])
		json_object_set_new(p, key, json_string(value));
}

void provenance_begin(struct run *run)
{
	char host[HOST_BYTES] = "";

	gethostname(host, sizeof(host) - 1);
	provenance_set(run, "image_sha256", run->job->image);
	provenance_set(run, "board_type", run->board->type);
	provenance_set(run, "mcu", run->board->mcu);
	provenance_set(run, "probe_serial", run->board->probe_serial);
	provenance_set(run, "qemu", run->board->qemu);
	provenance_set(run, "agent", HILDA_VERSION);
	provenance_set(run, "host", host);
	if (!run->image)
		return;
	provenance_set(run, "machine", image_machine(run->image));
	provenance_set(run, "compiler", image_compiler(run->image));
	provenance_set(run, "flags", image_flags(run->image));
	provenance_set(run, "code_sha256", image_code_sha256(run->image));
}

/* The model's hash is the device's own word; the rest is the provenance. */
static const char *find(const struct run *run, const char *key)
{
	bool model = !strcmp(key, "model_sha256");
	json_t *part = json_object_get(run->result, model ? "model" : "provenance");

	return json_string_value(json_object_get(part, model ? "sha256" : key));
}

/* A hash by how it begins; of words, as of a compiler, any part. */
static bool is_as_expected(const struct job_pair *e, const char *have)
{
	size_t n = strlen(e->key), k = strlen("sha256");

	if (n >= k && !strcmp(e->key + n - k, "sha256"))
		return !strncmp(have, e->value, strlen(e->value));
	return strstr(have, e->value) != NULL;
}

int provenance_check(struct run *run, bool all)
{
	for (size_t i = 0; i < run->job->n_expect; i++) {
		const struct job_pair *e = &run->job->expect[i];
		const char *have = find(run, e->key);

		if (!have && !all)
			continue;
		if (!have)
			return run_fail(run, OUTCOME_CONFIGURATION,
				"the job expects %s to be '%s', but neither the image nor the board tells it",
				e->key, e->value);
		if (!is_as_expected(e, have))
			return run_fail(run, OUTCOME_CONFIGURATION,
				"the job expects %s to be '%s', but it is '%s'", e->key, e->value,
				have);
	}
	return 0;
}
