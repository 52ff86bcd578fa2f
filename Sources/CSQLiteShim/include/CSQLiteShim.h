#ifndef CSQLITESHIM_H
#define CSQLITESHIM_H

#include <stdint.h>

struct sqlite3;

/// Opens a connection's defences: a damaged or hostile schema cannot run code or change itself.
/// Exists because `sqlite3_db_config` is variadic, which Swift cannot call.
///
/// Returns a SQLite result code; 0 when all settings took.
int mr_sqlite_harden(struct sqlite3 *connection);

/// Has SQLite lock database files by locks that belong to an open file description: those of POSIX, which it uses by
/// itself, are dropped when anybody in the process closes the file. Both kinds respect each other, in this process and in
/// others. Where the kernel has none, or the file cannot be opened once more, plain locks stay in use.
///
/// Holds for all that use this SQLite in the process. To be called before a file is opened; calls after the first do
/// nothing. Returns a SQLite result code.
int mr_sqlite_lock_by_description(void);

/// What kind of file system a file is on: the magic number of statfs(2), which Glibc's module does not show Swift.
///
/// Returns 0 where that cannot be told.
unsigned int mr_file_system(const char *path);

/// Has the disk begin to write what the transaction has changed so far, so that its commit has little left to wait for.
///
/// Changes nothing about what is durable when. Takes the lock that keeps readers out, and waits for those that read, as the
/// commit would; goes on without where they take too long, and where the system has no such call.
void mr_sqlite_write_behind(struct sqlite3 *connection);

/// A number that each commit to the file changes, whoever made it: the file's change counter. Where the database is in
/// memory, the number of rows that its connection has changed.
///
/// To be called while a transaction holds a lock. Returns a SQLite result code.
int mr_sqlite_change_counter(struct sqlite3 *connection, uint64_t *counter);

#endif
