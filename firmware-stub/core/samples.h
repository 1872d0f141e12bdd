/*
 * The inputs of the benchmark and their labels: the list in the image, or one that the port found
 * outside. docs/wire.md gives the form of such a file. Static memory; main loop only.
 */
#ifndef CORE_SAMPLES_H
#define CORE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Instead of the image's list: a file of the form HLDS, which stays where it is. NULL, or what is
 * wrong with it, as words for a person; the image's list then stays.
 */
const char *samples_take(const uint8_t *file, size_t bytes);
/* A list from outside was found and is wrong: what samples_take said; otherwise NULL. */
const char *samples_refused(void);

uint32_t samples_count(void);
/* Number `i` in turn, so that any i will do. */
const int8_t *samples_input(uint32_t i);
/* -1: the list does not know it. i < samples_count(). */
int32_t samples_label(uint32_t i);
/* "image" or "file". */
const char *samples_source(void);
/* CRC-32 over the first n labels, then the first n inputs. */
uint32_t samples_crc(uint32_t n);

/* Whether inputs are text, whose number of tokens differs. */
int samples_are_text(void);
/* The tokens of an input before the padding, at least 1; all of them where inputs are no text. */
uint32_t samples_length(const int8_t *input);

#endif
