/*
 * A part of a capture in a form that other programs read, made piece by piece while it is sent. One
 * thread; a call reads and decodes one block at most.
 */
#ifndef HILDA_SERVER_CAPTURES_EXPORT_H
#define HILDA_SERVER_CAPTURES_EXPORT_H

#include "common/buffer.h"
#include "server/captures/walk.h"

#define EXPORT_PIECE_BYTES (16 * 1024)	       /* about what one call adds */
#define EXPORT_BUFFER_BYTES (4u << 20)	       /* its buffer's limit */
#define EXPORT_SAMPLES_MAX (UINT64_C(1) << 30) /* of a .ppk2, 3 hours: lost samples take room too */

struct export;

/* `t_us,current_uA,logic,flags`, a row for each sample that was received. Takes the walk in any case. */
int export_csv(struct walk *w, struct export **out);
/* Nordic's .ppk2 (docs/wire.md). */
int export_ppk2(struct walk *w, struct export **out);
void export_free(struct export *e); /* accepts NULL */
/* 1: more may follow; 0: that was all; -EBADMSG: the capture is damaged; -ENOMEM. */
int export_more(struct export *e, struct buffer *out);

#endif
