/* What each step's file offers to the table in steps.c; step.h says what the functions promise. */
#ifndef HILDA_AGENT_STEPS_STEPS_H
#define HILDA_AGENT_STEPS_STEPS_H

#include "agent/steps/step.h"

int step_flash(struct run *run);
bool step_boot_wanted(const struct run *run);
int step_boot(struct run *run);
bool step_cold_wanted(const struct run *run);
int step_cold(struct run *run);
bool step_warm_wanted(const struct run *run);
int step_warm(struct run *run);
bool step_energy_wanted(const struct run *run);
int step_energy(struct run *run);
bool step_lines_wanted(const struct run *run);
int step_lines(struct run *run);
bool step_accuracy_wanted(const struct run *run);
int step_accuracy(struct run *run);
bool step_profile_wanted(const struct run *run);
int step_profile(struct run *run);
bool step_sustained_wanted(const struct run *run);
int step_sustained(struct run *run);
bool step_memory_wanted(const struct run *run);
int step_memory(struct run *run);
int step_collect(struct run *run);

#endif
