/* USART2, which a Nucleo's ST-LINK shows as its virtual serial port: PA2 and PA3. */
#include "port/port.h"

#include "port/cortexm/board.h"
#include "port/stm32f4/stm32f4.h"

#define BAUD 115200u

void port_console_init(void)
{
	RCC_AHB1ENR |= RCC_AHB1_GPIOA;
	RCC_APB1ENR |= RCC_APB1_USART2;
	GPIOA_MODER = (GPIOA_MODER & ~0xF0u) | GPIO_ALTERNATE << 4 | GPIO_ALTERNATE << 6;
	GPIOA_AFRL = (GPIOA_AFRL & ~0xFF00u) | GPIO_AF_USART2 << 8 | GPIO_AF_USART2 << 12;
	USART2_BRR = (APB1_HZ + BAUD / 2) / BAUD;
	USART2_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE;
}

void port_init(void)
{
	port_console_init();
	port_unquiet();
	NVIC_ISER(USART2_IRQ) = NVIC_BIT(USART2_IRQ);
	irq_enable();
}

void port_write(const char *bytes, size_t n)
{
	while (n--) {
		while (!(USART2_SR & USART_SR_TXE))
			;
		USART2_DR = (uint8_t)*bytes++;
	}
}

void port_drain(void)
{
	while (!(USART2_SR & USART_SR_TC))
		;
}

void board_irq(uint32_t number)
{
	(void)number;
	while (USART2_SR & USART_SR_RXNE)
		console_received((uint8_t)USART2_DR);
}

const char *port_quiet(void)
{
	USART2_CR1 &= ~USART_CR1_RXNEIE;
	return "masked";
}

void port_unquiet(void)
{
	USART2_CR1 |= USART_CR1_RXNEIE;
}

void port_unique_id(char *out, size_t size)
{
	size_t at = 0;

	for (int word = 2; word >= 0; word--)
		for (int shift = 28; shift >= 0 && at + 1 < size; shift -= 4)
			out[at++] = "0123456789abcdef"[(UNIQUE_ID(word) >> shift) & 15];
	out[at] = '\0';
}
