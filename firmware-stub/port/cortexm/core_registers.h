/* The Cortex-M system registers that the ports use (ARMv7-M and ARMv8-M reference manuals, B3). */
#ifndef PORT_CORTEXM_CORE_REGISTERS_H
#define PORT_CORTEXM_CORE_REGISTERS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define SYST_CSR REGISTER(0xE000E010)
#define SYST_RVR REGISTER(0xE000E014)
#define SYST_CVR REGISTER(0xE000E018)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_TICKINT (1u << 1)
#define SYST_CSR_CLKSOURCE (1u << 2)
#define SYST_MASK 0xFFFFFFu

#define NVIC_ISER(n) REGISTER(0xE000E100 + 4 * ((n) / 32))
#define NVIC_ICER(n) REGISTER(0xE000E180 + 4 * ((n) / 32))
#define NVIC_BIT(n) (1u << ((n) % 32))

#define SCB_ICSR REGISTER(0xE000ED04)
#define SCB_VTOR REGISTER(0xE000ED08)
#define SCB_AIRCR REGISTER(0xE000ED0C)
#define SCB_CFSR REGISTER(0xE000ED28)
#define SCB_HFSR REGISTER(0xE000ED2C)
#define SCB_MMFAR REGISTER(0xE000ED34)
#define SCB_BFAR REGISTER(0xE000ED38)
#define CFSR_STKOF (1u << 20)
#define ICSR_PENDSTSET (1u << 26)
#define ICSR_PENDSTCLR (1u << 25)
#define AIRCR_SYSRESETREQ 0x05FA0004u

#define DEMCR REGISTER(0xE000EDFC)
#define DWT_CTRL REGISTER(0xE0001000)
#define DWT_CYCCNT REGISTER(0xE0001004)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CYCCNTENA (1u << 0)

static inline void irq_disable(void)
{
	__asm__ volatile("cpsid i" ::: "memory");
}

static inline void irq_enable(void)
{
	__asm__ volatile("cpsie i" ::: "memory");
}

static inline void wait_for_interrupt(void)
{
	__asm__ volatile("dsb\n wfi" ::: "memory");
}

#endif
