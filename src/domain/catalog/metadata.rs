//! What a catalog entry tells people of a resource, beside what decisions rest on: the rest of the core metadata of
//! 《政务信息资源目录编制指南（试行）》 and of the templates in which cities keep it.

/// The format 信息资源格式, by the guide's seven classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceFormat {
    /// 电子文件.
    ElectronicFile,
    /// 电子表格.
    Spreadsheet,
    /// 数据库.
    Database,
    /// 图形图像.
    Image,
    /// 流媒体.
    StreamingMedia,
    /// 自描述格式.
    SelfDescribing,
    /// 服务接口.
    ServiceInterface,
}

/// How the resource is shared 共享方式.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareMethod {
    /// 共享平台方式.
    Platform,
    /// 邮件方式.
    Mail,
    /// 介质方式.
    Media,
}

/// The grade of the data 数据分级.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataGrade {
    /// 一般数据.
    General,
    /// 重要数据.
    Important,
    /// 核心数据.
    Core,
}

/// What people read. Nothing here decides anything, and every part may be left unsaid. That a resource is open to society
/// follows from its fields, when it was published from the log; neither is said again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// 信息资源格式.
    pub format: Option<ResourceFormat>,
    /// 共享方式.
    pub share_method: Option<ShareMethod>,
    /// 数据分级.
    pub data_grade: Option<DataGrade>,
    /// 开放条件: under which condition the fields that are open to society are opened.
    pub opening_condition: String,
    /// 关联资源代码: national codes of resources that belong to this one.
    pub related_codes: Vec<String>,
    /// 所属信息系统: the system of the provider in which the data are made.
    pub source_system: String,
    /// 所属主题.
    pub subject: String,
}

/// A national resource code 信息资源代码, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NationalCode<'a> {
    /// 类: one digit.
    pub class: &'a str,
    /// 项: two digits.
    pub item: &'a str,
    /// 目: three digits.
    pub entry: &'a str,
    /// 细目: digits, of no set number; may be empty.
    pub detail: &'a str,
    /// 顺序号: digits, of no set number.
    pub serial: &'a str,
}

impl<'a> NationalCode<'a> {
    /// The parts of a code such as `307001001/000001`; `None` where it is none.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (classified, serial) = text.split_once('/')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = classified.len() >= 6 && !serial.is_empty() && text.len() <= Self::MAX_CHARS;
        if !fits || !digits(classified) || !digits(serial) {
            return None;
        }
        let (class, rest) = classified.split_at_checked(1)?;
        let (item, rest) = rest.split_at_checked(2)?;
        let (entry, detail) = rest.split_at_checked(3)?;
        Some(Self { class, item, entry, detail, serial })
    }

    /// The longest code: the guide sets no length for 细目 and 顺序号; those in use have fewer than 10 digits each.
    pub const MAX_CHARS: usize = 40;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_national_code_has_class_item_entry_detail_and_serial() {
        let code = NationalCode::parse("307001002/000003").unwrap();
        let expected = NationalCode { class: "3", item: "07", entry: "001", detail: "002", serial: "000003" };
        assert_eq!(code, expected);
        assert_eq!(NationalCode::parse("307001/1").unwrap().detail, "");
        let long = format!("307001/{}", "1".repeat(NationalCode::MAX_CHARS));
        for none in ["", "307001", "307001/", "30700/1", "3a7001/1", "307001/1/2", "307001/1 ", "３０７００１/1", &long]
        {
            assert_eq!(NationalCode::parse(none), None, "{none}");
        }
    }
}
