//! `hutong catalog lint`.

use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::{
    catalog,
    cli::{Exit, Output, Run, counted},
};

/// Check catalog files, without a hub: everything that is wrong with them at once, as file:line:column
///
/// Of a licence it also says what GB/T 36903 names and it lacks: that is advice, and the file may be applied.
///
/// Exit code 0: the files may be applied; 1: there are findings.
#[derive(Args)]
pub(in crate::cli) struct Lint {
    /// The catalog files, TOML in UTF-8
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The language of the findings [default: that of the locale]
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

/// The language of what people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// English
    En,
    /// Chinese 中文
    Zh,
}

impl Language {
    /// The one asked for; else Chinese where the locale is (`LC_ALL`, `LC_MESSAGES`, `LANG`, the first that says something).
    pub(super) fn or_of_locale(asked: Option<Self>) -> Self {
        let variables = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).unwrap_or_default());
        asked.unwrap_or_else(|| Self::of_locale(&variables))
    }

    fn of_locale(variables: &[String]) -> Self {
        let locale = variables.iter().find(|locale| !locale.is_empty());
        if locale.is_some_and(|locale| locale.starts_with("zh")) { Self::Zh } else { Self::En }
    }
}

/// A finding as it is printed.
#[derive(Debug, Serialize)]
struct Finding {
    file: String,
    line: usize,
    column: usize,
    path: String,
    message_en: String,
    message_zh: String,
    allowed: String,
    #[serde(skip)]
    lang: Language,
}

impl Finding {
    fn new(file: &str, finding: &catalog::Finding, lang: Language) -> Self {
        Self {
            file: file.to_owned(),
            line: finding.line,
            column: finding.column,
            path: finding.path.clone(),
            message_en: finding.problem.english(),
            message_zh: finding.problem.chinese(),
            allowed: finding.problem.allowed(),
            lang,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.lang == Language::Zh { &self.message_zh } else { &self.message_en };
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(message)?;
        if !self.allowed.is_empty() {
            let allowed = if self.lang == Language::Zh { "可用" } else { "allowed" };
            write!(f, "\n    {allowed}: {}", self.allowed)?;
        }
        Ok(())
    }
}

/// What is said of a file in order.
#[derive(Serialize)]
struct InOrder {
    file: String,
    resources: usize,
    fields: usize,
    code_tables: usize,
    advice: Vec<Told>,
}

/// Advice as it is printed.
#[derive(Serialize)]
struct Told {
    resource: String,
    lacks: Vec<&'static str>,
    message_en: String,
    message_zh: String,
    #[serde(skip)]
    lang: Language,
}

impl Told {
    fn new(advice: &catalog::Advice, lang: Language) -> Self {
        Self {
            resource: advice.resource_id.to_string(),
            lacks: advice.lacks.iter().map(|(code, ..)| *code).collect(),
            message_en: advice.english(),
            message_zh: advice.chinese(),
            lang,
        }
    }
}

impl fmt::Display for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_resources = format!("{} with {}", counted(self.resources, "resource"), counted(self.fields, "field"));
        let of_tables = counted(self.code_tables, "code table");
        let said = [(self.resources, of_resources), (self.code_tables, of_tables)];
        let said: Vec<_> = said.into_iter().filter(|(number, _)| *number > 0).map(|(_, words)| words).collect();
        write!(f, "{}: in order, {}", self.file, said.join(", "))?;
        self.advice.iter().try_for_each(|told| match told.lang {
            Language::Zh => write!(f, "\n建议：{}", told.message_zh),
            Language::En => write!(f, "\nadvice: {}", told.message_en),
        })
    }
}

impl Run for Lint {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let mut exit = Exit::Success;
        for path in &self.files {
            let file = path.display().to_string();
            match catalog::parse(&super::read(path)?) {
                Ok(content) => {
                    let fields = content.resources.iter().map(|resource| resource.fields.len()).sum();
                    let (resources, code_tables) = (content.resources.len(), content.code_tables.len());
                    let advice = content.resources.iter().filter_map(catalog::Advice::of);
                    let advice = advice.map(|advice| Told::new(&advice, Language::or_of_locale(self.lang))).collect();
                    output.print(&InOrder { file, resources, fields, code_tables, advice })?;
                }
                Err(findings) => {
                    print(self.lang, output, &file, &findings)?;
                    exit = Exit::Findings;
                }
            }
        }
        Ok(exit)
    }
}

/// Prints findings in the language asked for, or that of the locale.
pub(super) fn print(
    lang: Option<Language>,
    output: &Output,
    file: &str,
    findings: &[catalog::Finding],
) -> anyhow::Result<()> {
    let lang = Language::or_of_locale(lang);
    findings.iter().try_for_each(|finding| output.print(&Finding::new(file, finding, lang)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn findings_read_like_a_compilers_in_the_language_asked_for() {
        let found = catalog::lint(b"[[resource]]\nid = \"a\"\nkynd = \"LICENCE\"\n");
        let unknown = found.iter().find(|finding| finding.line == 3).unwrap();
        let shown = |lang| Finding::new("c.toml", unknown, lang).to_string();
        let english = shown(Language::En);
        assert!(
            english.starts_with("c.toml:3:1: resource[a].kynd: unknown key; is kind meant?\n    allowed: id, name,"),
            "{english}"
        );
        assert!(
            shown(Language::Zh).starts_with("c.toml:3:1: resource[a].kynd: 未知的键；是否应为 kind？\n    可用: id,")
        );
    }

    #[test]
    fn a_file_in_order_is_counted() {
        let told = |resources, fields, code_tables| InOrder {
            file: "c.toml".into(),
            resources,
            fields,
            code_tables,
            advice: Vec::new(),
        };
        assert_eq!(told(1, 2, 0).to_string(), "c.toml: in order, 1 resource with 2 fields");
        assert_eq!(told(0, 0, 1).to_string(), "c.toml: in order, 1 code table");
        assert_eq!(told(2, 1, 3).to_string(), "c.toml: in order, 2 resources with 1 field, 3 code tables");
    }

    #[test]
    fn the_locale_says_which_language_where_nobody_does() {
        for (variables, expected) in [
            (["", "", ""], Language::En),
            (["", "", "zh_CN.UTF-8"], Language::Zh),
            (["C.UTF-8", "", "zh_CN.UTF-8"], Language::En),
            (["", "zh_HK", "en_GB.UTF-8"], Language::Zh),
        ] {
            assert_eq!(Language::of_locale(&variables.map(str::to_owned)), expected, "{variables:?}");
        }
        assert_eq!(Language::or_of_locale(Some(Language::Zh)), Language::Zh);
    }
}
