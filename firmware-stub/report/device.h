/*
 * hilda_device: the other half of what firmware needs to be benchmarked: it listens for commands,
 * times inferences and answers. The firmware fills in a struct (what may be left out is zero or
 * NULL) and hands the main loop over:
 *
 *	static uint32_t results[400];
 *	static struct hilda_device d;
 *
 *	d.put = uart_put;		void uart_put(void *arg, const char *bytes, size_t n)
 *	d.get = uart_get;		int uart_get(void *arg)
 *	d.ticks = read_cyccnt;		uint64_t read_cyccnt(void *arg)
 *	d.hz = 64000000;
 *	d.timer = "dwt";
 *	d.infer = run_model;		void run_model(void *arg, uint32_t i)
 *	d.results = results;
 *	d.results_n = 400;
 *	d.board = "my-board";
 *	d.model = "my-model";
 *	hilda_device_run(&d);
 *
 * C99, C++-safe, no malloc, no libc but the memcpy and memset that GCC calls anywhere. One struct, one
 * thread or task; a call waits as long as the callbacks do. The memory is the caller's, and so is what
 * the pointers point to: all of it is needed as long as the device runs. Inputs may be made before the
 * loop starts; what `load` does and the first inference are to be left to the loop, which times them
 * (docs/wire.md, section 1).
 */
#ifndef HILDA_DEVICE_H
#define HILDA_DEVICE_H

#include "protocols/uart-bench/hilda_report.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HILDA_NOTHING (-1) /* of get(): no byte has come yet; it is called again at once */
#define HILDA_CLOSED (-2)  /* the console is closed for good; the loop ends */

#define HILDA_COMMAND_MAX 78
#define HILDA_UNKNOWN 0xFFFFFFFFu /* a number of bytes that the firmware does not know */
#define HILDA_BATCH_MAX 65536u	  /* inferences in a batch of an energy run */
#define HILDA_BATCHES_MAX 16384u

/* The marker pins of markers(): D0 window open, D1 end of a batch, D2 a run. */
#define HILDA_D0 1u
#define HILDA_D1 2u
#define HILDA_D2 4u

/*
 * What `lab memory` reports, in bytes; it starts as HILDA_UNKNOWN, which is not sent. data and bss
 * are added to stack_used and heap_used: leave a heap or a stack that lies in bss out of bss.
 */
struct hilda_memory {
	uint32_t stack_used, stack_size; /* measured where stack_low is given */
	uint32_t heap_used, heap_size;	 /* used: the peak */
	uint32_t arena_used, arena_size; /* not added to the others: say where it lies */
	uint32_t text, rodata, data, bss;
};

/* The last run, from which its lines are made, and made again. */
struct hilda_measured {
	uint32_t phase, number, n, warmup, batch, overhead;
	uint64_t window, boot, load, first;
	const char *status, *message;
	int fixed;
	struct hilda_memory memory;
};

struct hilda_device {
	/* These must be there. */
	hilda_put_fn put; /* sends n bytes; returns when they are taken */
	/* 0..255, HILDA_NOTHING or HILDA_CLOSED. May sleep if ticks() goes on: CYCCNT stops in WFI. */
	int (*get)(void *arg);
	/* A counter that goes up and on for ever; what it shows at the start is the time since reset. */
	uint64_t (*ticks)(void *arg);
	uint32_t hz; /* of it */
	/* One inference: input number i (in turn) copied in, invoked, output read. */
	void (*infer)(void *arg, uint32_t i);
	uint32_t *results; /* one word for each iteration that a run may have */
	uint32_t results_n;

	void *arg; /* what the callbacks are given */

	/* The counter: its kind (dwt, systick, monotonic, ...) and how many bits of it count. */
	const char *timer;
	unsigned tick_bits; /* 0: 32. An inference must be shorter than it takes to wrap */

	/* Who this is. */
	const char *board, *uid, *firmware, *git, *toolchain, *cache;
	const char *model, *quant, *variant;
	const void *weights; /* the model's bytes, for their size and SHA-256 */
	uint32_t weights_bytes;
	uint32_t inputs, outputs; /* elements */
	uint32_t samples;	  /* different inputs; 0: one */

	/* The model is made ready: before the first inference, and timed. NULL, or what is wrong. */
	const char *(*load)(void *arg);
	/* Where infer() leaves the logits: then `lab accuracy` works. At most 4 * results_n of them. */
	const int8_t *logits;
	const uint8_t *labels; /* the right class of each sample; NULL: not known */

	void (*drain)(void *arg); /* until the last bit has left the UART */
	void (*quiet)(
		void *arg, int on); /* masks what a window does not need, and lets it in again */
	void (*markers)(void *arg, uint32_t levels); /* pins: then `lab energy` works */
	void (*memory)(void *arg, struct hilda_memory *m);
	uint8_t *stack_low, *stack_top; /* of the stack that the loop runs on: it is painted */

	/*
	 * `lab cold`: resets the board, and a word that a reset leaves alone (RAM in .noinit, a backup
	 * register). Both, or the verb is not supported.
	 */
	void (*reset)(void *arg);
	volatile uint32_t *kept;

	/* The loop's own; start it as zero. */
	struct hilda_report report;
	struct hilda_measured run;
	uint64_t total_ticks, seen_ticks;
	const char *reset_cause, *wrong;
	uint32_t next_number, levels;
	uint32_t fill; /* characters of the command so far */
	char command[HILDA_COMMAND_MAX + 1];
};

/* The first inference, the banner, then commands until get() says HILDA_CLOSED. */
void hilda_device_run(struct hilda_device *d);

/* The same in pieces, for a loop that does something else too: start once, then poll. */
void hilda_device_start(struct hilda_device *d);
/* Takes what has come until there is nothing. 0, or -1: closed. */
int hilda_device_poll(struct hilda_device *d);

/* For a fault handler: the $X record. Then reset. Works before hilda_device_start too. */
void hilda_device_fault(
	const struct hilda_device *d, const char *kind, uint32_t pc, uint32_t lr, const char *msg);

#ifdef __cplusplus
}
#endif

#endif
