#define _GNU_SOURCE  // sync_file_range

#include "CSQLiteShim.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>

unsigned int mr_file_system(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (unsigned int)status.f_type : 0;
}

int mr_sqlite_harden(sqlite3 *connection) {
    int code = sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (code != SQLITE_OK) return code;
    code = sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    if (code != SQLITE_OK) return code;
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)0);
}

static bool is_file(int descriptor, const struct stat *wanted) {
    struct stat found;
    return fstat(descriptor, &found) == 0 && found.st_ino == wanted->st_ino && found.st_dev == wanted->st_dev;
}

// A descriptor of this process for a file, or -1. SQLite tells nobody which it has, and another one must not be opened:
// closing it would drop SQLite's locks.
static int open_descriptor(const char *path) {
    static _Atomic int last = -1;
    struct stat wanted;
    if (!path || !*path || stat(path, &wanted) != 0) return -1;
    int descriptor = atomic_load(&last);
    if (descriptor >= 0 && is_file(descriptor, &wanted)) return descriptor;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) return -1;
    descriptor = -1;
    for (struct dirent *entry; descriptor < 0 && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        int candidate = atoi(entry->d_name);
        if (is_file(candidate, &wanted)) descriptor = candidate;
    }
    closedir(directory);
    if (descriptor >= 0) atomic_store(&last, descriptor);
    return descriptor;
}

void mr_sqlite_write_behind(sqlite3 *connection) {
    if (sqlite3_db_cacheflush(connection) != SQLITE_OK) return;
#ifdef SYNC_FILE_RANGE_WRITE
    int descriptor = open_descriptor(sqlite3_db_filename(connection, "main"));
    if (descriptor >= 0) (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

int mr_sqlite_change_counter(sqlite3 *connection, uint64_t *counter) {
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code != SQLITE_OK) return code;
    if (!file || !file->pMethods) {
        // In memory, all changes are those of the one connection.
        *counter = (uint64_t)sqlite3_total_changes64(connection);
        return SQLITE_OK;
    }
    // https://sqlite.org/fileformat2.html#file_change_counter
    uint8_t bytes[4];
    code = file->pMethods->xRead(file, bytes, sizeof bytes, 24);
    if (code != SQLITE_OK) return code;
    *counter = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
    return SQLITE_OK;
}
