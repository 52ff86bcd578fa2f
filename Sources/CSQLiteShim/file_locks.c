#define _GNU_SOURCE  // F_OFD_SETLK

#include "CSQLiteShim.h"
#include "file_reads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// POSIX locks belong to a process and a file: closing any descriptor of the file drops all of them, also those of a
// connection that is writing (https://sqlite.org/howtocorrupt.html, 2.2). Locks of an open file description
// (fcntl(2), F_OFD_SETLK) do not have this flaw. SQLite unlocks through any of its connections what another one has
// locked, so all of a process's locks on one file are put on one description, which nobody else knows.

// A database file that this process has locked.
struct locked_file {
    struct locked_file *next;
    dev_t device;
    ino_t inode;
    int descriptor;  // -1: plain locks, where one of our own cannot be had
    bool is_writable;
    unsigned held;  // which of the three stretches are locked
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct locked_file *files;

// https://sqlite.org/fileformat2.html#the_lock_byte_page: pending byte, reserved byte, shared range of 510 bytes.
static const off_t lock_bytes = 0x40000000, lock_bytes_end = 0x40000000 + 2 + 510;
static const off_t shared_bytes = 0x40000000 + 2;

static bool is_whole_file(const struct flock *lock) { return lock->l_start == 0 && lock->l_len == 0; }

// Locks of shared memory, which lie elsewhere, stay as they are.
static bool is_database_lock(const struct flock *lock) {
    if (lock->l_whence != SEEK_SET) return false;
    if (is_whole_file(lock)) return lock->l_type == F_UNLCK;
    return lock->l_start >= lock_bytes && lock->l_len > 0 && lock->l_len <= lock_bytes_end - lock->l_start;
}

enum { pending = 1, reserved = 2, shared = 4 };

// The stretches that a lock is about.
static unsigned stretches(const struct flock *lock) {
    if (is_whole_file(lock)) return pending | reserved | shared;
    off_t end = lock->l_start + lock->l_len;
    return (lock->l_start <= lock_bytes ? pending : 0)
        | (lock->l_start <= lock_bytes + 1 && end > lock_bytes + 1 ? reserved : 0) | (end > shared_bytes ? shared : 0);
}

static int open_again(int descriptor, bool *is_writable) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) return -1;
    *is_writable = (flags & O_ACCMODE) != O_RDONLY;
    return open(path, (*is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
}

// Whether a lock is the first one of a transaction. SQLite shares locks among its connections, so this process holds no lock
// on the file before it. Any other request on an unknown file extends plain locks that are older than this function.
static bool begins_transaction(const struct flock *lock) {
    return lock->l_type == F_RDLCK && lock->l_start == lock_bytes;
}

static int set_lock(int descriptor, const struct flock *lock, int command) {
    struct flock request = *lock;
    request.l_pid = 0;  // as the call demands
    return fcntl(descriptor, command, &request);
}

static struct locked_file *find(const struct stat *status) {
    for (struct locked_file *file = files; file; file = file->next) {
        if (file->device == status->st_dev && file->inode == status->st_ino) return file;
    }
    return NULL;
}

static struct locked_file *add(int descriptor, const struct stat *status) {
    struct locked_file *file = malloc(sizeof *file);
    if (!file) return NULL;
    file->device = status->st_dev;
    file->inode = status->st_ino;
    file->held = 0;
    file->descriptor = open_again(descriptor, &file->is_writable);
    if (file->descriptor >= 0) {
        struct flock nothing = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
        if (set_lock(file->descriptor, &nothing, F_OFD_SETLK) != 0) {
            close(file->descriptor);
            file->descriptor = -1;
        }
    }
    file->next = files;
    files = file;
    return file;
}

// Closing the description drops what is locked by it.
static void remove_file(struct locked_file *file) {
    struct locked_file **link = &files;
    while (*link != file) link = &(*link)->next;
    *link = file->next;
    if (file->descriptor >= 0) close(file->descriptor);
    free(file);
}

// A connection that only reads came first: its description cannot hold the locks of one that writes.
static bool become_writable(struct locked_file *file, int descriptor) {
    bool is_writable = false;
    int writable = open_again(descriptor, &is_writable);
    if (writable < 0 || !is_writable) {
        if (writable >= 0) close(writable);
        return false;
    }
    // All that the old one can hold is the shared lock, which SQLite has before it asks for more. Both hold it for a
    // moment, so that nobody gets in between.
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = shared_bytes, .l_len = lock_bytes_end - shared_bytes};
    if (set_lock(writable, &lock, F_OFD_SETLK) != 0) {
        close(writable);
        return false;
    }
    close(file->descriptor);
    file->descriptor = writable;
    file->is_writable = true;
    return true;
}

static int locking_fcntl(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if ((command != F_SETLK && command != F_GETLK) || !is_database_lock(argument)) {
        return fcntl(descriptor, command, argument);
    }
    struct flock *lock = argument;
    struct stat status;
    if (fstat(descriptor, &status) != 0) return -1;

    pthread_mutex_lock(&mutex);
    int result;
    struct locked_file *file = find(&status);
    bool locks = command == F_SETLK && begins_transaction(lock);
    if (!file && locks) file = add(descriptor, &status);
    if (!file && locks) {
        // No memory. A plain lock now would stand in the way of the next one.
        errno = ENOLCK;
        result = -1;
    } else if (!file || file->descriptor < 0) {
        // Nothing is locked yet and somebody asks who else has; there are plain locks from before; or the system has no
        // others.
        result = fcntl(descriptor, command, lock);
    } else if (command == F_GETLK) {
        lock->l_pid = 0;
        result = fcntl(file->descriptor, F_OFD_GETLK, lock);
    } else {
        bool can_lock = lock->l_type != F_WRLCK || file->is_writable || become_writable(file, descriptor);
        if (!can_lock) errno = EBADF;  // as the call says of a descriptor that cannot be written
        result = can_lock ? set_lock(file->descriptor, lock, F_OFD_SETLK) : -1;
    }
    int code = errno;
    if (file && command == F_SETLK) {
        if (lock->l_type == F_UNLCK) {
            file->held &= ~stretches(lock);
        } else if (result == 0) {
            file->held |= stretches(lock);
        }
        // Also where a first lock was not to be had: a descriptor that stays would keep a deleted file on the disk.
        if (file->held == 0) remove_file(file);
    }
    pthread_mutex_unlock(&mutex);
    errno = code;
    return result;
}

// A child shares its parent's descriptions, and would hold the locks after the parent's death.
static void before_fork(void) { pthread_mutex_lock(&mutex); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&mutex); }
static void after_fork_in_child(void) {
    while (files) remove_file(files);
    pthread_mutex_unlock(&mutex);
}

static int result_code;

static void install(void) {
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    if (!vfs || vfs->iVersion < 3) {
        result_code = SQLITE_ERROR;
        return;
    }
    result_code = vfs->xSetSystemCall(vfs, "fcntl", (sqlite3_syscall_ptr)locking_fcntl);
    if (result_code == SQLITE_OK) pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    mr_sqlite_tell_failures(vfs);
}

int mr_sqlite_lock_by_description(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    return result_code;
}
