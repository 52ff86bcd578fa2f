// Others who open, read, lock and close a file, in threads and in forked children, until standard input ends.
//
//   storm FILE
//
// A lock lies beside those of SQLite: what counts is that closing the file drops all locks that the process has on it.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;

static void visit(void) {
    char bytes[4096];
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0x3ffff000, .l_len = 16};
    fcntl(descriptor, F_SETLK, &lock);
    if (read(descriptor, bytes, sizeof bytes) < 0) _exit(1);
    close(descriptor);
}

static void *visitor(void *unused) {
    for (;;) {
        visit();
        usleep(200);
    }
    return unused;
}

int main(int argc, char **arguments) {
    if (argc != 2) return 64;
    path = arguments[1];
    for (int index = 0; index < 3; index++) {
        pthread_t thread;
        pthread_create(&thread, NULL, visitor, NULL);
    }
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    // One keeps the file open over the death of its children.
    int kept = open(path, O_RDONLY);
    while (poll(&input, 1, 5) == 0) {
        pid_t child = fork();
        if (child == 0) {
            for (int index = 0; index < 5; index++) visit();
            _exit(0);
        }
        int status;
        if (child > 0 && (waitpid(child, &status, 0) < 0 || status != 0)) return 1;
    }
    close(kept);
    return 0;
}
