#ifndef PERTURBED_PARALLEL_H
#define PERTURBED_PARALLEL_H

#include <stddef.h>

/// `mr_parallel` and `mr_set_thread_count`, in which threads give way to others between the steps that they take without a
/// lock: what happens once in a million jobs otherwise happens in every few.
void perturbed_parallel(size_t parts, void (*body)(void *, size_t), void *context);
void perturbed_set_thread_count(int count);

/// Runs `jobs` jobs of 2 and of `most` parts in turn, `most` at most 64, and counts those of which a part ran more or less
/// than once.
size_t perturbed_wrong_jobs(size_t jobs, size_t most);

#endif
