/* How far a mistyped word is from one that would have done. Pure. */
#ifndef HILDA_COMMON_NEAREST_H
#define HILDA_COMMON_NEAREST_H

#include <stddef.h>

#define NEAREST_LETTERS_MAX 63

/* Levenshtein's distance; SIZE_MAX when a word has more than NEAREST_LETTERS_MAX letters. */
size_t nearest_distance(const char *a, const char *b);

#endif
