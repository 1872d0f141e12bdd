/*
 * hilda-vboard: one virtual board. Starts QEMU, shows a debug probe and a UART in a folder, and
 * lives until a signal or its parent's end. docs/wire.md, section 2, says what the folder holds.
 *
 * Boards without flash are loaded into RAM, and the reset vector at 0 starts the image:
 *   openocd -f DIR/openocd.cfg -c 'init; reset halt; load_image FW.elf; verify_image FW.elf;
 *     reset run; shutdown'
 * The microbit: -c 'program FW.elf verify reset exit'. Either: -c 'init; reset run; shutdown'.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/log.h"
#include "common/numbers.h"
#include "virtual-lab/faults.h"
#include "virtual-lab/lab.h"

#define FAULTS_MAX 16

#define EXIT_USAGE 2
#define PPK2_SEED 1

static const struct option options[] = {
	{"machine", required_argument, NULL, 'm'},
	{"dir", required_argument, NULL, 'd'},
	{"fault", required_argument, NULL, 'f'},
	{"ppk2-seed", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

static void help(void)
{
	const struct machine *m;

	printf("usage: hilda-vboard --machine MACHINE --dir DIR [--fault 'NAME [ARG]']...\n"
	       "                    [--ppk2-seed N]\n\n"
	       "Plays one board: QEMU behind a debug probe (DIR/probe, for OpenOCD with\n"
	       "DIR/openocd.cfg), a UART (DIR/console) and a Power Profiler Kit II (DIR/ppk2).\n"
	       "DIR/ready.json appears when it can be used. Ends on SIGTERM or with its parent.\n"
	       "The seed is of the noise of the currents, which are a model (1..4294967295, %d\n"
	       "unless it is given).\n\nmachines:\n",
		PPK2_SEED);
	for (unsigned i = 0; (m = machine_at(i)); i++)
		printf("  %-12s %s, %s\n", m->name, m->mcu,
			m->flash ? "flash" : "images are loaded into RAM");
	printf("\nfaults (also `fault NAME [ARG]` and `fault none` on DIR/control):\n ");
	for (int i = 0; i < FAULT_COUNT; i++)
		printf(" %s", fault_word(i));
	printf("\n\nother commands of DIR/control: status, power off, power on, reset,\n"
	       "energy FROM TO\n\n"
	       "examples:\n"
	       "  hilda-vboard --machine microbit --dir b1\n"
	       "  openocd -f b1/openocd.cfg -c 'program app.elf verify reset exit'\n"
	       "  hilda-vboard --machine mps3-an547 --dir b2 --fault 'uart-cut 3'\n"
	       "\nExit codes: 0 ended as asked, 1 failed (stderr says why), 2 wrong usage.\n");
}

static void unknown_machine(const char *name)
{
	const struct machine *m;

	fprintf(stderr, "hilda-vboard: no machine is called '%s'; known:", name);
	for (unsigned i = 0; (m = machine_at(i)); i++)
		fprintf(stderr, "%s %s", i ? "," : "", m->name);
	fprintf(stderr, "\n");
}

struct arguments {
	const struct machine *machine;
	const char *folder;
	const char *faults[FAULTS_MAX + 1];
	size_t n_faults;
	uint32_t ppk2_seed;
};

static int take_seed(struct arguments *a)
{
	uint64_t seed;

	if (number_u64(optarg, 1, UINT32_MAX, &seed)) {
		fprintf(stderr, "hilda-vboard: --ppk2-seed is a number from 1 to %u, not '%s'\n",
			UINT32_MAX, optarg);
		return -1;
	}
	a->ppk2_seed = (uint32_t)seed;
	return 0;
}

/* 0: go on; otherwise the exit code plus one. */
static int parse(int argc, char **argv, struct arguments *a)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			return 1;
		}
		if (c == 'v') {
			printf("hilda-vboard " HILDA_VERSION "\n");
			return 1;
		}
		if (c == 'm' && !(a->machine = machine_find(optarg))) {
			unknown_machine(optarg);
			return EXIT_USAGE + 1;
		}
		if (c == 's' && take_seed(a))
			return EXIT_USAGE + 1;
		if (c == 'd')
			a->folder = optarg;
		if (c == 'f' && a->n_faults == FAULTS_MAX) {
			fprintf(stderr, "hilda-vboard: more than %d times --fault\n", FAULTS_MAX);
			return EXIT_USAGE + 1;
		}
		if (c == 'f')
			a->faults[a->n_faults++] = optarg;
		if (c == '?')
			return EXIT_USAGE + 1;
	}
	if (optind < argc || !a->machine || !a->folder) {
		fprintf(stderr, "hilda-vboard: --machine and --dir are needed; see --help\n");
		return EXIT_USAGE + 1;
	}
	return 0;
}

/* The signal for a parent's end follows its thread, so its process is watched too. */
static int watch_parent(void)
{
	pid_t parent = getppid();
	int fd = pidfd_open(parent, 0);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		raise(SIGTERM);
	return fd;
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	struct arguments a = {.ppk2_seed = PPK2_SEED};
	struct lab_options o = {0};
	struct lab *lab = NULL;
	struct fault f = {0};
	int rc = parse(argc, argv, &a);

	if (rc)
		return rc - 1;
	_cleanup_(file_close) int signal_fd = watch_signals();
	_cleanup_(file_close) int parent_fd = watch_parent();
	o.machine = a.machine;
	o.folder = a.folder;
	o.faults = a.faults;
	o.ppk2_seed = a.ppk2_seed;
	o.signal_fd = signal_fd;
	o.parent_fd = parent_fd;
	rc = lab_open(&o, &lab, &f);
	if (!rc) {
		log_info(
			"board ready", LOG_STR("board", a.machine->name), LOG_STR("dir", a.folder));
		rc = lab_run(lab, &f);
	}
	lab_close(lab);
	if (rc)
		log_error("board failed", LOG_STR("board", a.machine->name),
			LOG_STR("error", f.text));
	return rc ? 1 : 0;
}
