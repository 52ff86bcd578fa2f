#ifndef FILE_READS_H
#define FILE_READS_H

struct sqlite3_vfs;

// Has SQLite tell a disk that cannot be read from a file that is damaged.
void mr_sqlite_tell_failures(struct sqlite3_vfs *vfs);

#endif
