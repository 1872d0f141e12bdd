#include "unit.h"

#include <errno.h>
#include <string.h>

#include "virtual-lab/semihosting.h"

#define RAM 0x20000000
#define RAM_BYTES 4096

struct host {
	char text[RAM_BYTES];
	size_t n;
};

static int read_memory(void *arg, uint32_t address, void *data, size_t n)
{
	if (address < RAM || address - RAM + n > RAM_BYTES)
		return -EFAULT;
	for (size_t i = 0; i < n; i++)
		((char *)data)[i] = (char)('a' + (address - RAM + i) % 26);
	return 0;
}

static void text(void *arg, const void *data, size_t n)
{
	struct host *h = arg;

	memcpy(h->text + h->n, data, n);
	h->n += n;
}

static void expect(const char *request, const char *answer, size_t passed)
{
	struct host h = {.n = 0};
	const struct semihosting s = {read_memory, text, &h};
	char reply[SEMIHOSTING_REPLY_BYTES];

	semihosting_serve(&s, request, reply);
	assert_string_equal(reply, answer);
	assert_int_equal(h.n, passed);
	if (passed)
		assert_memory_equal(h.text, "abc", passed < 3 ? passed : 3);
}

static void text_is_passed_on(void **state)
{
	expect("Fwrite,1,20000000,3", "F3", 3);
	expect("Fwrite,2,20000000,b", "Fb", 11);
	expect("Fwrite,1,20000000,1000", "F1000", 4096);
	expect("Fwrite,1,20000000,0", "F0", 0);
}

static void what_cannot_be_read_makes_it_short(void **state)
{
	expect("Fwrite,1,20000bfc,800", "F400", 1024);
	expect("Fwrite,1,0,10", "F0", 0);
}

static void everything_else_is_refused(void **state)
{
	static const char *const requests[] = {"Fopen,20000000/9,0,1a4", "Fsystem,20000000/5",
		"Funlink,20000000/5", "Frename,1/2,3/4", "Fread,0,20000000,4",
		"Fwrite,3,20000000,4", "Fwrite,0,20000000,4", "Fwrite,1,20000000", "Fwrite,1,zz,4",
		"Fwrite,1,,4", "Fwrite", "Fwrite,1,120000000,4", "Fwritev,1,20000000,4", "F", ""};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		expect(requests[i], "F-1,1", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_passed_on),
		cmocka_unit_test(what_cannot_be_read_makes_it_short),
		cmocka_unit_test(everything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
