//! All HTML is escaped: no source uses the one way around it.

use std::fs;
use std::path::Path;

#[test]
fn no_source_writes_html_that_is_not_escaped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut sources, mut read) = (
        vec![root.join("ui/src"), root.join("plugin/src"), root.join("host/src")],
        0,
    );
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            sources.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let Ok(source) = fs::read_to_string(&path) else {
            continue;
        };
        read += 1;
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(!line.contains("PreEscaped"), "{}: {line}", path.display());
        }
    }
    assert!(read > 300, "{read} files");
}
