//! `hutong deadline show`.

use clap::Args;
use serde::Serialize;

use crate::{
    catalog::sharing_class_word,
    cli::{
        Exit, Output, Row, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    domain::answer::{AnswerStep, AnswerTerm, AnswerTerms},
};

/// Show the deadlines in force; a step that is not listed has none
#[derive(Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    as_system: AsSystem,
}

/// A deadline.
#[derive(Serialize)]
pub(super) struct Shown {
    step: &'static str,
    #[serde(skip)]
    step_zh: &'static str,
    sharing_class: &'static str,
    working_days: u32,
    deferral_days: u32,
}

/// The deadlines, a row each.
pub(super) fn rows(terms: &AnswerTerms) -> Vec<Shown> {
    let row = |((step, class), AnswerTerm { working_days, deferral_days })| Shown {
        step: AnswerStep::as_str(step),
        step_zh: match step {
            AnswerStep::Acceptance => "提供方答复",
            AnswerStep::Activation => "主管部门审核",
            AnswerStep::Extension => "延期答复",
        },
        sharing_class: sharing_class_word(class),
        working_days,
        deferral_days,
    };
    terms.iter().map(row).collect()
}

impl Row for Shown {
    const HEADINGS: &'static [&'static str] =
        &["STEP 环节", "SHARING CLASS 共享类型", "WORKING DAYS 工作日", "DEFERRABLE BY 可延长"];

    fn cells(&self) -> Vec<String> {
        let deferral = if self.deferral_days > 0 { self.deferral_days.to_string() } else { "-".to_owned() };
        vec![
            format!("{} {}", self.step, self.step_zh),
            self.sharing_class.to_owned(),
            self.working_days.to_string(),
            deferral,
        ]
    }
}

impl Run for Show {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let terms = block_on(async {
            self.as_system.connect().await?.answer_terms().await.or_hub("cannot read the deadlines")
        })?;
        output.list(&rows(&terms))?;
        Ok(Exit::Success)
    }
}
