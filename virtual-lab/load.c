#include "virtual-lab/load.h"

#include <string.h>

#define MICRO(x) ((x)*1e-6)

/*
 * Typical currents at 3.3 V and 25 C, rounded, of a part that a board with this core could carry, at
 * the emulated board's clock. The column for inner products adds 10 to 50 %, as vendors' figures for
 * CoreMark and for DSP kernels differ. The FPGA boards that QEMU emulates draw far more.
 *
 *   mps3-an547   Cortex-M55 at 32 MHz: 22 uA/MHz, as Alif states for the Ensemble's high-efficiency
 *                core; Helium does a vector's work at each clock
 *   mps2-an386   Cortex-M4 at 25 MHz: 52 uA/MHz, as Nordic's nRF52840 from flash with DC/DC; System ON
 *                with all RAM kept
 *   mps2-an500   Cortex-M7 at 25 MHz: 275 uA/MHz, as ST's STM32H743 in run mode; Stop
 *   microbit     Cortex-M0 at 16 MHz: nRF51822, 4.1 mA from flash; System ON with 16 KB of RAM
 */
static const struct {
	const char *machine;
	double current_A[ACTIVITY_COUNT];
} table[] = {
	/*                sleep           run            MAC-heavy */
	{"mps3-an547", {MICRO(12.0), MICRO(700.0), MICRO(1050.0)}},
	{"mps2-an386", {MICRO(2.4), MICRO(1300.0), MICRO(1600.0)}},
	{"mps2-an500", {MICRO(95.0), MICRO(6900.0), MICRO(8500.0)}},
	{"microbit", {MICRO(2.6), MICRO(4100.0), MICRO(4600.0)}},
};

double load_A(const char *machine, unsigned activity)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!strcmp(table[i].machine, machine))
			return table[i]
				.current_A[activity < ACTIVITY_COUNT ? activity : ACTIVITY_RUN];
	}
	return 0;
}
