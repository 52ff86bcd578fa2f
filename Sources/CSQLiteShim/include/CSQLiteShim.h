#ifndef CSQLITESHIM_H
#define CSQLITESHIM_H

struct sqlite3;

/// Opens a connection's defences: a damaged or hostile schema cannot run code or change itself.
/// Exists because `sqlite3_db_config` is variadic, which Swift cannot call.
///
/// Returns a SQLite result code; 0 when all settings took.
int mr_sqlite_harden(struct sqlite3 *connection);

/// What kind of file system a file is on: the magic number of statfs(2), which Glibc's module does not show Swift.
///
/// Returns 0 where that cannot be told.
unsigned int mr_file_system(const char *path);

#endif
