/* The words of a command: split in place, compared, read as numbers. Pure. */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include <stdint.h>

#define WORDS_MAX 5

/* Splits at single spaces; returns how many, or -1 if there are more than WORDS_MAX. */
int words_split(char *line, char *words[WORDS_MAX]);
int words_equal(const char *a, const char *b);
/* A decimal u32 and nothing else. 0 or -1. */
int words_u32(const char *word, uint32_t *value);

#endif
