/* Arm MPS3 with image AN547: Cortex-M55 with Helium, no caches in the image. */
#include "port/port.h"

const char port_board[] = "mps3-an547";
const char port_cache[] = "none";
