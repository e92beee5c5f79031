//! The program `hutong`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hutong::cli::main()
}
