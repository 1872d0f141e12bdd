/*
 * What a board gives to the core. One folder under port/ fills it in. All calls come from the one
 * main loop, but for the fault handlers' (marked F), which may come at any instruction.
 */
#ifndef PORT_H
#define PORT_H

#include <stddef.h>
#include <stdint.h>

/* What survives a reset, and is garbage after power was off. */
struct noinit {
	uint32_t magic, cold, cause, check; /* core/reset.c says what they mean */
};

extern const char port_board[];
/* Inputs to `lab warm` and `lab accuracy` may be no larger: results stay in RAM until sent. */
extern const uint32_t port_max_n;
/* What the caches were like during a run: none, on, off, unknown. */
extern const char port_cache[];

void port_init(void);
/* Text that tells this board from its brothers, or "none". At least 40 bytes of room. */
void port_unique_id(char *out, size_t size);
struct noinit *port_noinit(void);
void port_reset(void) __attribute__((noreturn));

/* The console. */
void port_console_init(void);		      /* F; again does no harm */
void port_write(const char *bytes, size_t n); /* F */
void port_drain(void);			      /* F; until the last bit has left */
/* The next byte; sleeps until there is one. Less than 0: the console is closed for good. */
int port_read(void);

/*
 * The timer. It starts anew, at a fixed phase, for each iteration, so that the same work counts the
 * same ticks; they are counted in 64 bits from there.
 */
const char *port_timer_kind(void); /* dwt, systick, timer0, monotonic */
uint32_t port_timer_hz(void);
void port_timer_start(void);
uint64_t port_timer_ticks(void);
/* Ticks since boot; where the timer sleeps with the core, waking time. A start loses a few. */
uint64_t port_timer_total(void);
/* Ticks from reset to main. */
uint64_t port_boot_ticks(void);

/* Interrupts that a window does not need. Tells whether they are masked ("masked", "on"). */
const char *port_quiet(void);
void port_unquiet(void);

/* Resets the board, with an $X line first, unless it is fed within that time. 0 turns it off. */
void port_watchdog(uint32_t timeout_ms);
void port_watchdog_feed(void);

/*
 * Marker pins: D0 is high while a window is open, D1 changes at the end of each batch, D2 with each
 * run. Where there are no pins, changes are recorded, with what the core is doing, and sent later.
 */
#define MARKER_WINDOW 1u
#define MARKER_BATCH 2u
#define MARKER_RUN 4u
#define MARKER_SLEEP (0u << 3)
#define MARKER_BUSY (1u << 3)
#define MARKER_MAC (2u << 3) /* inner products, most of the time */

void port_markers(uint32_t state);
/* Sends what was recorded. How many changes found no room. */
uint32_t port_markers_send(void);
/* How many changes can be recorded in so many bytes; 0: pins, which need no memory. */
uint32_t port_markers_room(size_t bytes);
/* Records go there (aligned for 64 bits) until they are sent; otherwise there is room for a few. */
void port_markers_lend(void *memory, size_t bytes);

/* The stack, from its lowest address to its top. */
void port_stack(uint8_t **low, uint8_t **top);

struct port_sizes {
	uint32_t text, rodata, data, bss;
};
void port_sizes(struct port_sizes *s);

/*
 * A machine with an operating system looks at itself: before a sustained run, about once a second in it,
 * behind it; and tells afterwards, always the same for a replay, in $V records. Others need neither.
 */
enum port_vitals { VITALS_BEFORE, VITALS_DURING, VITALS_AFTER };
struct hilda_report;
void port_vitals(enum port_vitals when);
void port_vitals_report(struct hilda_report *r);

/* Takes the processor's own way into a fault, for tests of the path. */
void port_crash(void);

/* The core's entry. */
int bench_main(void);

#endif
