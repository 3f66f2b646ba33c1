//! A storage for mlforge in a directory of `wasi:filesystem`. It shows what a runtime has to bring, in little: it reads the whole
//! log into memory, and never shortens it.
//!
//! A runtime starts and drops instances as it likes. So nothing lives in an instance alone: a commit is one file of `log/`, and
//! each call first reads the commits that other instances made. A file of `files/` is a blob, and `tmp/` holds what has no name.

mod bindings;
mod blobs;
mod directory;
mod log;
mod records;

struct Storage;
