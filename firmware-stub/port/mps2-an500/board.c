/* Arm MPS2 with image AN500: Cortex-M7; program memory is RAM. */
#include "port/port.h"

const char port_board[] = "mps2-an500";
const char port_cache[] = "none";
