/* A disk that fills up, for the soak tests. This library is preloaded into a server. It answers ENOSPC to every call
 * that would make files below one directory larger than the room that is left. If a part still fits, it writes that
 * part first and returns a short count, as file systems do. Bytes that replace others need no room. Room does not come
 * back when files shrink or are deleted: the test sets it.
 *
 * SOAK_DISK names the directory. SOAK_DISK_LEFT names a file of 8 bytes: the number of bytes left, as an integer of the
 * machine. The file is mapped into memory, so that the test may change it at any time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Number of bytes that a directory takes of a disk. */
#define DIRECTORY_BYTES 4096

static const char *disk;
static size_t disk_length;
static int64_t *left;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("SOAK_DISK"), *counter = getenv("SOAK_DISK_LEFT");
    if (!name || !counter) return;
    int fd = open(counter, O_RDWR | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        /* A disk that cannot fill up would prove nothing. */
        perror("full_disk");
        abort();
    }
    close(fd);
    disk = name;
    disk_length = strlen(name);
    left = mapped;
}

/* The original function, which this one replaces. */
#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int is_on_disk(const char *path) {
    return left && strncmp(path, disk, disk_length) == 0 && path[disk_length] == '/';
}

/* Takes room for at most this number of bytes; returns the number taken. */
static int64_t take(int64_t wanted) {
    int64_t room = __atomic_load_n(left, __ATOMIC_SEQ_CST), taken;
    do {
        taken = room <= 0 ? 0 : room < wanted ? room : wanted;
    } while (!__atomic_compare_exchange_n(left, &room, room - taken, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return taken;
}

/* Number of bytes that fit if `length` bytes are written at an offset; -1 for files elsewhere. `offset` -1 means the
 * position of the descriptor. */
static int64_t fitting(int fd, off_t offset, size_t length) {
    struct stat file;
    char link[64], path[PATH_MAX];
    if (!left || length == 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t named = readlink(link, path, sizeof path - 1);
    if (named < 0) return -1;
    path[named] = 0;
    if (!is_on_disk(path)) return -1;
    if (offset < 0) offset = fcntl(fd, F_GETFL) & O_APPEND ? file.st_size : lseek(fd, 0, SEEK_CUR);
    int64_t growth = offset + (int64_t)length - file.st_size;
    if (growth <= 0) return (int64_t)length;
    int64_t fit = (int64_t)length - growth + take(growth);
    return fit < 0 ? 0 : fit;
}

/* Cuts a length to the bytes that fit; returns -1 without any room. */
static int cut(int fd, off_t offset, size_t *length) {
    int saved = errno;
    int64_t fit = fitting(fd, offset, *length);
    errno = saved;
    if (fit == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (fit > 0) *length = (size_t)fit;
    return 0;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    NEXT(write);
    return cut(fd, -1, &length) ? -1 : next(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    NEXT(pwrite);
    return cut(fd, offset, &length) ? -1 : next(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    NEXT(pwrite64);
    return cut(fd, offset, &length) ? -1 : next(fd, bytes, length, offset);
}

/* Writes several pieces whole. If they do not fit, it writes the part of the first one that does. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
    NEXT(writev);
    size_t length = 0;
    for (int index = 0; index < count; index++) length += pieces[index].iov_len;
    size_t fit = length;
    if (cut(fd, -1, &fit)) return -1;
    if (fit == length) return next(fd, pieces, count);
    for (int index = 0; index < count; index++) {
        size_t first = pieces[index].iov_len;
        if (first > 0) return next(fd, &(struct iovec){pieces[index].iov_base, first < fit ? first : fit}, 1);
    }
    return 0;
}

/* Number of bytes that can be copied from a file; a caller may request far more. */
static size_t there(int from, const off64_t *offset, size_t length) {
    struct stat file;
    if (fstat(from, &file) != 0 || !S_ISREG(file.st_mode)) return length;
    off_t begin = offset ? *offset : lseek(from, 0, SEEK_CUR);
    size_t rest = begin < file.st_size ? (size_t)(file.st_size - begin) : 0;
    return rest < length ? rest : length;
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length, unsigned flags) {
    NEXT(copy_file_range);
    length = there(from, from_offset, length);
    return cut(to, to_offset ? *to_offset : -1, &length) ? -1 : next(from, from_offset, to, to_offset, length, flags);
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t length) {
    NEXT(sendfile64);
    length = there(from, offset, length);
    return cut(to, -1, &length) ? -1 : next(to, from, offset, length);
}

static int grow(int fd, off_t end) {
    struct stat file;
    if (!left || fstat(fd, &file) != 0 || end <= file.st_size) return 0;
    int64_t length = end - file.st_size, fit = fitting(fd, file.st_size, (size_t)length);
    if (fit < 0 || fit == length) return 0;
    errno = ENOSPC;
    return -1;
}

int ftruncate(int fd, off_t length) {
    NEXT(ftruncate);
    return grow(fd, length) ? -1 : next(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    NEXT(ftruncate64);
    return grow(fd, length) ? -1 : next(fd, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    NEXT(fallocate);
    return grow(fd, offset + length) ? -1 : next(fd, mode, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    NEXT(posix_fallocate);
    return grow(fd, offset + length) ? ENOSPC : next(fd, offset, length);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    if (is_on_disk(path) && take(DIRECTORY_BYTES) < DIRECTORY_BYTES) {
        errno = ENOSPC;
        return -1;
    }
    return next(path, mode);
}
