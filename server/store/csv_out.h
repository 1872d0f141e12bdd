/* Cells of a CSV file (RFC 4180), written straight into a buffer. Any thread. */
#ifndef HILDA_SERVER_STORE_CSV_OUT_H
#define HILDA_SERVER_STORE_CSV_OUT_H

#include "common/buffer.h"

/* Quoted where it must be; a leading = + - @ would be a formula to a spreadsheet. */
void csv_text(struct buffer *out, const char *text);
/* As JSON writes it. */
void csv_number(struct buffer *out, double value);

#endif
