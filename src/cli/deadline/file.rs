//! Deadlines as a file, in TOML.
//!
//! ```toml
//! [[deadline]]
//! step = "acceptance"               # acceptance, activation or extension
//! sharing_class = "CONDITIONAL"     # or UNCONDITIONAL
//! working_days = 10
//! deferral_days = 10                # none: the answer cannot be deferred 延长答复
//! ```

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    catalog::sharing_class_word,
    cli::{Exit, OrExit as _, fault::Fault},
    domain::{
        answer::{AnswerStep, AnswerTerm, AnswerTerms},
        catalog::SharingClass,
    },
    files,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    deadline: Vec<Deadline>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deadline {
    step: Spanned<String>,
    sharing_class: Spanned<String>,
    working_days: Spanned<u32>,
    deferral_days: Option<Spanned<u32>>,
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read at all; the inner error is everything that is wrong with it.
pub(super) fn read(path: &Path) -> anyhow::Result<Result<AnswerTerms, Vec<Fault>>> {
    let text = files::read_text(path).or_exit(Exit::BadInput, "cannot read the deadlines")?;
    Ok(parse(&path.display().to_string(), &text))
}

fn parse(file: &str, text: &str) -> Result<AnswerTerms, Vec<Fault>> {
    let document: Document = toml::from_str(text).map_err(|error| vec![Fault::syntax(file, text, &error)])?;
    let (mut terms, mut faults) = (BTreeMap::new(), Vec::new());
    for deadline in &document.deadline {
        let mut find = |at: usize, en: &str, zh: &str| faults.push(Fault::new(file, text, at, en, zh));
        let step = AnswerStep::ALL.into_iter().find(|step| step.as_str() == deadline.step.get_ref());
        let classes = [SharingClass::Conditional, SharingClass::Unconditional];
        let class = classes.into_iter().find(|class| sharing_class_word(*class) == deadline.sharing_class.get_ref());
        if step.is_none() {
            let (en, zh) = ("allowed are acceptance, activation, extension", "可用：acceptance、activation、extension");
            find(deadline.step.span().start, en, zh);
        }
        if class.is_none() {
            let (en, zh) = ("allowed are CONDITIONAL, UNCONDITIONAL", "可用：CONDITIONAL、UNCONDITIONAL");
            find(deadline.sharing_class.span().start, en, zh);
        }
        let Some(key) = step.zip(class) else { continue };
        let term = AnswerTerm {
            working_days: *deadline.working_days.get_ref(),
            deferral_days: deadline.deferral_days.as_ref().map_or(0, |days| *days.get_ref()),
        };
        if key == (AnswerStep::Acceptance, SharingClass::Unconditional) {
            find(deadline.step.span().start, "what is UNCONDITIONAL needs no acceptance", "无条件共享无需提供方同意");
        } else if AnswerTerms::new([(key, term.working_days)]).is_none() {
            find(deadline.working_days.span().start, "allowed are 1 to 366 working days", "可用：1至366个工作日");
        } else if AnswerTerms::new([(key, term)]).is_none() {
            let at = deadline.deferral_days.as_ref().map_or(0, |days| days.span().start);
            let (en, zh) = ("with a deferral allowed are at most 366 working days", "连同延长最多366个工作日");
            find(at, en, zh);
        } else if terms.insert(key, term).is_some() {
            find(
                deadline.step.span().start,
                "this step of this class has a deadline already",
                "该环节、该类型已有时限",
            );
        }
    }
    faults.sort();
    match AnswerTerms::new(terms) {
        Some(terms) if faults.is_empty() => Ok(terms),
        _ => Err(faults),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_a_deadline_for_each_step() {
        let terms = parse("a.toml", include_str!("../../../deploy/examples/deadlines.toml")).unwrap();
        let days =
            |((step, _), term): ((AnswerStep, _), AnswerTerm)| (step.as_str(), term.working_days, term.deferral_days);
        assert_eq!(
            terms.iter().map(days).collect::<Vec<_>>(),
            [
                ("acceptance", 10, 10),
                ("activation", 1, 0),
                ("activation", 5, 0),
                ("extension", 1, 0),
                ("extension", 5, 0)
            ]
        );
    }

    #[test]
    fn all_that_is_wrong_is_found_at_once_by_line_and_column() {
        let deadline = |step: &str, class: &str, days: u32| {
            format!("[[deadline]]\nstep = \"{step}\"\nsharing_class = \"{class}\"\nworking_days = {days}\n")
        };
        let text = [
            deadline("reply", "NOT_SHARED", 1),
            deadline("acceptance", "UNCONDITIONAL", 1),
            deadline("activation", "CONDITIONAL", 0),
            deadline("extension", "CONDITIONAL", 367),
            deadline("activation", "UNCONDITIONAL", 5),
            deadline("activation", "UNCONDITIONAL", 6),
            deadline("acceptance", "CONDITIONAL", 360) + "deferral_days = 7\n",
        ];
        let told: Vec<_> = parse("a.toml", &text.concat()).unwrap_err().iter().map(ToString::to_string).collect();
        for (found, begins) in told.iter().zip([
            "a.toml:2:8: allowed are acceptance,",
            "a.toml:3:17: allowed are CONDITIONAL,",
            "a.toml:6:8: what is UNCONDITIONAL",
            "a.toml:12:16: allowed are 1 to 366",
            "a.toml:16:16: allowed are 1 to 366",
            "a.toml:22:8: this step",
            "a.toml:29:17: with a deferral",
        ]) {
            assert!(found.starts_with(begins), "{found}");
        }
        assert_eq!(told.len(), 7, "{told:?}");
    }
}
