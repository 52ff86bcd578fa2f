#define _GNU_SOURCE  // pread64

#include "file_reads.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

// SQLite takes some errors of a read for damage of the file (SQLITE_IOERR_CORRUPTFS, which becomes SQLITE_CORRUPT). They are
// the disk's: nobody should throw a registry away because a cable is loose. Under another number they stay errors of reading.
static ssize_t told(ssize_t result) {
    if (result < 0 && (errno == EIO || errno == ENXIO || errno == ERANGE)) errno = EREMOTEIO;
    return result;
}

static ssize_t telling_read(int descriptor, void *bytes, size_t length) { return told(read(descriptor, bytes, length)); }

static ssize_t telling_pread(int descriptor, void *bytes, size_t length, off_t offset) {
    return told(pread(descriptor, bytes, length, offset));
}

static ssize_t telling_pread64(int descriptor, void *bytes, size_t length, off64_t offset) {
    return told(pread64(descriptor, bytes, length, offset));
}

void mr_sqlite_tell_failures(struct sqlite3_vfs *vfs) {
    // SQLite calls one of them, which depends on how it was compiled.
    vfs->xSetSystemCall(vfs, "read", (sqlite3_syscall_ptr)telling_read);
    vfs->xSetSystemCall(vfs, "pread", (sqlite3_syscall_ptr)telling_pread);
    vfs->xSetSystemCall(vfs, "pread64", (sqlite3_syscall_ptr)telling_pread64);
}
