// The C interface of modelreg: what a program in another language needs to save, load and ask.
//
// Rules for all functions:
//
// - They return 0, or the exit status that the command line would end with (enum mr_code), and describe the failure in
//   `error`, if that is not NULL. A failed save leaves nothing behind.
// - Texts are UTF-8 and end with a NUL. Whatever is NULL, no UTF-8, too large or contradicts itself is refused with
//   MR_USAGE; pointers that are not NULL must point to what is declared.
// - A handle is a number. One that is closed, or never was one, is refused. Calls with one handle may come from several
//   threads at once; closing waits for nobody, and what goes on meanwhile ends as it would have.
// - `cancelled`, if not NULL, points to a number that may become other than 0 at any time, from any thread. The call then
//   ends soon with MR_CANCELLED, and the registry is as it was before.
// - Nothing is printed, and no signal handler is installed, but by mr_main.
// - A process that is forked from one that has used these functions must not call them.
#ifndef MODELREG_H
#define MODELREG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The version of this interface. It rises with each change that breaks a caller.
#define MR_ABI 1

/// What functions return: the exit statuses of the command line.
enum mr_code {
    MR_OK = 0,
    /// A condition of a gate held.
    MR_FOUND = 1,
    /// The request contradicts itself, or names something invalid.
    MR_USAGE = 64,
    /// A file is not what it claims to be, or stored data is damaged.
    MR_BAD_DATA = 65,
    /// There is no such registry, file, model, version or name.
    MR_NO_INPUT = 66,
    /// A remote, or the network on the way to it, does not answer.
    MR_UNAVAILABLE = 69,
    /// A fault of modelreg itself.
    MR_SOFTWARE = 70,
    /// An output is there already, or cannot be made.
    MR_CANNOT_CREATE = 73,
    /// Reading or writing failed; every failure that says nothing else.
    MR_INPUT_OUTPUT = 74,
    /// Other processes hold what is needed.
    MR_BUSY = 75,
    /// A remote does not allow it to whoever asks.
    MR_NOT_PERMITTED = 77,
    /// Something else is where a registry should be, or a newer modelreg made it.
    MR_CONFIGURATION = 78,
    /// `cancelled` became other than 0.
    MR_CANCELLED = 130,
};

/// A failure. Set both members to zero before a call.
typedef struct {
    /// What the function returned.
    int32_t code;
    /// One line for people; give it to mr_free.
    char *message;
} mr_error;

/// How far a call has come, in bytes. Called from any thread, one call at a time, a few hundred times at most.
typedef void (*mr_progress)(void *context, int64_t done, int64_t total);

/// What a leaf is.
enum mr_leaf_kind {
    MR_TENSOR = 0,
    MR_STRING = 1,
    MR_INTEGER = 2,
    MR_NUMBER = 3,
    MR_BOOLEAN = 4,
    MR_NONE = 5,
    MR_BYTES = 6,
    /// An integer of more than 64 bits.
    MR_BIG_INTEGER = 7,
    /// A class or function: `module:name`.
    MR_NAME = 8,
};

/// What a tensor is to the module that it belongs to.
enum mr_role {
    MR_UNSPECIFIED = 0,
    MR_PARAMETER = 1,
    MR_BUFFER = 2,
    /// A parameter that is not trained now.
    MR_FROZEN_PARAMETER = 3,
    /// No parameter, but a gradient is wanted.
    MR_REQUIRES_GRAD = 4,
};

/// A tensor or plain value of a checkpoint. Nothing in it is kept after the call.
typedef struct {
    /// One of mr_leaf_kind.
    int32_t kind;
    /// Of a tensor, one of mr_role.
    int32_t role;
    /// Of a tensor, PyTorch's name of the element type: `float32`.
    const char *dtype;
    /// Of a tensor, the number of axes; at most 64.
    int32_t rank;
    /// Of a tensor, the length of each axis.
    const int64_t *shape;
    /// Of a tensor, elements from one index to the next on each axis, not negative; NULL for row-major.
    const int64_t *strides;
    /// Of a tensor, elements before its first one in its storage.
    int64_t offset;
    /// Of a tensor, its whole storage: tensors with the same address and length are tied, or views of one storage.
    /// Of a string, bytes, name, or big integer (decimal digits), the content, which may have NULs.
    const void *bytes;
    /// The length of `bytes`.
    int64_t byte_count;
    /// Of an integer, its value; of a boolean, 0 or 1.
    int64_t integer;
    /// Of a number, its value.
    double number;
} mr_leaf;

/// Memory to be written to.
typedef struct {
    void *bytes;
    int64_t byte_count;
} mr_buffer;

/// The version of the interface that the library has: compare it with MR_ABI.
int32_t mr_abi(void);

/// The version of modelreg, such as `0.1.0`; not to be freed.
const char *mr_version(void);

/// Opens a registry.
///
/// `create`: whether to make one where there is none. `is_read_only`: whether to refuse to write. `wait_seconds`: how long
/// to wait for other processes, at each transaction; negative for the usual time. `packs`: whether versions before a saved
/// one are packed in the background.
int32_t mr_open(
    const char *path, int32_t create, int32_t is_read_only, double wait_seconds, int32_t packs, uint64_t *registry,
    mr_error *error);

/// Closes a registry.
int32_t mr_close(uint64_t registry, mr_error *error);

/// Saves a checkpoint as the next version of a model.
///
/// `structure_json` is the canonical text of its containers (docs/format.md, "Structure"), and `leaves` are in its order.
/// `options_json` is an object of `message`, `aliases`, `metrics`, `attributes`, `parent`, `merged_from`, `step`, `run`,
/// `gate` (a condition), `marks` (rather than refuses), `moves_protected_aliases`, `environment` (whether it is noted);
/// NULL for none. The result is that of `save` in docs/json.md.
///
/// Tensors are read during the call. Memory that changes meanwhile is saved as it was at some moment, each megabyte at its
/// own.
int32_t mr_save(
    uint64_t registry, const char *model, const char *structure_json, int64_t leaf_count, const mr_leaf *leaves,
    const char *options_json, const int32_t *cancelled, mr_progress progress, void *context, char **result_json,
    mr_error *error);

/// Says how a version, or part of it, lies in storages, before any tensor is read.
///
/// `options_json` is an object of `only` (paths, or patterns with *) and `rows` (two numbers: the first row, and that after
/// the last; then `only` names one tensor); NULL for none. The result is an object:
///
/// - `version`: as in docs/json.md
/// - `structure`: as in docs/format.md, as JSON and not as a text
/// - `paths`: of all leaves
/// - `leaves`: in the order of the structure; `null` where it was not selected, else a list:
///   `["tensor", dtype, storage, offset, shape, strides, role]`, `["string", text]`, `["integer", number]`,
///   `["number", 16 hexadecimal digits of its bits]`, `["boolean", flag]`, `["none"]`, `["bytes", hexadecimal digits]`,
///   `["big_integer", decimal digits]`, `["name", "module:name"]`
/// - `storages`: the length of each, in bytes
int32_t mr_layout_open(
    uint64_t registry, const char *reference, const char *options_json, const int32_t *cancelled, uint64_t *layout,
    char **result_json, mr_error *error);

/// Gives back a layout.
int32_t mr_layout_close(uint64_t layout, mr_error *error);

/// Fills the storages of a layout, one destination each, in their order and of their lengths. Bytes that no tensor covers
/// are left as they are. After a failure some destinations may have been written.
///
/// `verifies`: whether SHA-256 is checked, too, and not only checksums.
int32_t mr_read(
    uint64_t layout, int64_t destination_count, const mr_buffer *destinations, int32_t verifies,
    const int32_t *cancelled, mr_progress progress, void *context, mr_error *error);

/// Carries out a command: a word, with an object of arguments. The result is that of the command in docs/json.md, unless
/// it says otherwise.
///
/// | command | arguments |
/// |---|---|
/// | `ls` | |
/// | `log` | `model`, `where`, `sort`, `limit` |
/// | `version` | `reference`; the result is a version |
/// | `history` | `model`, `paths`, `exact`; as `log NAME PATH` |
/// | `blame` | `reference`, `paths` |
/// | `lineage` | `reference`, `descendants` |
/// | `diff` | `old`, `new`, `only`, `statistics`, `fail_if` |
/// | `alias set` | `reference`, `alias`, `pin`, `force` |
/// | `alias rm` | `model`, `alias`, `force` |
/// | `alias ls` | `model` |
/// | `rm` | `references`, `force`; a list of references that were deleted |
/// | `prune` | `model`, `keep_last`, `keep_best` (lists of count, metric, mode), `keep_every`, `keep_younger_seconds`, `keep_whole`, `thin`, `dry_run`, `measures` (whether bytes are counted, which takes a rehearsal; else they are 0) |
/// | `gc` | `dry_run` |
/// | `verify` | `reference` |
/// | `export` | `reference`, `path`, `format`, `only`, `flatten`, `force`, `verify`, `source` (whether a version that was not saved from a file is refused); as `load` |
/// | `save file` | `path`, `model`, and the options of mr_save; as `save` |
/// | `remote add` | `name`, `address`; `{}` |
/// | `remote rm` | `name`; `{}` |
/// | `remote ls` | |
/// | `push` | `references`, `all`, `to` (a remote's name or address), `force`, `exact_number`, `dry_run` |
/// | `pull` | `references`, `all`, `from`, `theirs`, `dry_run` |
/// | `sql` | `query`; `columns` and `rows`, in which bytes are `{"bytes": hexadecimal digits}` |
/// | `wait` | returns when what is packed in the background is done; `{}` |
/// | `run start` | `model`, `name`, `config`, `parent`, `resume` |
/// | `run log` | `run`, `model`, `step`, `metrics` (numbers, or `"nan"`, `"inf"`, `"-inf"`); `{}` |
/// | `run set` | `run`, `model`, `config`; a run |
/// | `run finish` | `run`, `model`, `state`; a run |
/// | `run ls` | `model` |
int32_t mr_call(
    uint64_t registry, const char *command, const char *arguments_json, const int32_t *cancelled, mr_progress progress,
    void *context, char **result_json, mr_error *error);

/// The command line: does what `modelreg` does, and returns its exit status, unless it ends the process itself. It prints,
/// and handles signals.
int32_t mr_main(int32_t argc, const char *const *argv);

/// Frees a text that a function has returned. NULL is nothing to free.
void mr_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
