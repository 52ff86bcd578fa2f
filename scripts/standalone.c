// What `scripts/link` puts into the binary in place of parts of Swift's libraries.
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef ICU_TABLE
// Foundation carries 34 MB of data on languages and calendars. modelreg formats nothing by them: an empty table takes
// their place, as that of ICU's stubdata.cpp, which is for programs that bring no data.
__attribute__((aligned(16))) const struct {
    uint16_t header_byte_count;
    uint8_t magic[2];
    uint16_t info_byte_count, reserved;
    uint8_t is_big_endian, charset_family, character_width, reserved_too;
    uint8_t format[4], format_version[4], data_version[4], padding[8];
    uint32_t entry_count, entries[5];
} ICU_TABLE = {32, {0xDA, 0x27}, 20, 0, 0, 0, 2, 0, {'C', 'm', 'n', 'D'}, {1, 0, 0, 0}, {0}, {0}, 0, {0}};
#endif

// Swift's own functions print where in the source a fault is, some of them with a stack trace. These print one line, as
// Sources/ModelRegCLI/Support/CrashReport.swift does for faults that have no text.

static _Noreturn void report(const unsigned char *message, int length) {
    static const char before[] = "modelreg: a fault in modelreg itself (";
    static const char after[] = "); please report it. What is saved is unharmed.\n";
    const unsigned char *end = memchr(message, '\n', (size_t)length);
    struct iovec parts[] = {
        {(void *)before, sizeof before - 1},
        {(void *)message, end ? (size_t)(end - message) : (size_t)length},
        {(void *)after, sizeof after - 1},
    };
    (void)!writev(STDERR_FILENO, parts, 3);
    _exit(70);
}

__attribute__((swiftcall)) void _swift_stdlib_reportFatalErrorInFile(
    const unsigned char *prefix, int prefix_length, const unsigned char *message, int message_length,
    const unsigned char *file, int file_length, uint32_t line, uint32_t flags) {
    if (message_length > 0) report(message, message_length);
    report(prefix, prefix_length);
}

__attribute__((swiftcall)) void _swift_stdlib_reportFatalError(
    const unsigned char *prefix, int prefix_length, const unsigned char *message, int message_length,
    uint32_t flags) {
    if (message_length > 0) report(message, message_length);
    report(prefix, prefix_length);
}

__attribute__((swiftcall)) void _swift_stdlib_reportUnimplementedInitializerInFile(
    const unsigned char *class_name, int class_name_length, const unsigned char *name, int name_length,
    const unsigned char *file, int file_length, uint32_t line, uint32_t column, uint32_t flags) {
    report(name, name_length);
}

__attribute__((swiftcall)) void _swift_stdlib_reportUnimplementedInitializer(
    const unsigned char *class_name, int class_name_length, const unsigned char *name, int name_length,
    uint32_t flags) {
    report(name, name_length);
}
