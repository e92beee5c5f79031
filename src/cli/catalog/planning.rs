//! Making a plan: what the hub is asked for, and what is told of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
};

use serde::Serialize;

use super::{
    lint::{self, Language},
    shown_plan::ShownPlan,
};
use crate::{
    catalog::{self, Content, InForce, Obstacle, Plan, Published},
    cli::{Output, now, progress, system::OrHub as _},
    client::{Client, Error},
    domain::{
        agreement::{AgreementState, AgreementVersion},
        catalog::FieldType,
        id::{CodeTableId, ResourceId},
        time::Moment,
    },
    wire::proto::AgreementSelection,
};

/// The content of catalog files; `None` where something is wrong with them, which was printed.
pub(super) fn read(files: &[PathBuf], lang: Option<Language>, output: &Output) -> anyhow::Result<Option<Content>> {
    let mut content = Content::default();
    let mut in_order = true;
    for file in files {
        match catalog::parse(&super::read(file)?) {
            Ok(more) => {
                content.code_tables.extend(more.code_tables);
                content.resources.extend(more.resources);
            }
            Err(findings) => {
                lint::print(lang, output, &file.display().to_string(), &findings)?;
                in_order = false;
            }
        }
    }
    Ok(in_order.then_some(content))
}

/// A plan, what it was made on, and what is told of it.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) shown: ShownPlan,
    pub(super) in_force: InForce,
}

/// Plans what files would do to what is in force, and asks the hub whom that touches; `None` where something is in the way, which
/// was printed.
pub(super) async fn make(
    client: &Client,
    in_force: InForce,
    content: Content,
    lang: Option<Language>,
    output: &Output,
) -> anyhow::Result<Option<Planned>> {
    let plan = match catalog::plan(&in_force, content) {
        Ok(plan) => plan,
        Err(obstacles) => {
            let lang = Language::or_of_locale(lang);
            obstacles.iter().try_for_each(|obstacle| output.print(&InTheWay::new(obstacle, lang)))?;
            return Ok(None);
        }
    };
    let _waiting = progress::waiting("looking for whom it touches");
    let changed: BTreeSet<&ResourceId> =
        plan.changes.iter().filter(|change| change.version > 1).map(|change| &change.resource_id).collect();
    let (mut agreements, mut published) = (Vec::new(), Vec::new());
    if !changed.is_empty() {
        let moment = Moment::new(now()?);
        agreements = standing(client, &changed, &moment).await.or_hub("cannot read the agreements")?;
        published = counted(client, &in_force, &changed).await.or_hub("cannot count the records")?;
    }
    let shown = ShownPlan::new(
        &in_force,
        &plan,
        catalog::agreement_impacts(&in_force, &plan, &agreements),
        catalog::record_impacts(&plan, &published),
    );
    Ok(Some(Planned { plan, shown, in_force }))
}

/// What is in the way, as it is printed.
#[derive(Serialize)]
struct InTheWay {
    message_en: String,
    message_zh: String,
    #[serde(skip)]
    lang: Language,
}

impl InTheWay {
    fn new(obstacle: &Obstacle, lang: Language) -> Self {
        Self { message_en: obstacle.english(), message_zh: obstacle.chinese(), lang }
    }
}

impl fmt::Display for InTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.lang == Language::Zh { &self.message_zh } else { &self.message_en })
    }
}

/// The catalog in force, with the code tables that it and the files follow.
pub(super) async fn in_force(client: &Client, content: &Content) -> anyhow::Result<InForce> {
    let _waiting = progress::waiting("reading the catalog in force");
    read_in_force(client, content).await.or_hub("cannot read the catalog in force")
}

/// The tables are asked for after the catalog: should one be newer, so is the catalog by now, and a release on the version that was
/// given is refused.
async fn read_in_force(client: &Client, content: &Content) -> Result<InForce, Error> {
    let (entries, version) = client.catalog().await?;
    let departments = client.departments().await?.departments;
    let mut in_force = InForce { version, departments, ..InForce::default() };
    for table in client.code_tables().await? {
        in_force.code_tables.insert((table.table_id().clone(), table.version()), table);
    }
    for entry in entries {
        for reference in entry.resource.code_table_refs() {
            if let Some(table) = &reference.table {
                in_force.code_tables.insert((reference.table_id.clone(), reference.version), Arc::clone(table));
            }
        }
        in_force.resources.insert(entry.resource.resource_id.clone(), (entry.version, entry.resource));
    }
    for (id, number) in named_tables(content) {
        let is_older = in_force.newest_table(&id).is_some_and(|newest| (1..newest).contains(&number));
        if is_older && !in_force.code_tables.contains_key(&(id.clone(), number)) {
            let table = client.code_table(&id, Some(number)).await?;
            in_force.code_tables.insert((id, number), Arc::new(table));
        }
    }
    Ok(in_force)
}

/// The versions of code tables that files have or follow.
fn named_tables(content: &Content) -> BTreeSet<(CodeTableId, u32)> {
    let fields = content.resources.iter().flat_map(|resource| &resource.fields);
    let followed = fields.filter_map(|field| match &field.field_type {
        FieldType::CodeTable(reference) => Some((reference.table_id.clone(), reference.version)),
        _ => None,
    });
    let own = content.code_tables.iter().map(|table| (table.table_id().clone(), table.version()));
    own.chain(followed).collect()
}

/// The versions of agreements on some resources that are in force or on their way. A list names the newest version of each; where
/// that is not in force, the one before may be.
async fn standing(
    client: &Client,
    resources: &BTreeSet<&ResourceId>,
    moment: &Moment,
) -> Result<Vec<AgreementVersion>, Error> {
    use AgreementState::{Accepted, Active, Proposed, Suspended, Terminated};
    let mut versions = Vec::new();
    let listed = client.agreements(AgreementSelection::Unspecified).await?.into_iter().map(|shown| shown.version);
    for newest in listed.filter(|version| resources.contains(&version.text.resource_id)) {
        let id = newest.text.agreement_id.clone();
        let mut next = Some(newest);
        while let Some(version) = next.take() {
            let (state, number) = (version.state, version.text.version);
            if matches!(state, Proposed | Accepted | Active | Suspended) && !moment.reached(version.text.valid_until) {
                versions.push(version);
            }
            if !matches!(state, Active | Suspended | Terminated) && number > 1 {
                next = Some(client.agreement(&id, Some(number - 1)).await?.version);
            }
        }
    }
    Ok(versions)
}

/// The current records of some resources, by the version that they follow.
async fn counted(
    client: &Client,
    in_force: &InForce,
    resources: &BTreeSet<&ResourceId>,
) -> Result<Vec<Published>, Error> {
    let mut published = Vec::new();
    for count in client.record_counts().await?.into_iter().filter(|count| resources.contains(&count.resource_id)) {
        let version = count.resource_version;
        let resource = match in_force.resources.get(&count.resource_id) {
            Some((newest, resource)) if *newest == version => Arc::clone(resource),
            _ => client.resource_version(&count.resource_id, version).await?,
        };
        published.push(Published { resource, version, records: count.records });
    }
    Ok(published)
}

/// The versions in force, by names for people: what a plan was made on.
pub(super) fn versions(in_force: &InForce) -> BTreeMap<String, u32> {
    let resources = in_force.resources.iter().map(|(id, (version, _))| (id.to_string(), *version));
    let tables = in_force.code_tables.keys().map(|(id, version)| (format!("{TABLE_PREFIX}{id}"), *version));
    // Of a table's versions the newest comes last.
    resources.chain(tables).collect()
}

/// What tells a code table from a resource, whose id has no space.
const TABLE_PREFIX: &str = "code table ";
