/* ST NUCLEO-F446RE: Cortex-M4F, 512 KB of flash, 128 KB of RAM, 84 MHz. */
#include "port/port.h"

const char port_board[] = "nucleo-f446re";
const char port_cache[] = "on";
