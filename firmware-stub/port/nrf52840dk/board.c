/* Nordic nRF52840-DK: Cortex-M4F, 1 MB of flash, 256 KB of RAM, 64 MHz from the crystal. */
#include "port/port.h"

#include "port/cortexm/board.h"
#include "port/cortexm/core_registers.h"

#define CLOCK_HFCLKSTART REGISTER(0x40000000u)
#define CLOCK_EVENTS_HFCLKSTARTED REGISTER(0x40000100u)
#define APPROTECT_DISABLE REGISTER(0x40000558u)
#define APPROTECT_SW_DISABLE 0x5Au
#define NVMC_ICACHECNF REGISTER(0x4001E540u)

const char port_board[] = "nrf52840dk";
const char port_cache[] = "on";

void board_clocks(void)
{
	/* From revision 3 on the debug port closes with each reset, unless UICR and firmware open it. */
	APPROTECT_DISABLE = APPROTECT_SW_DISABLE;
	CLOCK_EVENTS_HFCLKSTARTED = 0;
	CLOCK_HFCLKSTART = 1;
	while (!CLOCK_EVENTS_HFCLKSTARTED)
		;
	NVMC_ICACHECNF = 1;
}
