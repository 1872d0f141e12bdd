/* hilda ppk2 record: what a board takes, into a capture or rows, with numbers while it runs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/commands/output.h"
#include "cli/ppk2_rows.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"
#include "instruments/ppk2_session.h"
#include "protocols/capture/capture.h"
#include "protocols/windows/windows.h"

#define OPEN_MS 20000
#define STOP_MS 3000
#define LATE_MS 5000 /* for the samples that the time should have brought */
#define SECONDS_MAX 86400
#define UPDATE_NS CLOCK_NS_PER_S
#define OFF_US 50000 /* more than a busy machine is late */

struct recording {
	struct ppk2_session *session;
	struct ppk2_converter converter;
	uint64_t end; /* index that is wanted no more */
	uint64_t next_index;
	struct span_sum all, second;
	struct ppk2_rows rows;
	const char *path; /* of the capture; NULL: none */
	int fd;
	struct capture_writer *writer;
	int error; /* -errno of the capture's file */
};

static int write_bytes(void *arg, const void *bytes, size_t n)
{
	return file_write_all(((struct recording *)arg)->fd, bytes, n);
}

static void take(void *arg, const struct ppk2_block *given)
{
	struct recording *r = arg;
	struct ppk2_block block = *given;

	/* The sums know where the end is. */
	span_sum_feed(&r->all, &r->converter, &block);
	span_sum_feed(&r->second, &r->converter, &block);
	if (block.index >= r->end) {
		r->next_index = r->end;
		return;
	}
	if (block.n > r->end - block.index)
		block.n = (size_t)(r->end - block.index);
	r->next_index = block.index + block.n;
	ppk2_rows_give(&r->rows, &block);
	if (r->writer && !r->error)
		r->error = capture_write(r->writer, &block);
}

static double mean_A(const struct span_sum *s)
{
	return s->samples ? s->currents_A.value / (double)s->samples : NAN;
}

/* A line that is written over again; only for people. */
static void show(struct recording *r)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr,
			"\r\033[K%7.1f s  mean %.4g uA  max %.4g uA  in all %.4g uA  lost %" PRIu64,
			(double)r->next_index / PPK2_SAMPLE_RATE_HZ, mean_A(&r->second) * 1e6,
			r->second.peak_A * 1e6, mean_A(&r->all) * 1e6, r->all.lost);
	r->second = (struct span_sum){.to = r->end};
}

static int listen(struct cli *cli, struct recording *r, struct fault *f)
{
	int64_t update_ns = clock_mono_ns(&clock_system) + UPDATE_NS, end_ns = CLOCK_NEVER;
	int rc = 0;

	if (r->end != UINT64_MAX)
		end_ns = clock_deadline_ms(&clock_system, (int64_t)(r->end / 100) + LATE_MS);
	while (r->next_index < r->end && !r->error && !r->rows.error) {
		rc = ppk2_session_read(r->session, update_ns < end_ns ? update_ns : end_ns, f);
		if (rc && rc != -ETIMEDOUT)
			break;
		rc = 0;
		if (clock_expired(&clock_system, end_ns)) {
			rc = fault_set(f, ETIMEDOUT, "only %" PRIu64 " samples came in time",
				r->next_index);
			break;
		}
		if (clock_expired(&clock_system, update_ns)) {
			show(r);
			update_ns += UPDATE_NS;
		}
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	/* Ctrl-C is how a recording without --seconds ends. */
	return rc == -ECANCELED ? 0 : rc;
}

static int open_capture(struct cli *cli, struct recording *r, struct fault *f)
{
	_cleanup_free_ struct capture_header *h = calloc(1, sizeof(*h));
	_cleanup_free_ char *real = realpath(cli_value(cli, "port"), NULL);
	const char *text;
	int err;

	r->path = cli_value(cli, "out");
	if (!r->path)
		return 0;
	if (!h)
		return fault_set(f, ENOMEM, "out of memory");
	snprintf(h->serial, sizeof(h->serial), "%s", ppk2_session_serial(r->session));
	h->mode = cli_has(cli, "source") ? PPK2_SOURCE : PPK2_AMPERE;
	h->voltage_mV = r->converter.vdd_mV;
	h->started_at_ms = clock_wall_ms(&clock_system);
	h->is_virtual = real && !strncmp(real, "/dev/pts/", 9);
	text = ppk2_session_metadata(r->session, &h->metadata_bytes);
	memcpy(h->metadata, text, h->metadata_bytes);
	r->fd = open(r->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r->fd < 0)
		return fault_errno(f, errno, "cannot write %s", r->path);
	err = capture_writer_new(h, write_bytes, r, &r->writer);
	return err ? fault_errno(f, -err, "cannot write %s", r->path) : 0;
}

static int close_capture(struct recording *r, int64_t host_us, struct fault *f)
{
	if (r->writer && !r->error)
		r->error = capture_writer_end(r->writer, host_us);
	capture_writer_free(take_ptr(r->writer));
	if (r->fd >= 0 && close(take_fd(r->fd)) && !r->error)
		r->error = -errno;
	return r->error ? fault_errno(f, -r->error, "cannot write %s", r->path) : 0;
}

static void tell(struct cli *cli, const struct recording *r, const struct ppk2_counts *counts)
{
	const struct span_sum *s = &r->all;
	double energy_J = s->charge_C * r->converter.vdd_mV / 1000;
	double off_us = fabs(counts->rate_ratio - 1) * (double)counts->host_us;
	json_t *doc;

	if (!cli->json) {
		printf("%.5f s: mean %.6g uA, max %.6g uA, %.6g uC, %.6g uJ; %" PRIu64
		       " lost, %" PRIu64 " invalid, %" PRIu64 " clipped\n",
			(double)r->next_index / PPK2_SAMPLE_RATE_HZ, mean_A(s) * 1e6,
			s->peak_A * 1e6, s->charge_C * 1e6, energy_J * 1e6, s->lost, s->invalid,
			s->clipped);
		if (counts->overrun_bytes)
			printf("%" PRIu64 " bytes were dropped: this machine was too slow\n",
				counts->overrun_bytes);
		if (counts->rate_ratio > 0 && off_us > OFF_US)
			printf("%.0f ms are between the samples' time and this machine's clock: "
			       "some may be lost unseen\n",
				off_us / 1000);
		return;
	}
	doc = json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "samples",
		(json_int_t)s->samples, "lost", (json_int_t)s->lost, "invalid",
		(json_int_t)s->invalid, "clipped", (json_int_t)s->clipped, "mean_uA",
		s->samples ? mean_A(s) * 1e6 : 0, "max_uA", s->peak_A * 1e6, "charge_uC",
		s->charge_C * 1e6, "energy_uJ", energy_J * 1e6, "rate_ratio", counts->rate_ratio);
	output_json(doc);
	json_decref(doc);
}

/* The unit is open; what was recorded before a fault stays. */
static enum exit_code record(struct cli *cli, struct recording *r, struct fault *f)
{
	int64_t stop_ns;
	struct ppk2_counts counts = {0};
	struct fault later = {0};
	enum exit_code code = EXIT_OK;

	r->converter = *ppk2_session_converter(r->session);
	ppk2_rows_init(&r->rows, cli_value(cli, "csv"), &r->converter, false);
	if (open_capture(cli, r, f))
		code = EXIT_LOCAL_FILE;
	stop_ns = clock_deadline_ms(&clock_system, STOP_MS);
	if (!code &&
		(ppk2_session_power(r->session, true, stop_ns, f) ||
			ppk2_session_start(r->session, take, r, stop_ns, f) || listen(cli, r, f)))
		code = EXIT_LAB_FAULT;
	stop_ns = clock_deadline_ms(&clock_system, STOP_MS);
	ppk2_session_stop(r->session, stop_ns, &later);
	ppk2_session_power(r->session, false, stop_ns, &later);
	ppk2_session_counts(r->session, &counts);
	if (close_capture(r, counts.host_us, code ? &later : f) && !code)
		code = EXIT_LOCAL_FILE;
	if (ppk2_rows_end(&r->rows, code ? &later : f) && !code)
		code = EXIT_LOCAL_FILE;
	if (r->next_index)
		tell(cli, r, &counts);
	return code;
}

static int check_words(struct cli *cli, struct fault *f)
{
	const char *csv = cli_value(cli, "csv");

	if (!cli_has(cli, "port"))
		return fault_set(f, EINVAL, "--port is missing; `hilda ppk2 info` lists units");
	if (cli_has(cli, "source") == cli_has(cli, "ampere"))
		return fault_set(f, EINVAL,
			"say --source (the PPK2 supplies the board) or --ampere (it measures)");
	if (!cli_has(cli, "voltage-mv"))
		return fault_set(f, EINVAL, "--voltage-mv is missing: what the board gets");
	if (cli->json && csv && !strcmp(csv, "-"))
		return fault_set(f, EINVAL, "rows and JSON cannot both go to standard output");
	return 0;
}

static enum exit_code parse(
	struct cli *cli, struct ppk2_session_options *o, struct recording *r, struct fault *f)
{
	const char *text = cli_value(cli, "seconds");
	uint64_t voltage_mV = 0;
	double seconds;

	if (check_words(cli, f) ||
		cli_u64(cli, "voltage-mv", PPK2_VOLTAGE_MIN_MV, PPK2_VOLTAGE_MAX_MV, &voltage_mV,
			f))
		return EXIT_USAGE;
	if (text) {
		if (number_f64(text, 1e-3, SECONDS_MAX, &seconds)) {
			fault_set(f, EINVAL, "--seconds %s is not a number from 0.001 to %d", text,
				SECONDS_MAX);
			return EXIT_USAGE;
		}
		r->end = (uint64_t)llround(seconds * PPK2_SAMPLE_RATE_HZ);
	}
	r->all.to = r->second.to = r->end;
	o->mode = cli_has(cli, "source") ? PPK2_SOURCE : PPK2_AMPERE;
	o->voltage_mV = (uint32_t)voltage_mV;
	return EXIT_OK;
}

static enum exit_code run(struct cli *cli, struct fault *f)
{
	struct recording r = {
		.end = UINT64_MAX, .fd = -1, .all.to = UINT64_MAX, .second.to = UINT64_MAX};
	struct ppk2_session_options o = {.clock = &clock_system};
	enum exit_code code = parse(cli, &o, &r, f);

	if (!code)
		code = session_watch_interrupt(&cli->session, f);
	if (code)
		return code;
	o.cancel_fd = cli->session.interrupt_fd;
	switch (ppk2_session_open(cli_value(cli, "port"), &o,
		clock_deadline_ms(&clock_system, OPEN_MS), &r.session, f)) {
	case 0:
		break;
	case -ECANCELED:
		return EXIT_INTERRUPTED;
	default:
		return EXIT_LAB_FAULT;
	}
	code = record(cli, &r, f);
	ppk2_session_close(r.session);
	return code;
}

static const struct command_option options[] = {
	{"port", 'p', "PORT", "usb:SERIAL:01, a serial number, or a path"},
	{"source", 0, NULL, "the PPK2 supplies the board"},
	{"ampere", 0, NULL, "the board has its own supply, the PPK2 measures"},
	{"voltage-mv", 0, "N", "to supply; with --ampere, what the supply gives"},
	{"seconds", 0, "S", "how long; without it until Ctrl-C"},
	{"out", 'o', "FILE", "a capture: small, exact, for convert and the server"},
	{"csv", 0, "FILE", "a row for each sample; - is standard output"},
	{NULL},
};

const struct command command_ppk2_record = {
	.name = "ppk2 record",
	.arguments = "",
	.is_local = true,
	.summary = "Measure what a board takes with a PPK2.",
	.help = "The board has power while this runs, and none behind it.\n\n"
		"Examples:\n"
		"  hilda ppk2 record --port usb:C2F4E1D0:01 --source --voltage-mv 3300 --seconds 10\n"
		"  hilda ppk2 record -p /dev/ttyACM1 --ampere --voltage-mv 3000 -o night.capture\n"
		"  hilda ppk2 convert --capture night.capture --windows",
	.options = options,
	.run = run,
};
