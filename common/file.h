/*
 * Files: whole reads with a limit, writes that survive a power cut (temporary name, fsync, rename,
 * fsync of the folder), folders, locks, descriptors. Any thread; calls wait for the disk.
 */
#ifndef HILDA_COMMON_FILE_H
#define HILDA_COMMON_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/fault.h"

#define FILE_PATH_BYTES 1024

/* *data is malloc'd and NUL-terminated. -EFBIG over the limit. */
int file_read(const char *path, size_t limit, char **data, size_t *n, struct fault *f);
int file_write_durable(const char *path, const void *data, size_t n, mode_t mode, struct fault *f);
/* The same without the folder: whole or not there, and there for good after file_sync_folder. */
int file_write_whole(const char *path, const void *data, size_t n, mode_t mode, struct fault *f);
/* A file that may be there is written over, cut and synced; it is damaged if that fails. */
int file_write_over(const char *path, const void *data, size_t n, mode_t mode);
/*
 * As file_write_durable, for a file that is written often: the one before stays as path.old, to be
 * written over the next time, since files cost most when they are made and removed.
 */
int file_replace_durable(
	const char *path, const void *data, size_t n, mode_t mode, struct fault *f);
/* fsync of the folder that holds path. */
int file_sync_folder(const char *path, struct fault *f);
/* mkdir -p. */
int file_make_folders(const char *path, mode_t mode, struct fault *f);
/* Everything below path and path itself; an absent path is fine. Does not follow links. */
int file_remove_tree(const char *path, struct fault *f);
/* Everything below path; path itself stays. */
int file_empty_folder(const char *path, struct fault *f);
/* Loops over short writes. */
int file_write_all(int fd, const void *data, size_t n);
int file_pwrite_all(int fd, const void *data, size_t n, off_t offset);
/*
 * Exclusive flock on path (made if absent), with "pid N program\n" written into it for people.
 * -EWOULDBLOCK with a fault that names the holder when it is taken. *fd keeps the lock.
 * The file is 0660 and, made by root, its folder's owner's and group's. Does not follow a link.
 */
int file_lock(const char *path, int *fd, struct fault *f);
/* snprintf into out, -ENAMETOOLONG when it does not fit. */
int file_path(char *out, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void file_close(int *fd); /* for __attribute__((cleanup)); keeps errno */

#endif
