#define _GNU_SOURCE
#include "calls.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 64

static _Thread_local void *entered[DEEPEST];
static _Thread_local unsigned depth;

void mr_enter_call(void *object) {
    if (depth < DEEPEST) entered[depth] = object;
    depth++;
}

void mr_leave_call(void) { depth--; }

void *mr_outermost_call(void) { return depth > 0 ? entered[0] : 0; }

void *mr_innermost_call(void) { return depth == 0 ? 0 : entered[(depth < DEEPEST ? depth : DEEPEST) - 1]; }

// The runtime's handler is the one that lies in its library.
static void take_off_backtrace(void) {
    static const int signals[] = {SIGILL, SIGTRAP, SIGABRT};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction now;
        if (sigaction(signals[i], 0, &now) != 0 || !(now.sa_flags & SA_SIGINFO)) continue;
        Dl_info place;
        const char *library = dladdr((void *)now.sa_sigaction, &place) != 0 ? place.dli_fname : 0;
        if (library && strstr(library, "libswift")) signal(signals[i], SIG_DFL);
    }
}

void mr_stop(const char *text, int with_backtrace) {
    fflush(stdout);
    fputs(text, stderr);
    fflush(stderr);
    if (!with_backtrace) take_off_backtrace();
    __builtin_trap();
}
