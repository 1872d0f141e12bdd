/* Arm MPS2 with image AN386: Cortex-M4; program memory is RAM. */
#include "port/port.h"

const char port_board[] = "mps2-an386";
const char port_cache[] = "none";
