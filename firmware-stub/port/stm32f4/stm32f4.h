/* STM32F446: the registers that the port uses (RM0390 rev 6). */
#ifndef PORT_STM32F4_H
#define PORT_STM32F4_H

#include "port/cortexm/core_registers.h"

#define RCC_CR REGISTER(0x40023800u)
#define RCC_PLLCFGR REGISTER(0x40023804u)
#define RCC_CFGR REGISTER(0x40023808u)
#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_APB1ENR REGISTER(0x40023840u)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_HSEBYP (1u << 18)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLL_M(m) (m)
#define RCC_PLL_N(n) ((n) << 6)
#define RCC_PLL_P4 (1u << 16)
#define RCC_PLL_HSE (1u << 22)
#define RCC_PLL_Q(q) ((q) << 24)
#define RCC_PLL_R(r) ((r) << 28)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PPRE1_BY_2 (4u << 10)
#define RCC_AHB1_GPIOA (1u << 0)
#define RCC_APB1_TIM2 (1u << 0)
#define RCC_APB1_TIM5 (1u << 3)
#define RCC_APB1_USART2 (1u << 17)

#define FLASH_ACR REGISTER(0x40023C00u)
#define FLASH_2_WAIT_STATES 2u
#define FLASH_PREFETCH (1u << 8)
#define FLASH_ICACHE (1u << 9)
#define FLASH_DCACHE (1u << 10)

#define GPIOA_MODER REGISTER(0x40020000u)
#define GPIOA_BSRR REGISTER(0x40020018u)
#define GPIOA_AFRL REGISTER(0x40020020u)
#define GPIO_OUTPUT 1u
#define GPIO_ALTERNATE 2u
#define GPIO_AF_USART2 7u

#define USART2_SR REGISTER(0x40004400u)
#define USART2_DR REGISTER(0x40004404u)
#define USART2_BRR REGISTER(0x40004408u)
#define USART2_CR1 REGISTER(0x4000440Cu)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_UE (1u << 13)
#define USART2_IRQ 38u

#define TIM2_CR1 REGISTER(0x40000000u)
#define TIM2_EGR REGISTER(0x40000014u)
#define TIM2_CNT REGISTER(0x40000024u)
#define TIM2_PSC REGISTER(0x40000028u)
#define TIM2_ARR REGISTER(0x4000002Cu)
#define TIM5_CR1 REGISTER(0x40000C00u)
#define TIM5_DIER REGISTER(0x40000C0Cu)
#define TIM5_SR REGISTER(0x40000C10u)
#define TIM5_EGR REGISTER(0x40000C14u)
#define TIM5_PSC REGISTER(0x40000C28u)
#define TIM5_ARR REGISTER(0x40000C2Cu)
#define TIM_CEN (1u << 0)
#define TIM_URS (1u << 2)
#define TIM_OPM (1u << 3)
#define TIM_UPDATE (1u << 0)
#define TIM5_IRQ 50u

#define UNIQUE_ID(n) REGISTER(0x1FFF7A10u + 4 * (n))

#endif
