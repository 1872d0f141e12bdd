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
