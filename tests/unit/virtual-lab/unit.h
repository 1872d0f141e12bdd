/* What every unit test here includes first: cmocka wants its headers in this order. */
#ifndef HILDA_TESTS_VIRTUAL_LAB_UNIT_H
#define HILDA_TESTS_VIRTUAL_LAB_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
