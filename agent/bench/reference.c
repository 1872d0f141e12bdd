#include "agent/bench/reference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file.h"

static void keep_text(char *out, size_t room, const char *text)
{
	if (text)
		snprintf(out, room, "%s", text);
}

/* One reply is complete. */
static int take_reply(struct reference *r, const struct bench_run *run, struct fault *f)
{
	const char *status = bench_run_get(run, 'E', "status");
	int rc = bench_run_check(run, f);

	if (rc)
		return -EINVAL;
	if (status && strcmp(status, "ok"))
		return fault_set(f, EINVAL, "it ends with status %s", status);
	keep_text(r->model_sha256, sizeof(r->model_sha256), bench_run_get(run, 'M', "sha256"));
	if (!bench_run_get(run, 'P', "p"))
		return 0;
	keep_text(r->list, sizeof(r->list), bench_run_get(run, 'R', "list"));
	bench_predictions_done(&r->predictions);
	return bench_run_predictions(run, &r->predictions, f) ? -EINVAL : 0;
}

static int take_event(
	struct reference *r, struct bench_run *run, const struct bench_event *ev, struct fault *f)
{
	int rc = 0;

	if (ev->kind == BENCH_DAMAGED)
		return fault_set(f, EINVAL, "a line is damaged (%s): %.80s",
			bench_damage_name(ev->damage), ev->text);
	if (ev->kind != BENCH_RECORD)
		return 0;
	rc = bench_run_add(run, ev, f);
	if (!rc && bench_run_has_end(run)) {
		rc = take_reply(r, run, f);
		bench_run_clear(run);
	}
	return rc ? -EINVAL : 0;
}

static int read_text(struct reference *r, const char *text, size_t n, struct fault *f)
{
	_cleanup_(bench_run_freep) struct bench_run *run = bench_run_new();
	struct bench_decoder decoder;
	struct bench_event ev;
	size_t used;

	if (!run)
		return fault_set(f, ENOMEM, "out of memory");
	bench_decoder_init(&decoder);
	while ((used = bench_decoder_feed(&decoder, text, n, &ev)), ev.kind != BENCH_NONE) {
		int rc = take_event(r, run, &ev, f);

		if (rc)
			return rc;
		text += used;
		n -= used;
	}
	if (!bench_run_is_empty(run))
		return fault_set(f, EINVAL, "it is cut: its last reply has no $E");
	if (!r->predictions.n)
		return fault_set(f, EINVAL, "it holds no reply to `lab accuracy N`");
	return 0;
}

int reference_read(const char *path, struct reference *out, struct fault *f)
{
	struct reference r = {0};
	_cleanup_free_ char *text = NULL;
	size_t n;
	int rc = file_read(path, REFERENCE_MAX_BYTES, &text, &n, f);

	if (rc)
		return rc;
	rc = read_text(&r, text, n, f);
	if (rc) {
		reference_done(&r);
		return rc;
	}
	*out = r;
	return 0;
}

void reference_done(struct reference *r)
{
	bench_predictions_done(&r->predictions);
}

static bool differ(const char *a, const char *b)
{
	return a && b && a[0] && b[0] && strcmp(a, b);
}

int reference_fits(const struct reference *r, const char *model_sha256, const char *list, size_t n,
	struct fault *f)
{
	if (differ(r->model_sha256, model_sha256))
		return fault_set(f, EINVAL, "it is of another model (%.12s, the device has %.12s)",
			r->model_sha256, model_sha256);
	if (r->predictions.n != n)
		return fault_set(f, EINVAL, "it has %zu samples, the device predicted %zu",
			r->predictions.n, n);
	if (differ(r->list, list))
		return fault_set(
			f, EINVAL, "it is of another list of samples (%s, not %s)", r->list, list);
	return 0;
}
