/* TIM2: 32 bits at the core's clock, in Sleep mode too (RCC_APB1LPENR is all ones after reset). */
#include "port/cortexm/board.h"
#include "port/stm32f4/stm32f4.h"

uint32_t board_sleep_clock(void)
{
	if (!(RCC_APB1ENR & RCC_APB1_TIM2)) {
		RCC_APB1ENR |= RCC_APB1_TIM2;
		TIM2_PSC = 0;
		TIM2_ARR = 0xFFFFFFFFu;
		TIM2_EGR = TIM_UPDATE;
		TIM2_CR1 = TIM_CEN;
	}
	return TIM2_CNT;
}
