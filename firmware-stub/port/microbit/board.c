/* BBC micro:bit, first edition: nRF51822, Cortex-M0 with 256 KB of flash and 16 KB of RAM. */
#include "port/port.h"

const char port_board[] = "microbit";
const char port_cache[] = "none";
