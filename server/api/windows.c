/* GET /runs/{id}/windows: the measured window and its batches, as the result has them. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/ppk2/sample.h"
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/http/reply.h"
#include "server/store/json_out.h"
#include "server/store/read.h"

#define ANSWER_MAX_BYTES (8u << 20)
#define SAMPLE_S (1e-6 * PPK2_SAMPLE_US)

struct listing {
	struct task task;
	struct request *r;
	char source[STORE_WORD_BYTES];
	char *energy, *batches;
	struct buffer out;
	int rc;
};

static void listing_done(void *own)
{
	struct listing *l = own;

	free(l->energy);
	free(l->batches);
	buffer_done(&l->out);
}

static json_t *element(const json_t *batches, const char *key, size_t i)
{
	return json_array_get(json_object_get(batches, key), i);
}

static int64_t count_at(const json_t *batches, const char *key, size_t i)
{
	return json_integer_value(element(batches, key, i));
}

/* A batch that lost samples is longer than what came of it: it ends where the next one begins. */
static int64_t end_of(const json_t *batches, size_t i)
{
	int64_t own = count_at(batches, "start", i) + count_at(batches, "samples", i);
	int64_t next = count_at(batches, "start", i + 1);

	return next > own ? next : own;
}

/* In the order of time, n from 1; the worst is the one with the most energy of those that are whole. */
static void put_batches(struct json_out *o, const json_t *batches, double volts, double inferences)
{
	size_t n = json_array_size(json_object_get(batches, "start"));
	int64_t worst = 0;
	double most = -INFINITY;

	jo_key(o, "batches");
	jo_open(o, '[');
	for (size_t i = 0; i < n; i++) {
		double charge_uC = json_number_value(element(batches, "charge_uC", i));
		double seconds = (double)count_at(batches, "samples", i) * SAMPLE_S;
		double energy_uJ = charge_uC * volts / inferences;
		bool complete = json_is_true(element(batches, "complete", i));

		if (complete && energy_uJ > most) {
			most = energy_uJ;
			worst = (int64_t)i + 1;
		}
		jo_open(o, '{');
		jo_put_int(o, "n", (int64_t)i + 1);
		jo_put_int(o, "t0_us", count_at(batches, "start", i) * PPK2_SAMPLE_US);
		jo_put_int(o, "t1_us", end_of(batches, i) * PPK2_SAMPLE_US);
		jo_put_number(o, "energy_uJ", energy_uJ);
		jo_put_number(o, "mean_uA", charge_uC / seconds);
		jo_put_bool(o, "complete", complete);
		jo_close(o, '}');
	}
	jo_close(o, ']');
	jo_key(o, "worst");
	if (worst)
		jo_int(o, worst);
	else
		jo_null(o);
}

static int list(struct listing *l)
{
	struct json_out o = JSON_OUT(&l->out);
	json_t *energy = json_loads(l->energy, 0, NULL);
	json_t *batches = l->batches ? json_loads(l->batches, 0, NULL) : NULL;
	const json_t *instrument = json_object_get(energy, "instrument");
	_cleanup_free_ char *window =
		json_dumps(json_object_get(energy, "window"), JSON_COMPACT | JSON_ENCODE_ANY);

	jo_open(&o, '{');
	jo_put_int(&o, "run", l->r->id);
	jo_put_text(&o, "energy_source", l->source);
	jo_put_text(&o, "sync", json_string_value(json_object_get(energy, "sync")));
	jo_put_splice(&o, "window", window);
	put_batches(&o, batches,
		json_number_value(json_object_get(instrument, "voltage_mV")) / 1000,
		json_number_value(json_object_get(energy, "batch")));
	jo_close(&o, '}');
	json_decref(energy);
	json_decref(batches);
	return o.rc;
}

static void work(struct task *task)
{
	struct listing *l = (struct listing *)task;

	l->rc = list(l);
	request_resume(l->r);
}

static void answer(struct request *r)
{
	struct listing *l = r->own;

	if (l->rc == 0)
		reply_buffer(r, 200, &l->out, TYPE_JSON);
	else
		reply_rc(r, l->rc, NULL);
}

static int load(struct request *r, struct listing *l)
{
	struct store_reader *reader = request_reader(r);
	struct read_run_brief run;
	int rc;

	if (!reader)
		return -ECANCELED;
	rc = read_run_brief(reader, r->id, &run);
	if (rc == 0)
		rc = read_run_energy(reader, r->id, &l->energy, &l->batches);
	request_reader_return(r, reader);
	if (rc == 0)
		memcpy(l->source, run.energy_source, sizeof(l->source));
	return rc;
}

void runs_windows(struct request *r)
{
	static const char *const known[] = {NULL};
	struct listing *l;
	int rc;

	if (!request_query_only(r, known))
		return;
	l = request_own(r, sizeof(*l), listing_done);
	if (!l)
		return;
	l->task.run = work;
	l->r = r;
	l->out = BUFFER_INIT(ANSWER_MAX_BYTES);
	rc = load(r, l);
	if (rc == -ENOENT) {
		query_not_found(r, "run", r->id);
	} else if (rc == 0 && !l->energy) {
		reply_problemf(r, PROBLEM_NOT_FOUND, "run %lld has no result with energy",
			(long long)r->id);
	} else if (rc == 0) {
		request_suspend(r, answer);
		workers_submit(r->server->traces, &l->task);
	} else if (rc != -ECANCELED) {
		reply_rc(r, rc, NULL);
	}
}
