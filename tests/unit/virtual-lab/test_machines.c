#include "unit.h"

#include <string.h>

#include "virtual-lab/breakpoints.h"
#include "virtual-lab/machines.h"

static void rows_are_whole(void **state)
{
	const struct machine *m;
	unsigned n = 0;

	for (; (m = machine_at(n)); n++) {
		const struct region *boot = machine_boot_region(m);

		assert_ptr_equal(machine_find(m->name), m);
		assert_int_equal(m->idcode & 0xfff, 0x477);
		assert_int_equal(m->dpidr & 0xfff, 0x477);
		assert_in_range(m->fpb_comparators, 1, BREAKPOINTS_FPB_MAX);
		assert_non_null(m->tags[0]);
		assert_non_null(boot);
		assert_int_equal(boot->base, 0);
		assert_int_equal(boot->kind, m->flash ? REGION_FLASH : REGION_RAM);
		assert_int_equal(m->flash, m->flash_banks != NULL);
		/* The work area is RAM, and no image's unless it is saved. */
		assert_non_null(machine_region(m, m->work_area, m->work_area_bytes));
		assert_int_equal(
			machine_region(m, m->work_area, m->work_area_bytes)->kind, REGION_RAM);
		assert_true(m->work_area_backup || m->flash);
		for (const struct overlay *o = m->overlays; o->address; o++)
			assert_non_null(machine_region(m, o->address, 4));
	}
	assert_int_equal(n, 4);
	assert_null(machine_find("mps2"));
}

static void regions_do_not_overlap(void **state)
{
	const struct machine *m;

	for (unsigned n = 0; (m = machine_at(n)); n++) {
		for (const struct region *r = m->regions; r->bytes; r++) {
			assert_true(r[1].bytes == 0 || r->base + r->bytes <= r[1].base);
			assert_ptr_equal(machine_region(m, r->base, r->bytes), r);
			assert_null(machine_region(m, r->base + r->bytes - 1, 2));
		}
	}
}

static void the_ends_of_the_address_space(void **state)
{
	const struct machine *m = machine_find("mps2-an386");

	assert_null(machine_region(m, 0xffffffff, 4));
	assert_null(machine_region(m, 0, 0xffffffff));
	assert_non_null(machine_region(m, 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(regions_do_not_overlap),
		cmocka_unit_test(the_ends_of_the_address_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
