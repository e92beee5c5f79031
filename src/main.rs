//! The program `hutong`.

use std::process::ExitCode;

/// A query's life makes some hundred short-lived allocations, of which many are freed by another thread than made them;
/// the C library's allocator took a fifth of the hub's time for that (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hutong::cli::main()
}
