//! The catalog as files: exported, planned, applied as planned, and refused where it moved meanwhile.

use std::{fs, path::Path, process::Command};

use hutong::client::Lookup;

use crate::world::{AGREEMENT, Ended, RESOURCE, World, agreement, licences, question, run};

impl World {
    /// Runs a command on the catalog as an administrator, in English.
    fn catalog(&self, arguments: &[&str]) -> Ended {
        let profile = self.profile("administrator");
        let as_administrator = ["--profile", profile.to_str().unwrap()];
        run(["catalog"].iter().chain(arguments).chain(&as_administrator))
    }

    /// A path among everybody's files.
    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }
}

fn edit(file: &str, edits: &[(&str, &str)]) {
    let mut text = fs::read_to_string(file).unwrap();
    for (from, to) in edits {
        assert_eq!(text.matches(from).count(), 1, "{from} must stand once: {text}");
        text = text.replace(from, to);
    }
    fs::write(file, text).unwrap();
}

/// Takes a field out of a catalog file.
fn remove_field(file: &str, code: &str) {
    let text = fs::read_to_string(file).unwrap();
    let begin = text.find(&format!("[[resource.field]]\ncode = \"{code}\"\n")).unwrap();
    let end = text[begin + 1..].find("\n[[").map_or(text.len(), |end| begin + 1 + end + 1);
    fs::write(file, format!("{}{}", &text[..begin], &text[end..])).unwrap();
}

#[tokio::test]
async fn a_plan_tells_whom_it_touches_and_is_applied_as_it_was_or_not_at_all() {
    let world = World::begin().await;
    let registry = world.registry().await;
    let published = licences(3);
    registry.publish(&published).await.unwrap();

    // What is exported is in order, and changes nothing.
    let (file, folder, plan) = (world.path("catalog.toml"), world.path("catalog/"), world.path("plan.json"));
    world.catalog(&["export", "--out", &file]).well();
    run(["catalog", "lint", &file]).well();
    let nothing = "nothing to change; the catalog is at version 1";
    assert!(world.catalog(&["plan", "--lang", "en", &file]).well().stdout.contains(nothing));
    world.catalog(&["export", "--out", &folder]).well();
    let each = [RESOURCE, "mnr.real-estate-certificate", "city.e-seal"].map(|id| format!("{folder}{id}.toml"));
    assert!(each.iter().all(|file| Path::new(file).exists()));
    let ended = world.catalog(&["plan", "--lang", "zh", &each[0], &each[1], &each[2]]).well();
    assert!(ended.stdout.contains("没有变更；目录版本为 1"), "{ended:?}");

    // What takes something away says from whom.
    remove_field(&file, "KZ_JYFW");
    edit(
        &file,
        &[(
            "name = \"名称\"\nname_en = \"Name of the enterprise\"\ntype = \"TEXT\"\nmax_length = 200",
            "name = \"名称\"\ntype = \"TEXT\"\nmax_length = 150",
        )],
    );
    let told = [
        "- field[KZ_JYFW] = ",
        "~ field[CZZT].max_length: 200 → 150",
        "! field[KZ_JYFW] FIELD_REMOVED",
        &format!(
            "agreement {AGREEMENT} v1 ACTIVE, 样例市住房和城乡建设局 11440399X00000043T, {RESOURCE}: loses KZ_JYFW"
        ),
        &format!("3 current records of {RESOURCE} stay readable under version 1"),
        "rows that were in order may be refused: field[CZZT] LENGTH_SHORTENED",
        "on catalog version 1: 1 resource; some of it breaks: --allow-breaking",
    ];
    let ended = world.catalog(&["plan", "--lang", "en", "--out", &plan, &file]).fails(1, &told);
    assert!(!ended.stdout.contains('\x1b'), "colours are for terminals: {ended:?}");
    world.catalog(&["apply", "--lang", "en", &plan]).fails(1, &["nothing was changed"]);
    world.catalog(&["apply", "--lang", "en", &file]).fails(1, &["nothing was changed"]);

    // Somebody else changes something meanwhile: the plan is made again.
    edit(&each[0], &[("update_cycle = \"DAILY\"", "update_cycle = \"WEEKLY\"")]);
    let ended = world.catalog(&["apply", "--lang", "en", &each[0]]).well();
    assert!(ended.stdout.contains("~ update_cycle: \"DAILY\" → \"WEEKLY\""), "{ended:?}");
    let moved = ["made on version 1", "is at version 2", "samr.business-licence 1 → 2"];
    world.catalog(&["apply", "--allow-breaking", &plan]).fails(75, &moved);
    world.catalog(&["plan", "--out", &plan, &file]).fails(1, &[]);
    let ended = world.catalog(&["--json", "apply", "--allow-breaking", &plan]).well();
    let applied: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&applied["catalog_version"], &applied["plan"]["breaking"]), (&3.into(), &true.into()), "{applied}");
    assert!(applied["entry"].is_u64(), "{applied}");
    world.catalog(&["apply", "--allow-breaking", &plan]).fails(75, &["is at version 3"]);

    // What was published before stays readable, with what is still there.
    let mut asked = question(Lookup::Record(vec![published[0].id.clone()]));
    asked.fields.remove("KZ_JYFW");
    let answer = world.client("permits").await.query(&asked).await.unwrap();
    assert_eq!(answer.records[0].fields.len(), 2);
}

#[tokio::test]
async fn files_that_cannot_be_applied_say_everything_that_is_in_the_way() {
    let world = World::begin().await;
    let file = world.path("catalog.toml");
    world.catalog(&["export", RESOURCE, "--out", &file]).well();
    edit(
        &file,
        &[
            ("provider = \"11440399X00000019A\"", "provider = \"11100000000013338W\""),
            ("record_id = \"ZZBS\"", "record_id = \"CZZTDM\""),
        ],
    );
    let said = ["is not registered", "the provider cannot change", "record_id and the type of its field cannot change"];
    world.catalog(&["plan", "--lang", "en", &file]).fails(1, &said);
    let said = ["尚未登记", "提供方不能变更", "record_id 及其类型不能变更"];
    world.catalog(&["apply", "--lang", "zh", &file]).fails(1, &said);

    let plan = world.path("plan.json");
    fs::write(&plan, "{\"format\": 1}").unwrap();
    world.catalog(&["apply", &plan]).fails(65, &["plan.json:1:12: invalid type: integer `1`, expected a string"]);
}

#[tokio::test]
async fn a_catalog_of_4000_fields_is_planned_applied_and_exported_as_a_whole() {
    let world = World::begin().await;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/large-catalog");
    let made = Command::new("sh").arg(example).args(["200", "20"]).output().unwrap();
    let (file, plan, exported) = (world.path("large.toml"), world.path("large.json"), world.path("exported.toml"));
    fs::write(&file, &made.stdout).unwrap();
    let ended = run(["catalog", "lint", &file]).well();
    assert!(ended.stdout.contains("in order, 200 resources with 4000 fields"), "{ended:?}");
    let ended = world.catalog(&["plan", "--lang", "en", "--out", &plan, &file]).well();
    assert!(ended.stdout.ends_with("planned on catalog version 1: 200 resources\n"), "{ended:?}");
    let ended = world.catalog(&["apply", "--lang", "en", &plan]).well();
    assert!(ended.stdout.contains("the catalog is at version 2, entry "), "{ended:?}");
    let ended = world.catalog(&["export", "--out", &exported]).well();
    assert!(ended.stdout.contains("203 resources"), "{ended:?}");
    for file in [&file, &exported] {
        let ended = world.catalog(&["plan", "--lang", "en", file]).well();
        assert_eq!(ended.stdout, "nothing to change; the catalog is at version 2\n");
    }
}

#[tokio::test]
async fn records_keep_the_version_of_the_code_table_that_they_were_published_under() {
    let world = World::begin().await;
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/code-tables");
    let shipped = |name: &str| tables.join(name).to_str().unwrap().to_owned();
    let provinces = shipped("provinces.toml");
    let all = [provinces.clone(), shipped("holder-code-types.toml"), shipped("licence-types.toml")];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let ended = world.catalog(&[&["apply", "--lang", "en"], &all[..]].concat()).well();
    assert!(ended.stdout.contains("code table gbt-2260 → version 1, new: 34 codes"), "{ended:?}");
    let file = world.path("shops.toml");
    fs::write(&file, SHOPS).unwrap();
    world.catalog(&["apply", &file]).well();

    let (first, second) = (world.path("first.csv"), world.path("second.csv"));
    fs::write(&first, "编号,持证主体代码,地区\nA-1,91440399X000000785,440000\nA-2,91440399X000000785,830000\n")
        .unwrap();
    let profile = world.profile("registry");
    let publish =
        |table: &str| run(["publish", "--profile", profile.to_str().unwrap(), "--resource", "samr.shop", table]);
    let ended = publish(&first).fails(1, &["1 published", "1 rejected"]);
    assert!(!ended.stdout.contains("panicked"));

    // The next version of the table has another code and lacks one; the resource follows it when it says so.
    let next = world.path("next.toml");
    let edited = fs::read_to_string(&provinces).unwrap().replace("version = 1", "version = 2");
    let edited = edited
        .replace("    { code = \"440000\", name = \"广东省\" },\n", "    { code = \"830000\", name = \"样例省\" },\n");
    fs::write(&next, edited).unwrap();
    let told = [
        "code table gbt-2260 → version 2",
        "+ 1 code",
        "- 1 code: 440000",
        "! field[DQ] CODE_REMOVED",
        "1 current record of samr.shop stays readable under version 1",
        "published again, rows that were in order may be refused: field[DQ] CODE_REMOVED",
    ];
    world.catalog(&["plan", "--lang", "en", &next, &file]).fails(1, &told);
    world.catalog(&["apply", "--allow-breaking", &next, &file]).well();
    fs::write(&second, "编号,持证主体代码,地区\nA-2,91440399X000000785,830000\nA-3,91440399X000000785,440000\n")
        .unwrap();
    publish(&second).fails(1, &["1 published", "1 rejected"]);

    // Both are read, each under its own version.
    let counts = world.client("administrator").await.record_counts().await.unwrap();
    let counts: Vec<_> = counts.iter().map(|own| (own.resource_version, own.records)).collect();
    assert_eq!(counts, [(1, 1), (2, 1)]);
    let mut text = agreement("shops");
    text.resource_id = "samr.shop".parse().unwrap();
    text.fields = ["DQ".parse().unwrap()].into();
    world.agree(text).await;
    let mut asked = question(Lookup::Holder(vec!["91440399X000000785".to_owned()]));
    asked.resource = "samr.shop".parse().unwrap();
    asked.fields = ["DQ".parse().unwrap()].into();
    let answer = world.client("permits").await.query(&asked).await.unwrap();
    let mut read: Vec<_> = answer.records.iter().map(|record| record.fields["DQ"].as_str().unwrap()).collect();
    read.sort_unstable();
    assert_eq!(read, ["440000", "830000"]);
}

/// A resource that follows the divisions, in the newest version that there is when it is applied.
const SHOPS: &str = r#"[[resource]]
id = "samr.shop"
name = "网点"
provider = "11440399X00000019A"
kind = "DATASET"
sharing_class = "UNCONDITIONAL"
update_cycle = "DAILY"
record_id = "BH"
holder = "CZZTDM"

[[resource.field]]
code = "BH"
name = "编号"
type = "TEXT"
max_length = 20
required = true

[[resource.field]]
code = "CZZTDM"
name = "持证主体代码"
type = "USCC"
required = true

[[resource.field]]
code = "DQ"
name = "地区"
type = "CODE"
table = "gbt-2260"
"#;
