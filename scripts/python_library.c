// What `scripts/link-python` puts into the library of the wheel.
//
// Two of Swift's libraries take functions that glibc has in versions newer than 2.34, which is what the wheel asks for
// (RHEL 9, Ubuntu 22.04, Debian 12). Both are older than that in substance.
#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>

#ifdef ICU_TABLE
// Foundation carries 34 MB of data on languages and calendars. modelreg formats nothing by them: see standalone.c.
__attribute__((aligned(16))) const struct {
    uint16_t header_byte_count;
    uint8_t magic[2];
    uint16_t info_byte_count, reserved;
    uint8_t is_big_endian, charset_family, character_width, reserved_too;
    uint8_t format[4], format_version[4], data_version[4], padding[8];
    uint32_t entry_count, entries[5];
} ICU_TABLE = {32, {0xDA, 0x27}, 20, 0, 0, 0, 2, 0, {'C', 'm', 'n', 'D'}, {1, 0, 0, 0}, {0}, {0}, 0, {0}};
#endif

// glibc 2.35 gave hypot and hypotf new versions, which set errno themselves and not in a wrapper. Foundation takes the newest
// ones at link time; the old ones are the same functions.
__asm__(".symver old_hypot, hypot@GLIBC_2.2.5");
__asm__(".symver old_hypotf, hypotf@GLIBC_2.2.5");
extern double old_hypot(double x, double y);
extern float old_hypotf(float x, float y);
double __wrap_hypot(double x, double y) { return old_hypot(x, y); }
float __wrap_hypotf(float x, float y) { return old_hypotf(x, y); }

// glibc 2.36 has it; libstdc++.a takes it for std::random_device, which nothing here uses.
uint32_t arc4random(void) {
    uint32_t number = 0;
    unsigned char *next = (unsigned char *)&number;
    size_t left = sizeof number;
    while (left > 0) {
        ssize_t count = getrandom(next, left, 0);
        if (count > 0) {
            next += count;
            left -= (size_t)count;
        }
    }
    return number;
}
