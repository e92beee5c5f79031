use crate::domain::identifier;

/// What the cells of a column hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text of at most so many characters; NFC, trimmed.
    Text {
        /// The most characters (Unicode scalar values).
        max_chars: usize,
    },
    /// A whole number between −(2^53 − 1) and 2^53 − 1, the range that every JSON reader keeps; becomes a JSON number.
    Integer,
    /// A decimal number; becomes a string, so that no digit is lost, without superfluous zeros.
    Decimal,
    /// A civil date; becomes `YYYY-MM-DD`.
    Date,
    /// A date and time, Beijing time unless it says otherwise; becomes `YYYY-MM-DDTHH:MM:SS+08:00`.
    DateTime,
    /// Yes or no; becomes a JSON boolean.
    Boolean,
    /// A unified social credit code.
    Uscc,
    /// A citizen id.
    CitizenId,
    /// An electronic licence id; becomes the form with the OID root.
    LicenceId,
    /// One of the values of a code list.
    Code(Vec<String>),
    /// The code of an administrative division.
    AdministrativeDivision,
    /// A holder's identifier of any kind.
    HolderCode,
}

impl ColumnKind {
    /// What a cell may hold, in words.
    pub fn allowed(&self) -> String {
        match self {
            Self::Text { max_chars } => format!("text of at most {max_chars} characters"),
            Self::Integer => "a whole number, at most 9007199254740991".to_owned(),
            Self::Decimal => "a decimal number such as 1234.56, at most 38 digits".to_owned(),
            Self::Date => {
                "a date such as 2026-01-05, 2026/1/5, 2026年1月5日 or 20260105, or 长期 for an open end".to_owned()
            }
            Self::DateTime => "a date and time such as 2026-01-05 14:30:00".to_owned(),
            Self::Boolean => "是 or 否, true or false, 1 or 0, Y or N".to_owned(),
            Self::Uscc => "a unified social credit code, 18 characters as text".to_owned(),
            Self::CitizenId => "a citizen id, 18 characters as text".to_owned(),
            Self::LicenceId => {
                "a licence id, 1.2.156.3005.2.type.issuer.serial.version.check, with or without its root".to_owned()
            }
            Self::AdministrativeDivision => "an administrative division, 6 digits as text".to_owned(),
            Self::HolderCode => "a holder's identifier of at most 40 characters, as text".to_owned(),
            Self::Code(codes) => {
                const NAMED: usize = 20;
                let named: Vec<&str> = codes.iter().take(NAMED).map(String::as_str).collect();
                let more = if codes.len() > NAMED { ", …" } else { "" };
                format!("one of {}{more}", named.join(", "))
            }
        }
    }
}

/// A column that a file may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The field's code, which names the column in rows and reports and may stand in the header.
    pub code: String,
    /// Other names the header may use: the Chinese name, the technical name.
    pub names: Vec<String>,
    /// What its cells hold.
    pub kind: ColumnKind,
    /// Whether every row must have a value.
    pub required: bool,
    /// Whether a cell holds a list of values.
    pub repeated: bool,
}

impl Column {
    /// What a cell may hold, in words.
    pub(super) fn allowed(&self) -> String {
        if self.repeated {
            format!("one or more, each on its own line or with ; between two, of: {}", self.kind.allowed())
        } else {
            self.kind.allowed()
        }
    }

    /// Whether a name in a file means this column. Width, case, white space and the asterisk of required columns do
    /// not matter.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let name = plain(name);
        std::iter::once(&self.code).chain(&self.names).any(|own| plain(own) == name)
    }

    /// Code and first other name, for messages.
    pub(super) fn label(&self) -> String {
        match self.names.first() {
            Some(name) => format!("{} {name}", self.code),
            None => self.code.clone(),
        }
    }
}

/// A column's name without what does not matter.
pub(super) fn plain(name: &str) -> String {
    identifier::normalize(name).trim_matches('*').to_owned()
}

/// Codes and names of columns, for messages.
pub(super) fn labels<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    columns.into_iter().map(Column::label).collect::<Vec<_>>().join(", ")
}
