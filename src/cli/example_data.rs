//! `hutong example-data`: tables in the form that departments really use, synthetic through and through.

use std::io::{self, BufWriter, Write as _};

use clap::{Args, ValueEnum};

use super::{Exit, OrExit as _, Output, Run};
use crate::examples::{self, Encoding, Options};

/// Make a synthetic table of licences or certificates, on standard output
///
/// The same options give the same bytes, for ever; a million rows need no more memory than one.
#[derive(Args)]
pub(super) struct ExampleData {
    /// Of what
    #[arg(value_enum)]
    resource: Resource,
    /// How many rows
    #[arg(long, default_value_t = 1_000)]
    rows: u64,
    /// Another seed gives other rows
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The character encoding
    #[arg(long, value_enum, default_value_t = TableEncoding::Utf8Bom)]
    encoding: TableEncoding,
    /// Mangle dates, numbers and codes as a spreadsheet does
    #[arg(long)]
    excel_mangled: bool,
    /// Put one fault each into this many rows
    #[arg(long, value_name = "N", default_value_t = 0)]
    with_errors: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Resource {
    /// Business licences 营业执照
    BusinessLicence,
    /// Real-estate certificates 不动产权证书
    RealEstateCertificate,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TableEncoding {
    /// UTF-8
    #[value(name = "utf-8")]
    Utf8,
    /// UTF-8 with a byte order mark, as spreadsheets want it
    #[value(name = "utf-8-bom")]
    Utf8Bom,
    /// GB 18030
    #[value(name = "gb18030")]
    Gb18030,
}

impl Run for ExampleData {
    fn run(self, _: &Output) -> anyhow::Result<Exit> {
        let options = Options {
            rows: self.rows,
            seed: self.seed,
            encoding: match self.encoding {
                TableEncoding::Utf8 => Encoding::Utf8,
                TableEncoding::Utf8Bom => Encoding::Utf8Bom,
                TableEncoding::Gb18030 => Encoding::Gb18030,
            },
            excel_mangled: self.excel_mangled,
            with_errors: self.with_errors,
        };
        let mut out = BufWriter::new(io::stdout().lock());
        let written = match self.resource {
            Resource::BusinessLicence => examples::write_business_licences(&mut out, &options),
            Resource::RealEstateCertificate => examples::write_real_estate_certificates(&mut out, &options),
        };
        written.and_then(|()| out.flush()).or_exit(Exit::Failed, "cannot write the table")?;
        Ok(Exit::Success)
    }
}
