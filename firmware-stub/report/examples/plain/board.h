/* What a board adds to the struct: console, counter, reset, memory. One file for each board. */
#ifndef PLAIN_BOARD_H
#define PLAIN_BOARD_H

#include "hilda_report.h"

/* Starts what the board needs; called once, first thing in main, with main's own argv. */
void board_open(struct hilda_device *d, char **argv);

#endif
