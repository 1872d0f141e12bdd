/* Vectors and reset for the test images: one source for M0 to M55. */
	.syntax unified
	.thumb
	.section .vectors, "a"
	.word	_stack_top
	.word	reset + 1
	.word	hang + 1
	.word	hang + 1
	.rept	12
	.word	hang + 1
	.endr
	.rept	64
	.word	hang + 1
	.endr

	.text
	.thumb_func
	.global	reset
reset:
	ldr	r0, =_data_load
	ldr	r1, =_data_start
	ldr	r2, =_data_end
1:	cmp	r1, r2
	bhs	2f
	ldr	r3, [r0]
	str	r3, [r1]
	adds	r0, r0, #4
	adds	r1, r1, #4
	b	1b
2:	bl	main
	.thumb_func
	.global	hang
hang:
	b	hang

#ifdef FILLER_BYTES
/* Makes the image as long as wanted, with bytes that do not repeat. */
	.section .filler, "a"
	.set	i, 1
	.rept	FILLER_BYTES / 4
	.word	(i * 2654435761) & 0xffffffff
	.set	i, i + 1
	.endr
#endif
