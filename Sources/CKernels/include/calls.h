#ifndef CKERNELS_CALLS_H
#define CKERNELS_CALLS_H

// The objects that are computing on this thread, for messages about what went wrong.

/// Notes that `object` computes, within those noted before. Of more than 64 the innermost are only counted.
void mr_enter_call(void *object);

/// Notes that the last one is done.
void mr_leave_call(void);

/// The first that is still computing, and the last of those known; null where there is none.
void *mr_outermost_call(void);
void *mr_innermost_call(void);

/// Writes `text` to standard error and ends the process by the signal of a trap. Unless `with_backtrace`, the Swift
/// runtime's handlers are taken off before; handlers of others stay.
_Noreturn void mr_stop(const char *text, int with_backtrace);

#endif
