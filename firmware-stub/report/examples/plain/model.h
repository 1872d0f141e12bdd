/*
 * The smallest thing that can be called a model: which quarter of a picture of 4 x 4 is bright. It
 * stands for whatever yours is. Static memory, one thread.
 */
#ifndef PLAIN_MODEL_H
#define PLAIN_MODEL_H

#include <stdint.h>

#define MODEL_INPUTS 16
#define MODEL_CLASSES 4
#define MODEL_SAMPLES 8

extern const int8_t model_weights[MODEL_CLASSES][MODEL_INPUTS];
extern int8_t model_logits[MODEL_CLASSES];

/* Picture number i, of MODEL_SAMPLES; number i shows quarter i mod 4. */
void model_infer(uint32_t i);

#endif
