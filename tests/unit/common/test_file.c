#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/sha256.h"

static char folder[64];

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/hilda-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return file_remove_tree(folder, NULL);
}

static void durable_writes_replace_whole(void **state)
{
	char path[FILE_PATH_BYTES];
	_cleanup_free_ char *data = NULL;
	struct fault f;
	size_t n;

	file_path(path, sizeof(path), "%s/a", folder);
	assert_int_equal(file_write_durable(path, "first", 5, 0600, &f), 0);
	assert_int_equal(file_write_durable(path, "2nd", 3, 0600, &f), 0);
	assert_int_equal(file_read(path, 100, &data, &n, &f), 0);
	assert_int_equal(n, 3);
	assert_string_equal(data, "2nd");
	cleanup_free(&data);
	data = NULL;
	assert_int_equal(file_read(path, 2, &data, &n, &f), -EFBIG);
	assert_null(data);
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void what_is_replaced_often_needs_two_files(void **state)
{
	static const char *const words[] = {"first", "2nd", "the third", "4"};
	char path[FILE_PATH_BYTES];
	ino_t inodes[4];
	struct fault f;

	file_path(path, sizeof(path), "%s/often", folder);
	for (size_t i = 0; i < 4; i++) {
		_cleanup_free_ char *data = NULL;

		assert_int_equal(
			file_replace_durable(path, words[i], strlen(words[i]), 0600, &f), 0);
		assert_int_equal(file_read(path, 100, &data, NULL, &f), 0);
		assert_string_equal(data, words[i]);
		inodes[i] = inode(path);
	}
	assert_true(inodes[1] != inodes[2]);
	assert_int_equal(inodes[3], inodes[1]);
}

static void what_cannot_be_replaced_stays(void **state)
{
	char path[FILE_PATH_BYTES], old[FILE_PATH_BYTES];
	_cleanup_free_ char *data = NULL;
	struct fault f;

	file_path(path, sizeof(path), "%s/stays", folder);
	file_path(old, sizeof(old), "%s.old", path);
	assert_int_equal(file_replace_durable(path, "first", 5, 0600, &f), 0);
	assert_int_equal(mkdir(old, 0700), 0);
	assert_int_equal(file_replace_durable(path, "2nd", 3, 0600, &f), -EISDIR);
	assert_int_equal(file_read(path, 100, &data, NULL, &f), 0);
	assert_string_equal(data, "first");
}

static void a_folder_is_emptied_and_stays(void **state)
{
	char path[FILE_PATH_BYTES], below[FILE_PATH_BYTES];
	ino_t before;
	struct fault f;

	file_path(path, sizeof(path), "%s/emptied", folder);
	file_path(below, sizeof(below), "%s/a/b", path);
	assert_int_equal(file_make_folders(below, 0700, &f), 0);
	before = inode(path);
	assert_int_equal(file_empty_folder(path, &f), 0);
	assert_int_equal(inode(path), before);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(file_empty_folder(path, &f), -ENOENT);
}

static void trees_come_and_go(void **state)
{
	char path[FILE_PATH_BYTES];
	struct fault f;

	file_path(path, sizeof(path), "%s/x/y/z", folder);
	assert_int_equal(file_make_folders(path, 0700, &f), 0);
	assert_int_equal(file_make_folders(path, 0700, &f), 0);
	file_path(path, sizeof(path), "%s/x", folder);
	assert_int_equal(file_remove_tree(path, &f), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(file_remove_tree(path, &f), 0);
}

static void a_lock_names_its_holder(void **state)
{
	char path[FILE_PATH_BYTES], words[64];
	_cleanup_(file_close) int first = -1;
	int second = -1;
	struct fault f;

	file_path(path, sizeof(path), "%s/lock", folder);
	assert_int_equal(file_lock(path, &first, &f), 0);
	assert_int_equal(file_lock(path, &second, &f), -EWOULDBLOCK);
	snprintf(words, sizeof(words), "is locked by pid %ld", (long)getpid());
	assert_non_null(strstr(f.text, words));
	file_close(&first);
	assert_int_equal(file_lock(path, &first, &f), 0);
}

static struct stat locked(const char *path, int wanted)
{
	_cleanup_(file_close) int fd = -1;
	struct stat st = {0};
	struct fault f;

	assert_int_equal(file_lock(path, &fd, &f), wanted);
	assert_int_equal(stat(path, &st), 0);
	return st;
}

/* As root, too, whose locks the agent has to open afterwards. */
static void a_lock_is_its_folders(void **state)
{
	char place[FILE_PATH_BYTES], path[FILE_PATH_BYTES], again[FILE_PATH_BYTES];
	uid_t owner = geteuid() ? geteuid() : 12345;
	gid_t group = geteuid() ? getegid() : 12346;
	mode_t before = umask(0077);
	struct stat st;

	file_path(place, sizeof(place), "%s/shared", folder);
	assert_int_equal(mkdir(place, 0770), 0);
	assert_int_equal(chown(place, owner, group), 0);
	file_path(path, sizeof(path), "%s/lock", place);
	st = locked(path, 0);
	umask(before);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, owner);
	assert_int_equal(st.st_gid, group);
	/* One that an older program has left. */
	assert_int_equal(chown(path, geteuid(), group), 0);
	assert_int_equal(chmod(path, 0644), 0);
	st = locked(path, 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, owner);
	/* With a second name it may be anybody's. */
	file_path(again, sizeof(again), "%s/again", folder);
	assert_int_equal(chown(path, geteuid(), getegid()), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(link(path, again), 0);
	st = locked(path, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, geteuid());
}

static void a_lock_is_no_link(void **state)
{
	char path[FILE_PATH_BYTES], victim[FILE_PATH_BYTES];
	struct fault f;

	file_path(victim, sizeof(victim), "%s/victim", folder);
	file_path(path, sizeof(path), "%s/link", folder);
	assert_int_equal(file_write_durable(victim, "precious", 8, 0600, &f), 0);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(locked(path, -ELOOP).st_size, 8);
}

static void hashes_are_the_standards(void **state)
{
	char out[SHA256_HEX_BYTES], path[FILE_PATH_BYTES];
	unsigned long long bytes;
	struct fault f;

	/* FIPS 180-2, appendix B.1 */
	sha256_hex("abc", 3, out);
	assert_string_equal(
		out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(hex_is_sha256(out));
	file_path(path, sizeof(path), "%s/abc", folder);
	assert_int_equal(file_write_durable(path, "abc", 3, 0600, &f), 0);
	memset(out, 0, sizeof(out));
	assert_int_equal(sha256_file(path, out, &bytes, &f), 0);
	assert_int_equal(bytes, 3);
	assert_string_equal(
		out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_false(
		hex_is_sha256("BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	assert_false(hex_is_sha256("../../etc/passwd"));
}

static void hex_goes_both_ways(void **state)
{
	unsigned char bytes[3] = {0};
	char text[7];

	assert_int_equal(hex_decode("00fFa5", bytes, 3), 0);
	hex_encode(bytes, 3, text);
	assert_string_equal(text, "00ffa5");
	assert_int_equal(hex_decode("00ff", bytes, 3), -EINVAL);
	assert_int_equal(hex_decode("00ffa5a", bytes, 3), -EINVAL);
	assert_int_equal(hex_decode("00ffg5", bytes, 3), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durable_writes_replace_whole),
		cmocka_unit_test(what_is_replaced_often_needs_two_files),
		cmocka_unit_test(what_cannot_be_replaced_stays),
		cmocka_unit_test(a_folder_is_emptied_and_stays),
		cmocka_unit_test(trees_come_and_go),
		cmocka_unit_test(a_lock_names_its_holder),
		cmocka_unit_test(a_lock_is_its_folders),
		cmocka_unit_test(a_lock_is_no_link),
		cmocka_unit_test(hashes_are_the_standards),
		cmocka_unit_test(hex_goes_both_ways),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
