// Processes that write to one SQLite file, each beside a thread that opens and closes it all the time.
//
//   neighbours FILE PLAIN TRANSACTIONS    PLAIN: 1 for the locks that SQLite uses by itself
//
// Two processes insert a row and count it, so many times. Prints what was lost and exits with 1 where anything was.
#include "CSQLiteShim.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;

static void *neighbour(void *unused) {
    char bytes[16];
    for (;;) {
        int descriptor = open(path, O_RDONLY);
        if (descriptor >= 0 && read(descriptor, bytes, sizeof bytes) >= 0) close(descriptor);
    }
    return unused;
}

static int wait_for_lock(void *unused, int attempts) {
    (void)unused;
    usleep(500);
    return attempts < 20000;
}

static int failures(int count) {
    pthread_t thread;
    pthread_create(&thread, NULL, neighbour, NULL);
    sqlite3 *connection;
    sqlite3_open(path, &connection);
    sqlite3_busy_handler(connection, wait_for_lock, NULL);
    int failed = 0;
    for (int index = 0; index < count; index++) {
        const char *sql = "BEGIN IMMEDIATE; INSERT INTO row (bytes) VALUES (randomblob(60000));"
                          "UPDATE counter SET number = number + 1; COMMIT";
        if (sqlite3_exec(connection, sql, NULL, NULL, NULL) == SQLITE_OK) continue;
        failed++;
        sqlite3_exec(connection, "ROLLBACK", NULL, NULL, NULL);
    }
    return failed;
}

int main(int argc, char **arguments) {
    if (argc != 4) return 64;
    path = arguments[1];
    int count = atoi(arguments[3]);
    if (atoi(arguments[2]) == 0 && mr_sqlite_lock_by_description() != SQLITE_OK) return 70;
    sqlite3 *connection;
    sqlite3_open(path, &connection);
    sqlite3_exec(
        connection, "CREATE TABLE row (id INTEGER PRIMARY KEY, bytes); CREATE TABLE counter (number);"
                    "INSERT INTO counter VALUES (0)", NULL, NULL, NULL);
    sqlite3_close(connection);
    for (int process = 0; process < 2; process++) {
        if (fork() == 0) _exit(failures(count) > 0);
    }
    int status, failed = 0;
    while (wait(&status) > 0) failed += status != 0;

    sqlite3_stmt *statement = NULL;
    sqlite3_open(path, &connection);
    sqlite3_prepare_v2(
        connection, "SELECT (SELECT number FROM counter), (SELECT count(*) FROM row), integrity_check"
                    " FROM pragma_integrity_check LIMIT 1", -1, &statement, NULL);
    int is_readable = sqlite3_step(statement) == SQLITE_ROW;
    const char *check = is_readable ? (const char *)sqlite3_column_text(statement, 2) : "cannot be read";
    int number = is_readable ? sqlite3_column_int(statement, 0) : -1;
    int rows = is_readable ? sqlite3_column_int(statement, 1) : -1;
    int is_lost = failed || number != 2 * count || rows != 2 * count || !check || strcmp(check, "ok") != 0;
    if (is_lost) printf("%d processes failed, counter %d and rows %d of %d, %.60s\n", failed, number, rows, 2 * count, check);
    return is_lost;
}
