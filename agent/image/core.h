/*
 * Which Cortex-M cores run an image: what its compiler wrote into .ARM.attributes (Arm's IHI 0045)
 * against the core's architecture. Only what surely cannot run is refused; an image without
 * attributes, and a core that is not known here, pass. Pure; the bytes are a stranger's.
 */
#ifndef HILDA_AGENT_IMAGE_CORE_H
#define HILDA_AGENT_IMAGE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core_need {
	uint64_t arch;	  /* Tag_CPU_arch; 0: unknown */
	uint64_t profile; /* 'A', 'R', 'M'; 0: unknown */
};

/* What cannot be read stays unknown. */
void core_need_read(const uint8_t *section, size_t n, struct core_need *out);
/* "ARMv7E-M"; NULL: none of Cortex-M's, or unknown. */
const char *core_arch_name(uint64_t arch);
/* "Cortex-M4" of any case, as it is written in a board's mcu and tags. */
bool core_is_known(const char *core);
/* As GCC's -mcpu= takes it. */
const char *core_flag(const char *core);
bool core_runs(const char *core, const struct core_need *need);

#endif
