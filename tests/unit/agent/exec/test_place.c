/* A job's files beside its image: names, the limit, and that the cache's copy is another file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/exec/place.h"
#include "common/file.h"
#include "tests/unit/agent/temporary.h"

static char source[FILE_PATH_BYTES];

static int make(void **state)
{
	if (make_temporary(state))
		return -1;
	snprintf(source, sizeof(source), "%s", in_temporary("cached"));
	return file_write_whole(source, "words", 5, 0644, NULL);
}

static void a_file_is_copied(void **state)
{
	uint64_t room = 12;
	struct fault f;
	char *data;
	size_t n;

	assert_int_equal(place_file(source, temporary, "vocab.txt", &room, &f), 0);
	assert_int_equal(room, 7);
	assert_int_equal(file_write_whole(in_temporary("vocab.txt"), "spoilt", 6, 0644, &f), 0);
	assert_int_equal(file_read(source, 100, &data, &n, &f), 0);
	assert_string_equal(data, "words");
	free(data);
	/* Never over one that is there. */
	assert_int_equal(place_file(source, temporary, "vocab.txt", &room, &f), -EEXIST);
}

static void names_are_plain(void **state)
{
	static const char *const names[] = {"", ".", "..", ".hidden", "-rf", "a/b", "/etc/passwd"};
	uint64_t room = 100;
	struct fault f;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(place_file(source, temporary, names[i], &room, &f), -EINVAL);
		assert_non_null(strstr(f.text, "a plain name is needed"));
	}
	assert_int_equal(room, 100);
}

static void all_files_together_have_a_limit(void **state)
{
	uint64_t room = 9;
	struct fault f;

	assert_int_equal(place_file(source, temporary, "a", &room, &f), 0);
	assert_int_equal(place_file(source, temporary, "b", &room, &f), -EFBIG);
	assert_non_null(strstr(f.text, "1024 MiB together; file 'b'"));
	assert_int_not_equal(access(in_temporary("b"), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_copied, make, remove_temporary),
		cmocka_unit_test_setup_teardown(names_are_plain, make, remove_temporary),
		cmocka_unit_test_setup_teardown(
			all_files_together_have_a_limit, make, remove_temporary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
