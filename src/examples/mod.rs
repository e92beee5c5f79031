//! Example data: tables of business licences 营业执照 and real-estate certificates 不动产权证书, made up from a seed.
//!
//! All of it is synthetic and looks so: names are made of 示例 (example) and 样例 (sample), areas end in 99, which is
//! assigned to no county, credit codes carry an organisation code that begins with X. The check characters are valid,
//! so that the data passes every check that real data does. The same options give the same bytes for ever; rows are
//! made one at a time, so that a million need no more memory than one.
//!
//! People are numbered from 0; the tables of one seed draw their legal representatives and owners from the same
//! people, several licences to some of them.

mod business_licence;
mod dress;
mod person;
mod random;
mod real_estate;

use std::io::{self, Write};

use crate::domain::identifier::{self, Uscc};

pub use business_licence::HEADER as BUSINESS_LICENCE_HEADER;
pub use dress::Encoding;
pub use real_estate::HEADER as REAL_ESTATE_CERTIFICATE_HEADER;

use dress::{Column, Table};

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Rows besides the header.
    pub rows: u64,
    /// What all of the content follows from.
    pub seed: u64,
    /// How characters are encoded.
    pub encoding: Encoding,
    /// Whether the values look as a spreadsheet leaves them: `2026/1/5`, leading apostrophes, `="…"`, thousands
    /// separators, full-width digits. The values stay the same.
    pub excel_mangled: bool,
    /// How many rows, evenly spread, get one fault each: a wrong check character, lost digits, a missing name, a date
    /// that does not exist.
    pub with_errors: u64,
}

/// The department that issues the business licences, 样例市市场监督管理局.
///
/// # Errors
/// None in practice: the code's body is fixed and well formed.
pub fn market_regulation_department() -> Result<Uscc, identifier::Error> {
    Uscc::complete("11440399X0000001")
}

/// The department that issues the real-estate certificates, 样例市不动产登记中心.
///
/// # Errors
/// None in practice: the code's body is fixed and well formed.
pub fn real_estate_department() -> Result<Uscc, identifier::Error> {
    Uscc::complete("12440399X0000002")
}

/// Writes a table of business licences, with the columns of [`BUSINESS_LICENCE_HEADER`], about 1 KiB a row.
///
/// # Errors
/// What writing gives.
pub fn write_business_licences(out: &mut impl Write, options: &Options) -> io::Result<()> {
    write(out, options, &business_licence::COLUMNS, business_licence::row)
}

/// Writes a table of real-estate certificates, with the columns of [`REAL_ESTATE_CERTIFICATE_HEADER`].
///
/// # Errors
/// What writing gives.
pub fn write_real_estate_certificates(out: &mut impl Write, options: &Options) -> io::Result<()> {
    write(out, options, &real_estate::COLUMNS, real_estate::row)
}

fn write(
    out: &mut impl Write,
    options: &Options,
    columns: &[Column],
    row: impl Fn(&Options, u64) -> Result<Vec<String>, identifier::Error>,
) -> io::Result<()> {
    let mut table = Table::new(out, options, columns)?;
    for index in 0..options.rows {
        table.write_row(index, row(options, index).map_err(io::Error::other)?)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
