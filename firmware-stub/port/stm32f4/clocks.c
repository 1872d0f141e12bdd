/*
 * 84 MHz from the 8 MHz that a Nucleo's ST-LINK drives into HSE: a crystal's accuracy. Two wait
 * states, prefetch and both flash caches; APB1 at 42 MHz.
 */
#include "port/cortexm/board.h"
#include "port/stm32f4/stm32f4.h"

void board_clocks(void)
{
	FLASH_ACR = FLASH_2_WAIT_STATES | FLASH_PREFETCH | FLASH_ICACHE | FLASH_DCACHE;
	RCC_CR |= RCC_CR_HSEBYP | RCC_CR_HSEON;
	while (!(RCC_CR & RCC_CR_HSERDY))
		;
	RCC_PLLCFGR = RCC_PLL_M(8u) | RCC_PLL_N(336u) | RCC_PLL_P4 | RCC_PLL_HSE | RCC_PLL_Q(7u) |
		RCC_PLL_R(2u);
	RCC_CR |= RCC_CR_PLLON;
	while (!(RCC_CR & RCC_CR_PLLRDY))
		;
	RCC_CFGR = RCC_CFGR_PPRE1_BY_2 | RCC_CFGR_SW_PLL;
	while ((RCC_CFGR & RCC_CFGR_SWS_MASK) != RCC_CFGR_SWS_PLL)
		;
}
