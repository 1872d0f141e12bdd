/* Three pins of port A. */
#include "port/port.h"

#include "port/stm32f4/stm32f4.h"

#define PINS 3

void port_markers(uint32_t state)
{
	static const uint8_t pins[PINS] = {MARKER_PINS};

	RCC_AHB1ENR |= RCC_AHB1_GPIOA;
	for (uint32_t i = 0; i < PINS; i++) {
		GPIOA_MODER = (GPIOA_MODER & ~(3u << 2 * pins[i])) | GPIO_OUTPUT << 2 * pins[i];
		GPIOA_BSRR = 1u << (pins[i] + (state >> i & 1 ? 0 : 16));
	}
}
