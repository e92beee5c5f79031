//! `hutong bench` on a store of nearly nothing: that its counts add up. Its times are none of a test's business.

use std::path::Path;

use serde_json::Value;

use crate::world::{World, licences, run};

/// Records of the smaller store, and of the larger one.
const FIRST: u64 = 256;
const RECORDS: u64 = 600;
/// Records in a publication.
const BATCH: u64 = 256;
/// Calls in a round, and rounds.
const CALLS: u64 = 40;
const ROUNDS: u64 = 2;
/// Steps with more calls in flight, a round each.
const STEPS: u64 = 3;
/// Rounds on the smaller store.
const FIRST_ROUNDS: u64 = 3;
/// Genesis; three departments with a system and a key each; the catalog's part and release; two agreements, proposed, accepted, activated.
const FOUNDING: u64 = 1 + 3 * 3 + 2 + 2 * 3;

fn number(report: &Value, path: &str) -> u64 {
    report.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} is missing: {report:#}"))
}

/// What was due was answered, refused or not sent; gives how many were answered.
fn answered(report: &Value, path: &str) -> u64 {
    let of = |what: &str| number(report, &format!("{path}/{what}"));
    let refused: u64 = report
        .pointer(&format!("{path}/refused"))
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| number(refused, "/count"))
        .sum();
    assert_eq!(of("due"), of("answered") + refused + of("unsent"), "{path}: {report:#}");
    assert_eq!(of("latency/count"), of("answered"), "{path}");
    let slices = report.pointer(&format!("{path}/slices")).unwrap().as_array().unwrap();
    let by_slice: u64 = slices.iter().map(|slice| number(slice, "/0") + number(slice, "/1")).sum();
    assert_eq!(by_slice, of("answered") + refused, "{path}");
    of("answered")
}

#[test]
fn a_benchmark_tells_of_every_call_that_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, page) = (folder.path().join("kept"), folder.path().join("report.html"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let numbers =
        [("--records", RECORDS), ("--first", FIRST), ("--calls", CALLS), ("--rounds", ROUNDS), ("--in-flight", 8)];
    let mut arguments: Vec<String> =
        ["bench", "city", "--json", "--seconds", "0.3", "--postgres", "off", "--build", "a test"]
            .map(str::to_owned)
            .into();
    arguments.extend(numbers.iter().flat_map(|(option, number)| [(*option).to_owned(), number.to_string()]));
    arguments.extend(["--keep".to_owned(), text(&kept), "--html".to_owned(), text(&page)]);
    let ended = run(&arguments).well();
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();

    assert_eq!(report["schema"], "hutong-bench/1");
    assert_eq!(report["build"], "a test");
    assert_eq!(number(&report, "/publishing/records"), RECORDS);
    assert_eq!(number(&report, "/query/query/latency/count"), CALLS * ROUNDS);
    assert_eq!(number(&report, "/query/bare/latency/count"), CALLS * ROUNDS);
    assert_eq!(report["query"]["ratios"].as_array().unwrap().len() as u64, ROUNDS);
    assert_eq!(report["saturation"]["steps"].as_array().unwrap().len() as u64, 1 + STEPS);
    answered(&report, "/half/bare");

    // Every answer has its entry, and nothing else has one.
    let mixed = number(&report, "/mixed/records");
    let publications = FIRST.div_ceil(BATCH) + (RECORDS - FIRST).div_ceil(BATCH) + mixed.div_ceil(BATCH);
    let closed = CALLS * (1 + ROUNDS + STEPS) + CALLS * (1 + FIRST_ROUNDS);
    let open: u64 = [
        "/half/hub",
        "/mixed/queries",
        "/overload/overload",
        "/overload/recovery",
        "/fairness/alone",
        "/fairness/beside",
        "/fairness/flood",
    ]
    .iter()
    .map(|path| answered(&report, path))
    .sum();
    // One query before each of the two closed loops, whose answer the bare server gives, and one at the end that tells the size.
    let others = 3;
    assert_eq!(number(&report, "/footprint/entries"), FOUNDING + publications + closed + open + others, "{report:#}");
    assert_eq!(number(&report, "/footprint/records"), RECORDS + mixed);

    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("互通性能测量报告") && page.contains("<svg") && !page.contains("<script"));
    assert!(kept.join("hub/hutong.toml").exists(), "it was to be kept");
    run(["bench", "city", "--keep", &text(&kept)]).fails(73, &["cannot make"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_on_a_running_hub_tells_of_every_call() {
    const LICENCES: usize = 4;
    let mut world = World::begin().await;
    let licences = licences(LICENCES);
    world.registry().await.publish(&licences).await.unwrap();
    let file = world.home.path().join("identifiers");
    let lines: Vec<&str> = licences.iter().map(|licence| licence.id.as_str()).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let profile = world.profile("permits");
    let pid = std::process::id().to_string();
    let shared =
        ["--resource", "samr.business-licence", "--purpose", "housing-registration", "--matter", "000117001000"];
    let asked = |pace: &[&str]| {
        let command = [
            "bench",
            "load",
            "--json",
            "--profile",
            profile.to_str().unwrap(),
            "--identifiers",
            file.to_str().unwrap(),
        ];
        let rest = ["--field", "CZZT", "--seconds", "0.5", "--connections", "2", "--hub-pid", &pid];
        run(command.iter().chain(&shared).chain(&rest).chain(pace))
    };
    for pace in [["--in-flight", "3"], ["--rate", "40"]] {
        let before = world.log().await.entries.len();
        let report: Value = serde_json::from_str(&asked(&pace).well().stdout).unwrap();
        let answered = answered(&report, "/calls");
        assert_eq!((answered, number(&report, "/found")), (number(&report, "/calls/due"), answered), "{report:#}");
        assert!(answered > 0 && report["hub_cpu_us"].is_number(), "{report:#}");
        // And one on each connection before.
        assert_eq!(world.log().await.entries.len() as u64, before as u64 + answered + 2);
    }
    // What is refused throughout is said at once.
    asked(&["--field", "KZ_ZS"]).fails(77, &["the first query was not answered"]);
    std::fs::write(&file, "\n").unwrap();
    asked(&[]).fails(65, &["one on each line"]);
    world.stop();
}
