/*
 * Says hello on the UART after each reset, then echoes what it is sent, line by line; `crash` sends
 * the core into lockup, `reset` asks for a system reset, `flood` sends more than anybody reads.
 * `host` sends a marker and tries what else semihosting might give it. Sleeps in WFI when there is nothing to do.
 */
#include <stdint.h>

#define REG(a) (*(volatile uint32_t *)(uintptr_t)(a))

#define NVIC_ISER(irq) REG(0xe000e100 + (irq) / 32 * 4)
#define NVIC_ICPR(irq) REG(0xe000e280 + (irq) / 32 * 4)
#define AIRCR REG(0xe000ed0c)

/* Known to the debugger by name. */
volatile uint32_t ticks = 0x11223344;

#ifdef UART_NRF
#define RX_IRQ 2
static void uart_open(void)
{
	REG(0x40002500) = 4;	      /* ENABLE */
	REG(0x40002524) = 0x01d7e000; /* 115200 */
	REG(0x40002304) = 1 << 2;     /* INTENSET: RXDRDY */
	REG(0x40002000) = 1;	      /* STARTRX */
	REG(0x40002008) = 1;	      /* STARTTX */
}

static void put(char c)
{
	REG(0x4000211c) = 0;
	REG(0x4000251c) = (uint8_t)c;
	while (!REG(0x4000211c))
		;
}

static __attribute__((noinline)) int get(void)
{
	if (!REG(0x40002108))
		return -1;
	REG(0x40002108) = 0;
	return (int)REG(0x40002518);
}
#else
#define RX_IRQ UART_RX_IRQ
static void uart_open(void)
{
	REG(UART_BASE + 16) = 16;
	REG(UART_BASE + 8) = 1 | 2 | 8; /* transmit, receive, receive interrupt */
}

static void put(char c)
{
	while (REG(UART_BASE + 4) & 1)
		;
	REG(UART_BASE) = (uint8_t)c;
}

static __attribute__((noinline)) int get(void)
{
	if (!(REG(UART_BASE + 4) & 2))
		return -1;
	REG(UART_BASE + 12) = 2;
	return (int)REG(UART_BASE);
}
#endif

static void say(const char *s)
{
	while (*s)
		put(*s++);
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void sleep_for_byte(void)
{
	/* The interrupt stays masked: it ends WFI and is taken back here. */
	__asm__ volatile("cpsid i\n wfi");
	NVIC_ICPR(RX_IRQ) = 1u << RX_IRQ % 32;
}

static void crash(void)
{
#if __ARM_ARCH_ISA_THUMB > 1
	/* With FAULTMASK set a fault has nowhere to go. */
	__asm__ volatile("cpsid f\n udf #0");
#endif
}

/* "line 00000 ..." to "line 03999 ...": more than a port keeps. */
static void flood(void)
{
	static char number[6];

	for (unsigned i = 0; i < 4000; i++) {
		for (unsigned k = 0, rest = i; k < 5; k++, rest /= 10)
			number[4 - k] = (char)('0' + rest % 10);
		say("line ");
		say(number);
		say(" the quick brown fox jumps over the lazy dog\r\n");
	}
}

#ifdef UART_NRF
static uint32_t host(uint32_t call, const void *argument)
{
	register uint32_t r0 __asm__("r0") = call;
	register const void *r1 __asm__("r1") = argument;

	__asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
	return r0;
}

/* What a guest may ask of a semihosting host: a line of text, a file, a shell command. */
static void ask_host(void)
{
	static const char path[] = "/etc/hostname";
	static const char command[] = "touch semihosting-was-here";
	const uint32_t open[] = {(uint32_t)path, 0, sizeof(path) - 1};
	const uint32_t run[] = {(uint32_t)command, sizeof(command) - 1};

	host(4, "a marker\n");
	say(host(1, open) == 0xffffffff ? "open refused\r\n" : "open granted\r\n");
	say(host(0x12, run) ? "system refused\r\n" : "system granted\r\n");
}
#else
#define MARKER_UART (UART_BASE + 0x1000)

static void ask_host(void)
{
	REG(MARKER_UART + 16) = 16;
	REG(MARKER_UART + 8) = 1;
	for (const char *s = "a marker\n"; *s; s++) {
		while (REG(MARKER_UART + 4) & 1)
			;
		REG(MARKER_UART) = (uint8_t)*s;
	}
}
#endif

int main(void)
{
	char line[80];
	unsigned n = 0;

	uart_open();
	NVIC_ISER(RX_IRQ) = 1u << RX_IRQ % 32;
	say("\r\nhello from " BOARD "\r\n");
	for (;;) {
		int c = get();

		if (c < 0) {
			sleep_for_byte();
			continue;
		}
		ticks++;
		if (c != '\n') {
			if (n < sizeof(line) - 1)
				line[n++] = (char)c;
			continue;
		}
		line[n] = 0;
		n = 0;
		if (same(line, "reset"))
			AIRCR = 0x05fa0004;
		if (same(line, "host"))
			ask_host();
		if (same(line, "flood"))
			flood();
		if (same(line, "crash"))
			crash();
		say("echo ");
		say(line);
		say("\r\n");
	}
}
