#include "nn/profile.h"

#include <stddef.h>

void (*profile_listener)(enum profile_part part, uint32_t layer) = NULL;
