/*
 * The core as a Linux process: commands on standard input, replies on standard output. It behaves as
 * a board does: `lab cold` really starts it anew (the process executes itself), a fault ends in an $X
 * line and a reset, and it ends when its console is closed.
 */
#include "port/port.h"

#include "core/fault.h"
#include "core/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "protocols/uart-bench/sha256.h"

#define NOINIT_VARIABLE "HILDA_FIRMWARE_NOINIT"
#define GUARD_BYTES 65536 /* a page of any Linux machine */
/* In the folder where the program is started: a job's file of that name lies there. */
#define SAMPLES_FILE "samples.bin"
#define SAMPLES_BYTES_MAX (64u << 20)
#define NS_PER_S 1000000000u

const char port_board[] = "host";
const char port_cache[] = "on";

static char out[8192];
static size_t out_fill;
static struct noinit kept;
static uint64_t started_ns, reset_ns, window_ns;
static char **arguments;
/* Its lowest page is a guard. */
static uint8_t stack[GUARD_BYTES + STACK_BYTES] __attribute__((aligned(GUARD_BYTES)));
static volatile sig_atomic_t fed;

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- console --------------------------------------------------------------------------------- */

void port_drain(void)
{
	size_t sent = 0;

	while (sent < out_fill) {
		ssize_t n = write(STDOUT_FILENO, out + sent, out_fill - sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			_exit(EXIT_FAILURE);
		sent += (size_t)n;
	}
	out_fill = 0;
}

void port_console_init(void)
{
}

void port_write(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (out_fill == sizeof(out))
			port_drain();
		out[out_fill++] = bytes[i];
	}
}

int port_read(void)
{
	static unsigned char in[256];
	static size_t at, fill;

	if (at == fill) {
		ssize_t n;

		port_drain();
		do
			n = read(STDIN_FILENO, in, sizeof(in));
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return -1;
		fill = (size_t)n;
		at = 0;
	}
	return in[at++];
}

/* ---- reset ----------------------------------------------------------------------------------- */

struct noinit *port_noinit(void)
{
	return &kept;
}

void port_reset(void)
{
	char text[96];
	sigset_t none;

	port_drain();
	snprintf(text, sizeof(text), "%08x%08x%08x%08x%016llx", kept.magic, kept.cold, kept.cause,
		kept.check, (unsigned long long)monotonic_ns());
	setenv(NOINIT_VARIABLE, text, 1);
	/* A reset out of a signal handler must not leave the signal blocked. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", arguments);
	_exit(EXIT_FAILURE);
}

static void take_noinit(void)
{
	const char *text = getenv(NOINIT_VARIABLE);
	unsigned long long at;

	reset_ns = started_ns;
	if (text &&
		sscanf(text, "%8x%8x%8x%8x%16llx", &kept.magic, &kept.cold, &kept.cause,
			&kept.check, &at) == 5)
		reset_ns = at;
	unsetenv(NOINIT_VARIABLE);
}

/* ---- timer ----------------------------------------------------------------------------------- */

const char *port_timer_kind(void)
{
	return "monotonic";
}

uint32_t port_timer_hz(void)
{
	return NS_PER_S;
}

void port_timer_start(void)
{
	window_ns = monotonic_ns();
}

uint64_t port_timer_ticks(void)
{
	return monotonic_ns() - window_ns;
}

uint64_t port_timer_total(void)
{
	return monotonic_ns() - started_ns;
}

uint64_t port_boot_ticks(void)
{
	return started_ns - reset_ns;
}

const char *port_quiet(void)
{
	return "on";
}

void port_unquiet(void)
{
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void registers(struct fault_state *f, void *context)
{
#if defined(__x86_64__)
	const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	f->pc = (uint32_t)r[REG_RIP];
	f->sp = (uint32_t)(uintptr_t)r[REG_RSP];
#elif defined(__aarch64__)
	const mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

	f->pc = (uint32_t)m->pc;
	f->lr = (uint32_t)m->regs[30];
	f->sp = (uint32_t)m->sp;
#endif
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	struct fault_state f = {.kind = "hardfault", .message = strsignal(number)};

	registers(&f, context);
	f.bfar = (uint32_t)(uintptr_t)info->si_addr;
	fault_report(&f);
}

static void on_alarm(int number, siginfo_t *info, void *context)
{
	struct fault_state f = {.kind = "watchdog", .message = "the watchdog was not fed"};

	(void)number;
	(void)info;
	if (fed) {
		fed = 0;
		return;
	}
	registers(&f, context);
	fault_report(&f);
}

void port_watchdog(uint32_t timeout_ms)
{
	struct itimerval t = {.it_value = {timeout_ms / 1000, timeout_ms % 1000 * 1000}};

	t.it_interval = t.it_value;
	fed = 0;
	setitimer(ITIMER_REAL, &t, NULL);
}

void port_watchdog_feed(void)
{
	fed = 1;
}

void port_crash(void)
{
	/* volatile, so that the compiler does not see where it points */
	static int *volatile nowhere = NULL;

	*nowhere = 1;
}

static void catch_signals(void)
{
	static uint8_t signal_stack[65536];
	const stack_t alternate = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
	struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &action, NULL);
	action.sa_sigaction = on_alarm;
	action.sa_flags |= SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
}

/* ---- identity, memory ------------------------------------------------------------------------ */

/* The machine's id is not for publishing: a hash of it is. */
void port_unique_id(char *text, size_t size)
{
	uint8_t hash[HILDA_SHA256_BYTES];
	char id[64];
	struct hilda_sha256 sha;
	ssize_t n;
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);

	snprintf(text, size, "none");
	if (fd < 0)
		return;
	n = read(fd, id, sizeof(id));
	close(fd);
	if (n <= 0)
		return;
	hilda_sha256_init(&sha);
	hilda_sha256_update(&sha, "hilda", 5);
	hilda_sha256_update(&sha, id, (size_t)n);
	hilda_sha256_final(&sha, hash);
	for (size_t i = 0; i < 8; i++)
		snprintf(text + 2 * i, size - 2 * i, "%02x", hash[i]);
}

void port_stack(uint8_t **low, uint8_t **top)
{
	*low = stack + GUARD_BYTES;
	*top = stack + sizeof(stack);
}

static int add_sizes(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct port_sizes *s = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_flags & PF_X) {
			s->text += (uint32_t)p->p_filesz;
		} else if (p->p_flags & PF_W) {
			s->data += (uint32_t)p->p_filesz;
			s->bss += (uint32_t)(p->p_memsz - p->p_filesz);
		} else {
			s->rodata += (uint32_t)p->p_filesz;
		}
	}
	return 1; /* the first object is the program itself */
}

void port_sizes(struct port_sizes *s)
{
	*s = (struct port_sizes){0};
	dl_iterate_phdr(add_sizes, s);
}

void port_markers(uint32_t state)
{
	(void)state;
}

void port_init(void)
{
}

/* Stays mapped for as long as the program runs. */
static void take_samples(void)
{
	int fd = open(SAMPLES_FILE, O_RDONLY | O_CLOEXEC);
	void *bytes = MAP_FAILED;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd >= 0 && !fstat(fd, &st) && st.st_size > 0 && st.st_size <= SAMPLES_BYTES_MAX)
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	/* One that cannot be read is refused as an empty one is. */
	if (bytes == MAP_FAILED)
		samples_take((const uint8_t *)"", 0);
	else
		samples_take(bytes, (size_t)st.st_size);
}

static void bench(void)
{
	bench_main();
	port_drain();
}

/* The core runs on a stack of its own, of known size, so that it can be painted. */
int main(int argc, char **argv)
{
	static ucontext_t here, there;

	(void)argc;
	arguments = argv;
	started_ns = monotonic_ns();
	take_noinit();
	catch_signals();
	take_samples();
	getcontext(&there);
	mprotect(stack, GUARD_BYTES, PROT_NONE);
	there.uc_stack.ss_sp = stack + GUARD_BYTES;
	there.uc_stack.ss_size = STACK_BYTES;
	there.uc_link = &here;
	makecontext(&there, bench, 0);
	swapcontext(&here, &there);
	return 0;
}
