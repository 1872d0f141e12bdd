/*
 * Why the board came up, and resets that the firmware makes itself. The reason travels through the
 * region that a reset leaves alone. Main loop, and fault handlers on their way out.
 */
#ifndef CORE_RESET_H
#define CORE_RESET_H

#include <stdint.h>

enum reset_cause { RESET_POWER, RESET_PIN, RESET_SOFT, RESET_WATCHDOG, RESET_UNKNOWN };

/* Once, early in main: reads what the last life left. 1 if `lab cold` asked for this reset. */
int reset_take(void);
/* power, pin, soft, watchdog, unknown: of this boot. */
const char *reset_cause_name(void);

void reset_now(enum reset_cause cause) __attribute__((noreturn));
void reset_for_cold(void) __attribute__((noreturn));

#endif
