#ifndef CKERNELS_CALLS_H
#define CKERNELS_CALLS_H

// The objects that are computing on this thread, for messages about what went wrong.

/// Notes that `object` computes, within those noted before. Of more than 64 the innermost are only counted.
void mr_enter_call(void *object);

/// Notes that the last one is done.
void mr_leave_call(void);

/// The object that began first and still computes; null where none computes.
void *mr_outermost_call(void);

/// The object that began last, of those that were noted; null where none computes.
void *mr_innermost_call(void);

/// Writes `text` to standard error and ends the process by the signal of a trap. Unless `with_backtrace`, the Swift
/// runtime's handlers are taken off before; handlers of others stay.
_Noreturn void mr_stop(const char *text, int with_backtrace);

#endif
