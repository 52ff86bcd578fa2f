#include "order.h"

#include <string.h>

#include "memory.h"
#include "parallel.h"

// Elements as whole numbers in the same order, so that one sort does for all types. The key of what comes first is the
// largest.
typedef struct {
    uint64_t key;
    int64_t place;
} item;

// Keys are made in blocks, so that the ones a heap does not want are left out by vectors.
#define BLOCK 64

static inline uint64_t flipped(uint64_t key, int smallest) { return smallest ? ~key : key; }

static void make_keys(mr_type type, int smallest, size_t count, const void *x, size_t first, uint64_t *keys) {
    if (type == MR_F32) {
        const float *row = (const float *)x + first;
        for (size_t i = 0; i < count; i++) {
            float value = row[i] + 0.0f;  // -0 and 0 are equal
            int32_t bits;
            memcpy(&bits, &value, 4);
            uint32_t key = (uint32_t)bits ^ ((uint32_t)(bits >> 31) | 0x80000000u);
            key = value != value ? UINT32_MAX : key;
            keys[i] = (uint64_t)(smallest ? ~key : key);
        }
    } else if (type == MR_F64) {
        const double *row = (const double *)x + first;
        for (size_t i = 0; i < count; i++) {
            double value = row[i] + 0.0;
            int64_t bits;
            memcpy(&bits, &value, 8);
            uint64_t key = (uint64_t)bits ^ ((uint64_t)(bits >> 63) | 0x8000000000000000u);
            keys[i] = flipped(value != value ? UINT64_MAX : key, smallest);
        }
    } else {
        const int64_t *row = (const int64_t *)x + first;
        for (size_t i = 0; i < count; i++) keys[i] = flipped((uint64_t)row[i] ^ 0x8000000000000000u, smallest);
    }
}

// Whether `a` comes after `b`.
static inline int is_after(item a, item b) { return a.key != b.key ? a.key < b.key : a.place > b.place; }

// Lets the item at `hole` sink in a heap whose root comes last of all.
static void sink(item *heap, size_t size, size_t hole, item sinking) {
    for (;;) {
        size_t child = 2 * hole + 1;
        if (child >= size) break;
        if (child + 1 < size && is_after(heap[child + 1], heap[child])) child++;
        if (!is_after(heap[child], sinking)) break;
        heap[hole] = heap[child];
        hole = child;
    }
    heap[hole] = sinking;
}

static void select_row(
    mr_type type, int smallest, size_t count, size_t wanted, const void *x, item *heap, int64_t *places) {
    uint64_t keys[BLOCK];
    size_t size = 0;
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        make_keys(type, smallest, length, x, start, keys);
        if (size == wanted) {
            uint64_t limit = heap[0].key;
            int any = 0;
            for (size_t i = 0; i < length; i++) any |= keys[i] > limit;
            if (!any) continue;
        }
        for (size_t i = 0; i < length; i++) {
            item next = {keys[i], (int64_t)(start + i)};
            if (size < wanted) {
                heap[size++] = next;
                if (size == wanted)
                    for (size_t root = size / 2; root-- > 0;) sink(heap, size, root, heap[root]);
            } else if (next.key > heap[0].key) {
                sink(heap, size, 0, next);
            }
        }
    }
    while (size > 0) {
        places[size - 1] = heap[0].place;
        size--;
        sink(heap, size, 0, heap[size]);
    }
}

// A radix sort by bytes, lowest first; each pass keeps the order of equal ones. Passes over a byte that all share are
// left out.
static void sort_row(
    mr_type type, int smallest, size_t count, size_t wanted, const void *x, item *items, item *other, int64_t *places) {
    int width = type == MR_F32 ? 4 : 8;
    size_t totals[8][256];
    memset(totals, 0, sizeof totals);
    uint64_t keys[BLOCK];
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        make_keys(type, smallest, length, x, start, keys);
        for (size_t i = 0; i < length; i++) {
            // Rising order of what is inverted is falling order.
            uint64_t key = width == 4 ? (uint64_t)(uint32_t)~keys[i] : ~keys[i];
            items[start + i] = (item){key, (int64_t)(start + i)};
            for (int byte = 0; byte < width; byte++) totals[byte][key >> 8 * byte & 255]++;
        }
    }
    for (int byte = 0; byte < width; byte++) {
        size_t *total = totals[byte], place = 0;
        if (total[items[0].key >> 8 * byte & 255] == count) continue;
        for (size_t value = 0; value < 256; value++) {
            size_t here = total[value];
            total[value] = place;
            place += here;
        }
        for (size_t i = 0; i < count; i++) other[total[items[i].key >> 8 * byte & 255]++] = items[i];
        item *swapped = items;
        items = other;
        other = swapped;
    }
    for (size_t i = 0; i < wanted; i++) places[i] = items[i].place;
}

typedef struct {
    mr_type type;
    int smallest;
    size_t rows, count, wanted, per_part;
    const void *x;
    int64_t *places;
} order_job;

static void order_part(void *context, size_t part) {
    const order_job *job = context;
    size_t first = part * job->per_part, end = first + job->per_part;
    if (end > job->rows) end = job->rows;
    if (first >= end) return;
    // A heap of w costs about log2(w) for each of the few that enter it.
    int selects = job->wanted <= 1024 && job->wanted * 8 <= job->count;
    size_t bytes = (selects ? job->wanted : 2 * job->count) * sizeof(item);
    item *items = mr_allocate(bytes);
    size_t row_bytes = job->count * (job->type == MR_F32 ? 4 : 8);
    for (size_t row = first; row < end; row++) {
        const void *x = (const char *)job->x + row * row_bytes;
        int64_t *places = job->places + row * job->wanted;
        if (selects) select_row(job->type, job->smallest, job->count, job->wanted, x, items, places);
        else sort_row(job->type, job->smallest, job->count, job->wanted, x, items, items + job->count, places);
    }
    mr_deallocate(items, bytes);
}

void mr_order(
    mr_type type, int smallest, size_t rows, size_t count, size_t wanted, const void *x, int64_t *places) {
    if (rows == 0 || count == 0 || wanted == 0) return;
    size_t threads = rows * count >= (size_t)1 << 15 ? (size_t)mr_thread_count() : 1;
    if (threads > rows) threads = rows;
    order_job job = {type, smallest, rows, count, wanted, (rows + threads - 1) / threads, x, places};
    mr_parallel(threads, order_part, &job);
}
