//! Tests that need a PostgreSQL server. `cargo xtask test` leaves this module out until it has started one.

use std::process::{Command, Output};

use crate::support::Server;
use tokio_postgres::{Client, NoTls};

mod looking;
mod migration;
mod tls;

/// Creates a database for a test, and returns its address.
fn database(test: &str) -> String {
    let server = variable("MLFORGE_TEST_POSTGRES");
    let name = format!("cli{}_{test}", std::process::id());
    let create = format!("CREATE DATABASE {name} TEMPLATE template0");
    with_client(&format!("{server}/postgres"), async |client| {
        client.batch_execute(&create).await.unwrap();
    });
    format!("{server}/{name}")
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: run `cargo xtask test postgres`"))
}

/// Runs statements on a connection that knows nothing of mlforge.
fn with_client<T>(address: &str, work: impl AsyncFnOnce(&mut Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
        tokio::spawn(connection);
        work(&mut client).await
    })
}

/// A command with a data directory of its own, which stays empty but for files and caches.
fn mlforge(words: &[&str], data: &tempfile::TempDir, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command
        .args(words)
        .arg("--data")
        .arg(data.path())
        .args(["--database", database]);
    // The log is switched off, because some tests compare all output.
    command.env("MLFORGE_LOG", "off").env_remove("PGPASSWORD");
    command
}

fn serve(data: &tempfile::TempDir, database: &str) -> Command {
    mlforge(&["serve", "--listen", "127.0.0.1:0"], data, database)
}

/// The output of a command that must succeed.
fn said(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// The one line with which a command must fail.
fn refusal(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let line = String::from_utf8(stderr).unwrap();
    let seen = (status.code(), stdout.len(), line.lines().count());
    assert_eq!(seen, (Some(1), 0, 1), "{line}");
    line
}

fn create_experiment(server: &Server, name: &str) -> u16 {
    let body = format!("{{\"name\": \"{name}\"}}");
    server
        .ask("POST", "/api/2.0/mlflow/experiments/create", body.as_bytes())
        .0
}

fn knows_experiment(server: &Server, name: &str) -> u16 {
    let path = format!("/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}");
    server.ask("GET", &path, b"").0
}

#[test]
fn servers_of_a_postgres_database_share_everything_but_files() {
    let database = database("shared");
    let [one, two] = [(), ()].map(|()| tempfile::tempdir().unwrap());
    let first = Server::start(serve(&one, &database), None);
    let token = first.token.clone();
    let second = Server::start(serve(&two, &database), Some(token.clone()));
    assert_eq!(create_experiment(&first, "a"), 200);
    assert_eq!(knows_experiment(&second, "a"), 200);
    assert_eq!(create_experiment(&second, "a"), 400);
    first.kill();
    assert_eq!(create_experiment(&second, "b"), 200);
    let again = Server::start(serve(&one, &database), Some(token.clone()));
    assert_eq!(
        (knows_experiment(&again, "a"), knows_experiment(&again, "b")),
        (200, 200)
    );
    for file in ["records.db", "forge.db", "sessions.db", "ticket.key"] {
        assert!(!one.path().join(file).exists(), "{file}");
    }
    // The commands see the same users, and what they change takes effect on running servers.
    assert_eq!(said(mlforge(&["user", "list"], &one, &database)), "1\tdemo\tadmin\n");
    said(mlforge(&["token", "revoke", &token], &one, &database));
    for server in [&again, &second] {
        while knows_experiment(server, "a") != 401 {
            std::thread::yield_now();
        }
    }
}

/// Exports a project and returns the files of its experiments.
fn exported(project: &str, data: &tempfile::TempDir, database: &str) -> Vec<String> {
    let folder = data.path().join(project.replace('/', "-"));
    let mut export = mlforge(&["export", "--project", project], data, database);
    export.arg(&folder);
    said(export);
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.map(|directory| std::fs::read_to_string(directory.join("meta.yaml")));
    files.filter_map(Result::ok).collect()
}

#[test]
fn a_project_of_a_postgres_database_is_exported_and_imported_beside_a_server() {
    let database = database("moved");
    // The server has the files of its own directory for itself.
    let [of_server, data] = [(), ()].map(|()| tempfile::tempdir().unwrap());
    let server = Server::start(serve(&of_server, &database), None);
    assert_eq!(create_experiment(&server, "far-moved"), 200);
    let has = |files: Vec<String>| files.iter().any(|file| file.contains("far-moved"));
    assert!(has(exported("demo/demo", &data, &database)));
    said(mlforge(&["project", "create", "team/model"], &data, &database));
    let mut import = mlforge(&["import", "--project", "team/model"], &data, &database);
    import.arg("--from").arg(data.path().join("demo-demo"));
    said(import);
    assert!(has(exported("team/model", &data, &database)));
    assert_eq!(knows_experiment(&server, "far-moved"), 200);
}

#[cfg(unix)]
#[test]
fn the_socket_of_a_directory_stays_that_of_its_first_server_on_postgres() {
    let database = database("socket");
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(serve(&data, &database), None);
    let socket = data.path().join("mlforge.sock");
    // It is bound after the lines of the start.
    let status = || mlforge(&["status"], &data, &database).output().unwrap().status;
    while !status().success() {
        std::thread::yield_now();
    }
    // The files of a directory are those of one server.
    let line = refusal(serve(&data, &database));
    assert!(line.contains("another server holds"), "{line}");
    assert!(socket.exists() && status().success());
    assert_eq!(create_experiment(&first, "a"), 200);
}

#[test]
fn a_postgres_database_belongs_to_one_forge() {
    let database = database("owned");
    let data = tempfile::tempdir().unwrap();
    assert_eq!(said(mlforge(&["user", "create", "ada"], &data, &database)), "1\n");
    let mut other = serve(&data, &database);
    other.args(["--forge", "gitea=https://git.example.org"]);
    let line = refusal(other);
    assert!(line.contains("belongs to the forge local"), "{line}");
}

#[test]
fn a_password_in_the_address_of_postgres_is_refused_and_not_repeated() {
    let data = tempfile::tempdir().unwrap();
    let line = refusal(serve(&data, "postgres://me:s3cret@127.0.0.1:1/x"));
    assert!(line.contains("PGPASSWORD") && !line.contains("s3cret"), "{line}");
}

#[test]
fn a_postgres_server_that_does_not_answer_is_reported_in_one_line() {
    let data = tempfile::tempdir().unwrap();
    // Port 1 has no server.
    let mut command = serve(&data, "postgres://me@127.0.0.1:1/x");
    command.env("PGPASSWORD", "s3cret");
    let line = refusal(command);
    assert!(
        line.contains("postgres://127.0.0.1/x") && !line.contains("s3cret"),
        "{line}"
    );
}
