//! A plan as a file, to be looked at by others and applied as it is.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    planning::{Planned, versions},
    shown_plan::ShownPlan,
};
use crate::{
    catalog::{self, Content, InForce, MAX_FILE_BYTES},
    cli::{Exit, OrExit as _},
    files::{self, Readable},
};

/// The format of plan files.
const FORMAT: &str = "hutong-catalog-plan/1";
/// The greatest plan file, in bytes: a catalog file as large as any may be, whose quotation marks and line ends take two bytes in
/// JSON; and as much again, for what is told of it and the versions in force.
pub(super) const MAX_PLAN_BYTES: u64 = 4 * MAX_FILE_BYTES as u64;

/// What there is to enter, for which hub, on what; and what was told of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    format: String,
    /// The hub's domain.
    hub: String,
    /// What was told.
    plan: ShownPlan,
    /// The versions of resources and code tables on which the plan was made.
    in_force: BTreeMap<String, u32>,
    /// What there is to enter, as a catalog file.
    catalog: String,
}

impl PlanFile {
    pub(super) fn new(hub: String, planned: &Planned) -> Self {
        let content = &planned.plan.content;
        Self {
            format: FORMAT.to_owned(),
            hub,
            plan: planned.shown.clone(),
            in_force: versions(&planned.in_force),
            catalog: catalog::render(
                content.code_tables.iter().map(AsRef::as_ref),
                content.resources.iter().map(AsRef::as_ref),
            ),
        }
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        files::replace(path, &bytes, Readable::ByAll)
            .or_exit(Exit::CannotCreate, format!("cannot write {}", path.display()))
    }

    /// Whether bytes are meant to be a plan: a catalog file begins otherwise.
    pub(super) fn is_meant(bytes: &[u8]) -> bool {
        bytes.trim_ascii_start().first() == Some(&b'{')
    }

    /// A plan from the bytes of a file of this name.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn parse(name: &str, bytes: &[u8]) -> anyhow::Result<Self> {
        let no_plan = || format!("{name} is no plan of `hutong catalog plan`");
        let plan: Self = serde_json::from_slice(bytes)
            .map_err(|error| anyhow::anyhow!("{name}:{}:{}: {error}", error.line(), error.column()))
            .or_exit(Exit::BadInput, no_plan())?;
        let format = format!("{}: its format is {:?}, known is {FORMAT:?}", no_plan(), plan.format);
        require(plan.format == FORMAT, Exit::BadInput, format)?;
        Ok(plan)
    }

    /// What there is to enter.
    pub(super) fn content(&self) -> anyhow::Result<Content> {
        let at_fault = |findings: Vec<catalog::Finding>| {
            let first = findings.first();
            let first = first.map(|first| format!("{}:{}: {}", first.line, first.column, first.problem.english()));
            anyhow::anyhow!("its catalog has {} findings, the first at {}", findings.len(), first.unwrap_or_default())
        };
        catalog::parse(self.catalog.as_bytes()).map_err(at_fault).or_exit(Exit::BadInput, "the plan was altered")
    }

    /// Requires that the plan was made on what is in force.
    ///
    /// # Errors
    /// What moved since.
    pub(super) fn require_current(&self, hub: &str, in_force: &InForce) -> anyhow::Result<()> {
        let for_other = format!("the plan is for the hub {}, this one is {hub}", self.hub);
        require(self.hub == hub, Exit::BadInput, for_other)?;
        let (planned_on, version) = (self.plan.catalog_version, in_force.version);
        let moved = self.moved(&versions(in_force));
        let outdated = format!(
            "the plan was made on version {planned_on} of the catalog, which is at version {version}: plan again 目录已变更，请重新生成方案\n\
             since then 其间变更: {}",
            moved.join(", ")
        );
        require(planned_on == version && moved.is_empty(), Exit::Outdated, outdated)
    }

    /// Requires that a plan made of its content, on what is in force, does what this one tells.
    ///
    /// # Errors
    /// What it would do beyond that.
    pub(super) fn require_same(&self, shown: &ShownPlan) -> anyhow::Result<()> {
        let altered = "the plan was altered: its catalog changes something else than it tells 方案已被改动";
        require(shown.has_changes_of(&self.plan), Exit::BadInput, altered.to_owned())?;
        let beyond = shown.agreements_beyond(&self.plan);
        let outdated = format!(
            "since the plan was made it has come to touch agreements that it does not name: plan again 请重新生成方案\n{}",
            beyond.join("\n")
        );
        require(beyond.is_empty(), Exit::Outdated, outdated)
    }

    /// What is in force in another version than when the plan was made.
    fn moved(&self, now: &BTreeMap<String, u32>) -> Vec<String> {
        let told = |name: &String| match (self.in_force.get(name), now.get(name)) {
            (Some(before), Some(now)) if before == now => None,
            (Some(before), Some(now)) => Some(format!("{name} {before} → {now}")),
            (None, Some(now)) => Some(format!("{name} → {now}, new")),
            (before, None) => Some(format!("{name} {} → none", before.copied().unwrap_or_default())),
        };
        let names = self.in_force.keys().chain(now.keys().filter(|name| !self.in_force.contains_key(*name)));
        names.filter_map(told).collect()
    }
}

fn require(holds: bool, exit: Exit, otherwise: String) -> anyhow::Result<()> {
    holds.then_some(()).or_exit(exit, otherwise)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{cli::exit, domain::identifier::Uscc};

    const HUB: &str = "hub.gov.example";

    fn content() -> Content {
        catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml")).unwrap()
    }

    /// The catalog of the examples in force, but for the last resource, which is planned.
    fn planned() -> Planned {
        let mut content = content();
        let departments: BTreeMap<Uscc, String> =
            content.resources.iter().map(|resource| (resource.provider, "部门".to_owned())).collect();
        let new = content.resources.pop().unwrap();
        let old = content.resources.into_iter().map(|own| (own.resource_id.clone(), (2, Arc::new(own)))).collect();
        let in_force = InForce { version: 7, resources: old, departments, ..InForce::default() };
        let plan = catalog::plan(&in_force, Content { resources: vec![new], code_tables: Vec::new() }).unwrap();
        let shown = ShownPlan::new(&in_force, &plan, Vec::new(), Vec::new());
        Planned { plan, shown, in_force }
    }

    fn ending(result: anyhow::Result<()>) -> (Exit, String) {
        let error = result.unwrap_err();
        (exit::of(&error), format!("{error:#}"))
    }

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        let planned = planned();
        let bytes = serde_json::to_vec_pretty(&PlanFile::new(HUB.to_owned(), &planned)).unwrap();
        assert!(PlanFile::is_meant(&bytes) && !PlanFile::is_meant(b"[[resource]]"));
        let read = PlanFile::parse("plan.json", &bytes).unwrap();
        assert_eq!(read.content().unwrap().resources, [content().resources.pop().unwrap()]);
        read.require_current(HUB, &planned.in_force).unwrap();
        read.require_same(&planned.shown).unwrap();
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_place() {
        let good = serde_json::to_string_pretty(&PlanFile::new(HUB.to_owned(), &planned())).unwrap();
        for (from, to, said) in [
            ("\"hub\"", "\"hab\"", "plan.json:3:7: unknown field `hab`"),
            ("catalog-plan/1", "catalog-plan/2", "its format is \"hutong-catalog-plan/2\""),
            ("\"breaking\": false", "\"breaking\": 0", "invalid type: integer `0`, expected a boolean"),
            ("{\n", "{{", "plan.json:1:2: key must be a string"),
        ] {
            let bytes = good.replacen(from, to, 1).into_bytes();
            let told = ending(PlanFile::parse("plan.json", &bytes).map(|_| ()));
            assert!(told.0 == Exit::BadInput && told.1.contains(said), "{told:?}");
        }
        let altered = good.replacen("kind = ", "kynd = ", 1);
        let read = PlanFile::parse("plan.json", altered.as_bytes()).unwrap();
        assert_eq!(ending(read.content().map(|_| ())).0, Exit::BadInput);
    }

    #[test]
    fn a_plan_on_what_is_no_longer_in_force_is_outdated_and_names_what_moved() {
        let planned = planned();
        let kept = PlanFile::new(HUB.to_owned(), &planned);
        let mut in_force = planned.in_force.clone();
        in_force.version = 8;
        in_force.resources.get_mut("samr.business-licence").unwrap().0 = 3;
        in_force.resources.insert("a.new".parse().unwrap(), (1, Arc::new(content().resources.remove(0))));
        let (exit, told) = ending(kept.require_current(HUB, &in_force));
        assert_eq!(exit, Exit::Outdated);
        assert!(told.contains("made on version 7") && told.contains("is at version 8"), "{told}");
        assert!(told.contains("samr.business-licence 2 → 3, a.new → 1, new"), "{told}");
        assert_eq!(ending(kept.require_current("other.gov.example", &planned.in_force)).0, Exit::BadInput);
    }

    #[test]
    fn a_plan_that_tells_something_else_than_it_does_is_not_applied() {
        let planned = planned();
        let kept = PlanFile::new(HUB.to_owned(), &planned);
        let nothing = catalog::plan(&planned.in_force, Content::default()).unwrap();
        let other = ShownPlan::new(&planned.in_force, &nothing, Vec::new(), Vec::new());
        assert_eq!(ending(kept.require_same(&other)).0, Exit::BadInput);
    }
}
