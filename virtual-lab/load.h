/*
 * What a virtual board draws, by what its core is doing: a model from data sheets, no measurement.
 * Constant data; any thread.
 */
#ifndef HILDA_VIRTUAL_LAB_LOAD_H
#define HILDA_VIRTUAL_LAB_LOAD_H

enum activity { ACTIVITY_SLEEP, ACTIVITY_RUN, ACTIVITY_MAC, ACTIVITY_COUNT };

/* In amperes. An activity that is none of these counts as RUN; no such machine: 0. */
double load_A(const char *machine, unsigned activity);

#endif
