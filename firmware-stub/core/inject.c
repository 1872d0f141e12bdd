#include "core/inject.h"

#include "core/fault.h"
#include "core/reset.h"
#include "core/run.h"
#include "core/words.h"

#define HANG_WATCHDOG_MS 500
#define BABBLE_BYTES 600

static void hang(void)
{
	port_watchdog(HANG_WATCHDOG_MS);
	for (;;)
		__asm__ volatile("" ::: "memory");
}

/* Reads, so that the console stays alive, and never answers. */
static void silent(void)
{
	port_watchdog(0);
	port_unquiet();
	while (port_read() >= 0)
		;
}

static void babble(void)
{
	uint32_t x = 1;

	for (int i = 0; i < BABBLE_BYTES; i++) {
		char byte;

		x = x * 1664525u + 1013904223u;
		byte = (char)(x >> 24);
		port_write(&byte, 1);
	}
	silent();
}

static void cut_line(void)
{
	static const char half[] = "$C,1,i=0,t=1000:10";

	port_write(half, sizeof(half) - 1);
	silent();
}

static void wrong_crc(void)
{
	static const char bad[] = "$R,0,run=0,phase=warm,n=1*0000\r\n";

	port_write(bad, sizeof(bad) - 1);
}

/* Not inlined and not a tail call: every level takes stack, until there is none. */
static __attribute__((noinline)) uint32_t overflow(volatile uint32_t *above)
{
	volatile uint32_t here[16];

	here[0] = *above + 1;
	return here[0] ? overflow(here) + here[0] : 0;
}

int inject(const char *kind)
{
	static volatile uint32_t one = 1;

	if (words_equal(kind, "hardfault"))
		port_crash();
	else if (words_equal(kind, "overflow"))
		one = overflow(&one);
	else if (words_equal(kind, "assert"))
		fault_assert(
			"fault injected: assert", (uint32_t)(uintptr_t)__builtin_return_address(0));
	else if (words_equal(kind, "hang"))
		hang();
	else if (words_equal(kind, "silent"))
		silent();
	else if (words_equal(kind, "babble"))
		babble();
	else if (words_equal(kind, "cut"))
		cut_line();
	else if (words_equal(kind, "crc"))
		wrong_crc();
	else if (words_equal(kind, "reset"))
		reset_now(RESET_SOFT);
	else
		return -1;
	return 0;
}
