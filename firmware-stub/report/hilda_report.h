/*
 * hilda_report: one header and one source for any firmware that is to be benchmarked by Hilda.
 * Made by firmware-stub/report/amalgamate.py; change these instead, then `make report`:
 *   protocols/uart-bench/hilda_report.h
 *   firmware-stub/report/device.h
 */

/* ---- protocols/uart-bench/hilda_report.h ------------------------------------------------------- */

/*
 * hilda_report: puts benchmark results on a UART as `$` lines that Hilda's agent reads.
 *
 * For any firmware (TFLite Micro, microTVM, CMSIS-NN, Zephyr, FreeRTOS, bare metal); the pair to drop
 * in, this encoder with a command loop, is firmware-stub/report/hilda_report.[ch]. C99, C++-safe, no
 * malloc, no libc, no line buffer: a line streams out as it is made. One context, from one thread;
 * never inside a measured window. A call waits as long as the caller's put() does. Memory: the struct
 * (about 40 bytes) is the caller's.
 *
 *	hilda_report_init(&r, uart_put, NULL);
 *	hilda_report_run(&r);
 *	hilda_report_open(&r, 'R');
 *	hilda_report_u64(&r, "run", 1);
 *	hilda_report_text(&r, "phase", "warm");
 *	hilda_report_close(&r);
 *	hilda_report_ticks(&r, ticks, n);
 *	hilda_report_end(&r, "ok", NULL);
 *	hilda_report_plain(&r, "m-ready");
 *
 * `lab resend L%`: call hilda_report_replay(&r, L) instead of hilda_report_run and make the same
 * calls again from the same arrays: only the line with seq L leaves.
 */
#ifndef HILDA_REPORT_H
#define HILDA_REPORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HILDA_PROTO 1
#define HILDA_LINE_MAX 160  /* characters before the line end */
#define HILDA_VALUE_MAX 120 /* characters of one text value; a longer one is cut and ends in ~ */

/* Sends n bytes; returns when they are taken. */
typedef void (*hilda_put_fn)(void *arg, const char *bytes, size_t n);

struct hilda_report {
	hilda_put_fn put;
	void *arg;
	uint32_t seq;	/* of the open line, or of the next one */
	uint32_t lines; /* records closed in this run */
	uint32_t crc;	/* over them */
	uint32_t only;	/* replay: the one line that leaves */
	uint16_t line_crc;
	uint16_t fill; /* characters of the open line so far */
	uint8_t list;  /* items in the open list, saturating */
	uint8_t replay;
	uint8_t is_open;
	char type;
};

void hilda_report_init(struct hilda_report *r, hilda_put_fn put, void *arg);

/* A new run: seq starts at 0. */
void hilda_report_run(struct hilda_report *r);
/* The last run again; of its lines only seq `line` leaves. */
void hilda_report_replay(struct hilda_report *r, uint32_t line);
/* Has the replay passed the wanted line? 1 yes, 0 no such line so far. */
int hilda_report_replayed(const struct hilda_report *r);

/*
 * A record of one upper-case letter. A key that does not fit closes the line and opens the next one
 * of the same type: for H, M, R, S and X the reader adds the keys up. What may not stand in a value
 * (a comma, a star, a dollar sign, anything unprintable) becomes an underscore.
 */
void hilda_report_open(struct hilda_report *r, char type);
void hilda_report_u64(struct hilda_report *r, const char *key, uint64_t value);
void hilda_report_i64(struct hilda_report *r, const char *key, int64_t value);
void hilda_report_hex(struct hilda_report *r, const char *key, uint32_t value); /* 0x%08X */
void hilda_report_bytes(struct hilda_report *r, const char *key, const uint8_t *bytes, size_t n);
void hilda_report_text(struct hilda_report *r, const char *key, const char *value);

/* A list `key=a:b:c`. An item that does not fit returns 0 and leaves the line as it was. */
void hilda_report_list(struct hilda_report *r, const char *key);
int hilda_report_item(struct hilda_report *r, int64_t value);

void hilda_report_close(struct hilda_report *r);

/* $C: all ticks, as many to a line as fit. */
void hilda_report_ticks(struct hilda_report *r, const uint32_t *ticks, uint32_t n);
/* $P: one sample's class and logits. */
void hilda_report_prediction(struct hilda_report *r, uint32_t index, uint32_t predicted,
	const int8_t *logits, uint32_t classes);
/* The same with the class that would be right; less than 0: unknown. */
void hilda_report_labelled(struct hilda_report *r, uint32_t index, uint32_t predicted,
	int32_t label, const int8_t *logits, uint32_t classes);

/* $E: how many lines there were and their CRC-32. msg may be NULL. */
void hilda_report_end(struct hilda_report *r, const char *status, const char *msg);

/* A plain line (`m-...`, `e-[...]`), or its pieces; not in a replay's way. */
void hilda_report_plain(struct hilda_report *r, const char *text);
void hilda_report_plain_u64(
	struct hilda_report *r, const char *before, uint64_t value, const char *after);
void hilda_report_plain_text(
	struct hilda_report *r, const char *before, const char *text, const char *after);

#ifdef __cplusplus
}
#endif

#endif

/* ---- firmware-stub/report/device.h ------------------------------------------------------------- */

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
