/* A number for people: four significant digits, all of those before the point, and no exponent above 0.0001. Pure. */
#ifndef HILDA_COMMON_SHORT_NUMBER_H
#define HILDA_COMMON_SHORT_NUMBER_H

#define SHORT_NUMBER_BYTES 320 /* the largest double has 309 digits */

/* Returns out. */
const char *short_number(double x, char out[SHORT_NUMBER_BYTES]);

#endif
