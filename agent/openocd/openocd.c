#include "agent/openocd/openocd.h"

#include <errno.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/failpoint.h"
#include "common/file.h"
#include "common/holder.h"
#include "instruments/usb_tree.h"

struct capture {
	const struct openocd_call *call;
	struct buffer text;
};

/* What does not fit pushes out the oldest half: the reasons stand at the end. */
static void on_output(void *arg, int stream, const void *data, size_t n)
{
	struct capture *c = arg;

	failpoint("agent.flash.output");
	if (c->call->output)
		c->call->output(c->call->arg, stream, data, n);
	if (n > c->text.limit / 4)
		return;
	if (c->text.n + n > c->text.limit)
		buffer_consume(&c->text, c->text.n / 2);
	buffer_add(&c->text, data, n);
}

static enum outcome start_failed(int error, struct fault *f)
{
	if (error == -ECANCELED) {
		fault_set(f, ECANCELED, "canceled while OpenOCD was running");
		return OUTCOME_CANCELED;
	}
	if (error == -ENOENT)
		fault_set(f, ENOENT, "OpenOCD cannot be started (%s): apt-get install openocd",
			f->text);
	return OUTCOME_INFRASTRUCTURE;
}

/* Bytes that would end the text early are made visible. */
static void no_nul(struct buffer *text)
{
	for (size_t i = 0; i < text->n; i++) {
		if (!text->data[i])
			text->data[i] = '?';
	}
}

/*
 * Who has the probe, where OpenOCD could not get at it; some drivers say then that there is none. The
 * call's own OpenOCD has ended.
 */
static void name_user(const struct openocd_call *call, struct fault *f)
{
	const struct board_config *b = call->board;
	const char *root = call->root ? call->root : "";
	char node[FILE_PATH_BYTES], path[FILE_PATH_BYTES], who[HOLDER_TEXT_BYTES];
	struct holder holder;
	int rc;

	if ((f->error != EBUSY && f->error != ENODEV) || !b->probe_serial[0] || b->is_virtual ||
		usb_find_device(*root ? root : "/", b->probe_serial, node, sizeof(node)) ||
		file_path(path, sizeof(path), "%s%s", root, node))
		return;
	rc = holder_of_open(HOLDER_PROC, path, &holder);
	if (rc && f->error != EBUSY)
		return;
	holder_print(rc, &holder, who);
	fault_wrap(f, "probe in use by %s", who);
}

void openocd_call_run(const struct openocd_call *call, struct openocd_report *report)
{
	struct capture capture = {.call = call, .text = BUFFER_INIT(OPENOCD_OUTPUT_BYTES)};
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct openocd_script script;
	struct process_end end = {0};
	const char *text;
	int r;

	memset(report, 0, sizeof(*report));
	r = openocd_script_make(
		call->action, call->board, call->image_path, &script, &report->fault);
	if (r) {
		report->outcome = OUTCOME_INFRASTRUCTURE;
		return;
	}
	spec.argv = script.argv;
	spec.env = script.env;
	spec.keep_fds = &call->lock_fd;
	spec.n_keep_fds = call->lock_fd >= 0 ? 1 : 0;
	r = process_run(&spec, call->clock, call->deadline_ns, call->cancel_fd, on_output, &capture,
		&end, &report->fault);
	no_nul(&capture.text);
	text = capture.text.data ? capture.text.data : "";
	report->outcome = r ? start_failed(r, &report->fault)
			    : openocd_judge(&end, text, call->board, &report->fault);
	name_user(call, &report->fault);
	openocd_version(text, report->version, sizeof(report->version));
	openocd_idcode(text, report->idcode, sizeof(report->idcode));
	openocd_adapter(text, report->adapter, sizeof(report->adapter));
	buffer_done(&capture.text);
}
