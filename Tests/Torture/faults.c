// Loaded before the C library of a command (LD_PRELOAD): counts the calls that change files below a folder, records them,
// and lets one of them go wrong. Or else the calls that read them.
//
//   TORTURE_FOLDER  the folder
//   TORTURE_LOG     where to record; see cases.py for the format
//   TORTURE_AT      which call goes wrong, from 1; 0: none
//   TORTURE_FAULT   how: kill (before the call), die (after it), short (half is written), or the number of an error
//   TORTURE_READS   if set: only calls that read count
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *fault;
static long count, at;
static int record = -1, counts_reads;

__attribute__((constructor)) static void start(void) {
    folder = getenv("TORTURE_FOLDER");
    fault = getenv("TORTURE_FAULT");
    counts_reads = getenv("TORTURE_READS") != NULL;
    at = getenv("TORTURE_AT") ? atol(getenv("TORTURE_AT")) : 0;
    if (folder && getenv("TORTURE_LOG")) {
        record = (int)syscall(SYS_openat, AT_FDCWD, getenv("TORTURE_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
}

static int is_below(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return length && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int absolute(const char *path, char *result) {
    if (path[0] == '/') {
        snprintf(result, 4096, "%s", path);
    } else {
        char current[4096];
        if (!getcwd(current, sizeof current)) return 0;
        snprintf(result, 4096, "%.2000s/%.2000s", current, strncmp(path, "./", 2) == 0 ? path + 2 : path);
    }
    return is_below(result);
}

static int of_descriptor(int descriptor, char *result) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, result, 4095);
    if (length <= 0) return 0;
    result[length] = 0;
    return is_below(result);
}

static void put(const void *bytes, size_t length) {
    while (length > 0) {
        ssize_t done = syscall(SYS_write, record, bytes, length);
        if (done <= 0) _exit(99);
        bytes = (const char *)bytes + done;
        length -= (size_t)done;
    }
}

static void note(char kind, const char *path, const char *other, int64_t offset, const void *bytes, int64_t length) {
    if (record < 0) return;
    struct { char kind; char pad[3]; uint32_t path, other; int64_t offset, length; } __attribute__((packed)) header = {
        kind, {0}, (uint32_t)strlen(path), other ? (uint32_t)strlen(other) : 0, offset, bytes ? length : 0};
    put(&header, sizeof header);
    put(path, header.path);
    if (other) put(other, header.other);
    if (bytes) put(bytes, (size_t)length);
}

// Whether this call is the one that goes wrong. The lock is held from here to the end of the call, so that the order of
// the records is that of the calls.
static int begin(int reads) {
    pthread_mutex_lock(&mutex);
    if (reads != counts_reads) return 0;
    if (++count != at || !fault) return 0;
    if (strcmp(fault, "kill") == 0) kill(getpid(), SIGKILL);
    return 1;
}

static void end(int is_wrong) {
    if (is_wrong && strcmp(fault, "die") == 0) kill(getpid(), SIGKILL);
    int code = errno;
    pthread_mutex_unlock(&mutex);
    errno = code;
}

static int error_number(void) { return fault[0] >= '0' && fault[0] <= '9' ? atoi(fault) : 0; }
static int is_short(void) { return strcmp(fault, "short") == 0; }

#define REAL(name) \
    static typeof(&name) real; \
    if (!real) real = (typeof(&name))dlsym(RTLD_NEXT, #name)

#define CHANGES(call, condition, noting) \
    do { \
        if (!(condition)) return call; \
        int is_wrong = begin(0); \
        if (is_wrong && error_number()) { \
            errno = error_number(); \
            end(0); \
            return -1; \
        } \
        typeof(call) result = call; \
        if (result >= 0) noting; \
        end(is_wrong); \
        return result; \
    } while (0)

static size_t cut(size_t length, int is_wrong) { return is_wrong && is_short() && length > 1 ? length / 2 : length; }

ssize_t write(int descriptor, const void *bytes, size_t length) {
    REAL(write);
    char path[4096];
    if (!of_descriptor(descriptor, path)) return real(descriptor, bytes, length);
    int is_wrong = begin(0);
    if (is_wrong && error_number()) { errno = error_number(); end(0); return -1; }
    off_t offset = lseek(descriptor, 0, SEEK_CUR);
    ssize_t done = real(descriptor, bytes, cut(length, is_wrong));
    if (done > 0) note('w', path, NULL, offset, bytes, done);
    end(is_wrong);
    return done;
}

static ssize_t positioned(ssize_t (*real)(int, const void *, size_t, off_t), int descriptor, const void *bytes, size_t length, off_t offset) {
    char path[4096];
    if (!of_descriptor(descriptor, path)) return real(descriptor, bytes, length, offset);
    int is_wrong = begin(0);
    if (is_wrong && error_number()) { errno = error_number(); end(0); return -1; }
    ssize_t done = real(descriptor, bytes, cut(length, is_wrong), offset);
    if (done > 0) note('w', path, NULL, offset, bytes, done);
    end(is_wrong);
    return done;
}
ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    REAL(pwrite);
    return positioned(real, descriptor, bytes, length, offset);
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t offset) {
    REAL(pwrite64);
    return positioned(real, descriptor, bytes, length, offset);
}

static ssize_t reading(ssize_t (*real)(int, void *, size_t, off_t), int descriptor, void *bytes, size_t length, off_t offset) {
    char path[4096];
    if (!counts_reads || !of_descriptor(descriptor, path)) return real(descriptor, bytes, length, offset);
    int is_wrong = begin(1);
    if (is_wrong && error_number()) { errno = error_number(); end(0); return -1; }
    ssize_t done = real(descriptor, bytes, cut(length, is_wrong), offset);
    note('g', path, NULL, offset, NULL, 0);
    end(is_wrong);
    return done;
}
ssize_t pread(int descriptor, void *bytes, size_t length, off_t offset) {
    REAL(pread);
    return reading(real, descriptor, bytes, length, offset);
}
ssize_t pread64(int descriptor, void *bytes, size_t length, off_t offset) {
    REAL(pread64);
    return reading(real, descriptor, bytes, length, offset);
}
ssize_t read(int descriptor, void *bytes, size_t length) {
    REAL(read);
    char path[4096];
    if (!counts_reads || !of_descriptor(descriptor, path)) return real(descriptor, bytes, length);
    int is_wrong = begin(1);
    if (is_wrong && error_number()) { errno = error_number(); end(0); return -1; }
    ssize_t done = real(descriptor, bytes, cut(length, is_wrong));
    note('g', path, NULL, 0, NULL, 0);
    end(is_wrong);
    return done;
}

static int truncating(int (*real)(int, off_t), int descriptor, off_t length) {
    char path[4096];
    CHANGES(real(descriptor, length), of_descriptor(descriptor, path), note('t', path, NULL, length, NULL, 0));
}
int ftruncate(int descriptor, off_t length) { REAL(ftruncate); return truncating(real, descriptor, length); }
int ftruncate64(int descriptor, off_t length) { REAL(ftruncate64); return truncating(real, descriptor, length); }

static int syncing(int (*real)(int), int descriptor) {
    char path[4096];
    CHANGES(real(descriptor), of_descriptor(descriptor, path), note('s', path, NULL, 0, NULL, 0));
}
int fsync(int descriptor) { REAL(fsync); return syncing(real, descriptor); }
int fdatasync(int descriptor) { REAL(fdatasync); return syncing(real, descriptor); }

int posix_fallocate(int descriptor, off_t offset, off_t length) {
    REAL(posix_fallocate);
    char path[4096];
    if (!of_descriptor(descriptor, path)) return real(descriptor, offset, length);
    int is_wrong = begin(0);
    // This one returns its error.
    if (is_wrong && error_number()) { int code = error_number(); end(0); return code; }
    int code = real(descriptor, offset, length);
    if (code == 0) note('t', path, NULL, offset + length, NULL, 0);
    end(is_wrong);
    return code;
}

int unlink(const char *name) {
    REAL(unlink);
    char path[4096];
    CHANGES(real(name), absolute(name, path), note('u', path, NULL, 0, NULL, 0));
}
int mkdir(const char *name, mode_t mode) {
    REAL(mkdir);
    char path[4096];
    CHANGES(real(name, mode), absolute(name, path), note('m', path, NULL, 0, NULL, 0));
}
int rename(const char *old, const char *new) {
    REAL(rename);
    char path[4096], other[4096];
    CHANGES(real(old, new), absolute(old, path) && absolute(new, other), note('r', path, other, 0, NULL, 0));
}
int link(const char *old, const char *new) {
    REAL(link);
    char path[4096], other[4096];
    CHANGES(real(old, new), absolute(old, path) && absolute(new, other), note('l', path, other, 0, NULL, 0));
}

static int opening(int (*real)(const char *, int, ...), const char *name, int flags, mode_t mode) {
    char path[4096];
    int creates = (flags & O_CREAT) && absolute(name, path) && syscall(SYS_faccessat, AT_FDCWD, name, F_OK) != 0;
    CHANGES(real(name, flags, mode), creates, note('c', path, NULL, 0, NULL, 0));
}
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list arguments; \
        va_start(arguments, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments); \
        return opening(real, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
