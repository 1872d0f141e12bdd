/*
 * Included by the build in front of every host source: what the house does not use fails to compile.
 * Why: no bounds, no error, hidden state, or a shell. Numbers go through common/numbers, children
 * through common/process, time through common/clock.
 */
#ifndef HILDA_COMMON_BANNED_H
#define HILDA_COMMON_BANNED_H

/* First, so that the poison does not hit the declarations themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets
#pragma GCC poison atoi atol atoll atof
#pragma GCC poison gmtime localtime ctime asctime
#pragma GCC poison system popen rand srand tmpnam mktemp

#ifndef HILDA_NUMBERS_MODULE
#pragma GCC poison strtol strtoul strtoll strtoull strtod strtof
#endif

#endif
