/*
 * GET of what a run's capture shows: summary, tiles, selections. Made on a worker, since blocks are
 * decoded and, after a restart, what is known of a capture may have to be made again.
 */
#include <errno.h>
#include <math.h>

#include "protocols/ppk2/sample.h"
#include "server/api/api.h"
#include "server/api/query.h"
#include "server/api/trace.h"
#include "server/captures/selection.h"
#include "server/captures/tile.h"
#include "server/http/reply.h"
#include "server/store/json_out.h"

#define ANSWER_MAX_BYTES (4u << 20)

struct look {
	struct task task;
	struct request *r;
	struct trace_request q;
	int64_t px;
	int (*make)(struct look *l, struct trace *t, struct json_out *o);
	struct buffer out;
	int rc;
	struct fault fault;
};

/* ---- which run, which part ---- */

bool trace_run(struct request *r, struct read_run_brief *run)
{
	struct store_reader *reader = request_reader(r);
	int rc;

	if (!reader)
		return false;
	rc = read_run_brief(reader, r->id, run);
	request_reader_return(r, reader);
	if (rc == 0 && run->capture_removed)
		reply_problemf(r, PROBLEM_GONE,
			"the capture of run %lld was removed by retention; its numbers are kept",
			(long long)r->id);
	else if (rc == 0 && run->capture_bytes == 0)
		reply_problemf(r, PROBLEM_NOT_FOUND, "run %lld has no capture", (long long)r->id);
	else if (rc == -ENOENT)
		query_not_found(r, "run", r->id);
	else if (rc != 0)
		reply_rc(r, rc, NULL);
	else
		return true;
	return false;
}

static bool time_of(struct request *r, const char *name, double fallback, double *out)
{
	const char *text = request_query(r, name);

	*out = fallback;
	if (!text || number_f64(text, 0, TRACE_TIME_MAX_US, out) == 0)
		return true;
	reply_problemf(r, PROBLEM_BAD_QUERY,
		"query parameter '%s' must be microseconds from 0 to %.0f, not '%s'", name,
		TRACE_TIME_MAX_US, text);
	return false;
}

bool trace_part(struct request *r, struct trace_request *q)
{
	if (!time_of(r, "t0", 0, &q->t0_us) || !time_of(r, "t1", TRACE_TIME_MAX_US, &q->t1_us))
		return false;
	if (q->t0_us < q->t1_us)
		return trace_run(r, &q->run);
	reply_problemf(r, PROBLEM_BAD_QUERY, "t0 must be before t1");
	return false;
}

uint64_t trace_first_sample(double t_us)
{
	return (uint64_t)ceil(t_us / PPK2_SAMPLE_US);
}

void trace_reply_rc(struct request *r, int rc, const struct fault *f)
{
	if (rc == -ENOENT)
		reply_problemf(r, PROBLEM_INTERNAL,
			"the file of run %lld's capture is missing on the server's disk",
			(long long)r->id);
	else if (rc == -ENODATA)
		reply_problemf(r, PROBLEM_NOT_FOUND,
			"the capture of run %lld has only begun; try again", (long long)r->id);
	else
		reply_rc(r, rc, f);
}

/* ---- on the worker ---- */

static void look_done(void *own)
{
	struct look *l = own;

	buffer_done(&l->out);
}

static void work(struct task *task)
{
	struct look *l = (struct look *)task;
	struct captures *all = l->r->server->captures;
	struct json_out o = JSON_OUT(&l->out);
	struct capture *capture;

	l->rc = captures_take(all, l->q.run.run, l->q.run.capture_bytes, &capture, &l->fault);
	if (l->rc == 0) {
		struct trace *t = capture_trace(capture);

		l->rc = trace_header(t)	     ? l->make(l, t, &o)
			: trace_damage(t)[0] ? fault_set(&l->fault, EIO, "%s", trace_damage(t))
					     : -ENODATA;
		if (l->rc == 0)
			l->rc = o.rc;
		captures_give(all, capture);
	}
	request_resume(l->r);
}

static void answer(struct request *r)
{
	struct look *l = r->own;

	if (l->rc == 0)
		reply_buffer(r, 200, &l->out, TYPE_JSON);
	else
		trace_reply_rc(r, l->rc, &l->fault);
}

static void start(struct request *r, const struct trace_request *q, int64_t px,
	int (*make)(struct look *l, struct trace *t, struct json_out *o))
{
	struct look *l = request_own(r, sizeof(*l), look_done);

	if (!l)
		return;
	l->task.run = work;
	l->r = r;
	l->q = *q;
	l->px = px;
	l->make = make;
	l->out = BUFFER_INIT(ANSWER_MAX_BYTES);
	request_suspend(r, answer);
	workers_submit(r->server->traces, &l->task);
}

/* ---- GET /runs/{id}/trace ---- */

static void put_instrument(struct json_out *o, const struct trace *t)
{
	const struct capture_header *h = trace_header(t);
	const struct ppk2_metadata *m = &trace_converter(t)->metadata;
	char hash[65], name[16];

	ppk2_metadata_hash(m, hash);
	jo_key(o, "instrument");
	jo_open(o, '{');
	jo_put_text(o, "kind", "ppk2");
	jo_put_text(o, "serial", h->serial);
	jo_put_text(o, "mode", h->mode == PPK2_SOURCE ? "source" : "ampere");
	jo_put_int(o, "voltage_mV", h->voltage_mV);
	jo_put_text(o, "calibration_sha256", hash);
	jo_key(o, "defaulted");
	jo_open(o, '[');
	for (int c = 0; c < PPK2_COEFFICIENTS; c++) {
		for (int range = 0; range < PPK2_RANGES; range++) {
			if (!(m->defaulted[c] >> range & 1))
				continue;
			snprintf(name, sizeof(name), "%s%d",
				ppk2_coefficient_name((enum ppk2_coefficient)c), range);
			jo_text(o, name);
		}
	}
	jo_close(o, ']');
	jo_close(o, '}');
}

static int make_summary(struct look *l, struct trace *t, struct json_out *o)
{
	const struct read_run_brief *run = &l->q.run;
	const struct capture_header *h = trace_header(t);
	struct trace_totals all = trace_totals(t);

	jo_open(o, '{');
	jo_put_int(o, "run", run->run);
	jo_put_bool(o, "virtual", run->is_virtual);
	jo_put_text(o, "energy_source", run->energy_source[0] ? run->energy_source : NULL);
	jo_put_bool(o, "live", run->live && !all.ended);
	put_instrument(o, t);
	jo_put_int(o, "voltage_mV", h->voltage_mV);
	jo_key(o, "started_at");
	jo_time(o, h->started_at_ms);
	jo_put_int(o, "rate_hz", PPK2_SAMPLE_RATE_HZ);
	jo_put_int(o, "samples", (int64_t)all.samples);
	jo_put_int(o, "lost", (int64_t)all.lost);
	jo_put_int(o, "invalid", (int64_t)all.invalid);
	jo_put_int(o, "clipped", (int64_t)all.clipped);
	jo_put_int(o, "end_us", (int64_t)all.end * PPK2_SAMPLE_US);
	jo_put_text(o, "damage", trace_damage(t)[0] ? trace_damage(t) : NULL);
	jo_close(o, '}');
	return 0;
}

void runs_trace(struct request *r)
{
	static const char *const known[] = {NULL};
	struct trace_request q = {0};

	if (request_query_only(r, known) && trace_run(r, &q.run))
		start(r, &q, 0, make_summary);
}

/* ---- GET /runs/{id}/trace/tile ---- */

/* Seven digits are what a float32 has; a page draws hundreds of columns from a few kB. */
static void put_uA(struct json_out *o, double value)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%.7g", value);

	if (isfinite(value))
		jo_splice(o, text, (size_t)n);
	else
		jo_null(o);
}

static double least(const struct tile *t, size_t i)
{
	return t->bands[i].min;
}

static double largest(const struct tile *t, size_t i)
{
	return t->bands[i].max;
}

static double mean(const struct tile *t, size_t i)
{
	const struct band *b = &t->bands[i];

	return b->n ? b->sum / (double)b->n : NAN;
}

static double current(const struct tile *t, size_t i)
{
	return t->samples[i].current_uA;
}

static void put_currents(struct json_out *o, const char *key, const struct tile *t, size_t n,
	double (*of)(const struct tile *t, size_t i))
{
	jo_key(o, key);
	jo_open(o, '[');
	for (size_t i = 0; i < n; i++)
		put_uA(o, of(t, i));
	jo_close(o, ']');
}

static int64_t column_logic(const struct tile *t, size_t i)
{
	return t->bands[i].logic;
}

static int64_t sample_logic(const struct tile *t, size_t i)
{
	return t->samples[i].logic;
}

static int64_t sample_us(const struct tile *t, size_t i)
{
	return (int64_t)t->samples[i].index * PPK2_SAMPLE_US;
}

static void put_counts(struct json_out *o, const char *key, const struct tile *t, size_t n,
	int64_t (*of)(const struct tile *t, size_t i))
{
	jo_key(o, key);
	jo_open(o, '[');
	for (size_t i = 0; i < n; i++)
		jo_int(o, of(t, i));
	jo_close(o, ']');
}

static void put_band(struct json_out *o, const struct tile *t)
{
	put_currents(o, "min", t, t->columns, least);
	put_currents(o, "max", t, t->columns, largest);
	put_currents(o, "mean", t, t->columns, mean);
	put_counts(o, "logic", t, t->columns, column_logic);
}

static void put_samples(struct json_out *o, const struct tile *t)
{
	put_counts(o, "t_us", t, t->n_samples, sample_us);
	put_currents(o, "uA", t, t->n_samples, current);
	put_counts(o, "logic", t, t->n_samples, sample_logic);
}

static void put_gaps(struct json_out *o, const struct tile *t)
{
	jo_key(o, "gaps");
	jo_open(o, '[');
	for (size_t i = 0; i < t->n_gaps; i++) {
		jo_open(o, '[');
		jo_int(o, (int64_t)t->gaps[i].from * PPK2_SAMPLE_US);
		jo_int(o, (int64_t)t->gaps[i].to * PPK2_SAMPLE_US);
		jo_close(o, ']');
	}
	jo_close(o, ']');
}

static int make_tile(struct look *l, struct trace *t, struct json_out *o)
{
	struct tile tile;
	uint64_t from = (uint64_t)floor(l->q.t0_us / PPK2_SAMPLE_US);
	int rc = tile_make(t, l->q.run.capture_bytes, from, trace_first_sample(l->q.t1_us),
		(size_t)l->px, &tile, &l->fault);
	double width_us;

	if (rc)
		return rc;
	width_us = (double)(tile.n * tile.unit * PPK2_SAMPLE_US);
	jo_open(o, '{');
	jo_put_int(o, "t0_us", (int64_t)tile.from * PPK2_SAMPLE_US);
	jo_put_int(o, "t1_us", (int64_t)(tile.from + tile.n * tile.unit) * PPK2_SAMPLE_US);
	jo_put_int(o, "px", l->px);
	jo_put_text(o, "kind", tile.single ? "samples" : "band");
	jo_put_number(o, "step_us", tile.single ? PPK2_SAMPLE_US : width_us / (double)l->px);
	jo_put_int(o, "unit_us", (int64_t)tile.unit * PPK2_SAMPLE_US);
	if (tile.single)
		put_samples(o, &tile);
	else
		put_band(o, &tile);
	put_gaps(o, &tile);
	jo_close(o, '}');
	tile_done(&tile);
	return 0;
}

void runs_trace_tile(struct request *r)
{
	static const char *const known[] = {"t0", "t1", "px", NULL};
	struct trace_request q;
	int64_t px;

	if (request_query_only(r, known) &&
		request_query_number(r, "px", TILE_PX_DEFAULT, 1, TILE_PX_MAX, &px) &&
		trace_part(r, &q))
		start(r, &q, px, make_tile);
}

/* ---- GET /runs/{id}/trace/selection ---- */

static int make_selection(struct look *l, struct trace *t, struct json_out *o)
{
	struct selection s;
	uint64_t end = trace_totals(t).end, from = trace_first_sample(l->q.t0_us),
		 to = trace_first_sample(l->q.t1_us);
	double volts = trace_header(t)->voltage_mV / 1000.0;
	int rc;

	/* Without t1 it is the whole trace; with one behind its end, samples are missing. */
	if (l->q.t1_us >= TRACE_TIME_MAX_US)
		to = end > from ? end : from;
	rc = selection_make(t, l->q.run.capture_bytes, from, to, &s, &l->fault);
	if (rc)
		return rc;
	jo_open(o, '{');
	jo_put_int(o, "t0_us", (int64_t)from * PPK2_SAMPLE_US);
	jo_put_int(o, "t1_us", (int64_t)to * PPK2_SAMPLE_US);
	jo_put_int(o, "samples", (int64_t)s.valid);
	jo_put_int(o, "lost", (int64_t)s.lost);
	jo_put_int(o, "invalid", (int64_t)s.invalid);
	jo_put_int(o, "clipped", (int64_t)s.clipped);
	jo_put_number(o, "min_uA", s.min_A * 1e6);
	jo_put_number(o, "mean_uA",
		s.valid ? s.charge_C * 1e12 / ((double)s.valid * PPK2_SAMPLE_US) : NAN);
	jo_put_number(o, "max_uA", s.max_A * 1e6);
	jo_put_number(o, "charge_uC", s.charge_C * 1e6);
	jo_put_number(o, "energy_uJ", s.charge_C * volts * 1e6);
	jo_put_number(o, "filtered_energy_uJ", s.filtered_charge_C * volts * 1e6);
	jo_put_bool(o, "complete", s.complete);
	jo_close(o, '}');
	return 0;
}

void runs_trace_selection(struct request *r)
{
	static const char *const known[] = {"t0", "t1", NULL};
	struct trace_request q;

	if (request_query_only(r, known) && trace_part(r, &q))
		start(r, &q, 0, make_selection);
}
