#ifndef CKERNELS_MAPPING_H
#define CKERNELS_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

/// Makes the process survive that somebody truncates a file while it is mapped and watched: what is gone reads as zeros.
///
/// Installs a handler of SIGBUS for the whole process, which passes on what is not of a watched mapping. For programs;
/// a library leaves signals to its host.
void mr_survive_truncated_files(void);

/// Watches a mapping until `mr_unwatch_mapping`. Returns false where too many are watched already.
bool mr_watch_mapping(void *start, size_t count);

/// Stops watching a mapping, before it is unmapped.
void mr_unwatch_mapping(void *start);

#endif
