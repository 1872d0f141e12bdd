/* TIM5 at 10 kHz as a watchdog that can be stopped again, which the chip's own two cannot. */
#include "port/port.h"

#include "port/stm32f4/stm32f4.h"

#define TICKS_PER_MS 10u

void port_watchdog(uint32_t timeout_ms)
{
	RCC_APB1ENR |= RCC_APB1_TIM5;
	TIM5_CR1 = TIM_URS | TIM_OPM;
	TIM5_SR = 0;
	if (!timeout_ms)
		return;
	TIM5_PSC = TIM5_HZ / (1000u * TICKS_PER_MS) - 1;
	TIM5_ARR = timeout_ms * TICKS_PER_MS;
	TIM5_EGR = TIM_UPDATE;
	TIM5_DIER = TIM_UPDATE;
	NVIC_ISER(TIM5_IRQ) = NVIC_BIT(TIM5_IRQ);
	TIM5_CR1 |= TIM_CEN;
}

void port_watchdog_feed(void)
{
	TIM5_EGR = TIM_UPDATE; /* back to zero; with URS set this is no interrupt */
}
