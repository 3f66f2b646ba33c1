//! The matrix of `docs/concurrency.md`: the records that two operations have in common. It is generated from
//! their accesses.

use std::collections::BTreeMap;
use std::path::Path;

use mlforge_tests::gated_host::GatedHost;
use mlforge_tests::interleaving::trace;

use super::fixture::Fixture;
use super::{block_on, operations};

/// An environment variable. If it is set, the matrix is written instead of compared.
const WRITE: &str = "MLFORGE_WRITE_DOCS";
const BEGIN: &str = "<!-- begin of the matrix -->\n";
const END: &str = "<!-- end of the matrix -->";

/// The name of a kind of records, by the first byte of their keys.
fn kind(byte: u8) -> String {
    match byte {
        0xff => "file".to_owned(),
        byte => char::from(byte).to_string(),
    }
}

/// The row of an operation in the matrix.
fn row(operation: &str) -> &'static str {
    match operation {
        "create experiment" => "create experiment",
        "rename experiment" => "rename experiment",
        "delete experiment" | "restore experiment" => "delete, restore experiment",
        "tag experiment" | "untag experiment" => "tag experiment",
        "create run" => "create run",
        "update run" | "tag run" | "untag run" | "log model" => "update, tag run",
        "delete run" | "restore run" => "delete, restore run",
        "log batch" | "log param" | "log metric of logged model of deleted experiment" => "log metrics, params",
        "log inputs" | "log outputs" => "log inputs, outputs",
        "create logged model" => "create logged model",
        "delete logged model" => "delete logged model",
        "upload" | "upload to logged model of deleted experiment" => "upload",
        "delete artifacts" => "delete artifacts",
        "begin upload" | "complete upload" | "abort upload" => "upload in parts",
        "create model" => "create model",
        "rename model" | "rename model and make another" => "rename model",
        "delete model" => "delete model",
        "describe model" | "tag model" | "untag model" => "describe, tag model",
        "delete version" => "delete version",
        "describe version" | "tag version" | "untag version" | "tag version with semantic version" => {
            "describe, tag version"
        }
        "promote version" => "move version to a stage",
        "give alias" | "move alias" | "delete alias" => "set, delete alias",
        "move alias and delete its version" => "delete version",
        "start trace" => "start trace",
        "end trace" | "tag trace" | "judge trace" => "end, tag, judge trace",
        "delete trace" => "delete trace",
        "purge" => "purge",
        "maintenance" => "maintenance",
        name if name.contains("logged model") && !name.contains("version") => "finalize, tag logged model",
        _ => "create version",
    }
}

async fn matrix() -> String {
    let host = GatedHost::fresh();
    let fixture = Fixture::make(&host).await;
    let all = operations::all(&fixture);
    let mut traces = Vec::new();
    for operation in &all {
        traces.push(trace(&host, &fixture.initial, operation).await);
    }
    let mut rows: Vec<&str> = Vec::new();
    let mut cells: BTreeMap<(usize, usize), Vec<u8>> = BTreeMap::new();
    let row_of = |rows: &mut Vec<&'static str>, name: &str| {
        let row = row(name);
        rows.iter().position(|known| *known == row).unwrap_or_else(|| {
            rows.push(row);
            rows.len() - 1
        })
    };
    for (index, one) in all.iter().enumerate() {
        let first = row_of(&mut rows, one.name);
        for (other, two) in all.iter().enumerate().skip(index) {
            let second = row_of(&mut rows, two.name);
            let cell = cells.entry((first.min(second), first.max(second))).or_default();
            cell.extend(traces[index].shared_kinds(&traces[other]));
        }
    }
    let mut lines = vec![format!(
        "| | |{}",
        (1..=rows.len())
            .map(|number| format!(" {number} |"))
            .collect::<String>()
    )];
    lines.push(format!("|---|---|{}", "---|".repeat(rows.len())));
    for (number, row) in rows.iter().enumerate() {
        let mut line = format!("| {} | {row} |", number + 1);
        for column in 0..rows.len() {
            let mut kinds = cells.get(&(number, column)).cloned().unwrap_or_default();
            kinds.sort_unstable();
            kinds.dedup();
            let kinds: Vec<String> = kinds.into_iter().map(kind).collect();
            line.push_str(&format!(" {} |", kinds.join(" ")));
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_matrix_in_the_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/concurrency.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let matrix = block_on(matrix());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, [before, BEGIN, &matrix, END, after].concat()).unwrap();
        return;
    }
    assert_eq!(written, matrix, "{WRITE}=1 writes the matrix anew");
}
