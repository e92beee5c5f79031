use super::{CitizenId, Error, Uscc};

/// The longest holder's identifier, in characters: twice the longest document number in use.
pub const MAX_HOLDER_CODE_CHARS: usize = 40;

/// What kind of identifier names a holder 持证主体代码类型 (GB/T 36903, appendix A).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HolderCodeType {
    /// 001 统一社会信用代码.
    Uscc,
    /// 111 公民身份号码.
    CitizenId,
    /// Any other document, of which only the form is known.
    Other,
}

impl HolderCodeType {
    /// The codes of the standard and their names.
    pub const CODES: [(&str, &str); 16] = [
        ("001", "统一社会信用代码"),
        ("099", "其他法人或其他组织证件号码"),
        ("111", "公民身份号码"),
        ("114", "军官证号码"),
        ("115", "警官证号码"),
        ("118", "士兵证号码"),
        ("119", "士官证号码"),
        ("120", "文职干部证号码"),
        ("122", "文职人员证号码"),
        ("411", "外交护照号码"),
        ("412", "公务护照号码"),
        ("413", "公务普通护照号码"),
        ("414", "普通护照号码"),
        ("511", "台湾居民来往大陆通行证号码"),
        ("516", "港澳居民来往内地通行证号码"),
        ("999", "其他自然人证件号码"),
    ];

    /// The kind of a code. A code that the standard does not have is of any other document: departments have codes of their own.
    pub fn of_code(code: &str) -> Self {
        match code {
            "001" => Self::Uscc,
            "111" => Self::CitizenId,
            _ => Self::Other,
        }
    }

    /// Checks an identifier of this kind, which has the form of one already.
    ///
    /// # Errors
    /// As the parser of its kind.
    pub fn check(self, code: &str) -> Result<(), Error> {
        match self {
            Self::Uscc => Uscc::parse(code).map(drop),
            Self::CitizenId => CitizenId::parse(code).map(drop),
            Self::Other => Ok(()),
        }
    }
}

/// Whether a text has the one form in which an identifier of any kind is written: no white space, no lower case, not too long.
pub fn is_holder_code(text: &str) -> bool {
    (1..=MAX_HOLDER_CODE_CHARS).contains(&text.chars().count()) && super::normalize(text) == text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::identifier::Kind;

    #[test]
    fn a_code_is_checked_as_its_type_says() {
        let citizen = "11010519491231002X";
        let uscc = "91440300708461136T";
        for (kind, code, holds) in [
            ("001", uscc, true),
            ("001", citizen, false),
            ("111", citizen, true),
            ("111", uscc, false),
            ("414", "E12345678", true),
            ("114", "军字第1234567号", true),
            ("801", "X-1", true),
        ] {
            assert_eq!(HolderCodeType::of_code(kind).check(code).is_ok(), holds, "{kind} {code}");
        }
        let wrong = HolderCodeType::Uscc.check("91440300708461136A");
        assert_eq!(wrong, Err(Error::CheckCharacter { kind: Kind::Uscc, position: 18, expected: 'T' }));
    }

    #[test]
    fn the_standards_codes_are_in_order_and_each_once() {
        assert!(HolderCodeType::CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_code_has_one_form() {
        for (text, holds) in
            [("E12345678", true), ("军字第1234567号", true), ("e1", false), ("E 1", false), ("Ｅ1", false), ("", false)]
        {
            assert_eq!(is_holder_code(text), holds, "{text:?}");
        }
        assert!(!is_holder_code(&"1".repeat(MAX_HOLDER_CODE_CHARS + 1)));
    }
}
