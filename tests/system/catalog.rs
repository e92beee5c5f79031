//! The catalog as files: exported, planned, applied as planned, and refused where it moved meanwhile.

use std::{fs, path::Path};

use hutong::client::Lookup;

use crate::world::{AGREEMENT, Ended, RESOURCE, World, licences, question, run};

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
