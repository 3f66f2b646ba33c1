//! `mlforge migrate` of a data directory whose files are in S3.

use std::path::Path;

use tokio_postgres::NoTls;

use super::*;

/// Creates a database for a test, and returns its address.
fn database(test: &str) -> String {
    let server = env::var("MLFORGE_TEST_POSTGRES").expect("MLFORGE_TEST_POSTGRES: cargo xtask test s3 sets it");
    let name = format!("s3{}_{test}", std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let maintenance = format!("{server}/postgres");
        let (client, connection) = tokio_postgres::connect(&maintenance, NoTls).await.unwrap();
        tokio::spawn(connection);
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        client.batch_execute(&create).await.unwrap();
    });
    format!("{server}/{name}")
}

fn migrate(from: &Path, database: &str, files: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.arg("migrate").arg("--from").arg(from).args(["--to", database]);
    if let Some(test) = files {
        command.arg("--files").arg(place(test));
    }
    command.env("MLFORGE_LOG", "off").env_remove("PGPASSWORD");
    command
}

/// The line with which a command fails.
fn refusal(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let line = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), line.lines().count()), (Some(1), 1), "{line}");
    line
}

#[test]
fn files_in_s3_stay_there_when_their_directory_is_moved_to_postgres() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = database("moved");
    let first = Server::start(mlforge(&data, "moved"), None);
    let large: Vec<u8> = (0..12_000_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    let files = [("large.bin", &large[..]), ("small.bin", b"small"), ("empty.bin", b"")];
    let files = files.map(|(name, contents)| (first.file_of_a_run(name), contents));
    for (path, contents) in &files {
        assert_eq!(first.ask("PUT", path, contents).0, 200);
    }
    let token = first.token.clone();
    first.stop();
    let line = refusal(migrate(data.path(), &database, None));
    assert!(line.contains("are in S3") && line.contains("--files"), "{line}");
    let line = refusal(migrate(data.path(), &database, Some("elsewhere")));
    assert!(line.contains("are not those of the data directory"), "{line}");
    let Output { status, stdout, stderr } = migrate(data.path(), &database, Some("moved")).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let said = String::from_utf8(stdout).unwrap();
    assert!(said.contains("3 files, which stay in S3"), "{said}");
    let mut serve = mlforge(&other, "moved");
    serve.args(["--database", &database]).env_remove("PGPASSWORD");
    let second = Server::start(serve, Some(token));
    for (path, contents) in &files {
        let (status, found) = second.ask("GET", path, b"");
        assert!(status == 200 && found == *contents, "{path}");
    }
    assert_eq!(second.ask("PUT", &files[1].0, b"newer").0, 200);
    assert_eq!(second.ask("DELETE", &files[0].0, b"").0, 200);
    // The objects belong to the database now.
    let line = refusal(mlforge(&data, "moved"));
    assert!(line.contains("belong to the records of another server"), "{line}");
}
